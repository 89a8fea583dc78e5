"""Units of any bytes into a program stream: whole packets come out, twins agree, ours reads them.

The first byte of each piece says what it is, its length follows in two.
"""

from types import ModuleType

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.formats import PsDemuxer, ps_mux
from stream_relay.formats.twins import twin

COMPILED = twin("ps_mux")
CODECS = (Codec.H264, Codec.H265, Codec.MPEG4, Codec.AAC, Codec.G711A)
MAX_PES_BYTES = 300
START = b"\0\0\0\1"
TRACKS = {
    codec: (
        Track(Kind.VIDEO, codec, parameter_sets=(b"\x67sps", b"\x68pps")),
        Track(Kind.AUDIO, Codec.AAC, audio_config=b"\x14\x08"),
    )
    for codec in CODECS[:3]
}


def piece(number: int, data: bytes) -> bytes:
    """One unit of a seed."""
    return bytes((number,)) + len(data).to_bytes(2, "big") + data


SEEDS: list[bytes] = [
    piece(0x80, START + b"\x09\xf0" + START + b"\x65\x88idr")
    + piece(0, START + b"\x41\x9a" + b"slice" * 90)
    + piece(3, b"aac" * 40),
    piece(0x81, START + b"\x46\x01\x50" + START + b"\x26\x01idr" * 50) + piece(4, b"\xd5" * 160),
    piece(0x80, START + b"\x67sps" + START + b"\x68pps" + b"\0\0\1\x65\x88" + b"k" * 700),
    piece(0x82, b"\0\0\1\xb0\1\0\0\1\xb6\x10vop") + piece(0x80, b"\0\0\1") + piece(0, b""),
]


def units_of(data: bytes) -> list[AccessUnit]:
    """What the bytes of a case say."""
    units, at = [], 0
    while at + 3 <= len(data):
        codec = CODECS[(data[at] & 0x7F) % len(CODECS)]
        is_key, size = data[at] > 0x7F, int.from_bytes(data[at + 1 : at + 3], "big") % 2048
        kind = Kind.AUDIO if codec in CODECS[3:] else Kind.VIDEO
        ticks = len(units) * 3600
        content = data[at + 3 : at + 3 + size]
        units.append(AccessUnit(kind, codec, ticks + size, ticks, is_key, content))
        at += 3 + size
    return units


def written(module: ModuleType, units: list[AccessUnit]) -> list[bytes]:
    """The packs."""
    muxer = module.PsMuxer(None, max_pes_bytes=MAX_PES_BYTES)
    tracks = next((TRACKS[unit.codec] for unit in units if unit.codec in TRACKS), ())
    muxer.describe(tracks)
    return [muxer.mux(unit) for unit in units]


def one_case(data: bytes) -> None:
    """Both muxers on the same units, and every length in what they write."""
    units = units_of(data)
    packs = written(ps_mux, units)
    assert packs == written(COMPILED, units)
    demuxer = PsDemuxer()
    for pack in packs:
        at = 0
        while at < len(pack):
            assert pack[at : at + 3] == b"\0\0\1"
            is_head = pack[at + 3] == 0xBA
            at += 14 if is_head else 6 + int.from_bytes(pack[at + 4 : at + 6], "big")
        assert at == len(pack)
        demuxer.push(pack, 0, True)
    demuxer.flush()

"""Program streams: nothing may be raised, both twins and any cut give the same access units."""

from types import ModuleType

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.formats import ps
from stream_relay.formats.pes import build_pack, build_pes_header
from stream_relay.formats.ps_mux import PsMuxer
from stream_relay.formats.twins import twin

COMPILED = twin("ps")
START = b"\x00\x00\x00\x01"
SPS = bytes.fromhex("674d400dda0507ec0440000003004000000ca3c50aa8")
KEY = START + SPS + START + bytes.fromhex("68ef0fc8") + START + b"\x65\x88\x84" + b"key" * 9
INTER = START + b"\x41\x9a\x24" + b"inter" * 5
HEVC = START + b"\x40\x01\x0c" + START + b"\x42\x01\x01" + START + b"\x26\x01\xaf" + b"idr" * 5
ADTS = Track(Kind.AUDIO, Codec.AAC, sample_rate=16000, channels=1, audio_config=b"\x14\x08")


def stream(codec: Codec, audio: Codec, key: bytes, sound: bytes, **options: bool) -> bytes:
    """Two pictures with audio."""
    muxer = PsMuxer(codec, audio, **options)
    units = [
        AccessUnit(Kind.VIDEO, codec, 9000, 5400, True, key),
        AccessUnit(Kind.AUDIO, audio, 9000, 9000, True, sound, ADTS),
        AccessUnit(Kind.VIDEO, codec, 12600, 12600, False, INTER),
        AccessUnit(Kind.VIDEO, codec, 16200, 16200, False, INTER),
    ]
    return b"".join(map(muxer.mux, units))


UNBOUNDED = build_pes_header(0xE0, 0, 9000, None)
SEEDS: list[bytes] = [
    stream(Codec.H264, Codec.G711A, KEY, b"\xd5" * 40),
    stream(Codec.H265, Codec.AAC, HEVC, b"aac" * 9),
    stream(Codec.H264, Codec.G711U, KEY, b"\xff" * 40, with_map=False),
    stream(Codec.MPEG4, Codec.G711A, b"\0\0\1\xb0\1\0\0\1\x20\0\0\0\1\xb6\x10key", b"\xd5" * 40),
    build_pack(0, 99) + UNBOUNDED[:4] + b"\0\0" + UNBOUNDED[6:] + KEY + b"\0\0\1\xbd\0\3abc" * 2,
]


def read(module: ModuleType, data: bytes, cut: int) -> tuple[list[AccessUnit], dict[str, int]]:
    """Everything that comes out, and the counters."""
    demuxer = module.PsDemuxer(max_access_unit_bytes=4096)
    units: list[AccessUnit] = []
    for start in range(0, len(data), cut):
        units += demuxer.push(data[start : start + cut])
    units += demuxer.flush()
    counters = demuxer.counters()
    if counters["oversize"]:
        # How much of a picture beyond the limit is garbage depends on when the limit was noticed.
        del counters["garbage_bytes"]
    return units, counters


def play(module: ModuleType, data: bytes) -> tuple[list[list[AccessUnit]], dict[str, int]]:
    """What each payload gives, with stamps, markers, losses and another source."""
    demuxer = module.PsDemuxer(max_access_unit_bytes=4096)
    out: list[list[AccessUnit]] = []
    start = number = 0
    while start < len(data):
        size = 1 + data[start] % 40
        out.append(demuxer.push(data[start : start + size], number // 3, number % 5 == 0))
        start += size
        number += 1
        if number % 13 == 12:
            demuxer.lost()
        if number % 59 == 58:
            demuxer.begin_again()
    return [*out, demuxer.flush()], demuxer.counters()


def one_case(data: bytes) -> None:
    """Plain whole, compiled in pieces; then both with stamps, markers and losses."""
    assert read(ps, data, len(data) or 1) == read(COMPILED, data, 11)
    assert play(ps, data) == play(COMPILED, data)

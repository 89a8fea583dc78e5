"""Elementary streams over RTP: nothing may be raised, both twins give the same access units.

A case is a row of packets: length in one byte, then one of flags (1 marker, 2 a new time stamp, 4 a
loss before it), then the payload.
"""

from typing import Any

from stream_relay.access_unit import Codec
from stream_relay.formats import es, es_audio
from stream_relay.formats.aac import build_adts
from stream_relay.formats.twins import twin

COMPILED, COMPILED_AUDIO = twin("es"), twin("es_audio")
SPS = bytes.fromhex("674d400dda0507ec0440000003004000000ca3c50aa8")
PPS = bytes.fromhex("68ef0fc8")
HEVC_SPS = bytes.fromhex("420101016000000300900000030000030078a003c08010e596566924caf0101000")


def case(*packets: tuple[int, bytes]) -> bytes:
    return b"".join(bytes((len(payload), flags)) + payload for flags, payload in packets)


SEEDS: list[bytes] = [
    case((0, SPS), (0, PPS), (1, b"\x65\x88\x84key"), (3, b"\x41\x9a\x24inter"), (2, b"\x41\x9a")),
    case((0, b"\x78\x00\x16" + SPS + b"\x00\x04" + PPS), (0, b"\x7c\x85\x88key"),
         (0, b"\x7c\x05more"), (1, b"\x7c\x45end"), (7, b"\x41\x9a")),
    case((0, b"\x40\x01\x0c"), (0, HEVC_SPS), (0, b"\x62\x01\x93\xafidr"), (1, b"\x62\x01\x53end")),
    case((0, b"\x60\x01\x00\x04\x40\x01\x0c\x01\x00\x05\x26\x01\xafid"), (2, b"\x02\x01\xd0p")),
    case((1, b"\0\0\1\xb0\1\0\0\1\x20\0\0\0\1\xb6\x10key"), (3, b"\0\0\1\xb6\x50inter")),
    case((0, b"\x00\x10\x00\x28abcde"), (3, b"\x00\x20\x00\x10\x00\x18abcde"), (2, b"\xf8opus")),
    case((0, build_adts(b"frame" * 4, b"\x14\x08")), (2, b"\xd5" * 80)),
]  # fmt: skip


def readers(video: Any, audio: Any) -> list[Any]:
    """Each reader of a twin."""
    return [
        video.H264Depacketizer(None, b"", 4096),
        video.H265Depacketizer(None, b"", False, 4096),
        video.H265Depacketizer(None, b"", True, 4096),
        video.FrameDepacketizer(None, 0x10, b"", 4096),
        video.FrameDepacketizer(None, 0x80, b"", 4096),
        audio.AudioDepacketizer(None, Codec.AAC, 16_000),
        audio.AudioDepacketizer(None, Codec.OPUS, 48_000),
        audio.AudioDepacketizer(None, Codec.G711A),
    ]


def play(reader: Any, data: bytes) -> tuple[list[Any], dict[str, int]]:
    """What comes out of the packets, and the counters."""
    units: list[Any] = []
    position = stamp = 0
    while position + 2 <= len(data):
        size, flags = data[position], data[position + 1]
        stamp += 3600 if flags & 2 else 0
        if flags & 4:
            reader.lost()
        payload = data[position + 2 : position + 2 + size]
        units += reader.push(payload, None if flags & 8 else stamp, bool(flags & 1))
        position += 2 + size
    return units + reader.flush(), reader.counters()


def one_case(data: bytes) -> None:
    """The same packets to all readers, plain and compiled."""
    pairs = zip(readers(es, es_audio), readers(COMPILED, COMPILED_AUDIO), strict=True)
    for plain, compiled in pairs:
        assert play(plain, data) == play(compiled, data)

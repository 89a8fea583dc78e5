"""Transport streams: nothing may be raised, both twins give the same access units."""

from typing import Any

from stream_relay.formats import ts
from stream_relay.formats.aac import build_adts
from stream_relay.formats.pes import build_pes_header
from stream_relay.formats.stream_map import crc32_mpeg
from stream_relay.formats.twins import twin

COMPILED = twin("ts")
START = b"\x00\x00\x00\x01"
SPS = bytes.fromhex("674d400dda0507ec0440000003004000000ca3c50aa8")
KEY = START + SPS + START + bytes.fromhex("68ef0fc8") + START + b"\x65\x88\x84" + b"key" * 90
INTER = START + b"\x41\x9a\x24" + b"inter" * 5


def packet(pid: int, count: int, body: bytes, begins: bool = True) -> bytes:
    """One packet, stuffed by an adaptation field."""
    head = bytes((0x47, begins << 6 | pid >> 8, pid & 0xFF))
    room = 184 - len(body)
    if room == 0:
        return head + bytes((0x10 | count,)) + body
    field = bytes((room - 1,)) + (b"\x00" + b"\xff" * 183)[: room - 1]
    return head + bytes((0x30 | count,)) + field + body


def table(number: int, body: bytes) -> bytes:
    head = bytes((number, 0xB0, len(body) + 4)) + body
    return b"\x00" + head + crc32_mpeg(head).to_bytes(4, "big")


def pes(pid: int, count: int, header: bytes, body: bytes) -> bytes:
    data = header + body
    pieces = [data[at : at + 184] for at in range(0, len(data), 184)]
    return b"".join(
        packet(pid, count + number & 15, piece, number == 0) for number, piece in enumerate(pieces)
    )


def stream(kind: int, sound: int, key: bytes, audio: bytes) -> bytes:
    """Tables, two pictures and audio."""
    entries = bytes((kind, 0xE1, 1, 0xF0, 0, sound, 0xE1, 2, 0xF0, 0))
    return b"".join((
        packet(0, 0, table(0, b"\x00\x01\xc1\x00\x00\x00\x01\xe1\x00")),
        packet(0x100, 0, table(2, b"\x00\x01\xc1\x00\x00\xe1\x01\xf0\x00" + entries)),
        pes(0x101, 0, build_pes_header(0xE0, len(key), 9000, 5400), key),
        pes(0x102, 0, build_pes_header(0xC0, len(audio), 9000, None), audio),
        pes(0x101, 2, build_pes_header(0xE0, len(INTER), 12_600, None), INTER),
        pes(0x101, 3, build_pes_header(0xE0, len(INTER), 16_200, None), INTER),
    ))  # fmt: skip


SEEDS: list[bytes] = [
    stream(0x1B, 0x90, KEY, b"\xd5" * 160),
    stream(0x1B, 0x0F, KEY, build_adts(b"frame" * 9, b"\x14\x08") * 2),
    stream(
        0x24, 0x91, START + b"\x40\x01\x0c" + START + b"\x26\x01\xaf" + b"i" * 200, b"\xff" * 40
    ),
    stream(0x80, 0x9B, b"svac" * 60, b"sound" * 9),
]


def read(module: Any, data: bytes, cut: int) -> tuple[list[Any], dict[str, int]]:
    demuxer = module.TsDemuxer(None, 4096)
    units: list[Any] = []
    for number, start in enumerate(range(0, len(data), cut)):
        units += demuxer.push(data[start : start + cut])
        if number % 17 == 16:
            demuxer.lost()
    return units + demuxer.flush(), demuxer.counters()


def one_case(data: bytes) -> None:
    """Plain and compiled, whole and in pieces."""
    for cut in (len(data) or 1, 188, 61):
        assert read(ts, data, cut) == read(COMPILED, data, cut)

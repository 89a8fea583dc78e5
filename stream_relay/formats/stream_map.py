"""The program stream map (ISO/IEC 13818-1 §2.5.4): which stream id carries which codec."""

from stream_relay.access_unit import Kind

PREFIX = b"\x00\x00\x01\xbc"
CRC_POLYNOMIAL = 0x04C11DB7


def crc32_mpeg(data: bytes) -> int:
    """CRC of ISO/IEC 13818-1 annex A: initial value all ones, not reflected, not inverted."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = value << 1 ^ CRC_POLYNOMIAL if value & 0x80000000 else value << 1
        value &= 0xFFFFFFFF
    return value


def parse_stream_map(packet: bytes) -> dict[int, int]:
    """stream_id to stream_type, in order; `packet` begins at its start code, its CRC is ignored.

    Entries that a wrong inner length hides are left out: the bytes of the streams will tell.
    """
    end = len(packet) - 4
    types: dict[int, int] = {}
    if len(packet) < 16:
        return types
    position = 10 + (packet[8] << 8 | packet[9])
    if position + 2 > end:
        return types
    end = min(end, position + 2 + (packet[position] << 8 | packet[position + 1]))
    position += 2
    while position + 4 <= end:
        types.setdefault(packet[position + 1], packet[position])
        position += 4 + (packet[position + 2] << 8 | packet[position + 3])
    return types


def announced_kinds(types: dict[int, int]) -> frozenset[Kind]:
    """What a map speaks of, by the ranges of its stream ids (§2.4.3.7, table 2-22)."""
    found = set()
    if any(0xE0 <= stream <= 0xEF for stream in types):
        found.add(Kind.VIDEO)
    if any(0xC0 <= stream <= 0xDF for stream in types):
        found.add(Kind.AUDIO)
    return frozenset(found)


def build_stream_map(types: dict[int, int]) -> bytes:
    """The map for these stream ids, version 0, without descriptors."""
    entries = b"".join(bytes((kind, stream, 0, 0)) for stream, kind in types.items())
    body = b"\xe0\xff\x00\x00" + len(entries).to_bytes(2, "big") + entries
    packet = PREFIX + (len(body) + 4).to_bytes(2, "big") + body
    return packet + crc32_mpeg(packet).to_bytes(4, "big")

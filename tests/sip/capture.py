"""Writes what two sans-IO parties said as a capture file that Wireshark opens (libpcap format)."""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

RAW_IP = 101
"""Link type: packets begin with the IP header."""
SEGMENT_BYTES = 1400


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message on its way; a TCP message is written as the next bytes of its connection."""

    at: float
    transport: str
    source: tuple[str, int]
    target: tuple[str, int]
    data: bytes


def write_capture(path: Path, parcels: list[Parcel]) -> int:
    """Write a capture file and return how many packets it has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    packets = [packet for packet in _packets(parcels)]
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, RAW_IP))
        for at, packet in packets:
            seconds, rest = divmod(round(at * 1_000_000), 1_000_000)
            file.write(struct.pack("<IIII", seconds, rest, len(packet), len(packet)) + packet)
    return len(packets)


def _packets(parcels: list[Parcel]):
    sent: dict[tuple, int] = {}
    for parcel in parcels:
        if parcel.transport == "udp":
            yield parcel.at, _ip(parcel, 17, _udp(parcel))
            continue
        way, back = (parcel.source, parcel.target), (parcel.target, parcel.source)
        if way not in sent:
            yield from _handshake(parcel)
            sent[way] = sent[back] = 1
        for start in range(0, len(parcel.data), SEGMENT_BYTES):
            piece = parcel.data[start : start + SEGMENT_BYTES]
            yield parcel.at, _ip(parcel, 6, _tcp(parcel, sent[way], sent[back], 0x18, piece))
            sent[way] += len(piece)


def _handshake(parcel: Parcel):
    back = Parcel(parcel.at, "tcp", parcel.target, parcel.source, b"")
    for who, sequence, acknowledged, flags in (
        (parcel, 0, 0, 0x02),
        (back, 0, 1, 0x12),
        (parcel, 1, 1, 0x10),
    ):
        yield parcel.at, _ip(who, 6, _tcp(who, sequence, acknowledged, flags, b""))


def _udp(parcel: Parcel) -> bytes:
    head = struct.pack("!HHH", parcel.source[1], parcel.target[1], 8 + len(parcel.data))
    return _summed(parcel, 17, head, b"", parcel.data)


def _tcp(parcel: Parcel, sequence: int, acknowledged: int, flags: int, data: bytes) -> bytes:
    head = struct.pack(
        "!HHIIBBH", parcel.source[1], parcel.target[1], sequence, acknowledged, 0x50, flags, 65535
    )
    return _summed(parcel, 6, head, b"\0\0", data)


def _summed(parcel: Parcel, protocol: int, head: bytes, tail: bytes, data: bytes) -> bytes:
    """Put the checksum between head and tail (RFC 768, RFC 9293 §3.1)."""
    length = len(head) + 2 + len(tail) + len(data)
    ends = IPv4Address(parcel.source[0]).packed + IPv4Address(parcel.target[0]).packed
    pseudo = ends + struct.pack("!BBH", 0, protocol, length)
    total = _sum(pseudo + head + b"\0\0" + tail + data)
    return head + struct.pack("!H", total or 0xFFFF) + tail + data


def _ip(parcel: Parcel, protocol: int, payload: bytes) -> bytes:
    ends = IPv4Address(parcel.source[0]).packed + IPv4Address(parcel.target[0]).packed
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0) + ends
    return head[:10] + struct.pack("!H", _sum(head)) + head[12:] + payload


def _sum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF

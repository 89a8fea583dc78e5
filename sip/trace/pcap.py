"""Messages as a capture file that Wireshark opens (libpcap format), with headers of our own making.

UDP messages are one datagram each; the TCP messages of two addresses are one connection whose
handshake, sequence numbers and checksums are right (RFC 768, RFC 791, RFC 8200, RFC 9293).
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

MEDIA_TYPE = "application/vnd.tcpdump.pcap"
RAW_IP = 101
"""Link type: packets begin with the IP header."""
SEGMENT_BYTES = 1400
LARGEST_DATAGRAM_BYTES = 65_000
"""With its headers it must fit into one IP packet."""
_TCP, _UDP = 6, 17
_SYN, _SYN_ACK, _ACK, _PUSH_ACK = 0x02, 0x12, 0x10, 0x18

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message on its way; a TCP message is written as the next bytes of its connection."""

    at: float
    """Seconds since 1970."""
    transport: str
    source: Address
    target: Address
    """Hosts are IP addresses of one family."""
    data: bytes


def build_capture(parcels: Iterable[Parcel]) -> bytes:
    """Return the file; raises ValueError for a host that is no IP address."""
    packets = [
        struct.pack("<IIII", *divmod(round(at * 1_000_000), 1_000_000), len(packet), len(packet))
        + packet
        for at, packet in build_packets(parcels)
    ]
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0xFFFF, RAW_IP) + b"".join(packets)


def build_packets(parcels: Iterable[Parcel]) -> Iterator[tuple[float, bytes]]:
    """Yield the IP packets with their times."""
    sent: dict[tuple[Address, Address], int] = {}
    for parcel in parcels:
        if parcel.transport == "udp":
            yield parcel.at, _ip(parcel, _UDP, _udp(parcel))
            continue
        way, back = (parcel.source, parcel.target), (parcel.target, parcel.source)
        if way not in sent:
            yield from _handshake(parcel)
            sent[way] = sent[back] = 1
        for start in range(0, len(parcel.data), SEGMENT_BYTES):
            piece = parcel.data[start : start + SEGMENT_BYTES]
            yield parcel.at, _ip(parcel, _TCP, _tcp(parcel, sent[way], sent[back], piece))
            sent[way] = sent[way] + len(piece) & 0xFFFF_FFFF


def _handshake(parcel: Parcel) -> Iterator[tuple[float, bytes]]:
    back = Parcel(parcel.at, "tcp", parcel.target, parcel.source, b"")
    for who, sequence, acknowledged, flags in (
        (parcel, 0, 0, _SYN),
        (back, 0, 1, _SYN_ACK),
        (parcel, 1, 1, _ACK),
    ):
        yield parcel.at, _ip(who, _TCP, _tcp(who, sequence, acknowledged, b"", flags))


def _udp(parcel: Parcel) -> bytes:
    data = parcel.data[:LARGEST_DATAGRAM_BYTES]
    head = struct.pack("!HHH", parcel.source[1], parcel.target[1], 8 + len(data))
    return _summed(parcel, _UDP, head, b"", data)


def _tcp(
    parcel: Parcel, sequence: int, acknowledged: int, data: bytes, flags: int = _PUSH_ACK
) -> bytes:
    ports = parcel.source[1], parcel.target[1]
    head = struct.pack("!HHIIBBH", *ports, sequence, acknowledged, 0x50, flags, 0xFFFF)
    return _summed(parcel, _TCP, head, b"\0\0", data)


def _summed(parcel: Parcel, protocol: int, head: bytes, tail: bytes, data: bytes) -> bytes:
    """Put the checksum between head and tail (RFC 768, RFC 8200 §8.1, RFC 9293 §3.1)."""
    length = len(head) + 2 + len(tail) + len(data)
    pseudo = _ends(parcel) + struct.pack("!II", length, protocol)
    total = _sum(pseudo + head + b"\0\0" + tail + data)
    return head + struct.pack("!H", total or 0xFFFF) + tail + data


def _ip(parcel: Parcel, protocol: int, payload: bytes) -> bytes:
    ends = _ends(parcel)
    if len(ends) > 8:
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + ends + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0) + ends
    return head[:10] + struct.pack("!H", _sum(head)) + head[12:] + payload


def _ends(parcel: Parcel) -> bytes:
    source, target = ip_address(parcel.source[0]), ip_address(parcel.target[0])
    if source.version != target.version:
        source, target = _as_v6(source), _as_v6(target)
    return source.packed + target.packed


def _as_v6(address: IPv4Address | IPv6Address) -> IPv6Address:
    """An address beside one of the other family (RFC 4291 §2.5.5.2)."""
    if isinstance(address, IPv6Address):
        return address
    return IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)


def _sum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF

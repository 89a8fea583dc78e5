"""RTP over TCP: only MalformedFraming may come out, memory stays bounded, cuts do not matter."""

from stream_relay.errors import MalformedFraming
from stream_relay.formats.rfc4571 import TcpFramer, build_frame
from stream_relay.formats.rtp import build_packet

PACK = b"\x00\x00\x01\xba" + bytes(10)
PACKETS = [build_packet(96, False, number, 0, 200000001, PACK) for number in range(6)]
RTCP = bytes.fromhex("80c80006") + bytes(24)

SEEDS: list[bytes] = [
    b"".join(map(build_frame, PACKETS)),
    b"".join(b"$\x00" + build_frame(packet) for packet in PACKETS),
    build_frame(PACKETS[0]) + build_frame(RTCP) + b"\x00\x00" + b"".join(map(build_frame, PACKETS)),
    b"EHOME".ljust(64, b"\x01") + b"".join(map(build_frame, PACKETS)),
]
MAX_GARBAGE_BYTES = 4096


def frames(data: bytes, cut: int) -> list[bytes] | None:
    """All packets, fed in pieces of `cut` bytes; None when the framer gave up."""
    framer = TcpFramer(MAX_GARBAGE_BYTES)
    packets: list[bytes] = []
    try:
        for start in range(0, len(data), cut):
            packets += framer.receive(data[start : start + cut])
    except MalformedFraming:
        return None
    return packets


def one_case(data: bytes) -> None:
    """Whole and in pieces."""
    whole, pieces = frames(data, len(data) or 1), frames(data, 7)
    assert whole is None or pieces is None or whole == pieces

"""RTP over TCP: only MalformedFraming may come out, cuts do not matter, both twins read alike."""

from stream_relay.errors import MalformedFraming
from stream_relay.formats import rfc4571
from stream_relay.formats.rfc4571 import build_frame
from stream_relay.formats.rtp import build_packet
from stream_relay.formats.twins import twin

COMPILED = twin("rfc4571")
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


def frames(module: object, data: bytes, cut: int) -> tuple[list[bytes], tuple[int, ...]] | None:
    """All packets, fed in pieces of `cut` bytes, and the counters; None: the framer gave up."""
    framer = module.TcpFramer(MAX_GARBAGE_BYTES)  # type: ignore[attr-defined]  # plain or compiled
    packets: list[bytes] = []
    try:
        for start in range(0, len(data), cut):
            packets += framer.push(data[start : start + cut])
    except MalformedFraming:
        return None
    return packets, (framer.skipped_bytes, framer.resynchronised, framer.rtcp)


def one_case(data: bytes) -> None:
    """Whole and in pieces, by both twins."""
    whole, pieces = frames(COMPILED, data, len(data) or 1), frames(COMPILED, data, 7)
    assert whole == frames(rfc4571, data, len(data) or 1)
    assert pieces == frames(rfc4571, data, 7)
    assert whole is None or pieces is None or whole == pieces

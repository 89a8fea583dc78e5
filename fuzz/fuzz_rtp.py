"""RTP packets: only MalformedRtp may come out, and both twins read alike."""

from stream_relay.errors import MalformedRtp
from stream_relay.formats import rtp
from stream_relay.formats.twins import twin

COMPILED = twin("rtp")
PLAIN_HEADER = bytes.fromhex("80600001 00000E10 0BEBC201")

SEEDS: list[bytes] = [
    PLAIN_HEADER + b"payload",
    bytes.fromhex("80E00002 FFFFFFFF FEDCBA98") + b"\x00\x00\x01\xba",
    b"\xb2" + PLAIN_HEADER[1:] + b"CCCCcccc" + b"\xbe\xde\x00\x01EEEE" + b"xyz" + b"\x00\x00\x03",
    bytes.fromhex("80c80006") + bytes(24),
]


def read(module: object, data: bytes) -> tuple[object, ...] | None:
    """The packet's fields, None where it is refused."""
    try:
        packet = module.parse_packet(data)  # type: ignore[attr-defined]  # plain or compiled
    except MalformedRtp:
        return None
    names = ("payload_type", "marker", "sequence", "timestamp", "ssrc", "payload")
    return tuple(getattr(packet, name) for name in names)


def one_case(data: bytes) -> None:
    """Read by both twins, and write again what has no options."""
    fields = read(rtp, data)
    assert fields == read(COMPILED, data)
    if fields is not None and data[0] == 0x80:
        assert rtp.build_packet(*fields) == data

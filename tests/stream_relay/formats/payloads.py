"""RTP payloads of elementary streams as senders cut them (RFC 6184, RFC 7798)."""

from collections.abc import Iterator, Sequence

from stream_relay.access_unit import Codec
from stream_relay.formats import split_nals

CODE = b"\x00\x00\x00\x01"


def annexb(nals: Sequence[bytes]) -> bytes:
    """The NAL units behind start codes of four bytes, as depacketizers write them."""
    return b"".join(CODE + nal for nal in nals)


def h264_payloads(frame: bytes, size: int = 1200) -> list[bytes]:
    """Single NAL units where they fit, FU-As where not."""
    payloads = []
    for nal in split_nals(frame):
        payloads += [nal] if len(nal) <= size else list(h264_fragments(nal, size))
    return payloads


def h264_fragments(nal: bytes, size: int, don: bytes = b"") -> Iterator[bytes]:
    """FU-As; with a `don` the first is an FU-B."""
    for at in range(1, len(nal), size):
        first, last = at == 1, at + size >= len(nal)
        kind = 29 if first and don else 28
        flags = first << 7 | last << 6 | nal[0] & 0x1F
        head = bytes((nal[0] & 0xE0 | kind, flags)) + (don if first else b"")
        yield head + nal[at : at + size]


def stap(nals: Sequence[bytes], don: bytes = b"") -> bytes:
    """A STAP-A, with a `don` a STAP-B."""
    body = b"".join(len(nal).to_bytes(2, "big") + nal for nal in nals)
    return bytes((0x60 | (25 if don else 24),)) + don + body


def h265_payloads(frame: bytes, size: int = 1200, with_don: bool = False) -> list[bytes]:
    """Single NAL units where they fit, FUs where not."""
    payloads = []
    don = b"\x00\x07" if with_don else b""
    for nal in split_nals(frame):
        if len(nal) <= size:
            payloads.append(nal[:2] + don + nal[2:])
            continue
        for at in range(2, len(nal), size):
            first, last = at == 2, at + size >= len(nal)
            flags = first << 7 | last << 6 | nal[0] >> 1 & 0x3F
            head = bytes((nal[0] & 0x81 | 49 << 1, nal[1], flags)) + (don if first else b"")
            payloads.append(head + nal[at : at + size])
    return payloads


def aggregate(nals: Sequence[bytes], with_don: bool = False) -> bytes:
    """An H.265 aggregation packet."""
    body = b""
    for number, nal in enumerate(nals):
        if with_don:
            body += b"\x00" if number else b"\x00\x07"
        body += len(nal).to_bytes(2, "big") + nal
    return bytes((48 << 1, 1)) + body


def payloads_of(codec: Codec, frame: bytes, size: int = 1200) -> list[bytes]:
    """What a camera sends for one frame."""
    if codec is Codec.H264:
        return h264_payloads(frame, size)
    if codec is Codec.H265:
        return h265_payloads(frame, size)
    return [frame[at : at + size] for at in range(0, len(frame), size)]

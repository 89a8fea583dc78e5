"""Whatever a TCP connection carries: bounded memory, own errors only, the same cut any way."""

from sip.errors import MalformedMessage
from sip.message import StreamFramer
from sip.message.framer import MAX_BODY_BYTES, MAX_HEAD_BYTES

_ONE = (
    b"MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
    b"To: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\nContent-Length: 5\r\n\r\nhello"
)

SEEDS: list[bytes] = [
    _ONE,
    _ONE + _ONE,
    b"\r\n\r\n" + _ONE + b"\r\n\r\n\r\n\r\n" + _ONE,
    _ONE.replace(b"Content-Length: 5", b"l :  5"),
    _ONE.replace(b"Content-Length: 5", b"Content-Length : \r\n 5"),
    _ONE.replace(b"\r\n", b"\n"),
    _ONE.replace(b"Content-Length: 5", b"Content-Length: 2147483648"),
    _ONE.replace(b"Content-Length: 5", b"Content-Length: -1"),
    _ONE.replace(b"Content-Length: 5\r\n", b""),
    _ONE.replace(b"Content-Length: 5", b"Content-Length: 5\r\nl: 6"),
]

Outcome = tuple[list[bytes], str, int]


def one_case(data: bytes) -> None:
    """Raise only over a defect of ours."""
    whole = _feed(data, max(len(data), 1))
    assert _feed(data, 1) == whole
    assert _feed(data, 7) == whole


def _feed(data: bytes, step: int) -> Outcome:
    framer = StreamFramer()
    messages: list[bytes] = []
    pings = 0
    try:
        for start in range(0, len(data), step):
            framer.receive(data[start : start + step])
            while (message := framer.next_message()) is not None:
                assert message
                messages.append(message)
            pings += framer.keepalives
            framer.keepalives = 0
            assert framer.pending_bytes <= MAX_HEAD_BYTES + MAX_BODY_BYTES + step
    except MalformedMessage as error:
        assert framer.pending_bytes == 0
        return messages, error.reason, -1
    return messages, "", pings

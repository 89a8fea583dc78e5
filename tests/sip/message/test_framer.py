import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import MalformedMessage
from sip.message import StreamFramer
from sip.message.framer import MAX_BODY_BYTES, MAX_HEAD_BYTES

HEAD = b"MESSAGE sip:a@b SIP/2.0\r\nCall-ID: 1\r\n"


def message(body: bytes, length: bytes | None = None) -> bytes:
    declared = b"Content-Length: %d" % len(body) if length is None else length
    return HEAD + declared + b"\r\n\r\n" + body


def drain(framer: StreamFramer) -> list[bytes]:
    messages = []
    while (one := framer.next_message()) is not None:
        messages.append(one)
    return messages


def test_two_messages_in_one_segment() -> None:
    framer = StreamFramer()
    framer.receive(message(b"one") + message(b""))
    assert drain(framer) == [message(b"one"), message(b"")]


def test_one_octet_per_segment() -> None:
    framer = StreamFramer()
    seen = []
    for octet in message(b"one\r\n\r\n") + b"\r\n" + message(b"two"):
        framer.receive(bytes([octet]))
        seen += drain(framer)
    assert seen == [message(b"one\r\n\r\n"), message(b"two")]


@pytest.mark.parametrize(
    "length",
    [
        b"Content-Length : 5",
        b"l:5",
        b"L \t:\t5 ",
        b"content-length:\r\n 5",
        b"Content-Length: 0005",
    ],
)
def test_spellings_of_content_length(length: bytes) -> None:
    framer = StreamFramer()
    framer.receive(message(b"hello", length) + message(b"next"))
    assert drain(framer) == [message(b"hello", length), message(b"next")]


def test_lf_only_heads_are_framed() -> None:
    data = message(b"hello").replace(b"\r\n", b"\n")
    framer = StreamFramer()
    framer.receive(data)
    assert drain(framer) == [data]


def test_pings_are_counted_and_single_line_ends_are_not() -> None:
    framer = StreamFramer()
    framer.receive(b"\r\n\r\n" + message(b"") + b"\r\n" + message(b"") + b"\r\n\r")
    assert len(drain(framer)) == 2
    assert framer.keepalives == 1
    framer.receive(b"\n")
    assert drain(framer) == []
    assert framer.keepalives == 2
    assert framer.pending_bytes == 0


@pytest.mark.parametrize(
    ("length", "reason"),
    [
        (b"Content-Length: -1", "bad Content-Length"),
        (b"Content-Length: 1e3", "bad Content-Length"),
        (b"Content-Length:", "bad Content-Length"),
        (b"Content-Length: 2147483648", "body too long"),
        (b"Content-Length: 5\r\nl: 6", "conflicting Content-Length"),
        (b"X-Length: 5", "missing header"),
    ],
)
def test_a_stream_without_a_usable_length_is_given_up(length: bytes, reason: str) -> None:
    framer = StreamFramer()
    framer.receive(message(b"hello", length))
    for _ in range(2):
        with pytest.raises(MalformedMessage) as caught:
            framer.next_message()
        assert caught.value.reason == reason
    assert framer.rejected.startswith(HEAD)
    framer.receive(message(b"more"))
    assert framer.pending_bytes == 0


def test_a_head_without_end_is_bounded() -> None:
    framer = StreamFramer()
    with pytest.raises(MalformedMessage, match="head too long"):
        for _ in range(1024):
            framer.receive(b"X: " + b"y" * 1021)
            assert framer.pending_bytes <= MAX_HEAD_BYTES + 1024
            assert framer.next_message() is None
    assert framer.pending_bytes == 0
    assert framer.rejected == (b"X: " + b"y" * 1021)


def test_the_longest_body_is_taken_and_one_octet_more_is_not() -> None:
    framer = StreamFramer()
    framer.receive(message(b"x" * MAX_BODY_BYTES))
    assert len(drain(framer)) == 1
    framer.receive(message(b"x" * (MAX_BODY_BYTES + 1)))
    with pytest.raises(MalformedMessage, match="body too long"):
        framer.next_message()


PIECES = st.lists(
    st.sampled_from(
        [message(b"hello"), message(b""), b"\r\n", b"\r\n\r\n", message(b"x", b"l: 1"), b"junk"]
    ),
    max_size=6,
)


@given(pieces=PIECES, sizes=st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_any_cutting_gives_the_same_messages(pieces: list[bytes], sizes: list[int]) -> None:
    data = b"".join(pieces)

    def outcome(steps: list[int]) -> tuple[list[bytes], str]:
        framer, messages, place, turn = StreamFramer(), [], 0, 0
        try:
            while place < len(data):
                step = steps[turn % len(steps)]
                framer.receive(data[place : place + step])
                place, turn = place + step, turn + 1
                while (one := framer.next_message()) is not None:
                    messages.append(one)
        except MalformedMessage as error:
            return messages, error.reason
        return messages, str(framer.keepalives)

    whole = outcome([len(data) + 1])
    assert outcome(sizes) == whole
    assert outcome([1]) == whole

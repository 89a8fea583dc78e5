"""WebSocket frames of the server's side (RFC 6455), plain and compiled."""

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.formats.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    MAX_REPLY_BYTES,
    PING,
    PONG,
    TEXT,
)
from tests.stream_relay.formats.clips import TWINS, module

KEY = bytes.fromhex("37fa213d")


@pytest.fixture(params=TWINS)
def websocket(request: pytest.FixtureRequest) -> ModuleType:
    return module("websocket", request.param)


def frame(
    opcode: int, content: bytes = b"", *, is_final: bool = True, reserved: int = 0, key: bytes = KEY
) -> bytes:
    """A frame as a browser sends it."""
    size = len(content)
    head = bytes((is_final << 7 | reserved << 4 | opcode,))
    if size < 126:
        head += bytes((0x80 | size,))
    elif size < 65_536:
        head += b"\xfe" + size.to_bytes(2, "big")
    else:
        head += b"\xff" + size.to_bytes(8, "big")
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(content))


def test_heads_are_those_of_the_standard(websocket: ModuleType) -> None:
    writer = websocket.FrameWriter()
    assert writer.header(TEXT, 5) + b"Hello" == bytes.fromhex("810548656c6c6f")
    assert writer.header(BINARY, 125) == bytes.fromhex("827d")
    assert writer.header(BINARY, 126) == bytes.fromhex("827e007e")
    assert writer.header(BINARY, 256) == bytes.fromhex("827e0100")
    assert writer.header(BINARY, 65_535) == bytes.fromhex("827effff")
    assert writer.header(BINARY, 65_536) == bytes.fromhex("827f0000000000010000")
    assert writer.header(BINARY, 1 << 40) == bytes.fromhex("827f0000010000000000")
    assert writer.close(1001) == bytes.fromhex("880203e9")
    assert writer.close(1005) == bytes.fromhex("8800")


def test_a_ping_comes_back_unmasked(websocket: ModuleType) -> None:
    reader = websocket.FrameReader()
    assert reader.feed(bytes.fromhex("898537fa213d7f9f4d5158")) == bytes.fromhex("8a0548656c6c6f")
    assert (reader.is_closed, reader.pings) == (False, 1)


def test_pings_that_nobody_takes_the_answers_of_do_not_fill_the_memory(
    websocket: ModuleType,
) -> None:
    reader = websocket.FrameReader()
    reply = reader.feed(frame(PING, bytes(100)) * 1000)
    assert MAX_REPLY_BYTES - 102 < len(reply) <= MAX_REPLY_BYTES
    assert reader.pings - reader.unanswered == len(reply) // 102
    assert reader.feed(frame(PING)) == b"\x8a\x00"


def test_what_a_viewer_says_is_counted_and_thrown_away(websocket: ModuleType) -> None:
    reader = websocket.FrameReader()
    parts = [
        frame(TEXT, b"hello"),
        frame(BINARY, bytes(300)),
        frame(BINARY, bytes(65_536)),
        frame(TEXT, b"a", is_final=False),
        frame(PING, b"between"),
        frame(CONTINUATION, b"", is_final=False),
        frame(CONTINUATION, b"c"),
        frame(PONG, b"unasked"),
        frame(TEXT),
    ]
    assert reader.feed(b"".join(parts)) == b"\x8a\x07between"
    assert (reader.messages, reader.discarded_bytes) == (7, 5 + 300 + 65_536 + 2)
    assert not reader.is_closed


@pytest.mark.parametrize(
    ("content", "answer", "code"),
    [
        (b"", "8800", 1005),
        (b"\x03\xe8", "880203e8", 1000),
        (b"\x03\xe9going away", "880203e9", 1001),
        (b"\x0f\xa0", "88020fa0", 4000),
    ],
)
def test_a_close_is_answered_with_its_status(
    websocket: ModuleType, content: bytes, answer: str, code: int
) -> None:
    reader = websocket.FrameReader()
    assert reader.feed(frame(CLOSE, content) + frame(PING)) == bytes.fromhex(answer)
    assert (reader.is_closed, reader.close_code, reader.is_clean) == (True, code, True)
    assert reader.feed(frame(PING)) == b""
    assert reader.pings == 0


@pytest.mark.parametrize("is_in_pieces", [False, True])
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x82\x01a", 1002),  # not masked
        (frame(BINARY, reserved=4), 1002),
        (frame(BINARY, reserved=1), 1002),
        (frame(3), 1002),
        (frame(11), 1002),
        (frame(15), 1002),
        (frame(PING, bytes(126)), 1002),
        (frame(CLOSE, is_final=False), 1002),
        (frame(PING, is_final=False), 1002),
        (frame(CONTINUATION, b"a"), 1002),
        (frame(TEXT, is_final=False) + frame(TEXT), 1002),
        (frame(CLOSE, b"a"), 1002),
        (frame(CLOSE, b"\x03\xe7"), 1002),  # 999
        (frame(CLOSE, b"\x03\xec"), 1002),  # 1004, reserved
        (frame(CLOSE, b"\x03\xed"), 1002),  # 1005, never on the wire
        (frame(CLOSE, b"\x03\xee"), 1002),  # 1006, never on the wire
        (frame(CLOSE, b"\x03\xf7"), 1002),  # 1015, never on the wire
        (frame(CLOSE, b"\x13\x88"), 1002),  # 5000
        (b"\x82\xfe\x00\x7d" + KEY, 1002),  # 125 in the form of 126
        (b"\x82\xff" + (65_535).to_bytes(8, "big") + KEY, 1002),
        (b"\x82\xff" + (65_537).to_bytes(8, "big") + KEY, 1009),
        (b"\x82\xff" + b"\x7f" + b"\xff" * 7 + KEY, 1009),
        (b"\x82\xff" + b"\xff" * 8 + KEY, 1009),
    ],
)
def test_who_breaks_the_protocol_is_told_so_and_not_heard_any_more(
    websocket: ModuleType, data: bytes, code: int, is_in_pieces: bool
) -> None:
    reader = websocket.FrameReader()
    if is_in_pieces:
        reply = b"".join(reader.feed(data[at : at + 1]) for at in range(len(data)))
    else:
        reply = reader.feed(data)
    assert reply == b"\x88\x02" + code.to_bytes(2, "big")
    assert (reader.is_closed, reader.close_code, reader.is_clean) == (True, code, False)
    assert reader.feed(frame(PING)) == b""


FRAMES = st.tuples(
    st.sampled_from([TEXT, BINARY, PING, PONG]),
    st.binary(max_size=125) | st.integers(126, 300).map(bytes),
    st.binary(min_size=4, max_size=4),
).filter(lambda parts: parts[0] < CLOSE or len(parts[1]) < 126)


@given(frames=st.lists(FRAMES, max_size=12), piece=st.integers(1, 400))
def test_any_conversation_in_any_pieces(frames: list[tuple[int, bytes, bytes]], piece: int) -> None:
    data = b"".join(frame(opcode, content, key=key) for opcode, content, key in frames)
    pongs = b"".join(
        bytes((0x8A, len(content))) + content for opcode, content, _ in frames if opcode == PING
    )
    for kind in TWINS:
        reader = module("websocket", kind).FrameReader()
        reply = b"".join(reader.feed(data[at : at + piece]) for at in range(0, len(data), piece))
        assert reply == pongs
        assert not reader.is_closed
        assert reader.messages == sum(opcode < CLOSE for opcode, _, _ in frames)
        assert reader.discarded_bytes == sum(len(c) for opcode, c, _ in frames if opcode < CLOSE)


@given(data=st.binary(max_size=300), piece=st.integers(1, 50))
def test_twins_agree_about_anything(data: bytes, piece: int) -> None:
    plain, compiled = (module("websocket", kind).FrameReader() for kind in TWINS)
    for at in range(0, len(data), piece):
        assert plain.feed(data[at : at + piece]) == compiled.feed(data[at : at + piece])
        assert (plain.is_closed, plain.close_code) == (compiled.is_closed, compiled.close_code)
    assert plain.discarded_bytes == compiled.discarded_bytes

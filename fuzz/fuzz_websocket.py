"""WebSocket frames of viewers: nothing is raised, replies stay bounded, twins and cuts agree."""

from stream_relay.formats import websocket
from stream_relay.formats.twins import twin

COMPILED = twin("websocket")
KEY = b"\x37\xfa\x21\x3d"
PING = bytes.fromhex("898537fa213d7f9f4d5158")
TEXT = bytes.fromhex("818537fa213d7f9f4d5158")
LONG = b"\x82\xfe\x00\x7e" + KEY + bytes(126)

SEEDS: list[bytes] = [
    TEXT + PING + LONG + PING,
    b"\x01\x81" + KEY + b"a" + PING + b"\x80\x80" + KEY + TEXT,
    b"\x82\xff\0\0\0\0\0\1\0\0" + KEY + bytes(65_536) + PING,
    PING + b"\x88\x82" + KEY + b"\x34\x12" + TEXT,
    b"\x88\x80" + KEY,
    PING * 400,
]


def read(module: object, data: bytes, cut: int) -> tuple[bytes, tuple[int, ...], int]:
    """What is answered piece by piece, the counters, and how many PINGs found no room."""
    reader = module.FrameReader()  # type: ignore[attr-defined]  # twins
    reply = b""
    for start in range(0, len(data), cut):
        answer = reader.feed(data[start : start + cut])
        assert len(answer) <= websocket.MAX_REPLY_BYTES + 4
        reply += answer
    counters = (reader.is_closed, reader.close_code, reader.is_clean, reader.pings, reader.messages)
    return reply, (*counters, reader.discarded_bytes), reader.unanswered


def one_case(data: bytes) -> None:
    """The twins say the same; cuts change the answers only where those found no room."""
    whole, pieces = read(websocket, data, len(data) or 1), read(COMPILED, data, 7)
    assert read(COMPILED, data, len(data) or 1) == whole
    assert whole[1] == pieces[1]
    assert whole[2] or whole[0] == pieces[0]

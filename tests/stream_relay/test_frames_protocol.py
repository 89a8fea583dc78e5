from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.access_unit import Codec
from stream_relay.frames_protocol import (
    MAX_MESSAGE_BYTES,
    Ended,
    FrameProtocolError,
    FrameUnit,
    Message,
    MessageReader,
    Subscribe,
    Tracks,
    build_message,
)
from tests.stream_relay.media import EPOCH, G711, VIDEO, picture

UNIT = replace(picture(7, is_key=True), codec=Codec.H265, dts_ticks=-1, description=None)
MESSAGES: list[Message] = [
    Subscribe("14040000001320000001", True, 2.5),
    Tracks((VIDEO, replace(G711, audio_config=b"\x12\x10"))),
    Tracks(()),
    FrameUnit(UNIT, EPOCH + timedelta(microseconds=123_456), 3),
    Ended("设备没有应答"),
]


@pytest.mark.parametrize("message", MESSAGES)
def test_message_comes_back_as_it_was_sent(message):
    assert MessageReader().receive(build_message(message)) == [message]


def test_messages_may_be_cut_anywhere():
    data = b"".join(build_message(message) for message in MESSAGES)
    reader = MessageReader()
    got = [message for byte in data for message in reader.receive(bytes([byte]))]
    assert got == MESSAGES


def test_other_version_is_refused():
    data = build_message(MESSAGES[0]).replace(b'"version": 1', b'"version": 9')
    with pytest.raises(FrameProtocolError, match="version 9"):
        MessageReader().receive(data)


@pytest.mark.parametrize("length", [0, MAX_MESSAGE_BYTES + 1, 2**32 - 1])
def test_message_beyond_the_bound_is_refused_before_it_is_gathered(length):
    with pytest.raises(FrameProtocolError):
        MessageReader().receive(length.to_bytes(4, "big") + b"\3")


@given(st.integers(0, 6), st.binary(max_size=80))
def test_broken_messages_raise_only_the_protocols_own_error(kind, body):
    data = (len(body) + 1).to_bytes(4, "big") + bytes([kind]) + body
    try:
        MessageReader().receive(data)
    except FrameProtocolError:
        pass

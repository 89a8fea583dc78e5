"""What the two sides say to each other, there and back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.events import (
    EndReason,
    FirstKeyFrame,
    FirstPacket,
    SourceRejected,
    StreamEnded,
    StreamResumed,
    StreamStalled,
)
from stream_relay.forwarder import ForwarderStatistics
from stream_relay.remote import protocol
from stream_relay.remote.facts import RelayProtocolError
from stream_relay.remote.protocol import (
    Alive,
    Answered,
    Beat,
    Counted,
    Forwarded,
    Happened,
    Hello,
    LineReader,
    Opened,
    OpenForward,
    OpenReceiver,
    Over,
    SessionOpened,
    build,
    build_line,
    is_told,
    parse_line,
)
from stream_relay.statistics import SourceCounters

PARSERS = {
    SessionOpened("ab" * 16, 15.0): protocol.parse_session_opened,
    OpenReceiver(3, "c#1", "udp", 2**32 - 1, True, "10.1.2.3"): protocol.parse_open_receiver,
    OpenReceiver(3, "c#1", "tcp-active", 0, False, None): protocol.parse_open_receiver,
    OpenForward(4, 3, "tcp-passive", 7, "", 0): protocol.parse_open_forward,
    OpenForward(5, 3, "udp", 7, "10.1.2.3", 6000, "all", True): protocol.parse_open_forward,
    Opened("10.1.2.9", 30000): protocol.parse_opened,
    Answered("10.1.2.3", 6000, None): protocol.parse_answered,
    Answered("10.1.2.3", 6000, 5): protocol.parse_answered,
    Alive(frozenset({1, 5, 9}), 9): protocol.parse_alive,
}
LINES = [
    Hello(frozenset({1, 2}), 2, 0),
    Happened(1, 7, FirstPacket("", ("10.1.2.3", 5000), 12)),
    Happened(2, 7, StreamStalled("", 15.5)),
    Happened(3, 7, StreamResumed("", 200_000.0)),
    Happened(4, 7, SourceRejected("", ("10.1.2.4", 1), 3)),
    *(Happened(5, 7, StreamEnded("", reason)) for reason in EndReason),
    Counted(7, SourceCounters(packets=3, lost=1, ssrc=4, source=("10.1.2.3", 5000))),
    Counted(8, SourceCounters()),
    Forwarded(9, ForwarderStatistics(1, 2, 3), True, False),
    Beat(),
    Over(),
]


@pytest.mark.parametrize(
    ("message", "parse"), PARSERS.items(), ids=lambda each: type(each).__name__
)
def test_messages_come_back_as_they_were(message, parse):
    assert parse(build(message)) == message


@pytest.mark.parametrize("message", LINES, ids=lambda each: type(each).__name__)
def test_lines_come_back_as_they_were(message):
    line = build_line(message)
    assert line.count(b"\n") == 1
    assert parse_line(line.rstrip()) == message


def test_stream_ids_of_the_node_stay_there():
    line = build_line(Happened(1, 2, StreamEnded("c#1/abc.2", EndReason.CLOSED)))
    assert b"abc" not in line
    assert not is_told(FirstKeyFrame("s", 1.0))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", -1),
        ("number", True),
        ("number", 1.5),
        ("number", 2**63),
        ("stream_id", 5),
        ("stream_id", "x" * 101),
        ("transport", "pigeon"),
        ("ssrc", 2**32),
        ("ssrc_check", 1),
        ("signalling_host", ["a"]),
    ],
)
def test_values_out_of_bounds_are_refused(field, value):
    facts = json.loads(build(OpenReceiver(3, "c#1", "udp", 1, True, "10.1.2.3")))
    with pytest.raises(RelayProtocolError, match=field):
        protocol.parse_open_receiver(json.dumps({**facts, field: value}).encode())


def test_other_version_is_told():
    with pytest.raises(RelayProtocolError, match="version 2, ours 1"):
        protocol.parse_session_opened(b'{"version":2,"session":"a","silence_s":1}')


PARSES = [*{each: None for each in PARSERS.values()}, parse_line]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=6,
)
NAMES = ["is", "number", "numbers", "peer", "source", "reason", "version", "silent_s", "sequence"]


@given(st.sampled_from(PARSES), st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(parse, data):
    try:
        parse(data)
    except RelayProtocolError:
        return


@given(
    st.sampled_from([json.loads(build_line(line)) for line in LINES]),
    st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4),
)
def test_any_object_is_a_line_or_refused(facts, changes):
    try:
        message = parse_line(json.dumps({**facts, **changes}).encode())
    except RelayProtocolError:
        return
    assert parse_line(build_line(message)) == message


@given(st.lists(st.integers(1, 40), max_size=20))
def test_lines_are_found_however_they_are_cut(sizes):
    data, reader, found = b"".join(build_line(line) for line in LINES), LineReader(), []
    for size in sizes:
        found += reader.receive(data[:size])
        data = data[size:]
    found += reader.receive(data)
    assert [parse_line(line) for line in found] == LINES


def test_line_without_an_end_is_refused():
    reader = LineReader()
    with pytest.raises(RelayProtocolError, match="without an end"):
        for _ in range(1000):
            list(reader.receive(b"x" * 1000))

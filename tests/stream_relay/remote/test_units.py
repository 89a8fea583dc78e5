"""Access units over connections that break, on bytes."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.access_unit import AccessUnit, Kind
from stream_relay.frames_protocol import (
    Ended,
    FrameProtocolError,
    FrameUnit,
    Message,
    Tracks,
    build_message,
)
from stream_relay.remote.units import UnitStream
from tests.stream_relay.media import G711, VIDEO, WIDER, pictures, sound

AT = datetime(2026, 3, 1, tzinfo=UTC)


def sent(*messages: Message | AccessUnit) -> bytes:
    return b"".join(
        build_message(FrameUnit(each, AT, 0) if isinstance(each, AccessUnit) else each)
        for each in messages
    )


def test_units_come_with_the_track_in_force():
    units = UnitStream()
    first, second, third = pictures(3)
    data = sent(Tracks((VIDEO, G711)), first, sound(0), Tracks((WIDER, G711)), second)
    got = units.receive(data) + units.receive(sent(Tracks((WIDER, G711)), third))
    assert [unit.data for unit in got] == [each.data for each in (first, sound(0), second, third)]
    assert [unit.description for unit in got] == [VIDEO, G711, WIDER, WIDER]
    assert got[2].description is got[3].description, "said again is not changed"


@given(st.lists(st.integers(0, 20), max_size=5), st.integers(1, 50))
def test_each_unit_comes_once_whatever_a_new_connection_repeats(cuts, step):
    """Each connection begins with the whole group, as the cache of the node does."""
    media = [
        unit for index, each in enumerate(pictures(20, gop=100)) for unit in (each, sound(index))
    ]
    units, got = UnitStream(), []
    for cut in [*cuts, 20]:
        units.connected()
        data = sent(Tracks((VIDEO, G711)), *media[: 2 * cut])
        for start in range(0, len(data), step * 97):
            got += units.receive(data[start : start + step * 97])
    assert [replace(unit, description=None) for unit in got] == [
        replace(unit, description=None) for unit in media
    ]


def test_half_a_message_of_a_broken_connection_is_forgotten():
    units = UnitStream()
    units.receive(sent(Tracks((VIDEO,)), pictures(1)[0])[:-10])
    units.connected()
    assert len(units.receive(sent(Tracks((VIDEO,)), *pictures(2)))) == 2


def test_end_is_noted():
    units = UnitStream()
    assert units.receive(sent(Ended("closed"))) == []
    assert units.is_over
    units.connected()
    assert not units.is_over


def test_broken_messages_are_refused():
    with pytest.raises(FrameProtocolError):
        UnitStream().receive(b"\xff" * 20)


def test_unit_without_a_track_has_none():
    (unit,) = UnitStream().receive(sent(pictures(1)[0]))
    assert (unit.track, unit.description) == (Kind.VIDEO, None)

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channel_registry.fields import JsonTextField, from_microseconds, to_microseconds


@given(st.integers(-(10**15), 10**16))
def test_times_come_back_to_the_microsecond(microseconds: int) -> None:
    moment = from_microseconds(microseconds)
    assert moment.tzinfo is UTC
    assert to_microseconds(moment) == microseconds


def test_a_time_of_another_zone_is_the_same_moment() -> None:
    beijing = datetime(2026, 7, 1, 16, 0, tzinfo=timezone(timedelta(hours=8)))
    assert from_microseconds(to_microseconds(beijing)) == datetime(2026, 7, 1, 8, 0, tzinfo=UTC)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        to_microseconds(datetime(2026, 7, 1))  # noqa: DTZ001 - the point of the test


def test_json_is_compact_and_keeps_chinese_readable() -> None:
    field = JsonTextField()
    assert field.db_value({"名": ["井", 1]}) == '{"名":["井",1]}'
    assert field.python_value(field.db_value({"a": "\x00"})) == {"a": "\x00"}
    assert field.db_value(None) is None

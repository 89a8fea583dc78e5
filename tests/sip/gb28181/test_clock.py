"""Times that devices tell: every form is read, junk is passed over, a false zone is forgiven."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.events import DeviceClockChecked
from sip.gb28181.clock import format_date, read_offset
from sip.roles.clocks import ClockWatch

BEIJING = timezone(timedelta(hours=8))
WALL = datetime(2026, 5, 1, 2, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "offset_s"),
    [
        ("2026-05-01T10:00:00.000", 0.0),
        ("2026-05-01T10:00:00", 0.0),
        ("2026-05-01 10:00:30", 30.0),
        ("2026-5-1T9:59:00.5", -59.5),
        ("2026-05-01T10:00:00Z", 0.0),
        ("2026-05-01T02:00:00Z", 0.0),
        ("2026-05-01T11:00:00+09:00", 0.0),
        ("Fri, 01 May 2026 02:00:00 GMT", 0.0),
        ("Fri, 01 May 2026 10:00:05 GMT", 5.0),
        ("2026-05-01T02:00:00", -8 * 3600.0),
        ("1970-01-01T08:00:00", -1777600800.0),
        ("2026-05-01T09:59:60", -1.0),
    ],
)
def test_forms_of_the_field_are_read(text, offset_s):
    assert read_offset(text, WALL, BEIJING) == offset_s


@pytest.mark.parametrize(
    "text", ["", "now", "2026-13-01T00:00:00", "2026-05-01", "0000-00-00T00:00:00", "９"]
)
def test_what_is_no_time_is_passed_over(text):
    assert read_offset(text, WALL, BEIJING) is None


@given(st.text(max_size=80))
def test_any_text_is_judged_without_an_error(text):
    offset_s = read_offset(text, WALL, BEIJING)
    assert offset_s is None or isinstance(offset_s, float)


@given(st.integers(0, 4_000_000_000_000))
def test_what_we_write_is_read_again(milliseconds):
    time = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    assert abs(read_offset(format_date(time, BEIJING), time, BEIJING)) < 0.001


def told(*texts):
    events: list[DeviceClockChecked] = []
    watch = ClockWatch(60.0, BEIJING, events.append, lambda: WALL)
    for text in texts:
        watch.note("device", text)
    return [(round(event.offset_s), event.is_wrong) for event in events]


def test_a_wrong_clock_is_told_once_and_again_when_it_changes_or_is_right():
    assert told("2026-05-01T10:00:10") == []
    assert told("2026-05-01T11:00:00", "2026-05-01T11:00:30") == [(3600, True)]
    assert told("2026-05-01T11:00:00", "2026-05-01T12:00:00", "2026-05-01T10:00:00") == [
        (3600, True),
        (7200, True),
        (0, False),
    ]
    assert told("2026-05-01T11:00:00", None, "junk") == [(3600, True)]

from datetime import datetime
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peewee import Database

from tests.vms.storage.samples import T0, after
from vms.storage.models import Beat, Span
from vms.storage.queries.spans import (
    beat,
    begin_after_downtime,
    change_states,
    end_spans,
    last_beat,
    list_spans,
    open_spans,
)
from vms.storage.records import SpanCause, SpanRecord, SpanState, StateChange, SubjectKind

CHANNEL = SubjectKind.CHANNEL
ON = {"state": SpanState.ON, "cause": SpanCause.REGISTERED}
OFF = {"state": SpanState.OFF, "cause": SpanCause.KEEPALIVE_LOST}


def on(*subjects: str) -> list[StateChange]:
    return [StateChange(one, SpanState.ON, SpanCause.REPORTED_ON) for one in subjects]


def off(*subjects: str) -> list[StateChange]:
    return [StateChange(one, SpanState.OFF, SpanCause.DEVICE_OFFLINE) for one in subjects]


def history(database: Database, subject: str) -> list[tuple[str, float, float | None]]:
    spans = list_spans(database, kind=CHANNEL, subject=subject, size=1000).items
    return [
        (one.state.value, _seconds(one.started_at), one.ended_at and _seconds(one.ended_at))
        for one in reversed(spans)
    ]


def _seconds(moment: datetime) -> float:
    return (moment - T0).total_seconds()


def test_a_span_lasts_until_the_state_changes(database: Database) -> None:
    assert change_states(database, CHANNEL, on("a", "b"), at=T0) == ("a", "b")
    assert change_states(database, CHANNEL, off("a"), at=after(10)) == ("a",)
    assert history(database, "a") == [("on", 0, 10), ("off", 10, None)]
    assert history(database, "b") == [("on", 0, None)]


def test_the_same_state_again_keeps_span_and_cause(database: Database) -> None:
    change_states(database, CHANNEL, on("a"), at=T0)
    again = [StateChange("a", SpanState.ON, SpanCause.RETURNED)]
    assert change_states(database, CHANNEL, again, at=after(5)) == ()
    assert open_spans(database, CHANNEL)["a"].cause is SpanCause.REPORTED_ON


def test_the_last_change_of_a_subject_counts(database: Database) -> None:
    assert change_states(database, CHANNEL, [*on("a"), *off("a")], at=T0) == ("a",)
    assert history(database, "a") == [("off", 0, None)]


def test_devices_and_channels_are_told_apart(database: Database) -> None:
    change_states(database, SubjectKind.DEVICE, on("a"), at=T0)
    change_states(database, CHANNEL, off("a"), at=T0)
    assert open_spans(database, SubjectKind.DEVICE)["a"].state is SpanState.ON
    assert open_spans(database, CHANNEL, ["a", "b"])["a"].state is SpanState.OFF
    assert list_spans(database).total == 2


def test_a_clock_that_jumps_back_makes_no_overlap(database: Database) -> None:
    change_states(database, CHANNEL, on("a"), at=after(10))
    change_states(database, CHANNEL, off("a"), at=after(3))
    assert history(database, "a") == [("off", 10, None)]
    end_spans(database, CHANNEL, ["a"], at=after(20))
    change_states(database, CHANNEL, on("a"), at=after(15))
    assert history(database, "a") == [("off", 10, 20), ("on", 20, None)]


def test_a_subject_that_is_no_more_has_no_lasting_span(database: Database) -> None:
    change_states(database, CHANNEL, on("a", "b"), at=T0)
    end_spans(database, CHANNEL, ["a", "nobody"], at=after(5))
    assert list(open_spans(database, CHANNEL)) == ["b"]
    assert history(database, "a") == [("on", 0, 5)]


def test_a_restart_makes_the_time_between_unknown(database: Database) -> None:
    change_states(database, CHANNEL, [*on("a"), *off("b")], at=T0)
    beat(database, after(60))
    assert begin_after_downtime(database, after(300)) == 2
    assert history(database, "a") == [("on", 0, 60), ("unknown", 60, None)]
    assert open_spans(database, CHANNEL)["b"].cause is SpanCause.PLATFORM_DOWN
    change_states(database, CHANNEL, on("a"), at=after(310))
    assert history(database, "a")[-2:] == [("unknown", 60, 310), ("on", 310, None)]
    assert last_beat(database) == after(300)


def test_a_change_after_the_last_beat_is_a_sign_of_life(database: Database) -> None:
    beat(database, T0)
    change_states(database, CHANNEL, on("a"), at=T0)
    change_states(database, CHANNEL, off("b"), at=after(7))
    begin_after_downtime(database, after(100))
    assert history(database, "a") == [("on", 0, 7), ("unknown", 7, None)]


def test_a_second_restart_keeps_what_is_unknown(database: Database) -> None:
    change_states(database, CHANNEL, on("a"), at=T0)
    begin_after_downtime(database, after(10))
    assert begin_after_downtime(database, after(20)) == 0
    assert history(database, "a") == [("unknown", 0, None)]


def test_the_first_start_knows_nothing(database: Database) -> None:
    assert last_beat(database) is None
    assert begin_after_downtime(database, T0) == 0


def test_spans_are_listed_by_the_time_they_touch(database: Database) -> None:
    for number in range(4):
        change = on("a") if number % 2 else off("a")
        change_states(database, CHANNEL, change, at=after(10 * number))

    def starts(**wanted: datetime) -> list[float]:
        spans = list_spans(database, kind=CHANNEL, subject="a", **wanted).items  # type: ignore[arg-type]
        return [_seconds(one.started_at) for one in spans]

    assert starts() == [30, 20, 10, 0]
    assert starts(start=after(10), end=after(20)) == [10]
    assert starts(start=after(35)) == [30]
    assert starts(end=T0) == []


def test_20000_channels_go_off_at_once(database: Database) -> None:
    subjects = [f"{number:020d}" for number in range(20_000)]
    change_states(database, CHANNEL, on(*subjects), at=T0)
    assert len(change_states(database, CHANNEL, off(*subjects), at=after(1))) == 20_000
    assert len(open_spans(database, CHANNEL)) == 20_000


STATES = st.sampled_from(list(SpanState))
STEP = st.tuples(st.sampled_from("abc"), STATES, st.integers(-5, 20), st.booleans())


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(STEP, max_size=12))
def test_spans_never_overlap_whatever_the_clock_does(
    database: Database, steps: list[tuple[str, SpanState, int, bool]]
) -> None:
    Span.delete().execute(database)
    Beat.delete().execute(database)
    now = 0
    for subject, state, seconds, restart in steps:
        now += seconds
        if restart:
            begin_after_downtime(database, after(now))
        change = StateChange(subject, state, SpanCause.REPORTED_ON)
        change_states(database, CHANNEL, [change], at=after(now))
        assert open_spans(database, CHANNEL)[subject].state is state
    for subject in "abc":
        spans = list_spans(database, kind=CHANNEL, subject=subject, size=1000).items
        _assert_apart(sorted(spans, key=lambda span: (span.started_at, span.id)))


def _assert_apart(spans: list[SpanRecord]) -> None:
    assert sum(span.ended_at is None for span in spans) <= 1
    for span in spans:
        assert span.ended_at is None or span.ended_at > span.started_at
    for before, later in pairwise(spans):
        assert before.ended_at is not None
        assert before.ended_at <= later.started_at

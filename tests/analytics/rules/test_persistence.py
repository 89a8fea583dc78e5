import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.rules.persistence import Change, ConditionState, Persistence, PersistenceRule

SECOND = 90_000


def run(rule: PersistenceRule, samples: str) -> list[Change]:
    """One sample per second; `x` is a hit."""
    persistence = Persistence(rule)
    return [persistence.sample(n * SECOND, mark == "x") for n, mark in enumerate(samples)]


def test_k_of_n_samples_raise_the_alarm_once() -> None:
    changes = run(PersistenceRule(hits=2, window=3, min_duration_s=0), "x.xxxx")
    assert changes.count(Change.RAISED) == 1
    assert changes.index(Change.RAISED) == 2


def test_hits_too_far_apart_raise_nothing() -> None:
    assert set(run(PersistenceRule(hits=2, window=3, min_duration_s=0), "x...x...x")) == {
        Change.NONE
    }


def test_minimum_duration_delays_the_alarm() -> None:
    changes = run(PersistenceRule(hits=2, window=3, min_duration_s=4), "xxxxxxxx")
    assert changes.index(Change.RAISED) == 4


def test_alarm_ends_after_the_condition_was_absent_long_enough() -> None:
    rule = PersistenceRule(hits=2, window=3, min_duration_s=1, clear_after_s=3)
    changes = run(rule, "xxx.x...")
    assert changes.index(Change.ENDED) == 7
    assert changes.count(Change.RAISED) == 1


def test_alarm_can_be_raised_again_after_its_end() -> None:
    rule = PersistenceRule(hits=2, window=2, min_duration_s=1, clear_after_s=2)
    changes = run(rule, "xx..xx..")
    assert changes.count(Change.RAISED) == 2
    assert changes.count(Change.ENDED) == 2


def test_a_stream_that_begins_anew_keeps_an_active_alarm_and_does_not_repeat_it() -> None:
    persistence = Persistence(PersistenceRule(hits=2, window=3, min_duration_s=1, clear_after_s=5))
    for n in range(100, 104):
        persistence.sample(n * SECOND, True)
    assert persistence.state is ConditionState.ACTIVE
    changes = [persistence.sample(n * SECOND, True) for n in range(4)]
    assert set(changes) == {Change.NONE}


def test_impossible_rules_are_refused() -> None:
    with pytest.raises(ValueError, match="hits"):
        Persistence(PersistenceRule(hits=4, window=3))


@given(
    st.lists(st.booleans(), max_size=200),
    st.integers(1, 5),
    st.floats(0, 10),
    st.floats(0, 10),
)
def test_raised_and_ended_always_alternate(
    samples: list[bool], hits: int, min_duration_s: float, clear_after_s: float
) -> None:
    rule = PersistenceRule(hits, hits + 2, min_duration_s, clear_after_s)
    persistence = Persistence(rule)
    changes = [persistence.sample(n * SECOND, hit) for n, hit in enumerate(samples)]
    said = [change for change in changes if change is not Change.NONE]
    assert said[::2] == [Change.RAISED] * len(said[::2])
    assert said[1::2] == [Change.ENDED] * len(said[1::2])

from hypothesis import given
from hypothesis import strategies as st

from sip.transactions.tables import Input
from sip.transactions.timers import MAX_QUEUES, Entry, TimerQueue


def test_the_earliest_of_all_delays_comes_first() -> None:
    queue = TimerQueue(lambda entry: True)
    assert queue.next_time() is None
    queue.arm(0.0, 32.0, "a", Input.TIMER_F)
    queue.arm(0.0, 0.5, "a", Input.TIMER_E)
    assert queue.next_time() == 0.5
    assert list(queue.due(0.4)) == []
    assert list(queue.due(0.5)) == [(0.5, "a", Input.TIMER_E)]
    assert queue.next_time() == 32.0


def test_dead_entries_do_not_wake_anybody_and_are_freed() -> None:
    dead: set[object] = set()
    queue = TimerQueue(lambda entry: entry[1] not in dead)
    for key in range(100):
        queue.arm(0.0, 5.0, key, Input.TIMER_K)
    dead.update(range(100))
    assert queue.next_time() is None
    assert len(queue) == 0


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 60)), max_size=80))
def test_everything_comes_out_when_due_whatever_the_delays(steps: list[tuple[float, int]]) -> None:
    queue = TimerQueue(lambda entry: True)
    now, waiting = 0.0, set[Entry]()
    for number, (pause, delay) in enumerate(steps):
        now += pause
        when = queue.arm(now, 0.1 + delay / 7, number, Input.TIMER_A)
        waiting.add((when, number, Input.TIMER_A))
        due = set(queue.due(now))
        assert due == {entry for entry in waiting if entry[0] <= now}
        waiting -= due
        assert queue.next_time() == min((entry[0] for entry in waiting), default=None)
    assert len(queue) == len(waiting)


def test_odd_delays_beyond_the_queues_share_the_heap() -> None:
    queue = TimerQueue(lambda entry: True)
    for number in range(MAX_QUEUES * 2):
        queue.arm(0.0, 1.0 + number, number, Input.TIMER_F)
    assert [key for _, key, _ in queue.due(1000.0)] == list(range(MAX_QUEUES * 2))

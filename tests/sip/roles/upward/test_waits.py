"""Waits end in order, whatever the order in which they began or were given up."""

from hypothesis import given
from hypothesis import strategies as st

from sip.roles.upward.waits import Waits


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from([0.0, 1.0, 10.0, None]), st.floats(0, 3)),
        max_size=40,
    )
)
def test_they_are_what_a_plain_table_would_say(steps):
    waits: Waits[int] = Waits()
    table: dict[int, float] = {}
    now = 0.0
    for item, delay, passed in steps:
        now += passed
        if delay is None:
            waits.end(item)
            table.pop(item, None)
        else:
            waits.begin(item, delay, now)
            table[item] = now + delay
        assert waits.next_time() == min(table.values(), default=None)
        over = sorted(each for each, when in table.items() if when <= now)
        assert sorted(waits.due(now)) == over
        table = {each: when for each, when in table.items() if each not in over}
        assert len(waits) == len(table)

from hypothesis import given
from hypothesis import strategies as st

from sip.transport.held import HeldBytes


def test_a_source_has_its_own_bound() -> None:
    held = HeldBytes(1000, 100)
    held.note("a", 100)
    assert not held.is_excessive("a")
    held.note("a", 1)
    assert held.is_excessive("a")
    assert not held.is_excessive("b")
    held.note("a", -1)
    assert not held.is_excessive("a")


def test_a_full_house_costs_those_with_more_than_their_share() -> None:
    held = HeldBytes(100, 80)
    held.note("greedy", 80)
    held.note("modest", 21)
    assert held.is_excessive("greedy")
    assert not held.is_excessive("modest")
    held.note("greedy", -80)
    assert not held.is_excessive("modest")
    assert held.total == 21


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 60)), max_size=200))
def test_no_order_of_arrival_holds_more_than_twice_the_bound(
    arrivals: list[tuple[int, int, int]],
) -> None:
    """Each arrival is a source, one of its connections, and octets; the excessive are closed."""
    held = HeldBytes(100, 70)
    connections: dict[tuple[int, int], int] = {}
    for source, number, octets in arrivals:
        connections[source, number] = connections.get((source, number), 0) + octets
        held.note(str(source), octets)
        if held.is_excessive(str(source)):
            held.note(str(source), -connections.pop((source, number)))
        assert held.total == sum(connections.values()) <= 200

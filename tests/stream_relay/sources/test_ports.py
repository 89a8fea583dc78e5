import pytest

from stream_relay.errors import Overload
from stream_relay.sources.ports import PortPool


def test_only_even_ports_whose_odd_neighbour_is_in_range_are_given():
    pool = PortPool(range(30_001, 30_007), 0)
    assert [pool.take(0) for _ in range(2)] == [30_002, 30_004]
    with pytest.raises(Overload):
        pool.take(0)


def test_freed_port_rests_for_the_quarantine():
    pool = PortPool(range(30_000, 30_002), 30.0)
    port = pool.take(0)
    pool.give_back(port, 100.0)
    with pytest.raises(Overload):
        pool.take(129.9)
    assert pool.take(130.0) == port


def test_freed_port_is_given_after_all_others():
    pool = PortPool(range(30_000, 30_006), 0)
    first = pool.take(0)
    pool.give_back(first, 0)
    assert [pool.take(1) for _ in range(3)] == [30_002, 30_004, 30_000]


def test_port_of_another_program_goes_to_the_end_without_quarantine():
    pool = PortPool(range(30_000, 30_004), 30)
    pool.put_last(pool.take(0))
    assert [pool.take(0), pool.take(0)] == [30_002, 30_000]


def test_empty_range_lets_the_kernel_choose():
    pool = PortPool(range(0), 30)
    assert pool.take(0) == 0
    pool.give_back(40_000, 0)
    assert pool.free_count == 0

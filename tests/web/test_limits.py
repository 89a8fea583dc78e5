"""Places for long connections: never more than there are, all given back, all counted."""

import asyncio

import pytest

from vms.errors import NotReady
from vms.metrics import build_text
from web.limits import Seats, samples


async def test_a_place_is_given_back_however_its_holder_ends() -> None:
    seats = Seats(1)
    with pytest.raises(ZeroDivisionError), seats.seat():
        assert seats.taken == 1
        raise ZeroDivisionError
    assert seats.taken == 0


async def test_who_comes_when_all_is_taken_is_refused_and_counted() -> None:
    seats = Seats(1)
    with seats.seat():
        with pytest.raises(NotReady) as caught, seats.seat():
            pass
        assert caught.value.code == "too_many_viewers"
    assert (seats.refused, seats.taken) == (1, 0)
    with seats.seat():
        assert seats.taken == 1


async def test_dismissed_holders_are_cancelled_and_their_places_free() -> None:
    seats = Seats(3)
    begun = asyncio.Barrier(3)

    async def hold() -> None:
        with seats.seat():
            await begun.wait()
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(hold()) for _ in range(2)]
        await begun.wait()
        await seats.dismiss(5.0)
        assert seats.taken == 0, "it waits until they are gone"
    assert all(task.cancelled() for task in tasks)
    assert seats.taken == 0


def test_the_figures_are_counters_and_gauges_by_kind() -> None:
    text = build_text(samples({"viewers": Seats(5, refused=2, slow=1)}))
    assert 'vms_web_refused_total{kind="viewers"} 2' in text
    assert "# TYPE vms_web_refused_total counter" in text
    assert "# TYPE vms_web_connections gauge" in text

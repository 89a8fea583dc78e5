"""How long a picture is wanted, in a time that no other program can slow."""

import asyncio

import pytest

from tests.hand_loop import hand_time
from vms.services.live.demand import Demand


async def ends(demand: Demand, linger_s: float, within_s: float = 1.0) -> bool:
    try:
        async with asyncio.timeout(within_s):
            await demand.until_unwanted(linger_s)
    except TimeoutError:
        return False
    return True


@hand_time
async def test_nobody_ever_ends_after_the_linger() -> None:
    assert await ends(Demand(), 0.01)


@hand_time
async def test_viewer_keeps_it() -> None:
    demand = Demand()
    demand.enter("one")
    assert not await ends(demand, 0.0, within_s=0.02)
    assert demand.viewers == ("one",)


@hand_time
async def test_hold_keeps_it_until_released() -> None:
    demand = Demand()
    demand.hold()
    assert not await ends(demand, 0.0, within_s=0.02)
    demand.release()
    assert await ends(demand, 0.0)


@hand_time
async def test_touch_begins_the_linger_anew_and_ends_like_any_other() -> None:
    demand = Demand()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(demand.until_unwanted(0.05))
        for _ in range(4):
            await asyncio.sleep(0.03)
            assert not waiting.done()
            demand.touch()
    assert waiting.done()


@hand_time
async def test_cut_shortens_a_linger_that_runs() -> None:
    demand = Demand()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(ends(demand, 60.0, within_s=1.0))
        await asyncio.sleep(0.01)
        demand.cut()
    assert waiting.result()


@hand_time
async def test_cut_does_not_take_the_picture_from_a_viewer() -> None:
    demand = Demand()
    demand.enter("one")
    demand.cut()
    assert not await ends(demand, 0.0, within_s=0.02)


@hand_time
async def test_same_viewer_is_counted_once_out_however_often_it_leaves() -> None:
    demand = Demand()
    one, _ = demand.enter("one"), demand.enter("two")
    demand.leave(one)
    demand.leave(one)
    assert demand.viewers == ("two",)


@pytest.mark.parametrize("comings", [1, 5])
@hand_time
async def test_viewer_who_returns_in_the_linger_starts_it_anew(comings: int) -> None:
    demand = Demand()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(demand.until_unwanted(0.03))
        for _ in range(comings):
            await asyncio.sleep(0.01)
            number = demand.enter("one")
            await asyncio.sleep(0.01)
            assert not waiting.done()
            demand.leave(number)

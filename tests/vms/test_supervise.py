import asyncio
import logging

import pytest

from vms.supervise import restarts, supervise


async def test_failed_work_is_started_again_later_each_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    waits: list[float] = []
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs < 6:
            raise RuntimeError("broken")

    async def note(seconds: float) -> None:
        waits.append(seconds)

    before = restarts["kind"]
    with caplog.at_level(logging.ERROR):
        await supervise("kind 1", work, first_s=1.0, max_s=5.0, sleep=note)
    assert runs == 6
    assert waits == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert restarts["kind"] - before == 5
    assert len(caplog.records) == 5
    assert caplog.records[0].__dict__["task"] == "kind 1"


async def test_work_that_returns_is_done() -> None:
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1

    await supervise("once", work)
    assert runs == 1


async def test_cancellation_is_not_swallowed() -> None:
    started = asyncio.Event()

    async def work() -> None:
        started.set()
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(supervise("long", work))
        await started.wait()
        task.cancel()
    assert task.cancelled()


async def test_one_failing_task_does_not_end_its_group() -> None:
    done = asyncio.Event()

    async def broken() -> None:
        raise ValueError("always")

    async def rest(_: float) -> None:
        done.set()
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(supervise("broken", broken, sleep=rest))
        await done.wait()
        task.cancel()

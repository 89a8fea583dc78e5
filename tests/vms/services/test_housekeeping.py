import asyncio
from zoneinfo import ZoneInfo

from apscheduler.triggers.interval import IntervalTrigger

from vms.services.housekeeping import Housekeeping, Job

BEIJING = ZoneInfo("Asia/Shanghai")
NEVER = IntervalTrigger(weeks=500)


async def test_due_jobs_run_one_after_the_other_and_never_twice_at_once() -> None:
    order: list[str] = []
    done = asyncio.Event()

    async def work(name: str) -> None:
        order.append(f"{name} begins")
        await asyncio.sleep(0)
        order.append(f"{name} ends")
        if name == "b":
            done.set()

    jobs = [Job("a", NEVER, lambda: work("a")), Job("b", NEVER, lambda: work("b"))]
    keeping = Housekeeping(jobs, BEIJING)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(keeping.run())
        for name in ("a", "a", "b"):
            await keeping.note_due(name)
        async with asyncio.timeout(60):
            await done.wait()
        running.cancel()
    assert order == ["a begins", "a ends", "b begins", "b ends"]


async def test_timetable_makes_jobs_due() -> None:
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    keeping = Housekeeping([Job("soon", IntervalTrigger(seconds=0.01), work)], BEIJING)  # type: ignore[arg-type]  # a fraction works and keeps the test short
    async with asyncio.TaskGroup() as group:
        running = group.create_task(keeping.run())
        async with asyncio.timeout(60):
            await done.wait()
        running.cancel()


async def test_failing_job_does_not_end_the_timetable() -> None:
    runs: list[str] = []
    done = asyncio.Event()

    async def broken() -> None:
        runs.append("broken")
        raise RuntimeError("no disk")

    async def whole() -> None:
        done.set()

    keeping = Housekeeping([Job("broken", NEVER, broken), Job("whole", NEVER, whole)], BEIJING)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(keeping.run())
        await keeping.note_due("broken")
        await keeping.note_due("whole")
        async with asyncio.timeout(60):
            await done.wait()
        running.cancel()
    assert runs == ["broken"]

"""Work for upper platforms, in order where order matters, side by side where it does not.

What belongs to one lane (one platform's commands to one camera) is done one after the other; lanes
do not wait for each other. Each platform has a bounded number of jobs: what comes above it is
refused, so that no platform can fill our memory or hold up another one.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Hashable

from vms.supervise import supervise

MOST_JOBS = 256
"""Of one platform that wait or run."""

Job = Callable[[], Awaitable[None]]


class Lanes:
    """Runs jobs while `run` is running."""

    def __init__(self, name: str, most: int = MOST_JOBS) -> None:
        self._name = name
        self._most = most
        self._lanes: dict[tuple[str, Hashable], deque[Job]] = {}
        self._counts: Counter[str] = Counter()
        self._group: asyncio.TaskGroup | None = None

    def __len__(self) -> int:
        """Jobs that wait or run."""
        return self._counts.total()

    async def run(self) -> None:
        """Do what is put in until cancelled; then what waits is forgotten."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await asyncio.Event().wait()
        finally:
            self._group = None
            self._lanes.clear()
            self._counts.clear()

    def put(self, owner: str, lane: Hashable, job: Job) -> bool:
        """Do it after what the lane has; False where the owner has too much waiting."""
        if self._group is None or self._counts[owner] >= self._most:
            return False
        self._counts[owner] += 1
        key = (owner, lane)
        if key in self._lanes:
            self._lanes[key].append(job)
            return True
        self._lanes[key] = deque([job])
        self._group.create_task(self._work(key))
        return True

    async def _work(self, key: tuple[str, Hashable]) -> None:
        jobs = self._lanes[key]
        while jobs:
            job = jobs.popleft()
            try:
                await supervise(self._name, once(job))
            finally:
                self._counts[key[0]] -= 1
        self._lanes.pop(key, None)


def once(job: Job) -> Job:
    """A job for `supervise` that is not tried again: a fault of it is logged, and that is all."""
    begun: list[bool] = []

    async def attempt() -> None:
        if not begun:
            begun.append(True)
            await job()

    return attempt

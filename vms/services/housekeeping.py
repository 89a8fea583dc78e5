"""The timetable of what has to be done from time to time.

APScheduler says when; the work itself runs in the application's own task group, one job after the
other, and never twice at once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from vms.supervise import supervise

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work and when it is due."""

    name: str
    trigger: BaseTrigger
    work: Callable[[], Awaitable[object]]


class Housekeeping:
    """Runs jobs at their times until cancelled."""

    def __init__(self, jobs: Sequence[Job], zone: ZoneInfo) -> None:
        self._jobs = {job.name: job for job in jobs}
        self._zone = zone
        self._due: dict[str, None] = {}
        self._has_due = asyncio.Event()

    async def run(self) -> None:
        """Keep the timetable."""
        scheduler = AsyncIOScheduler(timezone=self._zone)
        for job in self._jobs.values():
            # However late the loop comes to it: a night's work is not left for the next night.
            scheduler.add_job(
                self.note_due, job.trigger, args=[job.name], id=job.name, misfire_grace_time=None
            )
        scheduler.start()
        try:
            await supervise("housekeeping", self._work)
        finally:
            scheduler.shutdown(wait=False)

    async def note_due(self, name: str) -> None:
        """A job's time has come; one that still waits is not put down twice."""
        self._due[name] = None
        self._has_due.set()

    async def _work(self) -> None:
        while True:
            await self._has_due.wait()
            while self._due:
                name = next(iter(self._due))
                del self._due[name]
                logger.debug("housekeeping", extra={"job": name})
                await self._jobs[name].work()
            self._has_due.clear()

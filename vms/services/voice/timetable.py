"""Broadcasts that come by themselves: kept in one file, timed by APScheduler."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from vms.clock import Clock
from vms.errors import Conflict, NotFound, VmsError
from vms.ids import new_name
from vms.records.voice import BroadcastOrder, TimetableEntry, VoiceTargets

logger = logging.getLogger(__name__)

MOST = 500
LATE_S = 300
"""An announcement that is later than this (the machine slept) is left out: its time has gone."""
WAITING = 100
Announce = Callable[[TimetableEntry], Awaitable[str]]
"""Makes the broadcast of an entry and returns its id; raises VmsError."""


class Timetable:
    """Entries and their clock; `run` must be running for anything to come."""

    def __init__(self, path: Path, zone: ZoneInfo, announce: Announce, clock: Clock) -> None:
        self._path = path
        self._zone = zone
        self._announce = announce
        self._clock = clock
        self._entries: dict[str, TimetableEntry] = {}
        self._scheduler: AsyncIOScheduler | None = None
        self._due: asyncio.Queue[str] = asyncio.Queue(WAITING)

    @property
    def entries(self) -> tuple[TimetableEntry, ...]:
        """All, by the time of day."""
        return tuple(sorted(self._entries.values(), key=lambda each: (each.at, each.id)))

    def get(self, entry_id: str) -> TimetableEntry:
        """One; raises NotFound(timetable_entry)."""
        if entry_id not in self._entries:
            raise NotFound("timetable_entry", entry_id)
        return self._entries[entry_id]

    async def begin(self) -> None:
        """Read what was kept; a file that cannot be read is told and left alone."""
        try:
            self._entries = await asyncio.to_thread(_read, self._path)
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.error(
                "the voice timetable cannot be read",
                extra={"path": str(self._path), "reason": str(error)},
            )

    async def put(self, entry: TimetableEntry) -> TimetableEntry:
        """Add (with an empty id) or replace an entry; raises Conflict(timetable_full)."""
        if not entry.id:
            if len(self._entries) >= MOST:
                raise Conflict("timetable_full", limit=MOST)
            entry = replace(entry, id=new_name())
        self._entries[entry.id] = entry
        await self._keep()
        self._schedule(entry)
        return entry

    async def delete(self, entry_id: str) -> None:
        """Remove an entry; raises NotFound(timetable_entry)."""
        self.get(entry_id)
        del self._entries[entry_id]
        await self._keep()
        if self._scheduler is not None and self._scheduler.get_job(entry_id) is not None:
            self._scheduler.remove_job(entry_id)

    async def run(self) -> None:
        """Keep the time until cancelled."""
        self._scheduler = AsyncIOScheduler(timezone=self._zone)
        for entry in self._entries.values():
            self._schedule(entry)
        self._scheduler.start()
        try:
            while True:
                await self.play(await self._due.get())
        finally:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None

    async def note_due(self, entry_id: str) -> None:
        """An entry's time has come."""
        if self._due.full():
            logger.error("too many announcements at once", extra={"id": entry_id})
        else:
            self._due.put_nowait(entry_id)

    async def play(self, entry_id: str) -> TimetableEntry | None:
        """Make an entry's broadcast now and note what came of it."""
        entry = self._entries.get(entry_id)
        if entry is None:
            return None
        try:
            result = await self._announce(entry)
        except VmsError as error:
            result = error.code
            logger.warning(
                "an announcement of the timetable failed",
                extra={"id": entry_id, "reason": error.code},
            )
        if entry_id not in self._entries:
            return None
        played = replace(self._entries[entry_id], last_at=self._clock.wall(), last_result=result)
        self._entries[entry_id] = played
        await self._keep()
        return played

    def _schedule(self, entry: TimetableEntry) -> None:
        scheduler = self._scheduler
        if scheduler is None:
            return
        if scheduler.get_job(entry.id) is not None:
            scheduler.remove_job(entry.id)
        if entry.enabled and entry.days:
            scheduler.add_job(
                self.note_due,
                trigger_of(entry, self._zone),
                args=[entry.id],
                id=entry.id,
                misfire_grace_time=LATE_S,
            )

    async def _keep(self) -> None:
        await asyncio.to_thread(_write, self._path, list(self._entries.values()))


def trigger_of(entry: TimetableEntry, zone: ZoneInfo) -> CronTrigger:
    """When an entry is due; cron counts days from 0, Monday."""
    days = ",".join(str(day - 1) for day in sorted(entry.days))
    return CronTrigger(
        day_of_week=days, hour=entry.at.hour, minute=entry.at.minute, second=0, timezone=zone
    )


def _write(path: Path, entries: list[TimetableEntry]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    text = json.dumps([_to_json(entry) for entry in entries], ensure_ascii=False, indent=1)
    draft.write_text(text, "utf-8")
    draft.replace(path)


def _read(path: Path) -> dict[str, TimetableEntry]:
    found = [_from_json(values) for values in json.loads(path.read_text("utf-8"))]
    return {entry.id: entry for entry in found}


def _to_json(entry: TimetableEntry) -> dict[str, Any]:
    order, targets = entry.order, entry.order.targets
    return {
        "id": entry.id, "at": entry.at.strftime("%H:%M"), "days": list(entry.days),
        "enabled": entry.enabled, "by": entry.by,
        "last_at": entry.last_at.isoformat() if entry.last_at else None,
        "last_result": entry.last_result, "name": order.name, "announcement": order.announcement,
        "text": order.text, "priority": order.priority, "times": order.times,
        "channels": list(targets.channels), "devices": list(targets.devices),
        "organisations": list(targets.organisations), "categories": list(targets.categories),
    }  # fmt: skip


def _from_json(values: dict[str, Any]) -> TimetableEntry:
    groups = ("channels", "devices", "organisations", "categories")
    targets = VoiceTargets(**{group: tuple(map(str, values[group])) for group in groups})
    order = BroadcastOrder(
        str(values["name"]), targets, str(values["announcement"]), str(values["text"]),
        priority=int(values["priority"]), times=int(values["times"]),
    )  # fmt: skip
    last_at = values.get("last_at")
    return TimetableEntry(
        str(values["id"]), order, time.fromisoformat(values["at"]),
        tuple(int(day) for day in values["days"]), bool(values["enabled"]), str(values["by"]),
        datetime.fromisoformat(last_at) if last_at else None, str(values.get("last_result", "")),
    )  # fmt: skip

"""Alarms: raised, acknowledged, cleared; one per cause while it lasts.

Snapshots lie below `data/alarms` under names made here, never under names that come from outside.
"""

import asyncio
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from peewee import Database

from channel_registry.queries.channels import find_channel
from channel_registry.queries.devices import find_device
from sip.events import AlarmReceived, DeviceClockChecked, DeviceMoved, GuessingLocked
from sip.gb28181.alarm import split_methods
from sip.gb28181.alarm_names import name_alarm
from vms.bus import Bus
from vms.clock import Clock
from vms.errors import NotFound
from vms.events import AlarmRaised, AlarmUpdated
from vms.ids import new_name
from vms.records import Alarm, AlarmFilter, AlarmLevel, Page
from vms.services.day_folders import remove_days_before, write_picture
from vms.services.outages import OutageWatch
from vms.services.store import Store
from vms.storage.queries import alarms as queries
from vms.storage.queries.audit import add_audit
from vms.storage.records import AlarmStep, NewAlarm

logger = logging.getLogger(__name__)

FOLDER = "alarms"
LARGEST_SNAPSHOT = 4 * 1024 * 1024
"""Requirement S2: an alarm's picture has 4 MB at most."""

DEVICE_ALARM = "device_alarm"
"""Kind of what devices report."""

DEVICE_LEVELS = {1: AlarmLevel.RED, 2: AlarmLevel.ORANGE, 3: AlarmLevel.YELLOW}


class AlarmService:
    """Keeps what a person has to look at; `run` turns lost streams into alarms."""

    def __init__(self, store: Store, data: Path, bus: Bus, clock: Clock) -> None:
        self._store = store
        self._data = data
        self._bus = bus
        self._clock = clock
        self._outages = OutageWatch(self.raise_, bus, clock)

    async def run(self) -> None:
        """Watch pictures and devices until cancelled: one that stalls is an alarm."""
        await self._outages.run()

    # Raising

    async def raise_(self, alarm: NewAlarm, snapshot: bytes = b"") -> Alarm:
        """Raise an alarm, or count it once more while one of its key is not cleared.

        The picture is stored for a new alarm only.
        """
        record, is_new = await self._store.run_when_ready(_raise, alarm, self._clock.wall())
        if is_new and snapshot:
            record = await self._keep_snapshot(record, snapshot)
        at = self._clock.wall()
        if is_new:
            logger.warning(
                "alarm raised",
                extra={"alarm": record.id, "kind": record.kind, "channel": record.channel},
            )
            self._bus.publish(AlarmRaised(at=at, alarm=record))
        else:
            self._bus.publish(AlarmUpdated(at=at, alarm=record))
        return record

    async def raise_device_alarm(self, event: AlarmReceived) -> None:
        """What a device reports (GB/T 28181-2022 9.4)."""
        await self.raise_(
            NewAlarm(
                channel=event.source_id or event.device_id,
                kind=DEVICE_ALARM,
                level=DEVICE_LEVELS.get(event.priority, AlarmLevel.BLUE),
                dedupe_key=f"device:{event.source_id}:{event.method}:{event.alarm_type}",
                source="device",
                detail=_detail_of(event),
            )
        )

    async def raise_moved_device(self, event: DeviceMoved) -> None:
        """The same device registered from two places; the later proof of the password won."""
        await self.raise_(
            NewAlarm(
                channel=event.device_id,
                kind="device_moved",
                level=AlarmLevel.YELLOW,
                dedupe_key=f"moved:{event.device_id}",
                source="system",
                detail={"before": str(event.previous_peer), "now": str(event.peer)},
            )
        )

    async def raise_wrong_clock(self, event: DeviceClockChecked) -> None:
        """A device's clock is wrong: what it records and reports carries wrong times."""
        await self.raise_(
            NewAlarm(
                channel=event.device_id,
                kind="device_clock_wrong",
                level=AlarmLevel.BLUE,
                dedupe_key=f"clock:{event.device_id}",
                source="system",
                detail={"offset_s": round(event.offset_s, 1)},
            )
        )

    async def raise_guessing(self, event: GuessingLocked) -> None:
        """Somebody tries passwords of a device: for the audit log, and one alarm per device."""
        await self._store.run_when_ready(
            add_audit,
            at=event.at,
            actor=event.device_id,
            action="device.register",
            target=event.device_id,
            source=event.peer.host,
            result="locked_out",
        )
        await self.raise_(
            NewAlarm(
                channel=event.device_id,
                kind="password_guessing",
                level=AlarmLevel.YELLOW,
                dedupe_key=f"guessing:{event.device_id}",
                source="system",
                detail={"address": event.peer.host},
            )
        )

    # People

    async def alarms(self, wanted: AlarmFilter, page: int = 1, size: int = 50) -> Page[Alarm]:
        """Alarms that pass the filter, the newest first."""
        return await self._store.run(queries.list_alarms, wanted, page=page, size=size)

    async def alarm(self, alarm_id: int) -> Alarm:
        """One alarm; raises NotFound(alarm)."""
        return await self._store.run(queries.get_alarm, alarm_id)

    async def acknowledge(self, alarm_id: int, by: str) -> Alarm:
        """Somebody has seen it; raises NotFound(alarm), Conflict(wrong_state)."""
        return await self._step(alarm_id, AlarmStep.ACKNOWLEDGE, by)

    async def clear(self, alarm_id: int, by: str, note: str = "") -> Alarm:
        """Somebody closes it; the same cause seen again is a new alarm."""
        return await self._step(alarm_id, AlarmStep.CLEAR, by, note)

    async def snapshot_path(self, alarm_id: int) -> Path:
        """The picture's file; raises NotFound(alarm), NotFound(snapshot)."""
        alarm = await self.alarm(alarm_id)
        folder = (self._data / FOLDER).resolve()
        path = (self._data / alarm.snapshot).resolve()
        if not alarm.snapshot or not path.is_relative_to(folder):
            raise NotFound("snapshot", str(alarm_id))
        if not await asyncio.to_thread(path.is_file):
            raise NotFound("snapshot", str(alarm_id))
        return path

    async def prune(self, keep_days: int) -> int:
        """Remove the pictures of alarms that were raised long ago; answers how many."""
        before = self._clock.wall() - timedelta(days=keep_days)
        return await asyncio.to_thread(remove_days_before, self._data / FOLDER, before)

    # Inside

    async def _step(self, alarm_id: int, step: AlarmStep, by: str, note: str = "") -> Alarm:
        at = self._clock.wall()
        alarm = await self._store.run(queries.step_alarm, alarm_id, step, by=by, at=at, note=note)
        self._bus.publish(AlarmUpdated(at=at, alarm=alarm))
        return alarm

    async def _keep_snapshot(self, alarm: Alarm, picture: bytes) -> Alarm:
        if len(picture) > LARGEST_SNAPSHOT:
            logger.warning("alarm picture too large", extra={"alarm": alarm.id})
            return alarm
        name = f"{FOLDER}/{alarm.raised_at:%Y%m%d}/{new_name()}.jpg"
        try:
            await asyncio.to_thread(write_picture, self._data / name, picture)
        except OSError as error:
            logger.error(
                "alarm picture not stored", extra={"alarm": alarm.id, "reason": str(error)}
            )
            return alarm
        return await self._store.run(queries.set_snapshot, alarm.id, name)


def _detail_of(event: AlarmReceived) -> dict[str, object]:
    """What a device said, with the name that the standard has for it."""
    methods = split_methods(event.method) or (event.method,)
    names = [name_alarm(method, event.alarm_type, event.event_type) for method in methods]
    detail: dict[str, object] = {
        "name": "、".join(zh for zh, _ in names),
        "name_en": ", ".join(en for _, en in names),
        "device": event.device_id,
        "method": event.method,
        "type": event.alarm_type,
        "event": event.event_type,
        "priority": event.priority,
        "time": event.time_text,
        "description": event.description,
    }
    if event.longitude is not None and event.latitude is not None:
        detail |= {"longitude": event.longitude, "latitude": event.latitude}
    return detail


def _raise(database: Database, alarm: NewAlarm, at: datetime) -> tuple[Alarm, bool]:
    """Raise it under the name that its channel or device has now."""
    if alarm.channel and not alarm.channel_name:
        named = find_channel(database, alarm.channel) or find_device(database, alarm.channel)
        alarm = replace(alarm, channel_name=named.name if named else "")
    return queries.raise_alarm(database, alarm, at=at)

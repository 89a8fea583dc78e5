"""The facts of the status line, the metrics, the disk."""

import asyncio
import logging
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from peewee import Database

from channel_registry.queries.channels import counts
from channel_registry.records import RegistryCounts
from vms import supervise
from vms.bus import Bus
from vms.clock import Clock
from vms.metrics import Kind, Sample, build_text
from vms.records import AlarmLevel, AlarmState, LiveState, LiveStatus, SystemStatus
from vms.services.alarms import AlarmService
from vms.services.store import Store
from vms.storage.queries.alarms import alarm_counts
from vms.storage.records import NewAlarm

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gauges:
    """Where the figures of other parts come from."""

    live: Callable[[], tuple[LiveStatus, ...]]
    recording: Callable[[], int]
    signalling: Callable[[], dict[str, int]]
    database_pending: Callable[[], int]
    relay: Callable[[], Iterable[Sample]]


class SystemService:
    """Sums up."""

    def __init__(
        self,
        store: Store,
        alarms: AlarmService,
        gauges: Gauges,
        *,
        data: Path,
        reserve_bytes: int,
        time_zone: str,
        version: str,
        clock: Clock,
        bus: Bus,
    ) -> None:
        self._store = store
        self._alarms = alarms
        self._gauges = gauges
        self._data = data
        self._reserve_bytes = reserve_bytes
        self._time_zone = time_zone
        self._version = version
        self._clock = clock
        self._bus = bus
        self._began = clock.now()
        self._began_at = clock.wall()
        self._is_ready = False

    def set_ready(self, is_ready: bool) -> None:
        """Everything listens, or nothing is accepted any more."""
        self._is_ready = is_ready

    def is_ready(self) -> bool:
        """Whether the platform serves: what `/healthz` answers."""
        return self._is_ready

    async def status(self) -> SystemStatus:
        """The facts now."""
        registry, alarms = await self._store.run(_count)
        disk = await asyncio.to_thread(shutil.disk_usage, self._data)
        live = self._gauges.live()
        return SystemStatus(
            version=self._version,
            started_at=self._began_at,
            uptime_s=self._clock.now() - self._began,
            streams=sum(status.state is LiveState.LIVE for status in live),
            viewers=sum(status.viewers for status in live),
            recording=self._gauges.recording(),
            devices=registry.devices,
            devices_online=registry.devices_online,
            channels=registry.channels,
            channels_online=registry.channels_online,
            channels_proven=registry.channels_proven,
            alarms_open=sum(n for state, n in alarms.items() if state is not AlarmState.CLEARED),
            disk_free_bytes=disk.free,
            disk_total_bytes=disk.total,
            data=self._data,
            time_zone=self._time_zone,
        )

    async def metrics(self) -> str:
        """All figures in the Prometheus text format 0.0.4."""
        status = await self.status()
        return build_text([*_status_samples(status), *self._samples()])

    async def check_disk(self) -> None:
        """Raise an alarm when less than the reserve is free."""
        disk = await asyncio.to_thread(shutil.disk_usage, self._data)
        if disk.free >= self._reserve_bytes:
            return
        logger.warning("little disk space left", extra={"free_bytes": disk.free})
        await self._alarms.raise_(
            NewAlarm(
                channel="",
                kind="disk_low",
                level=AlarmLevel.ORANGE,
                dedupe_key="disk:low",
                source="system",
                detail={"free_bytes": disk.free, "reserve_bytes": self._reserve_bytes},
            )
        )

    def _samples(self) -> Iterable[Sample]:
        for name, value in sorted(self._gauges.signalling().items()):
            yield Sample(
                "sip_events_total", Kind.COUNTER, "What signalling counted.", value, {"kind": name}
            )
        for name, count in sorted(supervise.restarts.items()):
            yield Sample(
                "restarts_total", Kind.COUNTER, "Work started again.", count, {"work": name}
            )
        for name, length, dropped in self._bus.queues():
            labels = {"queue": name}
            yield Sample("bus_queue", Kind.GAUGE, "Events that wait.", length, labels)
            yield Sample("bus_dropped_total", Kind.COUNTER, "Events lost.", dropped, labels)
        pending = self._gauges.database_pending()
        yield Sample("database_pending", Kind.GAUGE, "Calls that wait.", pending)
        yield from self._gauges.relay()


def _status_samples(status: SystemStatus) -> Iterable[Sample]:
    figures = {
        "uptime_seconds": ("Time since the start.", status.uptime_s),
        "streams": ("Pictures that run.", status.streams),
        "viewers": ("Places before them, recorders included.", status.viewers),
        "recording": ("Channels written to disk.", status.recording),
        "devices": ("Devices in the registry.", status.devices),
        "devices_online": ("Devices that are there.", status.devices_online),
        "channels": ("Channels in the registry.", status.channels),
        "channels_online": ("Channels that are there.", status.channels_online),
        "channels_proven": ("Channels whose pictures were seen.", status.channels_proven),
        "alarms_open": ("Alarms that nobody has cleared.", status.alarms_open),
        "disk_free_bytes": ("Free space of the data folder.", status.disk_free_bytes),
    }
    for name, (meaning, value) in figures.items():
        yield Sample(name, Kind.GAUGE, meaning, value)


def _count(database: Database) -> tuple[RegistryCounts, dict[AlarmState, int]]:
    return counts(database), alarm_counts(database)

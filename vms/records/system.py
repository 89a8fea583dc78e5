"""The facts of the status line."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """The facts of the status line."""

    version: str
    started_at: datetime
    uptime_s: float
    streams: int
    viewers: int
    recording: int
    devices: int
    devices_online: int
    channels: int
    channels_online: int
    channels_proven: int
    alarms_open: int
    disk_free_bytes: int
    disk_total_bytes: int
    data: Path
    time_zone: str

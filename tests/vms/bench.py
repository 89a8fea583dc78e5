"""What tests of the services share: a clock turned by hand, a registry with one device."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from channel_registry.records import CatalogEntry, DeviceBinding

T = TypeVar("T")
T0 = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
DEVICE = "14040000001180000001"
OTHER_DEVICE = "14040000001180000002"
CHANNEL = "14040000001320000001"
OTHER_CHANNEL = "14040000001320000002"


class HandClock:
    """Time stands still until it is turned."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.at = T0

    def now(self) -> float:
        return self.seconds

    def wall(self) -> datetime:
        return self.at

    def turn(self, seconds: float) -> None:
        self.seconds += seconds
        self.at += timedelta(seconds=seconds)


def binding(device_id: str = DEVICE, *, expires_s: int = 3600) -> DeviceBinding:
    return DeviceBinding(
        device_id=device_id,
        transport="udp",
        host="127.0.0.1",
        port=5061,
        contact=f"sip:{device_id}@127.0.0.1:5061",
        user_agent="test",
        gb_version="3.0",
        registered_at=T0,
        expires_at=T0 + timedelta(seconds=expires_s),
        last_seen_at=T0,
        online=True,
    )


def camera(code: str = CHANNEL, name: str = "主井口", *, status_on: bool = True) -> CatalogEntry:
    return CatalogEntry(code=code, name=name, status_on=status_on, parent_ids=(DEVICE,))


async def eventually(probe: Callable[[], Awaitable[T] | T], within_s: float = 60.0) -> T:
    """Ask again and again until the answer is true; answers it."""
    for _ in range(round(within_s / 0.005)):
        answer = probe()
        answer = await answer if isinstance(answer, Awaitable) else answer
        if answer:
            return answer
        await asyncio.sleep(0.005)
    raise AssertionError("it did not become true in time")

"""A registrar that says what the test says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

from sip import events as sip
from sip.server import (
    CatalogResult,
    DeviceInfo,
    DeviceStatus,
    PeerUnreachable,
    RegistrationSnapshot,
)
from tests.vms.bench import DEVICE, T0

PEER = sip.PeerAddress("udp", "127.0.0.1", 5061)
ELSEWHERE = sip.PeerAddress("udp", "127.0.0.9", 5061)


class FakeRegistrar:
    """Events in, queries answered from a list."""

    def __init__(self) -> None:
        self.restored: list[RegistrationSnapshot] = []
        self.forgotten: list[str] = []
        self.catalogs: list[CatalogResult] = []
        self.asked: list[str] = []
        self.registered: set[str] = set()
        self.settled: list[int] = []
        self._events: asyncio.Queue[sip.Event] = asyncio.Queue()

    async def events(self) -> AsyncIterator[sip.Event]:
        while True:
            yield await self._events.get()

    def waiting_events(self) -> list[sip.Event]:
        return [self._events.get_nowait() for _ in range(self._events.qsize())]

    @property
    def is_heard(self) -> bool:
        """Whether everything that was said has been taken."""
        return self._events.empty()

    def say(self, *events: sip.Event) -> None:
        for event in events:
            self._events.put_nowait(event)

    def registration(self, device_id: str) -> RegistrationSnapshot | None:
        return None

    def restore(self, registrations: Iterable[RegistrationSnapshot]) -> None:
        self.restored += registrations

    def forget(self, device_id: str) -> None:
        self.forgotten.append(device_id)

    def when_in_doubt(self, ask: Callable[[], None]) -> None:
        pass

    def newest_doubt(self) -> int:
        return 0

    def settle_doubts(self, newest: int) -> None:
        self.settled.append(newest)

    def is_registered(self, device_id: str) -> bool:
        return device_id in self.registered

    async def query_catalog(self, device_id: str, timeout_s: float | None = None) -> CatalogResult:
        self.asked.append(device_id)
        if not self.catalogs:
            raise PeerUnreachable("no answer")
        return self.catalogs.pop(0) if len(self.catalogs) > 1 else self.catalogs[0]

    async def query_device_info(self, device_id: str) -> DeviceInfo:
        return DeviceInfo(
            device_id=device_id, name="汇聚箱", manufacturer="Maker", model="M1", firmware="1.0"
        )

    async def query_device_status(self, device_id: str) -> DeviceStatus:
        return DeviceStatus(device_id, is_online=True, is_ok=True)


def registered(device_id: str = DEVICE, peer: sip.PeerAddress = PEER) -> sip.DeviceRegistered:
    return sip.DeviceRegistered(device_id, peer, 3600, "agent", "3.0", T0)


def keepalive(device_id: str = DEVICE) -> sip.KeepaliveReceived:
    return sip.KeepaliveReceived(device_id, PEER, "OK", (), T0)


def attempt(device_id: str, outcome: sip.AttemptOutcome) -> sip.RegistrationAttempted:
    return sip.RegistrationAttempted(device_id, PEER, outcome, "agent", T0)

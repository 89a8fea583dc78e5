"""Who is there: turns what signalling says into registry, spans, and events for people.

Events of the SIP server are taken in order, written in batches (one transaction for whatever has
gathered), then told on the bus. Keepalives are only noted, and written every few seconds.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from channel_registry.queries.presence import touch_devices
from channel_registry.records import DeviceBinding
from sip import events as sip
from sip.gb28181.quirks import DeviceQuirks, Quirk, none_known
from sip.server import RegistrationSnapshot
from vms.bus import Bus
from vms.clock import Clock
from vms.errors import VmsError
from vms.events import RegistrationAttempted, VideoUploadAnnounced
from vms.records import AttemptView
from vms.services.catalogs import CatalogService
from vms.services.credentials import CredentialCache
from vms.services.presence import CatalogChange, PresenceChange, settle
from vms.services.presence_news import PresenceNews
from vms.services.signalling_writes import STATUS_EVENTS, Outcome, build_write, write_all
from vms.services.store import Store
from vms.supervise import supervise

logger = logging.getLogger(__name__)

BATCH = 500
BACKLOG = 2000
TOUCH_EVERY_S = 5.0
FLUSH_S = 6.0


class Registrar(Protocol):
    """The part of `sip.server.SipServer` that knows who is registered."""

    def events(self) -> AsyncIterator[sip.Event]:
        """What devices do."""

    def waiting_events(self) -> list[sip.Event]:
        """What nobody has taken yet."""

    def registration(self, device_id: str) -> RegistrationSnapshot | None:
        """A device's registration as it is now, None where it has none."""

    def restore(self, registrations: Iterable[RegistrationSnapshot]) -> None:
        """Take up registrations that outlived a restart."""

    def forget(self, device_id: str) -> None:
        """The device may not come in any more."""

    def when_in_doubt(self, ask: Callable[[], None]) -> None:
        """Let those that would be refused wait for `settle_doubts`."""

    def newest_doubt(self) -> int:
        """The number of the latest that waits."""

    def settle_doubts(self, newest: int) -> None:
        """Answer those up to a number."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who else hears what signalling says."""

    invitation_ended: Callable[[str, str], None]
    """With the invitation's id and the reason."""
    file_ended: Callable[[str, str], None]
    """A device has sent its file: with the device's id and the invitation's, which may be empty."""
    alarm_received: Callable[[sip.AlarmReceived], Awaitable[None]]
    device_moved: Callable[[sip.DeviceMoved], Awaitable[None]]
    clock_wrong: Callable[[sip.DeviceClockChecked], Awaitable[None]]
    snapshots_uploaded: Callable[[sip.SnapshotsUploaded], None]
    upgrade_ended: Callable[[sip.UpgradeEnded], None]
    subscription_changed: Callable[[sip.SubscriptionChanged], None]
    positions_received: Callable[[sip.PositionsReceived], Awaitable[None]]
    guessing_locked: Callable[[sip.GuessingLocked], Awaitable[None]]


class RegistrationService:
    """Consumes the SIP server's events; `restore` once, then `run`."""

    def __init__(
        self,
        registrar: Registrar,
        store: Store,
        credentials: CredentialCache,
        catalogs: CatalogService,
        news: PresenceNews,
        *,
        bus: Bus,
        clock: Clock,
        listeners: Listeners,
        quirks: DeviceQuirks = none_known,
    ) -> None:
        self._quirks = quirks
        self._registrar = registrar
        self._store = store
        self._credentials = credentials
        self._catalogs = catalogs
        self._news = news
        self._bus = bus
        self._clock = clock
        self._listeners = listeners
        self._backlog: asyncio.Queue[sip.Event] = asyncio.Queue(BACKLOG)
        self._taken: list[sip.Event] = []
        """The batch being written; written once more when the end comes in between."""
        self._seen: dict[str, datetime] = {}
        self._unheard: set[str] = set()
        """Devices whose next keepalive may change something: those not heard since the start or
        since they registered, and those that told of faulty channels."""

    async def restore(self) -> int:
        """Give the registrar the registrations that still run; answers how many."""
        bindings = await self._store.run(settle, self._clock.wall())
        self._registrar.restore([_snapshot(binding) for binding in bindings])
        self._unheard = {binding.device_id for binding in bindings}
        return len(bindings)

    async def run(self) -> None:
        """Serve until cancelled; what was heard is written before it ends."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(supervise("registration-events", self._take_events))
                group.create_task(supervise("registration-writes", self._write_events))
                group.create_task(supervise("registration-keepalives", self._touch))
                group.create_task(supervise("registration-credentials", self._reload))
                group.create_task(self._catalogs.run())
        finally:
            await self._flush()

    # Events in

    async def _take_events(self) -> None:
        async for event in self._registrar.events():
            if self._sort(event):
                await self._backlog.put(event)

    def _sort(self, event: sip.Event) -> bool:
        """Act on what needs no writing; true for what is to be written."""
        match event:
            case sip.KeepaliveReceived():
                return self._hear_keepalive(event)
            case sip.InvitationEnded():
                self._listeners.invitation_ended(event.invitation_id, event.reason)
            case sip.PeerMisbehaved():
                logger.warning(
                    "peer misbehaves",
                    extra={
                        "peer": str(event.peer),
                        "reason": event.reason,
                        "count": event.count,
                        "sample": event.sample.hex(),
                    },
                )
            case sip.SnapshotsUploaded():
                self._listeners.snapshots_uploaded(event)
            case sip.VideoUploadBegun():
                self._tell_upload(event)
            case sip.UpgradeEnded():
                self._listeners.upgrade_ended(event)
            case sip.MediaStatusReceived():
                self._listeners.file_ended(event.device_id, event.invitation_id or "")
            case _:
                if isinstance(event, sip.DeviceRegistered):
                    self._unheard.add(event.device_id)
                return True
        return False

    def _hear_keepalive(self, event: sip.KeepaliveReceived) -> bool:
        """Note it; true for one that may change something."""
        self._seen[event.device_id] = event.at
        if event.device_id not in self._unheard and not event.faulty:
            return False
        # After one with faults the next is looked at too: it may say that they ended.
        self._unheard.discard(event.device_id)
        if event.faulty:
            self._unheard.add(event.device_id)
        return True

    def _tell_upload(self, event: sip.VideoUploadBegun) -> None:
        facts = {"device": event.device_id, "channel": event.channel_id, "time": event.time_text}
        logger.info("device begins to send video", extra=facts)
        self._bus.publish(
            VideoUploadAnnounced(
                at=event.at,
                device_id=event.device_id,
                channel=event.channel_id,
                time_text=event.time_text,
                longitude=event.longitude,
                latitude=event.latitude,
            )
        )

    # Writing

    async def _write_events(self) -> None:
        while True:
            self._taken = [await self._backlog.get()]
            while not self._backlog.empty() and len(self._taken) < BATCH:
                self._taken.append(self._backlog.get_nowait())
            await self._write(self._taken)
            self._taken = []

    async def _write(self, events: list[sip.Event]) -> None:
        """Write a batch; a database that is away for a moment loses nothing."""
        now = {device_id: self._registrar.registration(device_id) for device_id in _ids(events)}
        believed = [self._believed(event) for event in events]
        writes = [(event, write) for event in believed if (write := build_write(event, now))]
        outcomes: list[Outcome] = []
        if writes:
            outcomes = await self._store.run_when_ready(write_all, [write for _, write in writes])
        for (event, _), outcome in zip(writes, outcomes, strict=True):
            await self._tell(event, outcome)
        for event in events:
            await self._pass_on(event)

    def _believed(self, event: sip.Event) -> sip.Event:
        """A catalogue notification without its states where the device's are worth nothing."""
        if not isinstance(event, sip.CatalogReceived):
            return event
        if self._quirks(event.device_id).text(Quirk.CATALOG_STATES) == "trusted":
            return event
        items = tuple(item for item in event.items if item.event not in STATUS_EVENTS)
        return replace(event, items=items)

    async def _tell(self, event: sip.Event, outcome: Outcome) -> None:
        if isinstance(outcome, CatalogChange):
            self._news.tell_catalog(outcome)
        if not isinstance(outcome, PresenceChange):
            return
        address = ""
        registered = isinstance(event, sip.KeepalivesMissed | sip.KeepaliveReceived)
        if isinstance(event, sip.DeviceRegistered | sip.DeviceRefreshed):
            address, registered = f"{event.peer.host}:{event.peer.port}", True
        self._news.tell_device(outcome, address, registered=registered)
        if outcome.turned:
            await self._catalogs.ask(outcome.device_id)

    async def _pass_on(self, event: sip.Event) -> None:
        match event:
            case sip.RegistrationAttempted():
                self._bus.publish(
                    RegistrationAttempted(
                        at=event.at,
                        attempt=AttemptView(
                            at=event.at,
                            device_id=event.device_id,
                            address=event.peer.host,
                            transport=event.peer.transport,
                            outcome=event.outcome.value,
                            count=event.count,
                            user_agent=event.user_agent,
                            known=self._credentials.is_known(event.device_id),
                        ),
                    )
                )
            case sip.AlarmReceived():
                await self._listeners.alarm_received(event)
            case sip.SubscriptionChanged():
                self._listeners.subscription_changed(event)
            case sip.PositionsReceived():
                await self._listeners.positions_received(event)
            case sip.DeviceMoved():
                await self._listeners.device_moved(event)
            case sip.GuessingLocked():
                await self._listeners.guessing_locked(event)
            case sip.DeviceClockChecked() if event.is_wrong:
                await self._listeners.clock_wrong(event)
            case sip.DeviceRedirected():
                logger.info(
                    "device sent to another platform",
                    extra={"device": event.device_id, "target": event.target},
                )

    # Beside the events

    async def _touch(self) -> None:
        while True:
            await asyncio.sleep(TOUCH_EVERY_S)
            await self._write_seen()

    async def _write_seen(self) -> None:
        seen, self._seen = self._seen, {}
        if seen:
            await self._store.run(touch_devices, seen)

    async def _reload(self) -> None:
        """Read the passwords again when somebody knocks whom they do not let in, else in turns."""
        self._registrar.when_in_doubt(self._credentials.want)
        while True:
            await self._credentials.wait()
            waiting = self._registrar.newest_doubt()
            for device_id in await self._credentials.reload():
                self._registrar.forget(device_id)
            self._registrar.settle_doubts(waiting)

    async def _flush(self) -> None:
        """Write what was heard before the end: a whole fleet may just have said goodbye."""
        waiting = [self._backlog.get_nowait() for _ in range(self._backlog.qsize())]
        late = [event for event in self._registrar.waiting_events() if self._sort(event)]
        events = deque([*self._taken, *waiting, *late])
        try:
            async with asyncio.timeout(FLUSH_S):
                while events:
                    batch = [events.popleft() for _ in range(min(BATCH, len(events)))]
                    await self._write(batch)
                await self._write_seen()
        except (TimeoutError, VmsError) as error:
            logger.error(
                "events lost at the end",
                extra={"reason": str(error) or "timeout", "count": len(events)},
            )


def _ids(events: list[sip.Event]) -> set[str]:
    arrivals = (sip.DeviceRegistered, sip.DeviceRefreshed)
    return {event.device_id for event in events if isinstance(event, arrivals)}


def _snapshot(binding: DeviceBinding) -> RegistrationSnapshot:
    transport: sip.Transport = "tcp" if binding.transport == "tcp" else "udp"
    return RegistrationSnapshot(
        device_id=binding.device_id,
        peer=sip.PeerAddress(transport, binding.host, binding.port),
        contact=binding.contact,
        user_agent=binding.user_agent,
        gb_version=binding.gb_version,
        registered_at=binding.registered_at,
        expires_at=binding.expires_at,
    )

"""Which device reports what: the policy, what was learned of each device, and polling instead.

What is asked for is decided when a device comes on: by the configuration, unless somebody said
otherwise. A device that refused is left alone for a day; its catalogue is then polled.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from itertools import count
from typing import Protocol

from peewee import Database

from channel_registry.queries.channels import devices_with_mobile_channels
from channel_registry.queries.devices import get_device, known_devices, list_devices
from sip.errors import SipError
from sip.events import SubscriptionChanged
from sip.gb28181 import control
from sip.gb28181.question import Question
from sip.gb28181.quirks import DeviceQuirks, Quirk, none_known
from sip.subscriptions import SubscriptionStatus, Topic
from vms.bus import Bus
from vms.clock import Clock
from vms.config_sections import SubscriptionsSection
from vms.errors import VmsError
from vms.events import CatalogMerged, DeviceStatusChanged, Event, SubscriptionUpdated
from vms.records import SubscriptionTopic, SubscriptionView
from vms.services.capability_notes import NoteCapability, ignore_note
from vms.services.catalogs import CatalogService
from vms.services.store import Store
from vms.storage.device_records import SubscriptionRecord, Verdict
from vms.storage.queries.subscriptions import (
    subscriptions_of_all,
    wish_subscription,
)

logger = logging.getLogger(__name__)

TOPICS: Mapping[SubscriptionTopic, Topic] = {
    SubscriptionTopic.CATALOG: Topic.CATALOG,
    SubscriptionTopic.ALARM: Topic.ALARM,
    SubscriptionTopic.POSITION: Topic.POSITION,
}
NAMES = {topic.value: name for name, topic in TOPICS.items()}
ACTIVE, REFUSED = "active", "refused"
VERDICTS = {ACTIVE: Verdict.WORKS, REFUSED: Verdict.REFUSED}
CAPABILITIES = {
    SubscriptionTopic.CATALOG: "subscription_catalog",
    SubscriptionTopic.ALARM: "subscription_alarm",
    SubscriptionTopic.POSITION: "subscription_mobile_position",
}
"""The lines of the capability matrix."""
REFUSED_FOR = timedelta(days=1)
EVENTS = 16_384
"""Devices that may come on before they are served: a fleet after a power cut."""

PAGE = 500
BATCH = 200
"""Devices that are looked up together."""

Facts = tuple[Mapping[str, SubscriptionRecord], bool]
"""What is known of a device's subscriptions by topic, and whether it has something that moves."""


class Subscriptions(Protocol):
    """The part of `sip.server.SipServer` that keeps subscriptions; errors are SipError."""

    async def follow_catalog(self, device_id: str, expires_s: int = ...) -> None:
        """Be told of channels that change."""

    async def follow_alarms(self, device_id: str, expires_s: int = ...) -> None:
        """Be told of alarms."""

    async def follow_positions(
        self, device_id: str, expires_s: int = ..., *, interval_s: int = ...
    ) -> None:
        """Be told where things are."""

    async def end(self, device_id: str, topic: Topic) -> None:
        """Want it no more."""

    def statuses(self, device_id: str) -> tuple[SubscriptionStatus, ...]:
        """What is wanted, and what has become of it."""


Order = Callable[[str, Question[None]], Awaitable[None]]
"""Sends a command to a device (`sip.server.SipServer.ask`); errors are SipError."""


async def _no_guard(device_id: str, question: Question[None]) -> None:
    """Nobody to arm."""


class SubscriptionService:
    """Keeps the subscriptions that the policy asks for; `run` follows the devices."""

    def __init__(
        self,
        subscriptions: Subscriptions,
        store: Store,
        catalogs: CatalogService,
        settings: SubscriptionsSection,
        bus: Bus,
        clock: Clock,
        *,
        quirks: DeviceQuirks = none_known,
        order: Order = _no_guard,
    ) -> None:
        self._quirks = quirks
        self._order = order
        self._subscriptions = subscriptions
        self._store = store
        self._catalogs = catalogs
        self._settings = settings
        self._bus = bus
        self._clock = clock
        self.on_capability: NoteCapability = ignore_note
        """Hears what a device reports."""

    async def run(self) -> None:
        """Apply the policy to each device that comes on, until cancelled."""
        wanted = (DeviceStatusChanged, CatalogMerged)
        with self._bus.subscribe(*wanted, name="subscriptions", limit=EVENTS) as events:
            while True:
                first = await events.next()
                others = [await events.next() for _ in range(min(len(events), BATCH))]
                await self._apply_all(_concerned([first, *others]))

    def tell(self, event: SubscriptionChanged) -> None:
        """Tell what became of a subscription, after it was written."""
        facts = {"device": event.device_id, "topic": event.topic, "event": event.state}
        if event.state in (REFUSED, "waiting"):
            logger.warning("device does not report", extra=facts | {"reason": event.reason})
        else:
            logger.info("subscription", extra=facts)
        if event.state in VERDICTS:
            name = CAPABILITIES[NAMES[event.topic]]
            self.on_capability(event.device_id, name, VERDICTS[event.state], event.reason)
        self._bus.publish(
            SubscriptionUpdated(
                at=self._clock.wall(),
                device_id=event.device_id,
                topic=NAMES[event.topic],
                state=event.state,
                reason=event.reason,
            )
        )

    async def poll(self) -> int:
        """Ask those for their catalogue that do not report changes; answers how many."""
        devices = await self._store.run(_online)
        silent = [device for device in devices if not self._reports_changes(device)]
        for device_id in silent:
            await self._catalogs.ask(device_id)
        return len(silent)

    # People

    async def of_device(self, device_id: str) -> tuple[SubscriptionView, ...]:
        """What is subscribed to at a device; raises NotFound(device)."""
        known, is_mobile = await self._store.run(_known, device_id)
        running = {status.topic: status for status in self._subscriptions.statuses(device_id)}
        return tuple(
            _view(name, running.get(topic), known.get(topic), self._wants(name, known, is_mobile))
            for name, topic in TOPICS.items()
        )

    async def wish(
        self, device_id: str, topic: SubscriptionTopic, wanted: bool | None
    ) -> tuple[SubscriptionView, ...]:
        """Want it, do not want it, or leave it to the configuration; raises NotFound(device)."""
        await self._store.run(_wish, device_id, TOPICS[topic], wanted)
        await self._subscriptions.end(device_id, TOPICS[topic])
        if topic is SubscriptionTopic.ALARM:
            await self._arm(device_id)
        await self._apply(device_id, await self._store.run(_known, device_id), asked_now=topic)
        return await self.of_device(device_id)

    # Inside

    async def _apply_all(self, devices: Mapping[str, bool]) -> None:
        """Serve devices, after one look into the database for all; True: it has just come on."""
        if not devices:
            return
        facts = await self._store.run(_facts_of, list(devices))
        for device_id, is_new in devices.items():
            if device_id in facts:
                await self._apply_safely(device_id, facts[device_id], is_new=is_new)

    async def _apply_safely(self, device_id: str, facts: Facts, *, is_new: bool) -> None:
        try:
            if is_new:
                await self._arm(device_id)
            await self._apply(device_id, facts)
        except (SipError, VmsError) as error:
            logger.warning(
                "device not subscribed", extra={"device": device_id, "reason": str(error)}
            )

    async def _arm(self, device_id: str) -> None:
        """Set guard where alarms are wanted and the device reports none without it."""
        if not self._quirks(device_id).is_set(Quirk.ALARM_NEEDS_GUARD):
            return
        known, is_mobile = await self._store.run(_known, device_id)
        if not self._wants(SubscriptionTopic.ALARM, known, is_mobile):
            return
        try:
            await self._order(device_id, control.guard(is_on=True))
        except SipError as error:
            logger.warning(
                "device not armed, it may report no alarms",
                extra={"device": device_id, "reason": str(error)},
            )

    async def _apply(
        self, device_id: str, facts: Facts, asked_now: SubscriptionTopic | None = None
    ) -> None:
        known, is_mobile = facts
        running = {status.topic for status in self._subscriptions.statuses(device_id)}
        for name, topic in TOPICS.items():
            if topic in running or not self._wants(name, known, is_mobile):
                continue
            if name is asked_now or not self._has_refused(known.get(topic)):
                await self._follow(device_id, name)

    async def _follow(self, device_id: str, topic: SubscriptionTopic) -> None:
        expires_s = self._settings.expires_s
        match topic:
            case SubscriptionTopic.CATALOG:
                await self._subscriptions.follow_catalog(device_id, expires_s)
            case SubscriptionTopic.ALARM:
                await self._subscriptions.follow_alarms(device_id, expires_s)
            case SubscriptionTopic.POSITION:
                interval_s = self._settings.position_interval_s
                await self._subscriptions.follow_positions(
                    device_id, expires_s, interval_s=interval_s
                )

    def _wants(
        self, topic: SubscriptionTopic, known: Mapping[str, SubscriptionRecord], is_mobile: bool
    ) -> bool:
        record = known.get(TOPICS[topic])
        if record is not None and record.is_wanted is not None:
            return record.is_wanted
        match topic:
            case SubscriptionTopic.CATALOG:
                return self._settings.catalog
            case SubscriptionTopic.ALARM:
                return self._settings.alarm
            case SubscriptionTopic.POSITION:
                position = self._settings.position
                return position == "always" or (position == "mobile" and is_mobile)

    def _has_refused(self, record: SubscriptionRecord | None) -> bool:
        if record is None or record.state != REFUSED or record.since is None:
            return False
        return self._clock.wall() - record.since < REFUSED_FOR

    def _reports_changes(self, device_id: str) -> bool:
        statuses = self._subscriptions.statuses(device_id)
        return any(s.topic is Topic.CATALOG and s.phase == ACTIVE for s in statuses)


def _concerned(events: Sequence[Event]) -> dict[str, bool]:
    """The devices that have to be looked at; True for those that have come on."""
    devices: dict[str, bool] = {}
    for event in events:
        if isinstance(event, DeviceStatusChanged) and event.online:
            devices[event.device_id] = True
        elif isinstance(event, CatalogMerged) and event.added + event.updated > 0:
            devices.setdefault(event.device_id, False)
    return devices


def _known(database: Database, device_id: str) -> Facts:
    get_device(database, device_id)
    return _facts_of(database, [device_id])[device_id]


def _facts_of(database: Database, ids: Sequence[str]) -> dict[str, Facts]:
    """Of many devices; unknown ones are left out."""
    known = subscriptions_of_all(database, ids)
    mobile = devices_with_mobile_channels(database, ids)
    return {
        device_id: (known.get(device_id, {}), device_id in mobile)
        for device_id in known_devices(database, ids)
    }


def _wish(database: Database, device_id: str, topic: str, wanted: bool | None) -> None:
    get_device(database, device_id)
    wish_subscription(database, device_id, topic, wanted)


def _online(database: Database) -> list[str]:
    found: list[str] = []
    for page in count(1):
        devices = list_devices(database, online=True, page=page, size=PAGE)
        found += [device.id for device in devices.items]
        if len(devices.items) < PAGE:
            break
    return found


def _view(
    topic: SubscriptionTopic,
    status: SubscriptionStatus | None,
    record: SubscriptionRecord | None,
    wanted: bool,
) -> SubscriptionView:
    given = record.is_wanted if record is not None else None
    if status is not None:
        return SubscriptionView(
            topic,
            wanted,
            given,
            status.phase.value,
            status.since,
            status.expires_s,
            status.reason,
            status.notified_at,
            status.notifications,
        )
    has_ended = record is not None and record.state == REFUSED and wanted
    if record is not None and has_ended:
        return SubscriptionView(
            topic, wanted, given, REFUSED, record.since, 0, record.reason, None, 0
        )
    return SubscriptionView(topic, wanted, given, "none", None, 0, "", None, 0)

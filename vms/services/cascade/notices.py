"""What upper platforms are told without asking: changes of the catalogue, alarms, positions.

The first notification of a catalogue subscription names what is off, then changes follow, many in
one message and not more often than once in a while (GB/T 28181-2022 9.11, annex N; 2016 annex P).
Alarms go by NOTIFY where the upper has subscribed, else by MESSAGE (9.5); positions only to those
who have subscribed, at the interval they wish.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from channel_registry.upper_records import UpperRight
from sip.errors import SipError
from sip.events import CatalogItem, Position
from sip.gb28181.alarm import AlarmWish, build_alarm, parse_wish
from sip.gb28181.catalog import build_catalog_notify
from sip.gb28181.manscdp import Envelope
from sip.gb28181.mobile_position import build_position, build_positions, parse_interval
from sip.gb28181.record_info import format_time
from sip.gb28181.subscription import Topic
from sip.roles.upward.terms import UpperSubscribed, UpperUnsubscribed
from vms.bus import Bus, Subscription
from vms.events import AlarmRaised, AlarmUpdated, Event, PositionReported, SharesChanged
from vms.records import Alarm, AlarmState, PositionView
from vms.services.cascade.alarm_forms import alarm_for, is_for_uppers
from vms.services.cascade.catalog_answers import split_items
from vms.services.cascade.lanes import Lanes
from vms.services.cascade.ports import Platforms, UplinkControl
from vms.services.cascade.scorecard import ScoreBook
from vms.services.cascade.share import SharedTree, difference
from vms.services.cascade.upper import Upper, find_upper
from vms.supervise import supervise

logger = logging.getLogger(__name__)

SETTLE_S = 1.0
"""Changes that come within this go together (annex N asks for batches)."""
MOST_AT_ONCE = 1_000
"""Changes that are queued at a time: what comes after them waits until they are out."""
EVENTS = 16_384
POSITIONS_IN_MESSAGE = {"udp": 4, "tcp": 100}
MOST_ALARMS = 4_096
"""Alarms whose repetitions are known."""


@dataclass(slots=True, eq=False)
class _Follower:
    """One subscription of one platform."""

    envelope: Envelope
    told: SharedTree | None = None
    """Of a catalogue: what the subscriber knows."""
    wish: AlarmWish = field(default_factory=AlarmWish)
    interval_s: int = 0
    due_at: float = 0.0
    places: dict[str, PositionView] = field(default_factory=dict)
    """The newest of each channel that was not told yet."""


class NoticeDesk:
    """Tells upper platforms; `run` follows the bus."""

    def __init__(
        self,
        uplinks: UplinkControl,
        platforms: Platforms,
        lanes: Lanes,
        score: ScoreBook,
        bus: Bus,
        on_shares: Callable[[], None],
        settle_s: float = SETTLE_S,
    ) -> None:
        """`on_shares` hears that an upper platform sees something else than before."""
        self._uplinks = uplinks
        self._platforms = platforms
        self._lanes = lanes
        self._score = score
        self._bus = bus
        self._on_shares = on_shares
        self._settle_s = settle_s
        self._followers: dict[tuple[str, Topic], _Follower] = {}
        self._changed: set[str] = set()
        """Platforms whose tree may be another."""
        self._counts: dict[int, int] = {}
        """Alarm → how often it had been reported when it was told last."""
        self._wake = asyncio.Event()
        self._position_news = asyncio.Event()
        """Somebody else wants positions, or at another interval."""

    async def run(self) -> None:
        """Tell until cancelled."""
        wanted = (SharesChanged, AlarmRaised, AlarmUpdated, PositionReported)
        with self._bus.subscribe(*wanted, name="cascade", limit=EVENTS) as events:
            async with asyncio.TaskGroup() as group:
                group.create_task(supervise("cascade-news", lambda: self._hear(events)))
                group.create_task(supervise("cascade-catalogs", self._tell_catalogs))
                group.create_task(supervise("cascade-positions", self._tell_positions))

    # What signalling says

    def subscribed(self, event: UpperSubscribed) -> None:
        """A subscription begins, or goes on with other wishes."""
        key = (event.platform_id, event.topic)
        known = self._followers.get(key)
        if known is not None and event.is_renewal:
            follower, known.envelope = known, event.envelope
        else:
            follower = self._followers[key] = _Follower(event.envelope)
        if event.topic is Topic.ALARM:
            follower.wish = parse_wish(event.envelope)
        elif event.topic is Topic.POSITION:
            follower.interval_s = parse_interval(event.envelope)
        self._score.count(event.platform_id, f"Subscribe.{event.topic}")
        if event.topic is Topic.CATALOG and follower.told is None:
            self._begin_catalog(event.platform_id, follower)
        self._position_news.set()

    def unsubscribed(self, event: UpperUnsubscribed) -> None:
        """It is over."""
        self._followers.pop((event.platform_id, event.topic), None)

    # The catalogue

    def _begin_catalog(self, platform_id: str, follower: _Follower) -> None:
        """The subscriber takes everything for on that it is not told of (2022 9.11)."""
        upper = find_upper(self._platforms, platform_id)
        if upper is None:
            return
        all_on = tuple(replace(item, status_on=True) for item in upper.tree.items)
        before = follower.told = SharedTree(upper.tree.own_id, all_on)
        self._tell(upper, follower, before, difference(before, upper.tree), is_first=True)

    async def _tell_catalogs(self) -> None:
        """Tell differences a moment after they came up."""
        while True:
            while not self._changed:
                self._wake.clear()
                await self._wake.wait()
            await asyncio.sleep(self._settle_s)
            changed, self._changed = self._changed, set()
            for platform_id in changed:
                await self._tell_change(platform_id)

    async def _tell_change(self, platform_id: str) -> None:
        """Compare beside the loop: a tree may have 20,000 items."""
        follower = self._followers.get((platform_id, Topic.CATALOG))
        upper = find_upper(self._platforms, platform_id)
        if follower is None or follower.told is None or upper is None:
            return
        before = follower.told
        changes = await asyncio.to_thread(difference, before, upper.tree)
        # Meanwhile it may have ended, or begun anew with a first notification of its own.
        if changes and self._followers.get((platform_id, Topic.CATALOG)) is follower:
            self._tell(upper, follower, before, changes)

    def _tell(
        self,
        upper: Upper,
        follower: _Follower,
        before: SharedTree,
        changes: Sequence[CatalogItem],
        *,
        is_first: bool = False,
    ) -> None:
        """Tell as much as may wait at a time; the rest follows when that is out."""
        wanted = _scope(upper, follower.envelope, changes, before)
        sent = self._notify_items(upper, follower, wanted, is_first=is_first)
        self._score.told_changes(upper.id, sent)
        left = {item.device_id for item in wanted[len(sent) :]}
        follower.told = _applied(before, [item for item in changes if item.device_id not in left])
        if left:
            self._changed.add(upper.id)
            self._wake.set()

    def _notify_items(
        self, upper: Upper, follower: _Follower, items: list[CatalogItem], *, is_first: bool
    ) -> list[CatalogItem]:
        """Queue them; answers those that were taken."""
        source = follower.envelope.device_id or upper.platform.own_id
        parts = list(split_items(items[:MOST_AT_ONCE], upper.platform.transport, upper.charset))
        if is_first and not parts:
            parts = [()]  # says that nothing is off
        sent: list[CatalogItem] = []
        for part in parts:
            sn = self._uplinks.next_sn(upper.id)
            body = build_catalog_notify(source, sn, part, charset=upper.charset)
            if not self._uplinks.notify(upper.id, Topic.CATALOG, body):
                self._drop_unless_subscribed(upper.id)
                break
            sent += part
            self._score.count(upper.id, "Notify.Catalog")
        return sent

    def _drop_unless_subscribed(self, platform_id: str) -> None:
        """Too much waits, or nobody wants it any more."""
        status = self._uplinks.status(platform_id)
        if status is None or Topic.CATALOG not in status.subscriptions:
            self._followers.pop((platform_id, Topic.CATALOG), None)

    # What happens here

    async def _hear(self, events: Subscription) -> None:
        async for event in events:
            self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case SharesChanged():
                self._changed.update(event.platform_ids)
                self._wake.set()
                self._on_shares()
            case AlarmRaised(alarm=alarm):
                self._tell_alarm(alarm)
            case AlarmUpdated(alarm=alarm) if self._is_repeated(alarm):
                self._tell_alarm(alarm)
            case PositionReported(position=position):
                self._note_place(position)

    # Alarms

    def _is_repeated(self, alarm: Alarm) -> bool:
        """A device says it again: the count has grown since it was told."""
        told = self._counts.get(alarm.id)
        return alarm.state is not AlarmState.CLEARED and told is not None and alarm.count > told

    def _tell_alarm(self, alarm: Alarm) -> None:
        if not is_for_uppers(alarm):
            return
        self._counts.pop(alarm.id, None)
        self._counts[alarm.id] = alarm.count
        while len(self._counts) > MOST_ALARMS:
            del self._counts[next(iter(self._counts))]
        for status in self._uplinks.statuses():
            upper = find_upper(self._platforms, status.platform_id)
            if upper is not None and upper.may(UpperRight.ALARMS):
                self._tell_alarm_to(upper, alarm)

    def _tell_alarm_to(self, upper: Upper, alarm: Alarm) -> None:
        code = upper.tree.code(alarm.channel)
        if code is None or upper.is_from_there(code):
            return
        told = alarm_for(alarm, code, self._uplinks.next_sn(upper.id), is_2022=upper.is_2022)
        body = build_alarm(told, charset=upper.charset)
        follower = self._followers.get((upper.id, Topic.ALARM))
        if follower is not None and not follower.wish.wants(told):
            return
        if follower is not None and self._uplinks.notify(upper.id, Topic.ALARM, body):
            self._score.count(upper.id, "Notify.Alarm")
            return

        async def send() -> None:
            try:
                await self._uplinks.send(upper.id, body)
            except SipError as error:
                self._score.count(upper.id, "unsent")
                facts = {"platform": upper.id, "alarm": alarm.id, "reason": str(error)}
                logger.warning("an alarm did not reach the upper platform", extra=facts)
            else:
                self._score.count(upper.id, "Alarm")

        if not self._lanes.put(upper.id, "alarms", send):
            self._score.count(upper.id, "dropped")

    # Positions

    def _note_place(self, position: PositionView) -> None:
        for (platform_id, topic), follower in self._followers.items():
            if topic is Topic.POSITION and platform_id != position.device_id:
                follower.places[position.channel] = position

    async def _tell_positions(self) -> None:
        """Look often enough for the shortest interval; nobody waits while nobody subscribes."""
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            followers = {k: f for k, f in self._followers.items() if k[1] is Topic.POSITION}
            for (platform_id, _), follower in followers.items():
                if follower.due_at <= now:
                    follower.due_at = now + follower.interval_s
                    self._tell_places(platform_id, follower)
            wait_s = min((f.due_at - now for f in followers.values()), default=None)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if wait_s is None else max(wait_s, 0.05)):
                    await self._position_news.wait()
                    self._position_news.clear()

    def _tell_places(self, platform_id: str, follower: _Follower) -> None:
        upper = find_upper(self._platforms, platform_id)
        places, follower.places = follower.places, {}
        if upper is None or not upper.may(UpperRight.POSITIONS):
            return
        shared = [
            _position(code, place)
            for ours, place in places.items()
            if (code := upper.tree.code(ours)) is not None and _is_asked(upper, follower, code)
        ]
        source = follower.envelope.device_id or upper.platform.own_id
        for body in self._position_bodies(upper, source, shared):
            if self._uplinks.notify(platform_id, Topic.POSITION, body):
                self._score.count(platform_id, "Notify.MobilePosition")

    def _position_bodies(self, upper: Upper, source: str, places: list[Position]) -> list[bytes]:
        """One list for 2022, one flat message for each thing that moves for 2016 (3.10)."""
        if not upper.is_2022:
            return [
                build_position(each, self._uplinks.next_sn(upper.id), charset=upper.charset)
                for each in places
            ]
        size = POSITIONS_IN_MESSAGE[upper.platform.transport]
        return [
            build_positions(
                source,
                self._uplinks.next_sn(upper.id),
                places[start : start + size],
                charset=upper.charset,
            )
            for start in range(0, len(places), size)
        ]


def _applied(tree: SharedTree, changes: Sequence[CatalogItem]) -> SharedTree:
    """What a subscriber knows after it was told of these."""
    items = {item.device_id: item for item in tree.items}
    for change in changes:
        if change.event == "DEL":
            items.pop(change.device_id, None)
        else:
            items[change.device_id] = replace(change, event=None)
    return SharedTree(tree.own_id, tuple(items.values()))


def _scope(
    upper: Upper,
    envelope: Envelope,
    items: Sequence[CatalogItem],
    before: SharedTree | None = None,
) -> list[CatalogItem]:
    """What of it lies in the part of the tree that was subscribed to, now or before."""
    target = envelope.device_id
    if target in ("", upper.platform.own_id, upper.id):
        return list(items)
    trees = [upper.tree] if before is None else [upper.tree, before]
    wanted = {item.device_id for tree in trees for item in tree.under(target)}
    return [item for item in items if item.device_id in wanted]


def _is_asked(upper: Upper, follower: _Follower, code: str) -> bool:
    target = follower.envelope.device_id
    is_all = target in ("", code, upper.platform.own_id, upper.id)
    return is_all or any(item.device_id == code for item in upper.tree.under(target))


def _position(code: str, place: PositionView) -> Position:
    return Position(
        code,
        place.longitude,
        place.latitude,
        time_text=place.time_text or format_time(place.at),
        speed=place.speed,
        direction=place.direction,
        altitude=place.altitude,
        height=place.height,
    )

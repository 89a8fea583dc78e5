"""What a simulated device reports of itself: channels that change, alarms, positions.

Told to subscribers by NOTIFY, alarms and positions also by MESSAGE where nobody subscribed (2022
9.4, 9.15). The channels as they are now live here; the profile is only what the device began with.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from sip.events import CatalogItem, Position
from sip.gb28181.alarm import Alarm, build_alarm
from sip.gb28181.catalog import build_catalog_notify, build_catalog_response
from sip.gb28181.mobile_position import build_position, build_positions
from sip.gb28181.subscription import Topic
from sip.message import Peer, Request
from sip.simulator.answers import DeviceState
from sip.simulator.directory import channel_item
from sip.simulator.notifier import Notifier, Subscriber
from sip.simulator.profile import CommandReceived, SimulatedChannel
from sip.transactions import ServerTransaction, TransactionLayer

ABNORMAL = frozenset({"OFF", "VLOST", "DEFECT"})
DEVICE_ALARM = "2"
BEIJING = timezone(timedelta(hours=8))
TRACK_STEP_S = 10.0
"""Time that something which moves takes from one point of its track to the next."""


class Reports:
    """Reports of one device; `post` sends a body by MESSAGE, `next_sn` numbers them."""

    def __init__(
        self,
        state: DeviceState,
        layer: TransactionLayer,
        ids: Callable[[], str],
        *,
        next_sn: Callable[[], int],
        post: Callable[[bytes, float], None],
        wall: Callable[[], datetime] | None,
    ) -> None:
        self._state = state
        self._next_sn = next_sn
        self._post = post
        self._wall = wall
        self._notifier = Notifier(state.profile, state.faults, layer, ids, self._first)
        self._abnormal = {c.code: "OFF" for c in state.profile.channels if not c.status_on}
        self._places: dict[str, Position] = {}
        self._alarmed: set[str] = set()
        """What sent an alarm of method 2 and was not reset since (9.4)."""

    @property
    def subscriptions(self) -> int:
        """How many are open."""
        return len(self._notifier)

    def has(self, code: str) -> bool:
        """Whether a channel is there now."""
        return any(channel.code == code for channel in self._state.profile.channels)

    # What people make the device do

    def turn(self, code: str, event: str, now: float) -> None:
        """Turn a channel ON, OFF, VLOST or DEFECT; raises KeyError for one that is not there."""
        channel = self._channel(code)
        if event in ABNORMAL:
            self._abnormal[code] = event
        else:
            self._abnormal.pop(code, None)
        self._put(replace(channel, status_on=event not in ABNORMAL))
        self._tell_catalog([CatalogItem(code, event=event)], now)

    def add(self, channel: SimulatedChannel, now: float) -> None:
        """Add a channel, or change the one that has its code."""
        is_known = any(each.code == channel.code for each in self._state.profile.channels)
        self._put(channel)
        item = channel_item(self._state.profile, channel)
        self._tell_catalog([replace(item, event="UPDATE" if is_known else "ADD")], now)

    def remove(self, code: str, now: float) -> None:
        """Take a channel away; raises KeyError."""
        self._channel(code)
        self._abnormal.pop(code, None)
        profile = self._state.profile
        kept = tuple(channel for channel in profile.channels if channel.code != code)
        self._state.profile = replace(profile, channels=kept)
        self._tell_catalog([CatalogItem(code, event="DEL")], now)

    def move(self, position: Position, now: float) -> None:
        """Be somewhere else; it is told at the next interval, or at once when nobody subscribed."""
        self._places[position.device_id] = position
        if not self._notifier.of_topic(Topic.POSITION):
            self._post(self._position_body([position]), now)

    def alarm(self, alarm: Alarm, now: float) -> bool:
        """Report an alarm; False where one of method 2 still waits for its reset."""
        if alarm.method == DEVICE_ALARM:
            if alarm.device_id in self._alarmed:
                return False
            self._alarmed.add(alarm.device_id)
        time_text = alarm.time_text or self._time_text()
        alarm = replace(alarm, sn=alarm.sn or self._next_sn(), time_text=time_text)
        body = build_alarm(alarm, charset=self._state.profile.charset)
        told = [each for each in self._notifier.of_topic(Topic.ALARM) if each.alarms.wants(alarm)]
        for subscriber in told:
            self._notifier.notify(subscriber, body, now)
        if not told:
            self._post(body, now)
        return True

    def end_subscriptions(self, reason: str, now: float) -> None:
        """End them all: `deactivated`, `noresource`, `rejected` … (RFC 6665 4.2.2)."""
        self._notifier.end_all(reason, now)

    def forget_subscriptions(self) -> None:
        """Lose them all, as after a power cut."""
        self._notifier.forget_all()

    # What the device passes on

    def receive_subscribe(
        self, request: Request, transaction: ServerTransaction, peer: Peer, now: float
    ) -> None:
        """Answer a SUBSCRIBE."""
        self._notifier.receive_subscribe(request, transaction, peer, now)

    @property
    def notifier(self) -> Notifier:
        """Takes the answers to notifications."""
        return self._notifier

    def obey(self, command: CommandReceived) -> None:
        """Take a command: a reset lets the next alarm of method 2 out, for all that is below."""
        if command.command != "AlarmCmd":
            return
        if command.device_id == self._state.profile.device_id:
            self._alarmed.clear()
        else:
            self._alarmed.discard(command.device_id)

    def next_timer(self) -> float | None:
        """Return when something is to be told or has run out."""
        return self._notifier.next_timer()

    def handle_timer(self, now: float) -> None:
        """Tell positions that are due."""
        for subscriber in self._notifier.handle_timer(now):
            if places := self._places_at(now):
                self._notifier.notify(subscriber, self._position_body(places), now)

    # Inside

    def _first(self, subscriber: Subscriber, now: float) -> bytes:
        """The first notification: what is abnormal, where things are, nothing about alarms."""
        if subscriber.topic is Topic.CATALOG:
            return self._catalog_body([CatalogItem(c, event=e) for c, e in self._abnormal.items()])
        if subscriber.topic is Topic.POSITION and (places := self._places_at(now)):
            return self._position_body(places)
        return b""

    def _tell_catalog(self, items: list[CatalogItem], now: float) -> None:
        for subscriber in self._notifier.of_topic(Topic.CATALOG):
            self._notifier.notify(subscriber, self._catalog_body(items), now)

    def _catalog_body(self, items: list[CatalogItem]) -> bytes:
        profile, sn = self._state.profile, self._next_sn()
        if self._state.faults.notify_response_root:
            return build_catalog_response(
                profile.device_id, sn, items, len(items), charset=profile.charset
            )
        return build_catalog_notify(profile.device_id, sn, items, charset=profile.charset)

    def _position_body(self, places: list[Position]) -> bytes:
        profile, sn = self._state.profile, self._next_sn()
        if profile.gb_version >= "3":
            return build_positions(profile.device_id, sn, places, charset=profile.charset)
        return build_position(places[0], sn, charset=profile.charset)

    def _places_at(self, now: float) -> list[Position]:
        at = self._time_text()
        moving = [
            replace(self._on_track(channel, now), time_text=at)
            for channel in self._state.profile.channels
            if channel.track and channel.code not in self._places
        ]
        return moving + [replace(p, time_text=p.time_text or at) for p in self._places.values()]

    @staticmethod
    def _on_track(channel: SimulatedChannel, now: float) -> Position:
        """Go round the track for ever, straight from point to point."""
        points = channel.track
        index, share = divmod(now / TRACK_STEP_S, 1.0)
        here = points[int(index) % len(points)]
        there = points[(int(index) + 1) % len(points)]
        longitude, latitude = (a + (b - a) * share for a, b in zip(here, there, strict=True))
        return Position(channel.code, longitude, latitude, speed=20.0, direction=0.0)

    def _channel(self, code: str) -> SimulatedChannel:
        for channel in self._state.profile.channels:
            if channel.code == code:
                return channel
        raise KeyError(code)

    def _put(self, channel: SimulatedChannel) -> None:
        channels = {each.code: each for each in self._state.profile.channels}
        channels[channel.code] = channel
        self._state.profile = replace(self._state.profile, channels=tuple(channels.values()))

    def _time_text(self) -> str:
        """Beijing time without a zone (3.1 of both editions)."""
        if self._wall is None:
            return ""
        return f"{self._wall().astimezone(BEIJING):%Y-%m-%dT%H:%M:%S}"

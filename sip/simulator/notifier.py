"""The subscribed side of a simulated device: SUBSCRIBE, the notifications, their end.

GB/T 28181-2022 9.11, annex N; RFC 6665 4.2. What is notified comes from `reports.py`; here are the
dialogs, one notification at a time in each.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sip.errors import MalformedMessage
from sip.gb28181.alarm import AlarmWish, parse_wish
from sip.gb28181.manscdp import parse_envelope
from sip.gb28181.mobile_position import DEFAULT_INTERVAL_S, parse_interval
from sip.gb28181.subscription import DEFAULT_EXPIRES_S, Topic, parse_seconds
from sip.message import NameAddr, Peer, Request, Response, SipUri, build_response
from sip.roles.notices import NoticeQueue
from sip.simulator.profile import DeviceProfile, Faults
from sip.transactions import Dialog, DialogTable, ServerTransaction, TransactionLayer

MOST_WAITING = 10_000
"""Notifications of one subscription that wait for the answer to the one before."""

_TOPICS = {topic.value: topic for topic in Topic}


@dataclass(slots=True, eq=False)
class Subscriber:
    """One subscription of the platform's."""

    topic: Topic
    notices: NoticeQueue
    expires_at: float
    alarms: AlarmWish = AlarmWish()
    interval_s: int = DEFAULT_INTERVAL_S
    next_position_at: float | None = None


class Notifier:
    """All subscriptions at one device; `first` gives what a new one is told at once."""

    def __init__(
        self,
        profile: DeviceProfile,
        faults: Faults,
        layer: TransactionLayer,
        ids: Callable[[], str],
        first: Callable[[Subscriber, float], bytes],
    ) -> None:
        self._profile = profile
        self._faults = faults
        self._layer = layer
        self._ids = ids
        self._first = first
        self._dialogs = DialogTable()
        self._subscribers: list[Subscriber] = []

    def __len__(self) -> int:
        return len(self._subscribers)

    def of_topic(self, topic: Topic) -> list[Subscriber]:
        """Return who is to be told about a topic."""
        return [each for each in self._subscribers if each.topic is topic]

    # What comes in

    def receive_subscribe(
        self, request: Request, transaction: ServerTransaction, peer: Peer, now: float
    ) -> None:
        """Answer a SUBSCRIBE and notify at once where it is a new one."""
        status, subscriber, is_new = self._take(request, transaction, peer, now)
        response = build_response(request, status)
        if subscriber is not None:
            left_s = max(0, round(subscriber.expires_at - now))
            if not self._faults.subscribe_omit_expires:
                response.headers.add("Expires", str(left_s))
            response.headers.add("Event", subscriber.notices.event)
            response.headers.add("Contact", self._contact)
        if status == 423:
            response.headers.add("Min-Expires", str(self._faults.subscribe_least_s))
        self._layer.respond(transaction, response, now)
        if subscriber is None:
            return
        if subscriber.expires_at <= now:
            self.end(subscriber, "timeout", now)
        elif is_new:
            self.notify(subscriber, self._first(subscriber, now), now)

    def _take(
        self, request: Request, transaction: ServerTransaction, peer: Peer, now: float
    ) -> tuple[int, Subscriber | None, bool]:
        if self._faults.subscribe_status is not None:
            return self._faults.subscribe_status, None, False
        wished = parse_seconds(request.headers.get("expires"))
        expires_s = DEFAULT_EXPIRES_S if wished is None else wished
        if 0 < expires_s < self._faults.subscribe_least_s:
            return 423, None, False
        dialog = self._dialogs.find(request, peer)
        known = dialog.user if dialog is not None else None
        if request.to.tag and not isinstance(known, Subscriber):
            return 481, None, False
        try:
            envelope = parse_envelope(request.body)
        except MalformedMessage as error:
            return error.status, None, False
        topic = _TOPICS.get(envelope.command)
        if topic is None:
            return 489, None, False
        is_new = not isinstance(known, Subscriber)
        if isinstance(known, Subscriber):
            subscriber = known
        else:
            dialog = Dialog.create_uas(request, transaction.to_tag, peer)
            dialog.confirm()
            event = request.headers.get("event") or topic
            subscriber = Subscriber(topic, NoticeQueue(dialog, event, MOST_WAITING), now)
            dialog.user = subscriber
            self._dialogs.add(dialog)
            self._subscribers.append(subscriber)
        subscriber.expires_at = now + expires_s
        if topic is Topic.ALARM:
            subscriber.alarms = parse_wish(envelope)
        elif topic is Topic.POSITION:
            subscriber.interval_s = parse_interval(envelope)
            subscriber.next_position_at = now + subscriber.interval_s
        return 200, subscriber, is_new

    def receive_response(self, subscriber: Subscriber, response: Response, now: float) -> None:
        """Take the answer to a NOTIFY: the next may go, or nobody is there (RFC 6665 4.2.2)."""
        if not response.is_final:
            return
        subscriber.notices.is_notifying = False
        if response.status == 481:
            self._drop(subscriber)
        else:
            self._notify_next(subscriber, now)

    def fail(self, subscriber: Subscriber) -> None:
        """Note that a NOTIFY was never answered: the subscriber is gone."""
        self._drop(subscriber)

    # What goes out

    def notify(self, subscriber: Subscriber, body: bytes, now: float) -> None:
        """Send a notification after those before it."""
        subscriber.notices.push(subscriber.expires_at - now, body)
        self._notify_next(subscriber, now)

    def end(self, subscriber: Subscriber, reason: str, now: float) -> None:
        """Send the last notification, which has no body."""
        self._subscribers.remove(subscriber)
        subscriber.notices.end(reason)
        self._notify_next(subscriber, now)

    def end_all(self, reason: str, now: float) -> None:
        """End every subscription, as a device does before it restarts."""
        for subscriber in list(self._subscribers):
            self.end(subscriber, reason, now)

    def forget_all(self) -> None:
        """Lose all subscriptions without a word, as a device that lost its power."""
        for subscriber in list(self._subscribers):
            self._drop(subscriber)

    # Time

    def next_timer(self) -> float | None:
        """Return when a subscription ends or a position is due."""
        times = [each.expires_at for each in self._subscribers]
        times += [
            each.next_position_at for each in self._subscribers if each.next_position_at is not None
        ]
        return min(times, default=None)

    def handle_timer(self, now: float) -> Iterable[Subscriber]:
        """End what has run out; return those whose position is due."""
        due: list[Subscriber] = []
        for subscriber in list(self._subscribers):
            if subscriber.expires_at <= now:
                self.end(subscriber, "timeout", now)
            elif subscriber.next_position_at is not None and subscriber.next_position_at <= now:
                subscriber.next_position_at = now + subscriber.interval_s
                due.append(subscriber)
        return due

    # Inside

    @property
    def _contact(self) -> str:
        profile = self._profile
        return f"<{SipUri(profile.local_host, profile.device_id, profile.local_port)}>"

    def _notify_next(self, subscriber: Subscriber, now: float) -> None:
        notices = subscriber.notices
        request = notices.next_request(self._profile.user_agent, self._contact)
        if request is None:
            if notices.is_done:
                self._dialogs.remove(notices.dialog)
            return
        if self._faults.notify_outside:
            self._misplace(request)
        self._layer.send_request(request, self._profile.server, now, user=subscriber)

    def _misplace(self, request: Request) -> None:
        """Some devices notify outside the dialog, under tags and a Call-ID of their own."""
        own = SipUri(self._profile.domain, self._profile.device_id)
        request.headers.remove("call-id")
        request.headers.add("Call-ID", f"{self._ids()}@{self._profile.local_host}")
        request.headers.remove("from")
        request.headers.add("From", str(NameAddr(own).with_tag(self._ids())))
        request.headers.remove("to")
        request.headers.add(
            "To", str(NameAddr(SipUri(self._profile.domain, self._profile.server_id)))
        )

    def _drop(self, subscriber: Subscriber) -> None:
        self._dialogs.remove(subscriber.notices.dialog)
        subscriber.notices.waiting.clear()
        if subscriber in self._subscribers:
            self._subscribers.remove(subscriber)

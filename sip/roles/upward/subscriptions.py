"""Subscriptions of upper platforms at us: SUBSCRIBE, refresh, end, and our NOTIFYs.

GB/T 28181-2022 9.11, annex N; RFC 6665 4.2. Each platform has at most one of each topic; a new one
takes the place of the old, whose dialog a restarted platform has forgotten.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from sip.errors import LocalProtocolError, MalformedMessage, RemoteProtocolError, SipError
from sip.gb28181.manscdp import Envelope, Root, parse_envelope
from sip.gb28181.subscription import DEFAULT_EXPIRES_S, Topic, parse_seconds
from sip.message import Peer, Request, Response, build_response
from sip.roles.notices import NoticeQueue
from sip.roles.upward.link import Link, UpwardRequest
from sip.roles.upward.messenger import UpperMessenger
from sip.roles.upward.terms import UpperSubscribed, UpperUnsubscribed
from sip.transactions import Dialog, DialogTable, ServerTransaction, TransactionLayer

LONGEST_EXPIRES_S = 86_400
"""A wish for a year is cut: an upper platform that is gone must be forgotten some day."""

MOST_WAITING = 8192
"""NOTIFYs of one subscription that wait for the answer to the one before: a change of all of 20,000
channels, some at a time. Whoever is farther behind is to subscribe anew and to learn what is."""

MOST_OPEN = 256
"""Of all platforms; one has three."""

LONGEST_QUERY_BYTES = 64 * 1024
LONGEST_EVENT = 128
ANSWER_S = 16.0

_TOPICS = {topic.value: topic for topic in Topic}


@dataclass(slots=True, eq=False)
class UpperSubscription(UpwardRequest):
    """One subscription; the transaction user of its NOTIFYs."""

    book: "UpperSubscriptions"
    link: Link
    topic: Topic
    envelope: Envelope
    notices: NoticeQueue
    expires_at: float

    def receive_response(self, response: Response, peer: Peer, now: float) -> None:
        """Take the answer to a NOTIFY."""
        if response.is_final:
            self.book.notified(self, response.status, now)

    def fail(self, now: float, *, is_unreachable: bool) -> None:
        """Note that a NOTIFY was never answered."""
        self.book.notified(self, 408, now)


class UpperSubscriptions:
    """All subscriptions of upper platforms."""

    def __init__(
        self,
        layer: TransactionLayer,
        messenger: UpperMessenger,
        emit: Callable[[UpperSubscribed | UpperUnsubscribed], None],
    ) -> None:
        self._layer = layer
        self._messenger = messenger
        self._emit = emit
        self._dialogs = DialogTable(MOST_OPEN)
        self._active: dict[tuple[str, Topic], UpperSubscription] = {}
        self.counters: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._active)

    def topics(self, platform_id: str) -> tuple[Topic, ...]:
        """Return what a platform is subscribed to."""
        return tuple(topic for topic in Topic if (platform_id, topic) in self._active)

    # What comes in

    def receive(
        self, link: Link, request: Request, transaction: ServerTransaction, peer: Peer, now: float
    ) -> None:
        """Answer a SUBSCRIBE of a registered upper platform."""
        dialog = self._dialogs.find(request, peer) if request.to.tag else None
        known = dialog.user if dialog is not None else None
        if request.to.tag and not isinstance(known, UpperSubscription):
            self._refuse(request, transaction, 481, now)
            return
        try:
            if isinstance(known, UpperSubscription):
                self._renew(known, request, transaction, peer, now)
            else:
                self._open(link, request, transaction, peer, now)
        except RemoteProtocolError as error:
            self._refuse(request, transaction, error.status, now)
        except LocalProtocolError:
            self._refuse(request, transaction, 503, now)

    def _open(
        self, link: Link, request: Request, transaction: ServerTransaction, peer: Peer, now: float
    ) -> None:
        envelope, topic = _read_query(request.body)
        expires_s = _wanted_expires(request)
        dialog = Dialog.create_uas(request, transaction.to_tag, peer)
        dialog.confirm()
        event = (request.headers.get("event") or topic)[:LONGEST_EVENT]
        notices = NoticeQueue(dialog, event, MOST_WAITING)
        opened = UpperSubscription(self, link, topic, envelope, notices, now + expires_s)
        dialog.user = opened
        self._dialogs.add(dialog)
        replaced = self._active.get((link.platform_id, topic))
        self._active[link.platform_id, topic] = opened
        if replaced is not None:
            self.counters["replaced"] += 1
            self._drop(replaced)
        self._grant(opened, request, transaction, expires_s, now)
        if expires_s == 0:
            # A fetch (RFC 6665 4.4.3): one notification, which ends it.
            self._end(opened, "timeout", now)
            return
        self._emit(UpperSubscribed(link.platform_id, topic, envelope, is_renewal=False))

    def _renew(
        self,
        known: UpperSubscription,
        request: Request,
        transaction: ServerTransaction,
        peer: Peer,
        now: float,
    ) -> None:
        known.notices.dialog.receive_request(request, peer)
        if known.notices.is_over:
            raise RemoteProtocolError("the subscription has ended", 481)
        if request.body.strip():
            envelope, topic = _read_query(request.body)
            if topic is not known.topic:
                raise RemoteProtocolError("another topic in the same dialog", 489)
            known.envelope = envelope
        expires_s = _wanted_expires(request)
        known.expires_at = now + expires_s
        self._grant(known, request, transaction, expires_s, now)
        if expires_s == 0:
            self._end(known, "timeout", now)
            return
        self._emit(
            UpperSubscribed(known.link.platform_id, known.topic, known.envelope, is_renewal=True)
        )

    def notified(self, subscription: UpperSubscription, status: int, now: float) -> None:
        """Take the end of a NOTIFY: the next may go, or nobody is there (RFC 6665 4.2.2)."""
        subscription.notices.is_notifying = False
        if status in (408, 481):
            self.counters["notices.failed"] += 1
            self._drop(subscription)
            return
        if status >= 300:
            self.counters["notices.refused"] += 1
        self._notify_next(subscription, now)

    # What goes out

    def notify(self, platform_id: str, topic: Topic, body: bytes, now: float) -> bool:
        """Queue a NOTIFY; False where the platform has not subscribed, or is too far behind.

        The latter ends the subscription, so that it begins anew with what is then.
        """
        subscription = self._active.get((platform_id, topic))
        if subscription is None:
            return False
        if not subscription.notices.push(subscription.expires_at - now, body):
            self.counters["notices.dropped"] += len(subscription.notices.waiting) + 1
            subscription.notices.waiting.clear()
            self._end(subscription, "noresource", now)
            return False
        self._notify_next(subscription, now)
        return True

    def end(self, platform_id: str, topic: Topic, reason: str, now: float) -> None:
        """End one from our side by a last NOTIFY; one that is not there is fine."""
        subscription = self._active.get((platform_id, topic))
        if subscription is not None:
            self._end(subscription, reason, now)

    def end_platform(self, platform_id: str) -> None:
        """Forget all of a platform that is offline or removed."""
        for topic in self.topics(platform_id):
            self._drop(self._active[platform_id, topic])

    # Time

    def next_timer(self) -> float | None:
        """Return when the next subscription runs out."""
        return min((each.expires_at for each in self._active.values()), default=None)

    def handle_timer(self, now: float) -> None:
        """End what has run out."""
        for subscription in list(self._active.values()):
            if subscription.expires_at <= now:
                self._end(subscription, "timeout", now)

    # Inside

    def _refuse(
        self, request: Request, transaction: ServerTransaction, status: int, now: float
    ) -> None:
        self.counters["refused"] += 1
        self._layer.respond(transaction, build_response(request, status), now)

    def _grant(
        self,
        subscription: UpperSubscription,
        request: Request,
        transaction: ServerTransaction,
        expires_s: int,
        now: float,
    ) -> None:
        headers = [
            ("Expires", str(expires_s)),
            ("Event", subscription.notices.event),
            ("Contact", self._messenger.contact(subscription.link)),
        ]
        self._layer.respond(transaction, build_response(request, 200, headers=headers), now)

    def _end(self, subscription: UpperSubscription, reason: str, now: float) -> None:
        """Say the last word; the dialog stays until it is answered."""
        self._forget(subscription)
        subscription.notices.end(reason)
        self._notify_next(subscription, now)

    def _drop(self, subscription: UpperSubscription) -> None:
        subscription.notices.waiting.clear()
        subscription.notices.is_over = True
        self._dialogs.remove(subscription.notices.dialog)
        self._forget(subscription)

    def _forget(self, subscription: UpperSubscription) -> None:
        key = subscription.link.platform_id, subscription.topic
        if self._active.get(key) is subscription:
            del self._active[key]
            self._emit(UpperUnsubscribed(*key))

    def _notify_next(self, subscription: UpperSubscription, now: float) -> None:
        notices, link = subscription.notices, subscription.link
        request = notices.next_request(
            self._messenger.user_agent,
            self._messenger.contact(link),
            self._messenger.route_headers(link),
        )
        if request is None:
            if notices.is_done:
                self._dialogs.remove(notices.dialog)
            return
        try:
            self._layer.send_request(
                request, notices.dialog.peer, now, user=subscription, timeout_s=ANSWER_S
            )
        except SipError:
            self.notified(subscription, 408, now)


def _read_query(body: bytes) -> tuple[Envelope, Topic]:
    """Read what is subscribed to; raises RemoteProtocolError."""
    if len(body) > LONGEST_QUERY_BYTES:
        raise MalformedMessage("query too long", body, status_hint=413)
    envelope = parse_envelope(body)
    topic = _TOPICS.get(envelope.command)
    if topic is None or envelope.root is not Root.QUERY:
        raise RemoteProtocolError("no such topic", 489)
    return envelope, topic


def _wanted_expires(request: Request) -> int:
    """Return for how long to grant: 600 s where it is not said, a day at most."""
    wished = parse_seconds(request.headers.get("expires"))
    return DEFAULT_EXPIRES_S if wished is None else min(wished, LONGEST_EXPIRES_S)

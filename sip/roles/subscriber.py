"""Subscriptions of ours: SUBSCRIBE, its refresh in the dialog, its end, and NOTIFY.

GB/T 28181-2022 9.11 and annex N; RFC 6665 4.1. A wish stays until it is taken back: the
subscription is made when its device is there, refreshed before it runs out, made anew after a
failure with growing pauses, released when the device goes offline.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from sip.errors import TooManyTransactions
from sip.events import SubscriptionChanged
from sip.gb28181.manscdp import CONTENT_TYPE
from sip.gb28181.subscription import Topic, Wish, parse_seconds, parse_subscription_state
from sip.message import Peer, Request, Response
from sip.roles.bindings import Binding, Bindings
from sip.roles.config import SipConfig
from sip.roles.messenger import Messenger
from sip.roles.subscription import (
    CANNOT,
    FINAL_REASONS,
    REFUSED_PAUSE_S,
    Subscription,
    SubscriptionInput,
    SubscriptionPhase,
    SubscriptionStatus,
    open_dialog,
    open_dialog_by_notify,
    pause_after,
)
from sip.roles.subscription_book import SubscriptionBook
from sip.transactions import TransactionLayer

PER_TURN = 20
"""SUBSCRIBEs go out 20 in a tenth of a second: after a restart all devices are due at once."""

STEADY_S = 60.0
"""A subscription that lived as long has not failed; a shorter one counts as another failure."""

REFRESH_SHARE = 0.2
LONGEST_MARGIN_S = 60.0
"""A refresh goes out when a fifth of the time is left, at most a minute."""

LEAST_EXPIRES_S = 5
LINGER_S = 32.0
"""How long the last NOTIFY of an ended subscription is waited for (64 T1, RFC 6665 4.1.2.3)."""


class Subscriber:
    """All subscriptions of ours."""

    def __init__(
        self,
        config: SipConfig,
        layer: TransactionLayer,
        messenger: Messenger,
        bindings: Bindings,
        emit: Callable[[SubscriptionChanged], None],
        wall: Callable[[], datetime],
    ) -> None:
        self._config = config
        self._layer = layer
        self._messenger = messenger
        self._bindings = bindings
        self._emit = emit
        self._wall = wall
        self._book = SubscriptionBook()
        self.counters: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._book)

    # What others want

    def follow(self, device_id: str, wish: Wish, now: float) -> None:
        """Want a subscription from now on; another wish for the same topic replaces the first.

        Raises SipError when there are too many.
        """
        known = self._book.find(device_id, wish.topic)
        if known is not None and known.phase is not SubscriptionPhase.ENDING:
            self._change_wish(known, wish, now)
            return
        subscription = Subscription(device_id, wish, self._wall())
        self._book.add(subscription)
        if self._reachable(device_id) is not None:
            self._book.arm(subscription, now)

    def unfollow(self, device_id: str, topic: Topic, now: float) -> None:
        """Take a wish back: Expires 0 in the dialog; one that is unknown is fine."""
        subscription = self._book.find(device_id, topic)
        if subscription is None or subscription.phase is SubscriptionPhase.ENDING:
            return
        was_active = subscription.phase is SubscriptionPhase.ACTIVE
        self._step(subscription, SubscriptionInput.CANCEL)
        if subscription.phase is SubscriptionPhase.ENDED:
            self._book.remove(subscription)
            return
        self._book.arm(subscription, now + LINGER_S)
        if was_active:
            self._send(subscription, 0, now)

    def statuses(self, device_id: str) -> tuple[SubscriptionStatus, ...]:
        """Return what is wanted of a device, and what has become of it."""
        return tuple(subscription.status() for subscription in self._book.of_device(device_id))

    # What happens to devices

    def heard(self, device_id: str, now: float) -> None:
        """Note a request of a device: what was released is subscribed to again."""
        for subscription in self._book.of_device(device_id):
            if subscription.phase is SubscriptionPhase.RELEASED and subscription.due is None:
                if self._reachable(device_id) is None:
                    return
                self._book.arm(subscription, now)

    def release(self, device_id: str) -> None:
        """Note that a device went offline: its dialogs are gone with it."""
        for subscription in self._book.of_device(device_id):
            self._book.close_dialog(subscription)
            subscription.due = None
            subscription.failures = 0
            if subscription.phase is not SubscriptionPhase.RELEASED:
                self._step(subscription, SubscriptionInput.LEAVE, "offline")
            if subscription.phase is SubscriptionPhase.ENDED:
                self._book.remove(subscription)

    def forget(self, device_id: str) -> None:
        """Drop the wishes of a device that was deleted."""
        for subscription in self._book.of_device(device_id):
            self._book.remove(subscription)

    # What comes in

    def receive_response(
        self, subscription: Subscription, response: Response, peer: Peer, now: float
    ) -> None:
        """Take the answer to a SUBSCRIBE."""
        if not response.is_final or subscription.transaction is None:
            return
        request = subscription.transaction.request
        if (response.cseq.number, response.call_id) != (request.cseq.number, request.call_id):
            return  # of an earlier dialog
        subscription.transaction = None
        if subscription.phase is SubscriptionPhase.ENDING:
            self._receive_end(subscription, request, response, peer, now)
        elif response.is_success:
            self._grant(subscription, request, response, peer, now)
        else:
            self._receive_refusal(subscription, response, now)

    def fail(self, subscription: Subscription, now: float) -> None:
        """Note that a SUBSCRIBE was never answered."""
        subscription.transaction = None
        if subscription.phase is SubscriptionPhase.ENDING:
            self._end(subscription)
        elif subscription.phase in (SubscriptionPhase.SUBSCRIBING, SubscriptionPhase.ACTIVE):
            self._try_later(subscription, "408", now)

    def receive_notify(self, request: Request, peer: Peer, now: float) -> int:
        """Take a NOTIFY of a registered device and return the status it deserves.

        481 is for dialogs of ours that are over, so that the device ends them (RFC 6665 4.1.3);
        what other dialogs a device makes up is its own affair and gets 200.
        """
        subscription = self._book.of_call_id(request.call_id)
        if subscription is None or not self._is_from(subscription, request, peer):
            self.counters["notify.outside"] += 1
            own = f"@{self._config.advertised_host}"
            return 481 if subscription is None and request.call_id.endswith(own) else 200
        subscription.notified_at = self._wall()
        subscription.notifications += 1
        state = parse_subscription_state(request.headers.get("subscription-state"))
        if state.is_over:
            self._receive_termination(subscription, state.reason, state.retry_after_s, now)
        elif subscription.phase is SubscriptionPhase.SUBSCRIBING:
            # The 200 was lost or is late: the notification says as much (RFC 6665 4.1.2.4).
            granted_s = state.expires_s or subscription.expires_s
            if subscription.transaction is not None and subscription.dialog is None:
                sent = subscription.transaction.request
                subscription.dialog = open_dialog_by_notify(sent, request, peer)
            self._activate(subscription, granted_s, now)
        return 200

    # Time

    def next_timer(self) -> float | None:
        """Return when the next SUBSCRIBE is due."""
        return self._book.next_due()

    def handle_timer(self, now: float) -> None:
        """Send what is due, a few at a time."""
        for subscription in self._book.take_due(now, PER_TURN):
            self._act(subscription, now)

    def _act(self, subscription: Subscription, now: float) -> None:
        if subscription.phase is SubscriptionPhase.ENDING:
            self._end(subscription)
        elif subscription.phase is SubscriptionPhase.ACTIVE:
            self._send(subscription, subscription.expires_s, now)
        elif self._reachable(subscription.device_id) is not None:
            self._begin(subscription, now)
        elif subscription.phase is not SubscriptionPhase.RELEASED:
            self._step(subscription, SubscriptionInput.LEAVE, "offline")

    # Sending

    def _begin(self, subscription: Subscription, now: float) -> None:
        self._book.open_dialog(subscription, self._messenger.new_call_id())
        subscription.event = subscription.wish.event(self._messenger.next_sn())
        self._step(subscription, SubscriptionInput.SEND)
        self._send(subscription, subscription.expires_s, now)

    def _send(self, subscription: Subscription, expires_s: int, now: float) -> None:
        """Send a SUBSCRIBE: the first of a dialog, or inside it."""
        binding = self._reachable(subscription.device_id)
        if binding is None:
            return  # its release is on the way
        request = self._build(subscription, binding, expires_s)
        try:
            subscription.transaction = self._layer.send_request(
                request, binding.peer, now, user=subscription
            )
        except TooManyTransactions:
            self.fail(subscription, now)

    def _build(self, subscription: Subscription, binding: Binding, expires_s: int) -> Request:
        body = subscription.wish.build_body(
            binding.device_id,
            self._messenger.next_sn(),
            self._config.charset,
            is_2022=binding.gb_version >= "3",
        )
        contact = self._messenger.contact
        headers = [
            ("Event", subscription.event),
            ("Expires", str(expires_s)),
            ("Content-Type", CONTENT_TYPE),
        ]
        if subscription.dialog is not None:
            return subscription.dialog.build_request(
                "SUBSCRIBE", contact=contact, headers=headers, body=body
            )
        return self._messenger.build(
            "SUBSCRIBE",
            binding,
            binding.device_id,
            subscription.call_id,
            headers,
            body,
            contact=contact,
        )

    # Answers

    def _grant(
        self,
        subscription: Subscription,
        request: Request,
        response: Response,
        peer: Peer,
        now: float,
    ) -> None:
        if subscription.phase not in (SubscriptionPhase.SUBSCRIBING, SubscriptionPhase.ACTIVE):
            return
        if subscription.dialog is None:
            subscription.dialog = open_dialog(request, response, peer)
        granted_s = parse_seconds(response.headers.get("expires"))
        if granted_s == 0:
            self._refuse(subscription, "Expires 0", now)
            return
        self._activate(subscription, granted_s or subscription.expires_s, now)

    def _activate(self, subscription: Subscription, granted_s: int, now: float) -> None:
        subscription.granted_s = max(granted_s, LEAST_EXPIRES_S)
        if subscription.phase is SubscriptionPhase.SUBSCRIBING:
            subscription.granted_at = now
        self._step(subscription, SubscriptionInput.GRANT)
        margin_s = min(subscription.granted_s * REFRESH_SHARE, LONGEST_MARGIN_S)
        self._book.arm(subscription, now + subscription.granted_s - margin_s)

    def _receive_refusal(self, subscription: Subscription, response: Response, now: float) -> None:
        status = response.status
        was_active = subscription.phase is SubscriptionPhase.ACTIVE
        least_s = parse_seconds(response.headers.get("min-expires"))
        if status == 423 and least_s is not None and least_s > subscription.expires_s:
            subscription.least_s = least_s
            self._book.close_dialog(subscription)
            self._step(subscription, SubscriptionInput.FAIL, str(status))
            self._book.arm(subscription, now)
        elif status in CANNOT:
            self._refuse(subscription, str(status), now)
        elif status == 481 and was_active:
            # It restarted, or has forgotten us: a new dialog at once, later ones with pauses.
            self._try_later(
                subscription, str(status), now, is_steady=self._was_steady(subscription, now)
            )
        else:
            self._try_later(subscription, str(status), now)

    def _receive_termination(
        self, subscription: Subscription, reason: str, retry_after_s: int | None, now: float
    ) -> None:
        if subscription.phase is SubscriptionPhase.ENDING:
            self._end(subscription)
        elif subscription.phase not in (SubscriptionPhase.SUBSCRIBING, SubscriptionPhase.ACTIVE):
            return
        elif reason in FINAL_REASONS:
            self._refuse(subscription, reason, now)
        else:
            steady = self._was_steady(subscription, now)
            self._try_later(subscription, reason or "terminated", now, is_steady=steady)
            if retry_after_s:
                self._book.arm(subscription, now + min(retry_after_s, REFUSED_PAUSE_S))

    def _receive_end(
        self,
        subscription: Subscription,
        request: Request,
        response: Response,
        peer: Peer,
        now: float,
    ) -> None:
        """Take an answer after nobody wants it any more."""
        is_end = request.headers.get("expires") == "0"
        if not response.is_success:
            self._end(subscription)
            return
        if is_end:
            return  # a last NOTIFY follows
        if subscription.dialog is None:
            subscription.dialog = open_dialog(request, response, peer)
        self._send(subscription, 0, now)

    # Ends

    def _was_steady(self, subscription: Subscription, now: float) -> bool:
        return now - subscription.granted_at >= STEADY_S

    def _try_later(
        self, subscription: Subscription, reason: str, now: float, *, is_steady: bool = False
    ) -> None:
        """Wait, then make a new dialog; at once where the last one had lived well."""
        if is_steady:
            subscription.failures = 0
            pause_s = 0.0
        else:
            pause_s = pause_after(subscription.failures)
            subscription.failures += 1
        self._book.close_dialog(subscription)
        self._step(subscription, SubscriptionInput.FAIL, reason)
        self._book.arm(subscription, now + pause_s)

    def _refuse(self, subscription: Subscription, reason: str, now: float) -> None:
        self._book.close_dialog(subscription)
        self._step(subscription, SubscriptionInput.REFUSE, reason)
        self._book.arm(subscription, now + REFUSED_PAUSE_S)

    def _end(self, subscription: Subscription) -> None:
        self._step(subscription, SubscriptionInput.DONE)
        self._book.remove(subscription)

    # Inside

    def _change_wish(self, subscription: Subscription, wish: Wish, now: float) -> None:
        if wish == subscription.wish:
            return
        subscription.wish = wish
        if subscription.phase is SubscriptionPhase.ACTIVE:
            self._book.arm(subscription, now)  # a refresh carries the new body (RFC 6665 4.1.2.1)

    def _reachable(self, device_id: str) -> Binding | None:
        binding = self._bindings.get(device_id)
        usable = binding is not None and binding.is_reachable and not binding.is_silent
        return binding if usable else None

    def _is_from(self, subscription: Subscription, request: Request, peer: Peer) -> bool:
        """A Call-ID alone counts from the device's own host; from elsewhere both tags must fit."""
        binding = self._bindings.get(subscription.device_id)
        if binding is not None and binding.peer.host == peer.host:
            return True
        dialog = subscription.dialog
        tags = request.to.tag, request.from_.tag
        fits = dialog is not None and tags == (dialog.local_tag, dialog.remote_tag)
        return fits and None not in tags

    def _step(self, subscription: Subscription, event: SubscriptionInput, reason: str = "") -> None:
        changed = subscription.step(event)
        subscription.reason = reason
        if changed:
            at = subscription.since = self._wall()
            self.counters[f"subscriptions.{subscription.phase}"] += 1
            self._emit(
                SubscriptionChanged(
                    subscription.device_id, subscription.topic, subscription.phase, reason, at
                )
            )

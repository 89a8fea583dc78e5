"""A pretend GB/T 28181 device: registers, keeps alive, answers queries, takes invitations.

Sans-IO like the platform's own endpoint, and a product feature: people try the platform with it,
tests break it with `Faults`. The shell owns sockets, clock and media.
"""

from collections import deque
from collections.abc import Callable
from datetime import datetime

from sip.errors import MalformedMessage
from sip.gb28181.alarm import Alarm
from sip.gb28181.manscdp import Envelope, Root, parse_envelope
from sip.message import Peer, Request, build_response
from sip.simulator.answers import (
    DeviceState,
    Handlers,
    control_handlers,
    directory_handlers,
)
from sip.simulator.notifier import Subscriber
from sip.simulator.profile import (
    CommandReceived,
    DeviceProfile,
    Faults,
    RegistrationChanged,
    RegistrationState,
    SimulatorEvent,
)
from sip.simulator.registration import RegistrationClient
from sip.simulator.reports import Reports
from sip.simulator.sessions import Sessions
from sip.transactions import (
    AckMissing,
    AckReceived,
    CancelReceived,
    ClientTransaction,
    Event,
    RequestReceived,
    ResponseReceived,
    TransactionLayer,
    TransactionTimedOut,
    TransportFailed,
)

MOST_PACKETS = 100_000
"""Answers waiting to be sent, over all queries."""


class _Post:
    """Marks the transaction of an answer to a query: the next one waits for its end."""


class SimulatedDevice:
    """One device; driven by the five methods, told what to do by the others.

    `now` is monotonic seconds. After `start` it keeps itself registered until `stop`.
    """

    def __init__(
        self,
        profile: DeviceProfile,
        random_bytes: Callable[[int], bytes],
        faults: Faults | None = None,
        wall: Callable[[], datetime] | None = None,
    ) -> None:
        """`wall` is the device's local time, for alarms and positions; None leaves it out."""
        self.profile = profile
        self.faults = faults or Faults()
        self._events: deque[SimulatorEvent] = deque()

        def ids() -> str:
            return random_bytes(8).hex()

        self._layer = TransactionLayer(ids, (profile.local_host, profile.local_port))
        self._registration = RegistrationClient(
            profile, self.faults, self._layer, random_bytes, self._take
        )
        self._sessions = Sessions(profile, self.faults, self._layer, ids, self._events.append)
        self._state = DeviceState(profile, self.faults, self._told)
        self.reports = Reports(
            self._state,
            self._layer,
            ids,
            next_sn=self._registration.next_sn,
            post=self._post,
            wall=wall,
        )
        """Channels that change, alarms and positions."""
        self._handlers: Handlers = {
            **directory_handlers(self._state),
            **control_handlers(self._state),
        }
        self._outgoing: deque[bytes] = deque()
        self._posted: _Post | None = None
        self._is_offline = False

    @property
    def state(self) -> RegistrationState:
        """How far the registration is."""
        return self._registration.state

    @property
    def session_count(self) -> int:
        """Invitations that are open, answered or not."""
        return len(self._sessions)

    # What it is told to do

    def start(self, now: float) -> None:
        """Begin to register."""
        self._registration.start(now)

    def stop(self, now: float) -> None:
        """BYE every session and unregister; state IDLE tells that it is done."""
        self._sessions.end_all(now, "local")
        self.reports.forget_subscriptions()
        self._registration.stop(now)

    def accept_media(
        self, call_id: str, local_host: str, local_port: int, now: float, *, ssrc: int | None = None
    ) -> None:
        """Answer an invitation with 200 and SDP; without `ssrc` the offered one is repeated."""
        self._sessions.accept(call_id, local_host, local_port, now, ssrc)

    def reject_media(self, call_id: str, status: int, now: float) -> None:
        """Answer an invitation with a refusal."""
        self._sessions.reject(call_id, status, now)

    def end_media(self, call_id: str, now: float) -> None:
        """Send BYE for a session."""
        self._sessions.end(call_id, now)

    def send_keepalive(self, now: float) -> None:
        """Send a keepalive now, as on a fault (9.6)."""
        self._registration.send_keepalive(now)

    def raise_alarm(
        self,
        channel_id: str,
        now: float,
        *,
        method: str,
        alarm_type: str = "",
        priority: int = 1,
        time_text: str = "",
        description: str = "",
        event_type: str = "",
    ) -> bool:
        """Report an alarm; False where one of method 2 was not reset since the last (9.4)."""
        alarm = Alarm(
            channel_id,
            self._registration.next_sn(),
            priority,
            method,
            time_text,
            description,
            alarm_type,
            event_type,
        )
        return self.reports.alarm(alarm, now)

    # What a transport drives

    def receive(self, data: bytes, peer: Peer, now: float) -> None:
        """Take one datagram or one message of a stream."""
        if self.faults.no_answer and data.startswith(b"INVITE "):
            return
        if self.faults.refuse_bye and data.startswith(b"BYE "):
            return
        for event in self._layer.receive_data(data, peer, now):
            self._handle(event, now)

    def data_to_send(self, now: float) -> list[tuple[bytes, Peer]]:
        """Return and forget what is to be sent."""
        return self._layer.data_to_send(now)

    def next_event(self) -> SimulatorEvent | None:
        """Return the oldest event not yet taken."""
        return self._events.popleft() if self._events else None

    def next_timer(self) -> float | None:
        """Return when `handle_timer` is to be called."""
        times = (
            self._layer.next_timer(),
            self._registration.next_timer(),
            self._sessions.next_timer(),
            self.reports.next_timer(),
        )
        return min((time for time in times if time is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        for event in self._layer.handle_timer(now):
            self._handle(event, now)
        self._registration.handle_timer(now)
        self._sessions.handle_timer(now)
        self.reports.handle_timer(now)
        self._release_if_offline(now)

    def connection_lost(self, peer: Peer, now: float) -> None:
        """Take the loss of the TCP connection, or of one packet."""
        for event in self._layer.connection_lost(peer, now):
            self._handle(event, now)
        if peer.transport == "tcp":
            self._registration.connection_lost(now)
        self._release_if_offline(now)

    # Inside

    def _told(self, event: SimulatorEvent) -> None:
        self._events.append(event)
        if isinstance(event, CommandReceived):
            self.reports.obey(event)

    def _take(self, event: SimulatorEvent) -> None:
        self._events.append(event)
        if isinstance(event, RegistrationChanged) and event.state is RegistrationState.WAITING:
            self._is_offline = True

    def _release_if_offline(self, now: float) -> None:
        """Stop sending when the platform is gone (2022 annex K)."""
        if self._is_offline:
            self._is_offline = False
            self._outgoing.clear()
            self._posted = None
            self._sessions.end_all(now, "offline")
            self.reports.forget_subscriptions()

    def _handle(self, event: Event, now: float) -> None:
        match event:
            case RequestReceived():
                self._handle_request(event, now)
            case ResponseReceived():
                self._handle_response(event, now)
            case TransactionTimedOut(transaction=transaction):
                self._handle_failure(transaction, now)
            case TransportFailed(transaction=failed) if failed is not None:
                self._handle_failure(failed, now)
            case AckReceived(transaction=acknowledged):
                self._sessions.acknowledged(acknowledged)
            case AckMissing(transaction=unacknowledged):
                self._sessions.unacknowledged(unacknowledged, now)
            case CancelReceived(transaction=cancelled):
                self._sessions.cancelled(cancelled, now)
            case _:
                pass
        self._release_if_offline(now)

    def _handle_response(self, event: ResponseReceived, now: float) -> None:
        transaction = event.transaction
        if transaction is None:
            return
        if transaction.user is self._registration:
            self._registration.receive_response(transaction, event.response, now)
        elif isinstance(transaction.user, Subscriber):
            self.reports.notifier.receive_response(transaction.user, event.response, now)
        elif event.response.is_final:
            self._post_ended(transaction.user, now)

    def _handle_request(self, event: RequestReceived, now: float) -> None:
        request, peer = event.request, event.peer
        if request.method == "INVITE":
            self._sessions.receive_invite(request, event.transaction, peer, now)
            return
        if request.method == "SUBSCRIBE":
            self.reports.receive_subscribe(request, event.transaction, peer, now)
            return
        envelope: Envelope | None = None
        match request.method:
            case "MESSAGE":
                status, envelope = _read(request)
            case "BYE":
                status = self._sessions.receive_bye(request, peer)
            case "OPTIONS":
                status = 200
            case _:
                status = 405
        self._layer.respond(event.transaction, build_response(request, status), now)
        if envelope is not None:
            self._answer(envelope, now)

    def _answer(self, envelope: Envelope, now: float) -> None:
        """Answer a query or command in a MESSAGE of its own, after the 200 (3.1)."""
        if envelope.root is Root.QUERY and self.faults.query_silent:
            return
        handler = self._handlers.get((envelope.root, envelope.command))
        for body in handler(envelope) if handler is not None else ():
            self._post(body, now)

    def _post(self, body: bytes, now: float) -> None:
        """Send after the 200 of what was sent before (2022 annex M: serially)."""
        if len(self._outgoing) < MOST_PACKETS:
            self._outgoing.append(body)
        self._post_next(now)

    def _post_next(self, now: float) -> None:
        while self._outgoing and (self._posted is None or self.faults.catalog_ignore_flow):
            self._posted = _Post()
            request = self._registration.build_message(self._outgoing.popleft())
            self._layer.send_request(request, self.profile.server, now, user=self._posted)

    def _post_ended(self, user: object, now: float) -> None:
        if user is self._posted:
            self._posted = None
            self._post_next(now)

    def _handle_failure(self, transaction: ClientTransaction, now: float) -> None:
        if transaction.user is self._registration:
            self._registration.fail(transaction, now)
        elif isinstance(transaction.user, Subscriber):
            self.reports.notifier.fail(transaction.user)
        else:
            self._post_ended(transaction.user, now)


def _read(request: Request) -> tuple[int, Envelope | None]:
    try:
        return 200, parse_envelope(request.body)
    except MalformedMessage as error:
        return error.status, None

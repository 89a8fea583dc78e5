"""A pretend GB/T 28181 device: registers, keeps alive, answers queries, takes invitations.

Sans-IO like the platform's own endpoint, and a product feature: people try the platform with it,
tests break it with `Faults`. The shell owns sockets, clock and media.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from sip.gb28181.alarm import Alarm
from sip.gb28181.manscdp import Envelope, Root
from sip.gb28181.snapshot import build_finished
from sip.gb28181.upgrade import BROKEN_PACKAGE, UpgradeResult, build_upgrade_result
from sip.message import Peer, build_response
from sip.simulator import configuration, control
from sip.simulator.answers import (
    DeviceState,
    Handlers,
    directory_handlers,
    read_message,
)
from sip.simulator.control import ControlState
from sip.simulator.head import PtzHead
from sip.simulator.notifier import Subscriber
from sip.simulator.playback import handlers as playback_handlers
from sip.simulator.profile import (
    CommandReceived,
    DeviceProfile,
    Faults,
    RegistrationChanged,
    RegistrationState,
    SimulatorEvent,
)
from sip.simulator.quirks import Mouth, odd_body
from sip.simulator.registration import RegistrationClient
from sip.simulator.reports import Reports
from sip.simulator.sessions import Sessions
from sip.simulator.voice import Ear, Ears
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

RESTART_S = 1.0
"""How long a simulated device is away when it restarts."""

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
        self._mouth = Mouth(self.faults)
        self._events: deque[SimulatorEvent] = deque()

        def ids() -> str:
            return random_bytes(8).hex()

        self._layer = TransactionLayer(ids, (profile.local_host, profile.local_port))
        self._registration = RegistrationClient(
            profile, self.faults, self._layer, random_bytes, self._take, wall,
            lambda: self._state.profile.channels,
        )  # fmt: skip
        self._sessions = Sessions(profile, self.faults, self._layer, ids, self._events.append)
        self._ears = Ears(profile, self.faults, self._layer, ids, self._events.append)
        self._state = DeviceState(profile, self.faults, self._told)
        self._controls = ControlState(self._state)
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
            **control.handlers(self._state, self._controls),
            **configuration.handlers(self._state),
            **playback_handlers(self._state),
            **self._ears.handlers(),
        }
        self._upgraded: UpgradeResult | None = None
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

    def head(self, channel_id: str) -> PtzHead | None:
        """The head of a channel that can turn."""
        return self._controls.heads.get(channel_id)

    # What it is told to do

    def start(self, now: float) -> None:
        """Begin to register."""
        self._registration.start(now)

    def stop(self, now: float) -> None:
        """BYE every session and unregister; state IDLE tells that it is done."""
        self._sessions.end_all(now, "local")
        self.reports.forget_subscriptions()
        self._ears.end_all(now, "local")
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

    def end_file(self, call_id: str, now: float) -> None:
        """Tell that a recording has been sent to its end; the platform's BYE follows."""
        self._sessions.end_file(call_id, self._registration.next_sn(), now)

    def call_for_voice(self, call_id: str, local_host: str, local_port: int, now: float) -> None:
        """Invite the platform to speak to an open port of ours."""
        self._ears.call(call_id, local_host, local_port, now)

    def end_voice(self, call_id: str, now: float) -> None:
        """Hang up a voice call."""
        self._ears.end(call_id, now)

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

    def finish_snapshots(
        self, channel_id: str, session_id: str, file_ids: Iterable[str], now: float
    ) -> None:
        """Tell that the pictures of an order are uploaded (2022 9.14)."""
        sn, charset = self._registration.next_sn(), self.profile.charset
        self._post(build_finished(channel_id, sn, session_id, file_ids, charset=charset), now)

    def finish_upgrade(self, session_id: str, firmware: str, now: float, reason: str = "") -> None:
        """Restart with another firmware, or without for a reason; tell when registered again."""
        if self.faults.upgrade_fails:
            reason = reason or BROKEN_PACKAGE
        if not reason:
            self._state.profile = replace(self._state.profile, firmware=firmware)
        running = self._state.profile.firmware
        device_id = self.profile.device_id
        self._upgraded = UpgradeResult(device_id, session_id, not reason, running, reason)
        self.restart(now)

    def restart(self, now: float) -> None:
        """Drop everything, and register again after RESTART_S."""
        self._sessions.end_all(now, "offline")
        self._registration.restart(now, RESTART_S)

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
        return self._mouth.sent(self._layer.data_to_send(now), now)

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
            self._mouth.next_timer(),
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
            self._ears.end_all(now, "offline")

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
            self._tell_upgrade(now)
        elif isinstance(transaction.user, Subscriber):
            self.reports.notifier.receive_response(transaction.user, event.response, now)
        elif isinstance(transaction.user, Ear):
            self._ears.receive_response(transaction.user, event.response, event.peer, now)
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
        if request.method == "INFO":
            answer = self._sessions.receive_info(request, peer)
            self._layer.respond(event.transaction, answer, now)
            return
        envelope: Envelope | None = None
        match request.method:
            case "MESSAGE":
                status, envelope = read_message(request)
            case "BYE":
                status = self._sessions.receive_bye(request, peer)
                if status == 481:
                    status = self._ears.receive_bye(request, peer)
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
        self._state.now = now
        handler = self._handlers.get((envelope.root, envelope.command))
        for body in handler(envelope) if handler is not None else ():
            self._post(body, now)

    def _tell_upgrade(self, now: float) -> None:
        """Once registered again, tell how the upgrade ended (2022 9.13)."""
        if self._upgraded is not None and self.state is RegistrationState.REGISTERED:
            result, self._upgraded = self._upgraded, None
            sn = self._registration.next_sn()
            self._post(build_upgrade_result(result, sn, charset=self.profile.charset), now)

    def _post(self, body: bytes, now: float) -> None:
        """Send after the 200 of what was sent before (2022 annex M: serially)."""
        if len(self._outgoing) < MOST_PACKETS:
            self._outgoing.append(odd_body(body, self.faults))
        self._post_next(now)

    def _post_next(self, now: float) -> None:
        while self._outgoing and (self._posted is None or self.faults.catalog_ignore_flow):
            self._posted = _Post()
            request = self._registration.build_message(self._outgoing.popleft())
            server = self._registration.place.server
            self._layer.send_request(request, server, now, user=self._posted)

    def _post_ended(self, user: object, now: float) -> None:
        if user is self._posted:
            self._posted = None
            self._post_next(now)

    def _handle_failure(self, transaction: ClientTransaction, now: float) -> None:
        if transaction.user is self._registration:
            self._registration.fail(transaction, now)
        elif isinstance(transaction.user, Subscriber):
            self.reports.notifier.fail(transaction.user)
        elif isinstance(transaction.user, Ear):
            self._ears.fail(transaction.user)
        else:
            self._post_ended(transaction.user, now)

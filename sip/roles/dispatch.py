"""Which role a message belongs to: requests by their method, responses by who asked."""

from dataclasses import dataclass

from sip.message import Peer, Request, Response, build_response
from sip.roles.broadcaster import Broadcaster
from sip.roles.call import Call
from sip.roles.conduct import Conduct
from sip.roles.demands import refuse_demand
from sip.roles.doubts import Doubts
from sip.roles.inquiry import Inquiries, Inquiry
from sip.roles.invitation import Inviter
from sip.roles.messages import MessageDesk
from sip.roles.playback import Control, PlaybackControls
from sip.roles.registrar import Registrar
from sip.roles.subscriber import Subscriber
from sip.roles.subscription import Subscription
from sip.roles.upward.link import UpwardRequest
from sip.roles.upward.uppers import Uppers
from sip.roles.voice_call import OpenBroadcast
from sip.transactions import (
    AckMissing,
    AckReceived,
    CancelReceived,
    Event,
    MessageRejected,
    RequestReceived,
    ResponseReceived,
    RetransmissionAbsorbed,
    TransactionLayer,
    TransactionTimedOut,
    TransportFailed,
)

ALLOW = "INVITE, ACK, CANCEL, BYE, INFO, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY, REGISTER"


@dataclass(slots=True, kw_only=True)
class Roles:
    """Everybody a message may be for."""

    registrar: Registrar
    inquiries: Inquiries
    inviter: Inviter
    controls: PlaybackControls
    subscriber: Subscriber
    broadcaster: Broadcaster
    desk: MessageDesk
    conduct: Conduct
    doubts: Doubts
    uppers: Uppers


class Dispatcher:
    """Hands each event of the transaction layer to its role, and answers requests."""

    def __init__(self, layer: TransactionLayer, roles: Roles) -> None:
        self._layer = layer
        self._roles = roles

    def handle(self, event: Event, now: float) -> None:
        """Take what the transaction layer tells."""
        match event:
            case RequestReceived():
                self._handle_request(event, now)
            case ResponseReceived():
                self._handle_response(event, now)
            case RetransmissionAbsorbed(peer=peer, transaction=transaction):
                self._roles.registrar.admit(transaction.sender, peer, now)
            case TransactionTimedOut(transaction=client):
                self._handle_failure(client.user, now, is_unreachable=False)
            case TransportFailed(transaction=client) if client is not None:
                self._handle_failure(client.user, now, is_unreachable=True)
            case MessageRejected(peer=peer, reason=reason, data=data):
                self._roles.conduct.note(peer, reason, data)
            case AckReceived(request=ack, peer=peer, transaction=acknowledged):
                self._roles.broadcaster.acknowledged(acknowledged)
                self._roles.uppers.calls.receive_ack(ack, peer, acknowledged, now)
            case AckMissing(transaction=unacknowledged):
                self._roles.broadcaster.unacknowledged(unacknowledged, now)
                self._roles.uppers.calls.ack_missing(unacknowledged, now)
            case CancelReceived(transaction=cancelled):
                self._roles.broadcaster.cancelled(cancelled, now)
                self._roles.uppers.calls.receive_cancel(cancelled, now)

    def _handle_request(self, event: RequestReceived, now: float) -> None:
        refusal = refuse_demand(event.request)
        if refusal is not None:
            self._layer.respond(event.transaction, refusal, now)
            return
        if self._is_taken_upward(event, now):
            return
        if event.request.method == "INVITE":
            self._take_invite(event, now)
        elif event.request.method != "REGISTER" or not self._roles.doubts.take(event, now):
            self.answer(event, now)

    def _is_taken_upward(self, event: RequestReceived, now: float) -> bool:
        """Whether it came from an upper platform, or in a call of one, and is answered there.

        A platform may be above and below us at once. Then what it does decides: questions, calls
        and subscriptions come from above, reports, answers and the voice we announced from below.
        """
        request, peer, uppers = event.request, event.peer, self._roles.uppers
        if request.method == "INFO":
            return uppers.calls.receive_info(request, event.transaction, peer, now)
        binding = self._roles.registrar.bindings.get(request.from_.uri.user or "")
        if request.method == "INVITE" and self._roles.broadcaster.expects(request, binding):
            return False
        return uppers.take(request, event.transaction, peer, now, is_device=binding is not None)

    def answer(self, event: RequestReceived, now: float) -> None:
        """Answer a request other than INVITE."""
        request = event.request
        response = self._answer(request, event.peer, now)
        # What costs nothing to answer anew is not kept for repetitions: a storm stores nothing.
        is_challenge = response.status == 401 or "retry-after" in response.headers
        self._layer.respond(event.transaction, response, now, forget=is_challenge)
        if request.method in ("MESSAGE", "NOTIFY"):
            self._roles.desk.read_small(now)
        if response.status == 200:
            self._roles.subscriber.heard(request.from_.uri.user or "", now)

    def _take_invite(self, event: RequestReceived, now: float) -> None:
        """Only a broadcast of ours makes devices call; the answer may come later."""
        request, peer = event.request, event.peer
        binding = self._roles.registrar.admit(request.from_.uri.user, peer, now)
        refusal = self._roles.broadcaster.receive_invite(
            request, event.transaction, peer, binding, now
        )
        if refusal is not None:
            self._layer.respond(event.transaction, refusal, now)

    def _answer(self, request: Request, peer: Peer, now: float) -> Response:
        match request.method:
            case "REGISTER":
                return self._roles.registrar.register(request, peer, now)
            case "MESSAGE" | "NOTIFY":
                call = self._roles.inviter.call_of(request, peer)
                status = self._roles.desk.admit(request, peer, call, now)
                if status == 200 and request.method == "NOTIFY":
                    status = self._roles.subscriber.receive_notify(request, peer, now)
                return build_response(request, status)
            case "BYE":
                status = self._roles.inviter.receive_bye(request, peer, now)
                if status == 481:
                    status = self._roles.broadcaster.receive_bye(request, peer, now)
                if status == 481:
                    status = self._roles.uppers.calls.receive_bye(request, peer, now)
                return build_response(request, status)
            case "INFO" | "UPDATE":
                call = self._roles.inviter.call_of(request, peer)
                known = call or self._roles.broadcaster.call_of(request, peer)
                return build_response(request, 200 if known else 481)
            case "OPTIONS":
                return build_response(request, 200, headers=[("Allow", ALLOW)])
            case "SUBSCRIBE":
                return build_response(request, 489)
            case _:
                return build_response(request, 405, headers=[("Allow", ALLOW)])

    def _handle_response(self, event: ResponseReceived, now: float) -> None:
        transaction, response = event.transaction, event.response
        if transaction is None:
            if response.is_success:
                self._roles.inviter.receive_stray_success(response, event.peer, now)
            return
        user = transaction.user
        if isinstance(user, UpwardRequest):
            user.receive_response(response, event.peer, now)
        elif isinstance(user, Call):
            self._roles.inviter.receive_response(user, response, event.peer, now)
        elif isinstance(user, Inquiry):
            self._roles.inquiries.receive_response(user, response)
        elif isinstance(user, Subscription):
            self._roles.subscriber.receive_response(user, response, event.peer, now)
        elif isinstance(user, Control):
            self._roles.controls.receive_response(user, response, now)
        elif isinstance(user, OpenBroadcast):
            self._roles.broadcaster.receive_response(user, response)

    def _handle_failure(self, user: object, now: float, *, is_unreachable: bool) -> None:
        if isinstance(user, UpwardRequest):
            user.fail(now, is_unreachable=is_unreachable)
        elif isinstance(user, Call):
            self._roles.inviter.fail(user, now)
        elif isinstance(user, Inquiry):
            self._roles.inquiries.fail(user)
        elif isinstance(user, Subscription):
            self._roles.subscriber.fail(user, now)
        elif isinstance(user, Control):
            self._roles.controls.fail(user)
        elif isinstance(user, OpenBroadcast):
            self._roles.broadcaster.fail(user)

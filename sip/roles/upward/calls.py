"""Calls of upper platforms: we are invited and send (GB/T 28181-2022 9.2, 9.8, annexes G, K, L).

Each INVITE gets 100 at once, then what the cascade service decides: `accept` when media is at hand,
or `refuse`. Whatever the service, the platform or the network does, every call ends, within times
that are written here, in one UpperCallEnded or in the service's own refusal.
"""

from collections import Counter
from collections.abc import Callable

from sip.errors import LocalProtocolError, RemoteProtocolError
from sip.gb28181 import manscdp
from sip.gb28181.keepalive import build_media_status
from sip.gb28181.mansrtsp import PlaybackReply
from sip.gb28181.ssrc import NoSsrcLeft, SsrcPool
from sip.gb28181.subject import parse_subject
from sip.message import Peer, Request, Response, build_response
from sip.roles.upward.call import (
    UpperCall,
    UpperCallInput,
    UpperCallState,
    acked,
    channel_of,
    invited,
    read_offer,
    source_of,
)
from sip.roles.upward.call_book import CallBook
from sip.roles.upward.controls import UpperControls, refuse
from sip.roles.upward.link import Link
from sip.roles.upward.messenger import UpperMessenger
from sip.roles.upward.offer import build_upper_answer, read_ack
from sip.roles.upward.terms import (
    EndReason,
    UpperAcked,
    UpperCallEnded,
    UpperControlled,
    UpperInvited,
)
from sip.roles.upward.waits import Waits
from sip.transactions import Dialog, ServerTransaction, TransactionLayer

MOST_CALLS_OF_ONE = 500
"""Calls of one upper platform; the next one gets 486 (8.14 of the profile)."""
ANSWER_WAIT_S = 30.0
"""How long the service may look for media; an upper platform waits 10 to 15 s in practice."""
ACK_WAIT_S = 40.0
"""Longer than the 32 s of the transaction layer, which speaks first unless it had to forget."""
PLACE_WAIT_S = 15.0
"""For the re-INVITE that tells the port, after an INVITE with port 0 (quirk of upper platforms)."""

CallEvent = UpperInvited | UpperAcked | UpperControlled | UpperCallEnded


class UpperCalls:
    """All calls of all upper platforms."""

    def __init__(
        self,
        layer: TransactionLayer,
        messenger: UpperMessenger,
        ssrcs: SsrcPool,
        emit: Callable[[CallEvent], None],
        *,
        most_calls: int = MOST_CALLS_OF_ONE,
    ) -> None:
        self._layer = layer
        self._messenger = messenger
        self._ssrcs = ssrcs
        self._emit = emit
        self._most_calls = most_calls
        self.counters: Counter[str] = Counter()
        self._calls = CallBook()
        self._controls = UpperControls(layer, emit, self.counters)
        self._waits: Waits[UpperCall] = Waits()
        self._count = 0

    def __len__(self) -> int:
        return len(self._calls)

    def count(self, platform_id: str) -> int:
        """Return how many calls of one platform are open."""
        return self._calls.count(platform_id)

    # What the upper platform says

    def receive_invite(
        self, link: Link, request: Request, transaction: ServerTransaction, peer: Peer, now: float
    ) -> None:
        """Take an INVITE of a platform at which we are registered, in or outside a dialog."""
        answer = self._take_invite(link, request, transaction, peer, now)
        if answer is not None:
            self._layer.respond(transaction, answer, now)

    def receive_ack(
        self, request: Request, peer: Peer, transaction: ServerTransaction | None, now: float
    ) -> None:
        """Take an ACK: from now on media may flow, if it is known to where."""
        call = transaction.user if transaction is not None else None
        if not isinstance(call, UpperCall):
            return
        if call.state not in (UpperCallState.ANSWERED, UpperCallState.HELD):
            return
        if not call.has_offer or (request.body.strip() and not call.offer.is_placeable):
            try:
                call.offer = read_ack(request.body, call.offer, call.dialog.peer.host)
            except RemoteProtocolError:
                self.counters["acks.unfit"] += 1
                self._hang_up(call, "bad_answer", now)
                return
            call.has_offer = True
        if call.offer.is_placeable:
            call.step(UpperCallInput.ACK)
            self._waits.end(call)
            self._emit(acked(call))
        elif call.state is UpperCallState.ANSWERED:
            call.step(UpperCallInput.ACK_WITHOUT_PLACE)
            self._waits.begin(call, PLACE_WAIT_S, now)

    def ack_missing(self, transaction: ServerTransaction, now: float) -> None:
        """End a call whose ACK never came (RFC 3261 §13.3.1.4)."""
        if isinstance(transaction.user, UpperCall):
            self._hang_up(transaction.user, "no_ack", now)

    def receive_cancel(self, transaction: ServerTransaction, now: float) -> None:
        """Take a CANCEL: the INVITE gets 487."""
        call = transaction.user
        if isinstance(call, UpperCall) and call.state is UpperCallState.RINGING:
            self._respond(call, 487, now)
            self._close(call, "cancel", now)

    def receive_bye(self, request: Request, peer: Peer, now: float) -> int:
        """Take a BYE and return the status it deserves: 481 outside our dialogs."""
        call = self._calls.of_dialog(request, peer)
        if call is None:
            return 481
        # Whatever its CSeq: a stream nobody wants any more is worse than an odd number.
        if call.state is UpperCallState.RINGING:
            # §15: no BYE before a final answer, but it says clearly what is wanted.
            self._respond(call, 487, now)
        self._close(call, "bye", now)
        return 200

    def receive_info(
        self, request: Request, transaction: ServerTransaction, peer: Peer, now: float
    ) -> bool:
        """Take an INFO; False where it is in none of our dialogs, True where we answer it."""
        call = self._calls.of_dialog(request, peer)
        if call is None:
            return False
        answer = self._controls.take(call, request, transaction, peer, now)
        if answer is not None:
            self._layer.respond(transaction, answer, now)
        return True

    # What the service decides

    def accept(
        self, call_id: str, host: str, port: int, ssrc: int, now: float, *, size_bytes: int = 0
    ) -> None:
        """Answer by 200 with SDP; a call that is over or answered is fine.

        With `ssrc` 0 the platform's own y= is repeated, or one of ours taken where it sent none.
        """
        call = self._calls.get(call_id)
        if call is None or call.state is not UpperCallState.RINGING:
            return
        if not self._choose_ssrc(call, ssrc, now):
            self._respond(call, 486, now)
            self._close(call, "local", now)
            return
        call.answer = build_upper_answer(
            call.offer,
            host,
            port,
            call.ssrc,
            owner_id=call.link.uplink.own_id,
            channel_id=call.channel_id,
            size_bytes=size_bytes if call.offer.kind == "download" else 0,
        )
        call.step(UpperCallInput.ACCEPT)
        call.dialog.confirm()
        self._waits.begin(call, ACK_WAIT_S, now)
        self._layer.respond(call.transaction, self._success(call, call.request), now)

    def refuse(self, call_id: str, status: int, now: float, reason: str = "") -> None:
        """Answer by a refusal; no UpperCallEnded follows. One that is over is fine."""
        call = self._calls.get(call_id)
        if call is not None and call.state is UpperCallState.RINGING:
            self._respond(call, status, now, reason)
            self._drop(call, now)

    def end(self, call_id: str, now: float) -> None:
        """End a call in whatever state; again and again is fine."""
        call = self._calls.get(call_id)
        if call is not None:
            self._hang_up(call, "local", now)

    def file_ended(self, call_id: str, now: float) -> None:
        """Tell in the dialog that a recording was sent to its end (9.8, NotifyType 121)."""
        call = self._calls.get(call_id)
        if call is None or call.offer.history is None or call.state is UpperCallState.RINGING:
            return
        sn = self._messenger.next_sn(call.link)
        body = build_media_status(call.channel_id, sn, charset=call.link.uplink.charset)
        self._send(call, "MESSAGE", [("Content-Type", manscdp.CONTENT_TYPE)], body, now)

    def reply_control(
        self, call_id: str, control_id: str, reply: PlaybackReply, now: float
    ) -> None:
        """Answer a command; one that is answered or whose call is over is fine."""
        self._controls.reply(call_id, control_id, reply, now)

    def end_platform(self, platform_id: str, now: float) -> None:
        """Release every call of a platform that cannot be reached any more (annex K)."""
        for call in self._calls:
            if call.platform_id == platform_id:
                self._hang_up(call, "offline", now)

    def next_timer(self) -> float | None:
        """Return when the next wait is over."""
        times = (self._waits.next_time(), self._controls.next_timer())
        return min((time for time in times if time is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Give up what took too long."""
        self._controls.handle_timer(now)
        for late in self._waits.due(now):
            self.counters["calls.late"] += 1
            self._hang_up(late, _LATE[late.state], now)

    # Inside

    def _take_invite(
        self, link: Link, request: Request, transaction: ServerTransaction, peer: Peer, now: float
    ) -> Response | None:
        """The answer to an INVITE; None when a 100 is out and UpperInvited was told."""
        known = self._calls.of_dialog(request, peer)
        if known is not None and known.platform_id == link.platform_id:
            if request.to.tag is not None or _is_same_invite(request, known.request):
                return self._answer_again(known, request, transaction, peer, now)
            # Its BYE was lost and it uses the Call-ID again.
            self._hang_up(known, "replaced", now)
        elif request.to.tag is not None:
            return build_response(request, 481)
        try:
            call = self._read_invite(link, request, transaction, peer)
            old = self._calls.of_source(call.source)
            if old is not None:
                # 2022 annex K: the same Subject source is wanted anew.
                self.counters["calls.replaced"] += 1
                self._hang_up(old, "replaced", now)
            if self._calls.count(link.platform_id) >= self._most_calls:
                raise RemoteProtocolError("too_many", 486)
            self._calls.keep(call)
        except RemoteProtocolError as error:
            return refuse(self.counters, request, error)
        except LocalProtocolError:
            return refuse(self.counters, request, RemoteProtocolError("overload", 503))
        self._waits.begin(call, ANSWER_WAIT_S, now)
        self._layer.respond(transaction, build_response(request, 100), now)
        self._emit(invited(call))
        return None

    def _read_invite(
        self, link: Link, request: Request, transaction: ServerTransaction, peer: Peer
    ) -> UpperCall:
        """Raises RemoteProtocolError for what no call can come of."""
        subject = parse_subject(request.headers.get("subject"))
        offer = read_offer(request, peer)
        self._count += 1
        return UpperCall(
            f"upper-{self._count}",
            link,
            channel_of(request, subject, link.uplink),
            request,
            transaction,
            Dialog.create_uas(request, transaction.to_tag, peer),
            offer,
            bool(request.body.strip()),
            source_of(link, subject, offer),
        )

    def _answer_again(
        self,
        call: UpperCall,
        request: Request,
        transaction: ServerTransaction,
        peer: Peer,
        now: float,
    ) -> Response:
        """A re-INVITE: what was agreed stays agreed; or the INVITE itself from another port."""
        if request.to.tag is None:
            call.transaction = transaction
            call.dialog.peer = peer
        elif call.state is UpperCallState.RINGING:
            return build_response(request, 491)
        transaction.user = call
        if call.state is UpperCallState.RINGING:
            return build_response(request, 100)
        try:
            call.dialog.receive_request(request, peer)
            offer = read_offer(request, peer) if request.body.strip() else call.offer
        except RemoteProtocolError as error:
            return refuse(self.counters, request, error)
        if call.state is UpperCallState.HELD and offer.is_placeable:
            placed = call.offer.with_place(offer.host, offer.port, call.offer.ssrc)
            if placed.is_same_media(offer, call.ssrc):
                call.offer = placed
        if not call.offer.is_same_media(offer, call.ssrc):
            return refuse(self.counters, request, RemoteProtocolError("other_media", 488))
        return self._success(call, request)

    def _choose_ssrc(self, call: UpperCall, ssrc: int, now: float) -> bool:
        """By the rule of y= (5.3, 8.13 of the profile); False where no number is left."""
        offered = call.offer.ssrc
        call.ssrc = ssrc or offered or 0
        if call.ssrc == 0:
            try:
                call.ssrc = self._ssrcs.take(now, is_history=call.offer.history is not None)
            except NoSsrcLeft:
                return False
        if call.ssrc != offered:
            call.is_own_ssrc = True
            self._ssrcs.hold(call.ssrc)
        return True

    def _success(self, call: UpperCall, request: Request) -> Response:
        headers = [
            ("Contact", self._messenger.contact(call.link)),
            ("User-Agent", self._messenger.user_agent),
            *self._messenger.route_headers(call.link),
            ("Content-Type", "application/sdp"),
        ]
        return build_response(request, 200, headers=headers, body=call.answer)

    def _respond(self, call: UpperCall, status: int, now: float, reason: str = "") -> None:
        response = build_response(call.request, status, reason or None)
        self._layer.respond(call.transaction, response, now)

    def _hang_up(self, call: UpperCall, reason: EndReason, now: float) -> None:
        """End a call from our side: a refusal while it rings, else BYE."""
        if call.state is UpperCallState.RINGING:
            self._respond(call, 487 if reason == "replaced" else 480, now)
        elif call.state is not UpperCallState.ENDED:
            self._send(call, "BYE", [], b"", now)
        self._close(call, reason, now)

    def _send(
        self, call: UpperCall, method: str, headers: list[tuple[str, str]], body: bytes, now: float
    ) -> None:
        """Send within the dialog, to where the platform is now; lost where it is nowhere."""
        peer = call.dialog.peer if call.dialog.peer.transport == "udp" else call.link.place.server
        headers = [("User-Agent", self._messenger.user_agent), *headers]
        try:
            request = call.dialog.build_request(method, headers=headers, body=body)
            self._layer.send_request(request, peer, now)
        except LocalProtocolError:
            self.counters["requests.unsent"] += 1

    def _close(self, call: UpperCall, reason: EndReason, now: float) -> None:
        if self._drop(call, now):
            self._emit(UpperCallEnded(call.platform_id, call.id, reason))

    def _drop(self, call: UpperCall, now: float) -> bool:
        """Forget a call; False where it was forgotten before."""
        if not self._calls.drop(call):
            return False
        call.step(UpperCallInput.END)
        call.dialog.terminate()
        self._waits.end(call)
        self._controls.end_of(call, now)
        if call.is_own_ssrc:
            self._ssrcs.release(call.ssrc, now)
        return True


def _is_same_invite(request: Request, known: Request) -> bool:
    """Whether it came again by another way, not for another call with a Call-ID used twice."""
    return (request.cseq.number, request.from_.tag) == (known.cseq.number, known.from_.tag)


_LATE: dict[UpperCallState, EndReason] = {
    UpperCallState.RINGING: "timeout",
    UpperCallState.ANSWERED: "no_ack",
    UpperCallState.HELD: "no_port",
}
"""What it means that a call waited too long in a state."""

"""Voice broadcast: we notify, the device calls us, we speak (GB/T 28181-2022 9.12.1).

The device is the caller: its INVITE is found by its binding, then by Subject, From and target,
which devices fill differently. An INVITE that no open broadcast explains gets 403. A group is many
broadcasts; one that addresses a main device takes a call of each of its outputs.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress

from sip.errors import MalformedMessage, SipError, TooManyTransactions
from sip.gb28181 import broadcast
from sip.gb28181.manscdp import Envelope
from sip.gb28181.quirks import Quirk, QuirkFinder
from sip.gb28181.ssrc import NoSsrcLeft, SsrcPool
from sip.gb28181.subject import parse_subject
from sip.gb28181.voice import VoiceAnswer, VoiceOffer, build_voice_answer, read_voice_offer
from sip.message import Peer, Request, Response, build_response
from sip.message.sdp import MalformedSdp
from sip.roles.bindings import Binding, Bindings
from sip.roles.config import SipConfig
from sip.roles.inquiry import PeerUnreachable
from sip.roles.messenger import Messenger
from sip.roles.voice_call import (
    BroadcastFailed,
    BroadcastFault,
    OpenBroadcast,
    VoiceCall,
    VoiceEnded,
    VoiceEvent,
    VoiceInput,
    VoiceRequested,
    VoiceStarted,
    VoiceState,
)
from sip.transactions import Dialog, DialogTable, TransactionLayer
from sip.transactions.server import ServerTransaction

INVITE_WAIT_S = 10.0
"""From the Response to the device's INVITE; the standard names no time."""
MOST_OPEN = 4096
MOST_CALLS_OF_ONE = 256
"""Sound outputs of one main device."""


class Broadcaster:
    """All broadcasts of ours and the calls that came of them."""

    def __init__(
        self,
        config: SipConfig,
        layer: TransactionLayer,
        messenger: Messenger,
        bindings: Bindings,
        ssrcs: SsrcPool,
        emit: Callable[[VoiceEvent], None],
        quirks: QuirkFinder,
    ) -> None:
        self._quirks = quirks
        self._config = config
        self._layer = layer
        self._messenger = messenger
        self._bindings = bindings
        self._ssrcs = ssrcs
        self._emit = emit
        self._open: dict[str, OpenBroadcast] = {}
        self._calls: dict[str, VoiceCall] = {}
        self._dialogs = DialogTable()
        self._count = 0
        self.counters: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def open(self, binding: Binding, target_id: str, now: float) -> str:
        """Notify a device and return the broadcast's id; events tell the rest.

        Raises PeerUnreachable.
        """
        if not binding.is_reachable:
            raise PeerUnreachable("the device's connection is gone")
        if len(self._open) >= MOST_OPEN:
            raise PeerUnreachable("too many broadcasts at once")
        self._count += 1
        sn = self._messenger.next_sn()
        opened = OpenBroadcast(
            f"voice-{self._count}",
            sn,
            binding.device_id,
            target_id,
            now + self._config.query_timeout_s,
        )
        body = broadcast.build_broadcast(
            self._config.server_id, target_id, sn, charset=self._config.charset
        )
        try:
            self._messenger.send_message(binding, body, now, user=opened)
        except TooManyTransactions as error:
            raise PeerUnreachable("too many open transactions") from error
        self._open[opened.id] = opened
        return opened.id

    # What devices say

    def receive_response(self, opened: OpenBroadcast, response: Response) -> None:
        """Take the SIP answer to the notification; its 200 only says that it arrived."""
        if response.is_final and not response.is_success:
            self._fail(opened, BroadcastFault.REFUSED, str(response.status))

    def fail(self, opened: OpenBroadcast) -> None:
        """Note that the notification never arrived."""
        self._fail(opened, BroadcastFault.NO_ANSWER)

    def receive_answer(self, device_id: str, envelope: Envelope, now: float) -> bool:
        """Take a Response of MANSCDP; False when it answers no broadcast of ours."""
        if envelope.command != broadcast.COMMAND:
            return False
        opened = next(
            (o for o in self._of_device(device_id) if o.sn == envelope.sn and not o.is_closing),
            None,
        )
        if opened is None:
            return False
        result = envelope.body.value("Result", "OK").upper()
        if result != "OK":
            self._fail(opened, BroadcastFault.REFUSED, envelope.body.value("Reason")[:256])
        elif not opened.is_granted:
            opened.is_granted = True
            opened.deadline = now + INVITE_WAIT_S
        return True

    def expects(self, request: Request, binding: Binding | None) -> bool:
        """Whether an INVITE is the call that a broadcast of ours asked a device for."""
        offers_voice = b"m=audio" in request.body and b"m=video" not in request.body
        return offers_voice and self._find(request, binding) is not None

    def receive_invite(
        self,
        request: Request,
        transaction: ServerTransaction,
        peer: Peer,
        binding: Binding | None,
        now: float,
    ) -> Response | None:
        """Take an INVITE; returns its refusal, or None when a VoiceRequested was told."""
        dialog = self._dialogs.find(request, peer)
        if dialog is not None and isinstance(dialog.user, VoiceCall):
            return self._answer_again(dialog.user, request)
        found = self._find(request, binding)
        if found is None or binding is None:
            self.counters["invites.unexpected"] += 1
            return build_response(request, 403)
        opened, target_id = found
        try:
            offer = self._read_offer(request, peer, binding)
            created = Dialog.create_uas(request, transaction.to_tag, peer)
            self._dialogs.add(created)
        except MalformedSdp:
            return build_response(request, 488)
        except MalformedMessage as error:
            return build_response(request, error.status)
        opened.called += 1
        # Not the Call-ID: two devices may choose the same.
        call_id = f"{opened.id}.{opened.called}"
        call = VoiceCall(call_id, target_id, request, transaction, created, offer, opened)
        created.user = call
        opened.calls[call.id] = self._calls[call.id] = call
        self._emit(
            VoiceRequested(opened.id, call.id, opened.device_id, target_id, offer, peer.host)
        )
        return None

    def acknowledged(self, transaction: ServerTransaction | None) -> None:
        """Take an ACK: from now on the device listens."""
        call = self._of_transaction(transaction)
        if call is not None and call.state is VoiceState.ANSWERED:
            call.step(VoiceInput.ACK)
            self._emit(VoiceStarted(call.broadcast.id, call.id))

    def unacknowledged(self, transaction: ServerTransaction, now: float) -> None:
        """End a call whose ACK never came (RFC 3261 §13.3.1.4)."""
        call = self._of_transaction(transaction)
        if call is not None:
            self._hang_up(call, "no_ack", now)

    def cancelled(self, transaction: ServerTransaction, now: float) -> None:
        """Take a CANCEL: the INVITE gets 487."""
        call = self._of_transaction(transaction)
        if call is not None and call.state is VoiceState.RINGING:
            self._layer.respond(transaction, build_response(call.request, 487), now)
            self._close(call, "cancelled", now)

    def receive_bye(self, request: Request, peer: Peer, now: float) -> int:
        """Take a BYE and return the status it deserves: 481 outside our dialogs."""
        call = self.call_of(request, peer)
        if call is None:
            return 481
        self._close(call, "bye", now)
        return 200

    def call_of(self, request: Request, peer: Peer) -> VoiceCall | None:
        """Return the call that an in-dialog request belongs to."""
        dialog = self._dialogs.find(request, peer)
        return dialog.user if dialog is not None and isinstance(dialog.user, VoiceCall) else None

    # What we decide

    def accept(self, call_id: str, host: str, port: int, now: float) -> int | None:
        """Answer a call by 200; returns the SSRC to send with, None when the call is gone.

        The device's own y= is repeated; one that left it out gets a number of ours.
        """
        call = self._calls.get(call_id)
        if call is None or call.state is not VoiceState.RINGING:
            return None
        ssrc = self._ssrc(call.offer, now)
        if ssrc is None:
            self.refuse(call_id, 486, now)
            return None
        answer = VoiceAnswer(host, port, ssrc, call.offer)
        call.answer = build_voice_answer(answer, owner_id=self._config.server_id)
        call.step(VoiceInput.ACCEPT)
        call.dialog.confirm()
        self._layer.respond(call.transaction, self._success(call, call.request), now)
        return ssrc

    def refuse(self, call_id: str, status: int, now: float) -> None:
        """Refuse a call that is not answered yet."""
        call = self._calls.get(call_id)
        if call is not None and call.state is VoiceState.RINGING:
            self._layer.respond(call.transaction, build_response(call.request, status), now)
            self._close(call, "local", now)

    def end_call(self, call_id: str, now: float) -> None:
        """End one call: BYE, or 480 while it rings; one that is over is fine."""
        call = self._calls.get(call_id)
        if call is not None:
            self._hang_up(call, "local", now)

    def end(self, broadcast_id: str, now: float) -> None:
        """End a broadcast with all its calls; one that is over is fine.

        A call that comes later is explained by nothing any more and gets 403.
        """
        opened = self._open.get(broadcast_id)
        if opened is None:
            return
        opened.is_closing = True
        for call in list(opened.calls.values()):
            self._hang_up(call, "local", now)
        self._open.pop(broadcast_id, None)

    def end_device(self, device_id: str, now: float) -> None:
        """Release everything of a device that went offline."""
        for opened in list(self._of_device(device_id)):
            opened.is_closing = True
            for call in list(opened.calls.values()):
                self._hang_up(call, "offline", now)
            self._fail(opened, BroadcastFault.OFFLINE)
            self._open.pop(opened.id, None)

    def end_all(self, now: float) -> None:
        """Say goodbye in every call: the server stops."""
        for broadcast_id in list(self._open):
            self.end(broadcast_id, now)

    def next_timer(self) -> float | None:
        """Return when the next wait for a Response or a call is over."""
        waiting = (o.deadline for o in self._open.values() if o.called == 0)
        return min(waiting, default=None)

    def handle_timer(self, now: float) -> None:
        """Give up what took too long."""
        for opened in list(self._open.values()):
            if opened.called == 0 and opened.deadline <= now:
                granted = opened.is_granted
                self._fail(
                    opened, BroadcastFault.NO_INVITE if granted else BroadcastFault.NO_ANSWER
                )

    # Inside

    def _of_device(self, device_id: str) -> Iterator[OpenBroadcast]:
        return (opened for opened in self._open.values() if opened.device_id == device_id)

    def _of_transaction(self, transaction: ServerTransaction | None) -> VoiceCall | None:
        return next((c for c in self._calls.values() if c.transaction is transaction), None)

    def _find(self, request: Request, binding: Binding | None) -> tuple[OpenBroadcast, str] | None:
        """The broadcast that explains an INVITE, and the output that calls (8.11)."""
        if binding is None:
            return None
        waiting = [o for o in self._of_device(binding.device_id) if _may_take(o)]
        subject = parse_subject(request.headers.get("subject"))
        names = [subject.receiver_id, subject.sender_id] if subject is not None else []
        names = [name for name in (*names, request.from_.uri.user or "") if name]
        for name in names:
            for opened in waiting:
                if opened.target_id == name and not opened.is_for_all:
                    return opened, name
        for_all = next((o for o in waiting if o.is_for_all), None)
        if for_all is not None:
            own = (self._config.server_id, "")
            return for_all, next((n for n in names if n not in own), for_all.target_id)
        if len(waiting) == 1:
            return waiting[0], waiting[0].target_id
        return None

    def _read_offer(self, request: Request, peer: Peer, binding: Binding) -> VoiceOffer:
        quirks = self._quirks(binding.device_id, binding.user_agent)
        return read_voice_offer(
            request.body,
            peer.host,
            prefers_tcp=quirks.text(Quirk.VOICE_TRANSPORT) == "tcp",
            prefers_ps=quirks.text(Quirk.VOICE_PACKING) == "ps",
        )

    def _answer_again(self, call: VoiceCall, request: Request) -> Response:
        """A re-INVITE in a call: what was agreed stays agreed."""
        if call.answer:
            return self._success(call, request)
        return build_response(request, 491)

    def _success(self, call: VoiceCall, request: Request) -> Response:
        headers = [
            ("Contact", self._messenger.contact),
            ("User-Agent", self._config.user_agent),
            ("Content-Type", "application/sdp"),
        ]
        return build_response(request, 200, headers=headers, body=call.answer)

    def _ssrc(self, offer: VoiceOffer, now: float) -> int | None:
        if offer.ssrc is not None:
            return offer.ssrc
        try:
            return self._ssrcs.take(now)
        except NoSsrcLeft:
            return None

    def _fail(self, opened: OpenBroadcast, fault: BroadcastFault, detail: str = "") -> None:
        if opened.called == 0 and self._open.pop(opened.id, None) is not None:
            self._emit(BroadcastFailed(opened.id, fault, detail))

    def _hang_up(self, call: VoiceCall, reason: str, now: float) -> None:
        state = call.state
        if state is VoiceState.RINGING:
            self._layer.respond(call.transaction, build_response(call.request, 480), now)
        elif state in (VoiceState.ANSWERED, VoiceState.TALKING):
            self._send_bye(call, now)
        self._close(call, reason, now)

    def _send_bye(self, call: VoiceCall, now: float) -> None:
        binding = self._bindings.get(call.broadcast.device_id)
        peer = binding.peer if binding is not None else call.dialog.peer
        if peer.transport == "udp" or peer.connection is not None:
            with suppress(TooManyTransactions, SipError):
                request = call.dialog.build_request("BYE", contact=self._messenger.contact)
                self._layer.send_request(request, peer, now)
        call.dialog.terminate()

    def _close(self, call: VoiceCall, reason: str, now: float) -> None:
        if self._calls.pop(call.id, None) is None:
            return
        call.step(VoiceInput.END)
        self._dialogs.remove(call.dialog)
        opened = call.broadcast
        opened.calls.pop(call.id, None)
        self._emit(VoiceEnded(opened.id, call.id, reason))
        if not opened.calls and not opened.is_for_all:
            self._open.pop(opened.id, None)


def _may_take(opened: OpenBroadcast) -> bool:
    if opened.is_closing:
        return False
    return opened.called < (MOST_CALLS_OF_ONE if opened.is_for_all else 1)

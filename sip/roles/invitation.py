"""Invitations of ours: INVITE, its answer, ACK, BYE and CANCEL for live media.

GB/T 28181-2022 9.2 and annexes G, L; RFC 3261 §13, §15. One INVITE ends in InvitationAnswered or
InvitationRefused within the configured time, whatever the device does; a 200 that comes later, or
a second one of another tag, is acknowledged and ended by BYE (§13.2.2.4).
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from sip.errors import MalformedMessage, TooManyTransactions
from sip.events import InvitationEnded
from sip.gb28181.quirks import QuirkFinder
from sip.gb28181.ssrc import SsrcPool
from sip.gb28181.subject import Subject
from sip.message import Peer, Request, Response, build_request, readable
from sip.message.sdp import MalformedSdp, MediaAnswer, MediaOffer, build_offer, format_ssrc
from sip.roles.bindings import Binding, Bindings
from sip.roles.call import (
    Call,
    CallInput,
    CallState,
    Invitation,
    InvitationAnswered,
    InvitationFailed,
    InvitationOutcome,
    InvitationRefused,
)
from sip.roles.config import SipConfig
from sip.roles.inquiry import PeerUnreachable
from sip.roles.media_answer import UnfitAnswer, read_answer
from sip.roles.messenger import Messenger
from sip.transactions import Dialog, DialogTable, TransactionLayer

MOST_CALLS = 10_000
"""Streams of one server; the SSRC rule has no more numbers either."""


class Inviter:
    """All invitations of ours."""

    def __init__(
        self,
        config: SipConfig,
        layer: TransactionLayer,
        messenger: Messenger,
        bindings: Bindings,
        ssrcs: SsrcPool,
        emit: Callable[[InvitationOutcome], None],
        wall: Callable[[], datetime],
        quirks: QuirkFinder,
    ) -> None:
        self._config = config
        self._quirks = quirks
        self._layer = layer
        self._messenger = messenger
        self._bindings = bindings
        self._emit = emit
        self._wall = wall
        self._ssrcs = ssrcs
        self.foreign_answers = 0
        """Answers to an INVITE under the Call-ID of another one."""
        self._calls: dict[str, Call] = {}
        self._dialogs = DialogTable()

    def __len__(self) -> int:
        return len(self._calls)

    def invite(self, binding: Binding, channel_id: str, offer: MediaOffer, now: float) -> str:
        """Send an INVITE and return the invitation's id.

        Raises PeerUnreachable, InvitationFailed (overload).
        """
        if not binding.is_reachable:
            raise PeerUnreachable("the device's connection is gone")
        if len(self._calls) >= MOST_CALLS:
            raise InvitationFailed(503, "overload")
        quirks = self._quirks(binding.device_id, binding.user_agent)
        call_id = self._messenger.new_call_id()
        subject = Subject(channel_id, format_ssrc(offer.ssrc), self._config.server_id, "0")
        body = build_offer(
            offer,
            owner_id=self._config.server_id,
            stream_attribute=quirks.stream_attribute(offer.stream),
            channel_id=channel_id,
        )
        headers = [("Subject", str(subject)), ("Content-Type", "application/sdp")]
        request = self._messenger.build(
            "INVITE",
            binding,
            channel_id,
            call_id,
            headers,
            body,
            contact=self._messenger.contact,
        )
        call = Call(
            call_id, binding.device_id, channel_id, offer, now + self._config.invite_timeout_s
        )
        try:
            call.transaction = self._layer.send_request(request, binding.peer, now, user=call)
        except TooManyTransactions as error:
            raise InvitationFailed(503, "overload") from error
        self._calls[call_id] = call
        self._ssrcs.hold(offer.ssrc)
        return call_id

    def receive_response(self, call: Call, response: Response, peer: Peer, now: float) -> None:
        """Take a response to an INVITE; one that names another dialog belongs to nobody here.

        Some devices change the case of a Call-ID.
        """
        if response.call_id.casefold() != call.id.casefold():
            self.foreign_answers += 1
            if response.is_final:
                self._note_misanswered(call, now)
            return
        if not response.is_final:
            call.has_provisional = True
            return
        if response.is_success:
            self._receive_success(call, response, peer, now)
        elif call.state in (CallState.INVITING, CallState.CANCELLING):
            waited = call.state is CallState.INVITING
            call.step(CallInput.REFUSAL)
            self._drop(call, now)
            if waited:
                self._refuse(call, response.status, "refused", readable(response.reason))

    def _note_misanswered(self, call: Call, now: float) -> None:
        """Its transaction has ended with an answer to something else: none of its own may come."""
        call.is_misanswered = True
        if call.state is CallState.CANCELLING:
            call.step(CallInput.LOST)
            self._drop(call, now)

    def receive_stray_success(self, response: Response, peer: Peer, now: float) -> None:
        """End a session nobody waits for any more: ACK and BYE, to devices we know only."""
        if self._bindings.on_route(peer) is None or response.cseq.method != "INVITE":
            return
        target = response.contact.uri if response.contact is not None else response.to.uri
        invite = build_request(
            "INVITE",
            target,
            from_=response.from_,
            to=response.to,
            call_id=response.call_id,
            cseq=response.cseq.number,
        )
        dialog = _open_dialog(invite, response, peer)
        self._layer.send_stray_ack(dialog.build_ack(invite), peer)
        self._send_bye(dialog, peer, now)

    def fail(self, call: Call, now: float) -> None:
        """Note that no answer will ever come: timer B, or the connection broke."""
        if call.state is CallState.INVITING:
            call.step(CallInput.LOST)
            self._refuse(call, 408, "no_answer")
        elif call.state is CallState.CANCELLING:
            call.step(CallInput.LOST)
        self._drop(call, now)

    def bye(self, invitation_id: str, now: float) -> None:
        """End an invitation in whatever state; one that is unknown or over is fine."""
        call = self._calls.get(invitation_id)
        if call is None:
            return
        if call.state is CallState.INVITING:
            self._cancel(call, CallInput.GIVE_UP, now)
            self._refuse(call, 487, "cancelled")
        elif call.state is CallState.ESTABLISHED:
            self._end(call, CallInput.GIVE_UP, "local", now)

    def receive_bye(self, request: Request, peer: Peer, now: float) -> int:
        """Take a BYE and return the status it deserves: 481 outside our dialogs."""
        dialog = self._dialogs.find(request, peer)
        call = dialog.user if dialog is not None else None
        if dialog is None or not isinstance(call, Call):
            return 481
        self._close(call, CallInput.BYE, "bye", now)
        return 200

    def call_of(self, request: Request, peer: Peer) -> Call | None:
        """Return the call an in-dialog request or a MediaStatus belongs to (2.12: by Call-ID)."""
        dialog = self._dialogs.find(request, peer)
        return dialog.user if dialog is not None and isinstance(dialog.user, Call) else None

    def established(self, invitation_id: str) -> tuple[Call, Dialog, Peer] | None:
        """Return an answered call, its dialog and the way to the device; None when over."""
        call = self._calls.get(invitation_id)
        if call is None or call.dialog is None or call.state is not CallState.ESTABLISHED:
            return None
        binding = self._bindings.get(call.device_id)
        return call, call.dialog, binding.peer if binding is not None else call.dialog.peer

    def end_device(self, device_id: str, now: float) -> None:
        """Release everything of a device that went offline (2022 annex K); BYE where possible."""
        for call in [c for c in self._calls.values() if c.device_id == device_id]:
            if call.state is CallState.INVITING:
                self._cancel(call, CallInput.GIVE_UP, now)
                self._refuse(call, 480, "offline")
            elif call.state is CallState.ESTABLISHED:
                self._end(call, CallInput.LOST, "offline", now)

    def end_all(self, now: float) -> None:
        """Say goodbye in every session: the server stops."""
        for call_id in list(self._calls):
            self.bye(call_id, now)

    def next_timer(self) -> float | None:
        """Return when the next INVITE has waited long enough."""
        waiting = (c.deadline for c in self._calls.values() if c.state is CallState.INVITING)
        return min(waiting, default=None)

    def handle_timer(self, now: float) -> None:
        """Give up what took too long."""
        for call in list(self._calls.values()):
            if call.state is CallState.INVITING and call.deadline <= now:
                self._cancel(call, CallInput.DEADLINE, now)
                self._refuse(call, 408, "timeout")

    def _receive_success(self, call: Call, response: Response, peer: Peer, now: float) -> None:
        assert call.transaction is not None  # set where the call is made
        dialog = _open_dialog(call.transaction.request, response, peer)
        dialog.user = call
        ack = dialog.build_ack(call.transaction.request)
        self._layer.send_ack(call.transaction, ack, now, peer)
        if call.state is not CallState.INVITING:
            if call.state is CallState.CANCELLING:
                call.step(CallInput.UNFIT)
                self._drop(call, now)
                self._tell_end(call, "late")
            self._send_bye(dialog, peer, now)
            return
        try:
            answer = read_answer(response.body, call.offer, peer.host)
        except UnfitAnswer as error:
            self._drop_unfit(call, dialog, error.reason, str(error), now)
        except MalformedSdp as error:
            reason = "bad_sdp" if response.body.strip() else "no_sdp"
            self._drop_unfit(call, dialog, reason, error.reason, now)
        else:
            self._establish(call, dialog, answer)

    def _establish(self, call: Call, dialog: Dialog, answer: MediaAnswer) -> None:
        call.step(CallInput.ANSWER)
        call.dialog = dialog
        self._dialogs.add(dialog)
        ssrc = call.offer.ssrc if answer.ssrc is None else answer.ssrc
        self._emit(
            InvitationAnswered(
                Invitation(call.id, call.id, call.device_id, call.channel_id, ssrc, answer)
            )
        )

    def _drop_unfit(self, call: Call, dialog: Dialog, reason: str, detail: str, now: float) -> None:
        call.step(CallInput.UNFIT)
        self._drop(call, now)
        self._send_bye(dialog, dialog.peer, now)
        self._refuse(call, 488, reason, detail)

    def _cancel(self, call: Call, event: CallInput, now: float) -> None:
        call.step(event)
        if call.is_misanswered:
            call.step(CallInput.LOST)
            self._drop(call, now)
        elif call.transaction is not None:
            self._layer.cancel(call.transaction, now)

    def _end(self, call: Call, event: CallInput, reason: str, now: float) -> None:
        dialog = call.dialog
        self._close(call, event, reason, now)
        if dialog is not None:
            binding = self._bindings.get(call.device_id)
            peer = binding.peer if binding is not None else dialog.peer
            self._send_bye(dialog, peer, now)

    def _close(self, call: Call, event: CallInput, reason: str, now: float) -> None:
        call.step(event)
        self._drop(call, now)
        if call.dialog is not None:
            self._dialogs.remove(call.dialog)
        self._tell_end(call, reason)

    def _tell_end(self, call: Call, reason: str) -> None:
        self._emit(InvitationEnded(call.id, call.device_id, call.channel_id, reason, self._wall()))

    def _drop(self, call: Call, now: float) -> None:
        if self._calls.pop(call.id, None) is not None:
            self._ssrcs.release(call.offer.ssrc, now)

    def _send_bye(self, dialog: Dialog, peer: Peer, now: float) -> None:
        request = dialog.build_request("BYE", contact=self._messenger.contact)
        dialog.terminate()
        if peer.transport == "udp" or peer.connection is not None:
            with suppress(TooManyTransactions):
                self._layer.send_request(request, peer, now)

    def _refuse(self, call: Call, status: int, reason: str, detail: str = "") -> None:
        error = InvitationFailed(
            status, reason, detail, invitation_id=call.id, has_provisional=call.has_provisional
        )
        self._emit(InvitationRefused(call.id, error))


def _open_dialog(request: Request, response: Response, peer: Peer) -> Dialog:
    """Open the dialog of a 200; a Record-Route that is none is as good as absent."""
    try:
        return Dialog.create_uac(request, response, peer)
    except MalformedMessage:
        response.headers.remove("record-route")
        return Dialog.create_uac(request, response, peer)

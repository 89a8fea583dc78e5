"""The hearing side of a simulated device: Broadcast, its Response, our INVITE, BYE (2022 9.12.1).

The shell owns the media: on VoiceWanted it opens a port and calls `call`, from VoiceGranted on it
listens, until VoiceOver.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sip.gb28181 import broadcast
from sip.gb28181.manscdp import Envelope, Root
from sip.gb28181.subject import Subject
from sip.gb28181.voice import build_voice_offer, read_voice_offer
from sip.message import NameAddr, Peer, Request, Response, SipUri, build_request
from sip.message.sdp import MalformedSdp, format_ssrc
from sip.simulator.answers import Handlers
from sip.simulator.profile import (
    DeviceProfile,
    Faults,
    SimulatorEvent,
    VoiceGranted,
    VoiceOver,
    VoiceWanted,
)
from sip.transactions import ClientTransaction, Dialog, DialogTable, TransactionLayer

TYPE_SOUND_OUTPUT = "137"
_TYPE_DIGITS = slice(10, 13)
FIRST_SSRC = 1


@dataclass(slots=True, eq=False)
class Ear:
    """One sound output that hears, or wants to."""

    call_id: str
    target_id: str
    source_id: str
    ssrc: int
    transaction: ClientTransaction | None = None
    dialog: Dialog | None = None


class Ears:
    """All voice calls of one device."""

    def __init__(
        self,
        profile: DeviceProfile,
        faults: Faults,
        layer: TransactionLayer,
        ids: Callable[[], str],
        emit: Callable[[SimulatorEvent], None],
    ) -> None:
        self._profile = profile
        self._faults = faults
        self._layer = layer
        self._ids = ids
        self._emit = emit
        self._ears: dict[str, Ear] = {}
        self._dialogs = DialogTable()
        self._count = 0

    def __len__(self) -> int:
        return len(self._ears)

    def handlers(self) -> Handlers:
        """What the device does on a Broadcast."""
        return {(Root.NOTIFY, broadcast.COMMAND): self._take_broadcast}

    def _take_broadcast(self, envelope: Envelope) -> Iterable[bytes]:
        asked = broadcast.parse_broadcast(envelope)
        targets = self._outputs(asked.target_id)
        is_ok = bool(targets) and not self._faults.voice_refused
        yield broadcast.build_broadcast_response(
            asked.target_id, asked.sn, is_ok=is_ok, charset=self._profile.charset
        )
        if not is_ok or self._faults.voice_no_call:
            return
        for target_id in targets:
            self._count += 1
            ear = Ear(
                f"{self._ids()}@{self._profile.local_host}",
                target_id,
                asked.source_id,
                FIRST_SSRC + self._count,
            )
            self._ears[ear.call_id] = ear
            self._emit(
                VoiceWanted(ear.call_id, target_id, asked.source_id, self._profile.voice_transport)
            )

    def _outputs(self, target_id: str) -> list[str]:
        """A main device means all its sound outputs, itself where it lists none (9.12.1)."""
        profile = self._profile
        if target_id == profile.device_id:
            codes = [channel.code for channel in profile.channels]
            outputs = [code for code in codes if code[_TYPE_DIGITS] == TYPE_SOUND_OUTPUT]
            return outputs or [target_id]
        return [channel.code for channel in profile.channels if channel.code == target_id]

    def call(self, call_id: str, local_host: str, local_port: int, now: float) -> None:
        """Invite the platform; a port is open for what it says."""
        ear = self._ears.get(call_id)
        if ear is None or ear.transaction is not None:
            return
        profile = self._profile
        own = SipUri(profile.domain, ear.target_id)
        platform = SipUri(profile.domain, ear.source_id)
        subject = Subject(ear.source_id, format_ssrc(ear.ssrc), ear.target_id, "1")
        body = build_voice_offer(
            local_host,
            local_port,
            profile.voice_transport,
            None if self._faults.voice_omit_ssrc else ear.ssrc,
            owner_id=ear.target_id,
        )
        contact = SipUri(profile.local_host, ear.target_id, profile.local_port)
        request = build_request(
            "INVITE",
            platform,
            from_=NameAddr(own).with_tag(self._ids()),
            to=NameAddr(platform),
            call_id=ear.call_id,
            cseq=1,
            contact=f"<{contact}>",
            headers=[
                ("Subject", str(subject)),
                ("User-Agent", profile.user_agent),
                ("Content-Type", "application/sdp"),
            ],
            body=body,
        )
        ear.transaction = self._layer.send_request(request, profile.server, now, user=ear)

    def receive_response(self, ear: Ear, response: Response, peer: Peer, now: float) -> None:
        """Take the platform's answer; ACK follows at once."""
        if not response.is_final:
            return
        if not response.is_success:
            self._remove(ear, f"refused {response.status}")
            return
        assert ear.transaction is not None, "sent before it is answered"
        dialog = Dialog.create_uac(ear.transaction.request, response, peer)
        dialog.user = ear
        self._layer.send_ack(ear.transaction, dialog.build_ack(ear.transaction.request), now, peer)
        try:
            answer = read_voice_offer(response.body, peer.host)
        except MalformedSdp:
            self._layer.send_request(dialog.build_request("BYE"), peer, now)
            self._remove(ear, "bad answer")
            return
        ear.dialog = dialog
        self._dialogs.add(dialog)
        self._emit(
            VoiceGranted(
                ear.call_id,
                ear.target_id,
                answer.host,
                answer.port,
                self._profile.voice_transport,
                answer.ssrc,
            )
        )

    def fail(self, ear: Ear) -> None:
        """Note that the platform never answered."""
        self._remove(ear, "no answer")

    def receive_bye(self, request: Request, peer: Peer) -> int:
        """Take a BYE; return the status it deserves."""
        dialog = self._dialogs.find(request, peer)
        if dialog is None or not isinstance(dialog.user, Ear):
            return 481
        self._remove(dialog.user, "bye")
        return 200

    def end(self, call_id: str, now: float, reason: str = "local") -> None:
        """Hang up."""
        ear = self._ears.get(call_id)
        if ear is None:
            return
        dialog = ear.dialog
        self._remove(ear, reason)
        if dialog is not None:
            self._layer.send_request(dialog.build_request("BYE"), dialog.peer, now)
            dialog.terminate()
        elif ear.transaction is not None:
            self._layer.cancel(ear.transaction, now)

    def end_all(self, now: float, reason: str) -> None:
        """Hang up everywhere."""
        for call_id in list(self._ears):
            self.end(call_id, now, reason)

    def _remove(self, ear: Ear, reason: str) -> None:
        if self._ears.pop(ear.call_id, None) is not None:
            if ear.dialog is not None:
                self._dialogs.remove(ear.dialog)
            self._emit(VoiceOver(ear.call_id, ear.target_id, reason))

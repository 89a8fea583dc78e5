"""The invited side of a simulated device: INVITE, answer, ACK, BYE, CANCEL.

GB/T 28181-2022 9.2, checklist 78 and 79 of the profile. The shell owns the media: it hears
MediaRequested, answers with accept or reject, and sends between MediaStarted and MediaStopped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sip.gb28181 import manscdp
from sip.gb28181.keepalive import build_media_status
from sip.gb28181.mansrtsp import CONTENT_TYPE, build_reply
from sip.gb28181.subject import Subject, parse_subject
from sip.message import Peer, Request, Response, SipUri, build_response
from sip.message.sdp import (
    History,
    MalformedSdp,
    MediaAnswer,
    MediaTransport,
    SessionDescription,
    build_answer,
    parse_sdp,
)
from sip.simulator.playback import obey
from sip.simulator.profile import (
    DeviceProfile,
    Faults,
    MediaRequested,
    MediaStarted,
    MediaStopped,
    PlaybackControlled,
    SimulatorEvent,
)
from sip.simulator.quirks import odd_sdp
from sip.transactions import Dialog, DialogTable, ServerTransaction, TransactionLayer

MEDIA_FORMAT = "v/2/6/25/1/4096a/1/8/1"
PRIVATE_HOST = "192.168.77.64"


@dataclass(slots=True, eq=False)
class Session:
    """One invitation of the platform's."""

    call_id: str
    channel_id: str
    request: Request
    transaction: ServerTransaction
    dialog: Dialog
    offer: SessionDescription
    transport: MediaTransport
    subject: Subject | None
    ssrc: int | None
    history: History | None = None
    size_bytes: int | None = None
    is_answered: bool = False
    is_started: bool = False
    answer: tuple[int, bytes] | None = None
    answer_at: float | None = None


class Sessions:
    """All sessions of one device."""

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
        self._sessions: dict[str, Session] = {}
        self._dialogs = DialogTable()

    def __len__(self) -> int:
        return len(self._sessions)

    def receive_invite(
        self, request: Request, transaction: ServerTransaction, peer: Peer, now: float
    ) -> None:
        """Take an INVITE: refuse it, or ask the shell for media."""
        channel_id = request.uri.user or ""
        status = self._refusal(request, channel_id)
        if status is not None:
            self._layer.respond(transaction, build_response(request, status), now)
            return
        subject = parse_subject(request.headers.get("subject"))
        self._replace(subject, now)
        offer = parse_sdp(request.body)
        media = offer.main_media
        session = Session(
            request.call_id,
            channel_id,
            request,
            transaction,
            Dialog.create_uas(request, transaction.to_tag, peer),
            offer,
            media.transport,
            subject,
            offer.ssrc,
            offer.history,
        )
        session.dialog.user = session
        self._sessions[session.call_id] = session
        self._dialogs.add(session.dialog)
        if self._faults.trying_only:
            return
        self._emit(
            MediaRequested(
                session.call_id,
                channel_id,
                media.host or peer.host,
                media.port,
                session.transport,
                offer.ssrc,
                media.stream,
                offer.name,
                session.history,
            )
        )

    def accept(
        self, call_id: str, local_host: str, local_port: int, now: float, ssrc: int | None
    ) -> None:
        """Answer with 200 and SDP, after the delay the faults ask for."""
        session = self._sessions.get(call_id)
        if session is None or session.is_answered:
            return
        table, history = self._profile.recordings, session.history
        if table is not None and history is not None and history.kind == "Download":
            session.size_bytes = table.size_bytes(history.start, history.stop)
        body = self._answer_body(session, local_host, local_port, ssrc)
        if self._faults.early_dialog:
            early = build_response(session.request, 101, "Dialog Establishment")
            self._layer.respond(session.transaction, early, now)
        self._answer_later(session, 200, body, now)

    def reject(self, call_id: str, status: int, now: float) -> None:
        """Answer with a refusal."""
        session = self._sessions.get(call_id)
        if session is not None and not session.is_answered:
            self._answer_later(session, status, b"", now)

    def acknowledged(self, transaction: ServerTransaction | None) -> None:
        """Take the ACK: media may flow."""
        session = self._of(transaction)
        if session is not None and session.is_answered and not session.is_started:
            session.is_started = True
            if not self._faults.no_media:
                self._emit(MediaStarted(session.call_id, session.channel_id, session.ssrc))

    def unacknowledged(self, transaction: ServerTransaction, now: float) -> None:
        """End a session whose ACK never came (RFC 3261 §13.3.1.4)."""
        session = self._of(transaction)
        if session is not None:
            self.end(session.call_id, now, "no_ack")

    def cancelled(self, transaction: ServerTransaction, now: float) -> None:
        """Take a CANCEL: the INVITE gets 487."""
        if self._faults.cancel_ignored:
            return
        session = self._of(transaction)
        if session is not None and not session.is_answered:
            self._layer.respond(transaction, build_response(session.request, 487), now)
            self._remove(session, "cancelled")

    def receive_bye(self, request: Request, peer: Peer) -> int:
        """Take a BYE; return the status it deserves."""
        dialog = self._dialogs.find(request, peer)
        if dialog is None or not isinstance(dialog.user, Session):
            return 481
        self._remove(dialog.user, "bye")
        return 200

    def receive_info(self, request: Request, peer: Peer) -> Response:
        """Take an INFO; return its answer. A command that is obeyed is told to the shell."""
        dialog = self._dialogs.find(request, peer)
        session = dialog.user if dialog is not None else None
        if not isinstance(session, Session):
            return build_response(request, 481)
        status, command, reply = obey(request.body, session.history, self._profile, self._faults)
        if command is not None:
            self._emit(PlaybackControlled(session.call_id, command))
        if reply is None:
            return build_response(request, status)
        headers = [("Content-Type", CONTENT_TYPE)]
        return build_response(request, status, headers=headers, body=build_reply(reply))

    def end_file(self, call_id: str, sn: int, now: float) -> None:
        """Say in the dialog that the file has been sent (9.8, NotifyType 121)."""
        session = self._sessions.get(call_id)
        if session is None or not session.is_answered or self._faults.no_media_status:
            return
        if self._faults.bye_at_end:
            self.end(call_id, now)
            return
        body = build_media_status(session.channel_id, sn, charset=self._profile.charset)
        headers = [("Content-Type", manscdp.CONTENT_TYPE)]
        request = session.dialog.build_request("MESSAGE", headers=headers, body=body)
        self._layer.send_request(request, session.dialog.peer, now)

    def end(self, call_id: str, now: float, reason: str = "local") -> None:
        """End a session from our side: BYE, or 480 while it is not answered."""
        session = self._sessions.get(call_id)
        if session is None:
            return
        self._remove(session, reason)
        if session.is_answered:
            self._layer.send_request(session.dialog.build_request("BYE"), session.dialog.peer, now)
            session.dialog.terminate()
        else:
            self._layer.respond(session.transaction, build_response(session.request, 480), now)

    def end_all(self, now: float, reason: str) -> None:
        """End every session."""
        for call_id in list(self._sessions):
            self.end(call_id, now, reason)

    def next_timer(self) -> float | None:
        """Return when a delayed answer is due."""
        times = (session.answer_at for session in self._sessions.values())
        return min((time for time in times if time is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Send delayed answers that are due."""
        for session in list(self._sessions.values()):
            if session.answer_at is not None and session.answer_at <= now:
                self._answer_now(session, now)

    def _refusal(self, request: Request, channel_id: str) -> int | None:
        known = any(channel.code == channel_id for channel in self._profile.channels)
        if not known:
            return 404
        if self._faults.answer_status is not None:
            return self._faults.answer_status
        try:
            offer = parse_sdp(request.body)
        except MalformedSdp:
            return 488
        media = offer.main_media
        codecs = media.payloads
        if media.kind != "video" or (codecs and "PS" not in codecs.values()):
            return 488
        if media.is_tcp and self._faults.tcp_refused:
            return 488
        subject = parse_subject(request.headers.get("subject"))
        replaced = any(
            _same_source(session.subject, subject) for session in self._sessions.values()
        )
        if len(self._sessions) - int(replaced) >= self._profile.stream_limit:
            return 486
        return self._history_refusal(channel_id, offer.history)

    def _history_refusal(self, channel_id: str, history: History | None) -> int | None:
        """404 without a recording in the window, 486 above the limit of playbacks."""
        if history is None:
            return None
        table = self._profile.recordings
        start, stop = (datetime.fromtimestamp(at, UTC) for at in (history.start, history.stop))
        if table is None or not table.clips(channel_id, start, stop):
            return 404
        playbacks = sum(each.history is not None for each in self._sessions.values())
        return 486 if playbacks >= self._profile.playback_limit else None

    def _replace(self, subject: Subject | None, now: float) -> None:
        """Release what is sent for the same Subject sender pair (2022 annex K)."""
        for session in list(self._sessions.values()):
            if _same_source(session.subject, subject):
                self.end(session.call_id, now, "replaced")

    def _answer_body(
        self, session: Session, local_host: str, local_port: int, ssrc: int | None
    ) -> bytes:
        faults = self._faults
        if faults.omit_sdp:
            return b""
        if faults.answer_body is not None:
            return faults.answer_body
        if ssrc is not None:
            session.ssrc = ssrc
        if faults.answer_ssrc is not None:
            session.ssrc = faults.answer_ssrc
        if faults.answer_nowhere:
            local_host = "0.0.0.0"  # said, not listened on
        elif faults.answer_private:
            local_host = PRIVATE_HOST
        answer = MediaAnswer(
            local_host,
            local_port,
            session.transport,
            None if faults.omit_ssrc else session.ssrc,
            {96: "PS"},
            session.size_bytes,
        )
        body = build_answer(
            answer,
            owner_id=session.channel_id,
            name=session.offer.name or "Play",
            media_format=MEDIA_FORMAT,
            times=(session.offer.start, session.offer.stop),
        )
        return odd_sdp(body, faults)

    def _answer_later(self, session: Session, status: int, body: bytes, now: float) -> None:
        session.answer = (status, body)
        session.answer_at = now + self._faults.answer_delay_s
        if self._faults.answer_delay_s <= 0:
            self._answer_now(session, now)

    def _answer_now(self, session: Session, now: float) -> None:
        status, body = session.answer or (500, b"")
        session.answer_at = None
        profile = self._profile
        headers = [("User-Agent", profile.user_agent)]
        if status < 300:
            contact = SipUri(profile.local_host, session.channel_id, profile.local_port)
            headers.append(("Contact", f"<{contact}>"))
            session.is_answered = True
            session.dialog.confirm()
        if body:
            headers.append(("Content-Type", "application/sdp"))
        response = build_response(session.request, status, headers=headers, body=body)
        self._layer.respond(session.transaction, response, now)
        if status >= 300:
            self._remove(session, "local")

    def _of(self, transaction: ServerTransaction | None) -> Session | None:
        sessions = self._sessions.values()
        return next((s for s in sessions if s.transaction is transaction), None)

    def _remove(self, session: Session, reason: str) -> None:
        if self._sessions.pop(session.call_id, None) is not None:
            self._dialogs.remove(session.dialog)
            self._emit(MediaStopped(session.call_id, session.channel_id, reason))


def _same_source(one: Subject | None, other: Subject | None) -> bool:
    return one is not None and other is not None and one.sender_pair == other.sender_pair

"""Server transactions (RFC 3261 §17.2, RFC 6026 §8.5) and the keys that find them."""

from collections.abc import Hashable
from hashlib import blake2b

from sip.errors import LocalProtocolError
from sip.message import Peer, Request, Response, Via, build_response, split_values
from sip.transactions.core import Transaction, Wire
from sip.transactions.tables import (
    INVITE_SERVER,
    NON_INVITE_SERVER,
    Action,
    Input,
    State,
    input_of_status,
)

BRIEF_CHARS = 256
"""Parts of a key are kept up to this length; honest branches and Call-IDs have some 30."""


class ServerTransaction(Transaction):
    """One request of a peer and our answer, which is kept as octets for its repetitions."""

    __slots__ = (
        "_next",
        "_packet",
        "_trying",
        "_via",
        "fingerprint",
        "is_acknowledged",
        "sender",
        "to_tag",
        "weight",
    )

    def __init__(
        self, wire: Wire, key: Hashable, request: Request, peer: Peer, to_tag: str
    ) -> None:
        is_invite = request.method == "INVITE"
        super().__init__(
            wire,
            key,
            peer,
            INVITE_SERVER if is_invite else NON_INVITE_SERVER,
            State.PROCEEDING if is_invite else State.TRYING,
            method=request.method,
            call_id=request.call_id,
            cseq=request.cseq.number,
        )
        self.sender = request.from_.uri.user
        """User part of From: whom a repetition proves alive."""
        self.to_tag = request.to.tag or to_tag
        """Tag that answers carry in To (§8.2.6.2)."""
        self.is_acknowledged = False
        """Whether the ACK for a 2xx came."""
        self.fingerprint: bytes | None = None
        """Hash of the datagram as it came, by which a repetition is known without parsing."""
        self.weight = 0
        """Octets of ours that the store has counted."""
        self._via: Via | None = request.via
        self._packet = b""
        self._next = b""
        self._trying = self.address(build_response(request, 100)) if is_invite else b""

    @property
    def kept_bytes(self) -> int:
        """Octets kept to answer repetitions; the peer's own headers make most of them."""
        return len(self._packet) + len(self._trying)

    def start(self, now: float) -> None:
        """Begin to wait for our own side."""
        settings = self._wire.settings
        if self.method == "INVITE":
            self.arm(Input.TIMER_100, settings.trying_s, now)
            self.arm(Input.TIMER_UNANSWERED, settings.unanswered_invite_s, now)
        else:
            self.arm(Input.TIMER_UNANSWERED, settings.patience_s, now)

    def respond(self, response: Response, now: float) -> tuple[Action, ...]:
        """Send an answer to where the request came from (the source, not what Via claims)."""
        self._next = self.address(response)
        if self.state is State.TERMINATED and not self._packet:
            # Pushed out of a full table before it was answered: answer without remembering.
            self._wire.send(self._next, self.peer)
            return ()
        reports = self.step(input_of_status(response.status), now)
        if self.state is State.COMPLETED:
            # Ten thousand of these wait for timer J: they keep their octets and no more.
            self._via = None
        return reports

    def address(self, response: Response) -> bytes:
        """Return the response's octets with `received`, `rport` and the To tag filled in."""
        if self._via is None:
            raise LocalProtocolError("the request is answered already")
        headers = response.headers
        via = str(self._via.with_source(self.peer.host, self.peer.port))
        _, *others = split_values(headers.get("via") or "")
        headers.replace_first("Via", ", ".join([via, *others]))
        if response.status > 100 and response.to.tag is None:
            headers.set("To", f"{headers.get('to')};tag={self.to_tag}")
        return response.to_bytes()

    def _perform(self, action: Action, event: Input, now: float) -> bool:
        if action in (Action.SEND, Action.SEND_TRYING, Action.RESEND):
            self._send(action)
        elif action is Action.BACK_OFF:
            self._retry_s = min(2 * self._retry_s, self._wire.settings.t2_s)
            self.arm(event, self._retry_s, now)
        elif action is Action.AWAIT_ACK:
            if self.state is State.ACCEPTED or not self.peer.is_reliable:
                self.arm(Input.TIMER_G, self._retry_s, now)
        elif action is Action.LINGER:
            self._await_silence(now)
        elif action is Action.STOP_REPEATING:
            self.armed.pop(Input.TIMER_G, None)
        elif action is Action.PASS:
            return self._is_known_ack()
        else:
            return action is Action.REPORT_NO_ACK and self.is_acknowledged
        return True

    def _send(self, action: Action) -> None:
        if action is Action.SEND:
            self._packet = self._next
            self.armed.pop(Input.TIMER_100, None)
        elif action is Action.SEND_TRYING:
            self._packet = self._trying
        if self._packet:
            self._wire.send(self._packet, self.peer)

    def _is_known_ack(self) -> bool:
        """Whether this ACK is a repetition, of which the user needs not hear."""
        known, self.is_acknowledged = self.is_acknowledged, True
        return known

    def _await_silence(self, now: float) -> None:
        settings = self._wire.settings
        reliable = self.peer.is_reliable
        if self.method != "INVITE":
            self._linger(Input.TIMER_J, 0.0 if reliable else settings.patience_s, now)
        elif self.state is State.ACCEPTED:
            self._linger(Input.TIMER_L, settings.patience_s, now)
        elif self.state is State.COMPLETED:
            self._linger(Input.TIMER_H, settings.patience_s, now)
        else:
            self._linger(Input.TIMER_I, 0.0 if reliable else settings.t4_s, now)


def server_key(request: Request, peer: Peer, method: str) -> Hashable:
    """Return what a request is matched by: §17.2.3, narrowed for broken devices.

    Call-ID and CSeq number join the branch, because devices reuse a branch for the authenticated
    REGISTER. The source joins too: an answer kept for one peer is never given to another that
    replays its packet. Without a branch to trust, the rules of RFC 2543 apply.
    """
    via = request.via
    number = request.cseq.number
    call_id = _brief(request.call_id)
    if via.has_cookie:
        host, port = via.sent_by
        return _brief(via.branch or ""), _brief(host), port, method, call_id, number, peer
    sender = _brief(request.from_.tag or "")
    top = _brief(request.headers.get("via") or "")
    return "2543", call_id, sender, number, method, top, _brief(str(request.uri)), peer


def _brief(text: str) -> str:
    """Return a text or, where it is long, its digest: keys outlive their transaction in timers."""
    if len(text) <= BRIEF_CHARS:
        return text
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()

"""Client transactions (RFC 3261 §17.1, RFC 6026 §8.4) and CANCEL (§9.1)."""

from sip.errors import LocalProtocolError
from sip.message import Headers, Peer, Request, Response
from sip.transactions.core import Transaction, Wire
from sip.transactions.tables import (
    INVITE_CLIENT,
    NON_INVITE_CLIENT,
    Action,
    Input,
    State,
    input_of_status,
)

MAX_FORKS = 8
"""Different 2xx to one INVITE that are looked after; cameras send one."""


class ClientTransaction(Transaction):
    """One request of ours and what comes back."""

    __slots__ = ("_acks", "_packet", "_response", "cancel_wanted", "request")

    def __init__(self, wire: Wire, request: Request, peer: Peer, branch: str) -> None:
        is_invite = request.method == "INVITE"
        super().__init__(
            wire,
            client_key(branch, request.method),
            peer,
            INVITE_CLIENT if is_invite else NON_INVITE_CLIENT,
            State.CALLING if is_invite else State.TRYING,
            method=request.method,
            call_id=request.call_id,
            cseq=request.cseq.number,
        )
        self.request = request
        """As sent, with its Via."""
        self.cancel_wanted = False
        self._packet = request.to_bytes()
        self._response: Response | None = None
        self._acks: dict[str | None, tuple[bytes, Peer] | None] = {}

    def start(self, now: float, patience_s: float | None = None) -> None:
        """Send for the first time; `patience_s` replaces 64 T1 of timers B and F."""
        self._wire.send(self._packet, self.peer)
        is_invite = self.method == "INVITE"
        if not self.peer.is_reliable:
            self.arm(Input.TIMER_A if is_invite else Input.TIMER_E, self._retry_s, now)
        patience_s = self._wire.settings.patience_s if patience_s is None else patience_s
        self.arm(Input.TIMER_B if is_invite else Input.TIMER_F, patience_s, now)

    def receive(self, response: Response, now: float) -> tuple[Action, ...]:
        """Take a response; returns what the user is to be told."""
        self._response = response
        return self.step(input_of_status(response.status), now)

    def keep_ack(self, ack: Request, peer: Peer) -> None:
        """Send the ACK for a 2xx and keep it for further copies of that 2xx (§13.2.2.4)."""
        packet = ack.to_bytes()
        self._wire.send(packet, peer)
        if ack.to.tag in self._acks or len(self._acks) < MAX_FORKS:
            self._acks[ack.to.tag] = (packet, peer)

    def build_cancel(self) -> Request:
        """Return the CANCEL for this INVITE (§9.1); raises LocalProtocolError for other methods."""
        if self.method != "INVITE":
            raise LocalProtocolError("only an INVITE can be cancelled")
        return self._sibling("CANCEL", self.request.headers.get("to") or "")

    def _sibling(self, method: str, to: str) -> Request:
        """Return a request that shares branch and CSeq number with this one."""
        source = self.request.headers
        headers = Headers()
        headers.add("Via", str(self.request.via))
        headers.add("From", source.get("from") or "")
        headers.add("To", to)
        headers.add("Call-ID", self.call_id)
        headers.add("CSeq", f"{self.cseq} {method}")
        for route in source.get_all("route"):
            headers.add("Route", route)
        headers.add("Max-Forwards", "70")
        return Request(method, self.request.uri, headers)

    def _perform(self, action: Action, event: Input, now: float) -> bool:
        if action is Action.RESEND:
            self._wire.send(self._packet, self.peer)
        elif action is Action.BACK_OFF:
            self._back_off(event, now)
        elif action is Action.STOP_REPEATING:
            self.armed.pop(Input.TIMER_A, None)
            self.armed.pop(Input.TIMER_B, None)
        elif action is Action.LINGER:
            self._await_silence(now)
        elif action is Action.ACK:
            self._acknowledge_rejection()
        elif action is Action.ACK_AGAIN:
            return self._acknowledge_again()
        else:
            return False
        return True

    def _back_off(self, event: Input, now: float) -> None:
        settings = self._wire.settings
        self._retry_s *= 2
        if event is Input.TIMER_E:
            proceeding = self.state is State.PROCEEDING
            self._retry_s = settings.t2_s if proceeding else min(self._retry_s, settings.t2_s)
        self.arm(event, self._retry_s, now)

    def _await_silence(self, now: float) -> None:
        settings = self._wire.settings
        if self.state is State.ACCEPTED:
            if self._response is not None:
                self._acks[self._response.to.tag] = None
            # Timer M runs on any transport: the 2xx is repeated end to end.
            self._linger(Input.TIMER_M, settings.patience_s, now)
        elif self.method == "INVITE":
            delay_s = 0.0 if self.peer.is_reliable else max(settings.patience_s, 32.0)
            self._linger(Input.TIMER_D, delay_s, now)
        else:
            self._linger(Input.TIMER_K, 0.0 if self.peer.is_reliable else settings.t4_s, now)

    def _acknowledge_rejection(self) -> None:
        """Send the ACK of §17.1.1.3."""
        if self._response is None:
            raise LocalProtocolError("nothing to acknowledge")
        ack = self._sibling("ACK", self._response.headers.get("to") or "")
        self._wire.send(ack.to_bytes(), self.peer)

    def _acknowledge_again(self) -> bool:
        """Repeat the ACK of a 2xx that came again; False where this 2xx is a new one."""
        tag = self._response.to.tag if self._response is not None else None
        if tag not in self._acks:
            if len(self._acks) >= MAX_FORKS:
                return True
            self._acks[tag] = None
            return False
        kept = self._acks[tag]
        if kept is not None:
            self._wire.send(*kept)
        return True


def client_key(branch: str, method: str) -> tuple[str, str]:
    """Return what a response is matched by (§17.1.3)."""
    return branch, method

"""Calls of upper platforms: they invite, we send."""

from collections import Counter
from collections.abc import Callable

from sip.gb28181.mansrtsp import PlaybackReply
from sip.message import Peer, Request, build_response
from sip.roles.config import SipConfig
from sip.roles.upward.link import Link
from sip.roles.upward.messenger import UpperMessenger
from sip.roles.upward.terms import UplinkEvent
from sip.transactions import ServerTransaction, TransactionLayer


class UpperCalls:
    """All calls of upper platforms."""

    def __init__(
        self,
        config: SipConfig,
        layer: TransactionLayer,
        messenger: UpperMessenger,
        emit: Callable[[UplinkEvent], None],
    ) -> None:
        self._config = config
        self._layer = layer
        self._messenger = messenger
        self._emit = emit
        self.counters: Counter[str] = Counter()

    def __len__(self) -> int:
        return 0

    def count(self, platform_id: str) -> int:
        """Return how many calls a platform has."""
        return 0

    def receive_invite(
        self, link: Link, request: Request, transaction: ServerTransaction, peer: Peer, now: float
    ) -> None:
        """Take an INVITE of a registered upper platform, in or outside a dialog; answers it."""
        self._layer.respond(transaction, build_response(request, 488), now)

    def receive_ack(
        self, request: Request, peer: Peer, transaction: ServerTransaction | None, now: float
    ) -> None:
        """Take an ACK to a 2xx; one that is for nobody here is fine."""

    def ack_missing(self, transaction: ServerTransaction, now: float) -> None:
        """End the call whose ACK never came; a transaction of others is fine."""

    def receive_cancel(self, transaction: ServerTransaction, now: float) -> None:
        """Answer a cancelled INVITE by 487; a transaction of others is fine."""

    def receive_bye(self, request: Request, peer: Peer, now: float) -> int:
        """Take a BYE and return the status it deserves: 481 outside our dialogs."""
        return 481

    def receive_info(
        self, request: Request, transaction: ServerTransaction, peer: Peer, now: float
    ) -> bool:
        """Take an INFO; False where it is in none of our dialogs, True where we answer it."""
        return False

    def accept(
        self, call_id: str, host: str, port: int, ssrc: int, now: float, *, size_bytes: int = 0
    ) -> None:
        """Answer by 200 with SDP; a call that is gone is fine."""

    def refuse(self, call_id: str, status: int, now: float, reason: str = "") -> None:
        """Answer by a refusal; a call that is gone is fine."""

    def end(self, call_id: str, now: float) -> None:
        """BYE, or a refusal while it is not answered; a call that is gone is fine."""

    def end_platform(self, platform_id: str, now: float) -> None:
        """End everything of a platform that is offline or removed."""

    def reply_control(
        self, call_id: str, control_id: str, reply: PlaybackReply, now: float
    ) -> None:
        """Answer an INFO."""

    def file_ended(self, call_id: str, now: float) -> None:
        """Send MediaStatus 121 in the dialog."""

    def next_timer(self) -> float | None:
        """Return when `handle_timer` is due."""
        return None

    def handle_timer(self, now: float) -> None:
        """Do what is due."""

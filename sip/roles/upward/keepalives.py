"""Our signs of life to one upper platform, and how many of them it missed (GB/T 28181 9.6)."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from sip.errors import SipError
from sip.gb28181.keepalive import build_keepalive
from sip.message import Peer, Response
from sip.roles.register_answer import FORGOTTEN_STATUSES
from sip.roles.upward.link import Link, UpwardRequest
from sip.roles.upward.messenger import UpperMessenger

LONGEST_ANSWER_S = 32.0


@dataclass(slots=True, eq=False)
class KeepaliveSent(UpwardRequest):
    """One keepalive on its way."""

    keepalives: "Keepalives"
    round: int
    """Of the registration it belongs to; a later one does not care."""

    def receive_response(self, response: Response, peer: Peer, now: float) -> None:
        """Hand on the final answer."""
        if response.is_final:
            self.keepalives.answered(self, response.status, now)

    def fail(self, now: float, *, is_unreachable: bool) -> None:
        """Hand on that there is none."""
        self.keepalives.lost(self, now)


class Keepalives:
    """Sends them from `start` to `stop`.

    `missed` hears when as many as configured got no answer, `forgotten` when the platform says by
    a status that it does not know us.
    """

    def __init__(
        self,
        link: Link,
        messenger: UpperMessenger,
        missed: Callable[[float], None],
        forgotten: Callable[[int, float], None],
        counters: Counter[str],
    ) -> None:
        self._link = link
        self._messenger = messenger
        self._missed = missed
        self._forgotten = forgotten
        self._counters = counters
        self._round = 0
        self._unanswered = 0
        self.due: float | None = None
        """When the next one goes."""

    def start(self, now: float) -> None:
        """Begin, the first after one interval: the REGISTER was a sign of life."""
        self.stop()
        self.due = now + self._link.uplink.keepalive_interval_s

    def stop(self) -> None:
        """Send no more; answers to those on their way mean nothing."""
        self._round += 1
        self._unanswered = 0
        self.due = None

    def handle_timer(self, now: float) -> None:
        """Send one when it is due."""
        if self.due is None or self.due > now:
            return
        link = self._link
        interval_s = link.uplink.keepalive_interval_s
        self.due = now + interval_s
        sn = self._messenger.next_sn(link)
        body = build_keepalive(link.uplink.own_id, sn, charset=link.uplink.charset)
        sent = KeepaliveSent(self, self._round)
        timeout_s = min(interval_s, LONGEST_ANSWER_S)
        try:
            self._messenger.send_message(link, body, now, sent, timeout_s=timeout_s)
        except SipError:
            self.lost(sent, now)

    def answered(self, sent: KeepaliveSent, status: int, now: float) -> None:
        """Take the final status of an answer."""
        if sent.round != self._round:
            return
        if 200 <= status < 300:
            self._unanswered = 0
        elif status in FORGOTTEN_STATUSES:
            self._counters["forgotten"] += 1
            self._forgotten(status, now)
        else:
            self.lost(sent, now)

    def lost(self, sent: KeepaliveSent, now: float) -> None:
        """Count one without an answer."""
        if sent.round != self._round:
            return
        self._unanswered += 1
        self._counters["keepalives.lost"] += 1
        if self._unanswered >= self._link.uplink.keepalive_count:
            self._missed(now)

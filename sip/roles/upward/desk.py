"""MESSAGE between an upper platform and us: what it asks, what we answer and report.

GB/T 28181-2022 9.3 to 9.7, annex M: one MESSAGE of ours at a time to each platform, the next after
the answer to the one before. What comes is answered at once and told as an event; nothing of it is
acted on here.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sip.errors import MalformedMessage, SipError
from sip.gb28181 import broadcast
from sip.gb28181.manscdp import Root, parse_envelope, peek_root
from sip.gb28181.question import DeviceRefused
from sip.gb28181.route_path import consume_path
from sip.message import Peer, Request, Response
from sip.roles.config import SipConfig
from sip.roles.inquiry import PeerUnreachable
from sip.roles.upward.link import Link, UpwardRequest
from sip.roles.upward.messenger import UpperMessenger
from sip.roles.upward.terms import UpperAsked, UpperSent

MOST_WAITING = 1024
"""MESSAGEs of ours to one platform that wait for the answer to the one before."""

LONGEST_QUESTION_BYTES = 64 * 1024
"""A query has 200 octets; a configuration that is to be written some thousand."""

LONGEST_BROADCAST_BYTES = 4096

ANSWER_S = 16.0
"""After six repetitions on UDP; the queue behind must not wait for one that is lost."""


@dataclass(slots=True, eq=False)
class _Letter:
    key: int
    body: bytes
    routes: tuple[str, ...]


@dataclass(slots=True, eq=False)
class _Tray:
    """What goes to one platform."""

    waiting: deque[_Letter] = field(default_factory=deque)
    sent: "_LetterSent | None" = None


@dataclass(slots=True, eq=False)
class _LetterSent(UpwardRequest):
    """A MESSAGE on its way."""

    desk: "UpperDesk"
    platform_id: str
    key: int

    def receive_response(self, response: Response, peer: Peer, now: float) -> None:
        """Take the answer; 200 says that it arrived."""
        if not response.is_final:
            return
        error: SipError | None = None
        if not response.is_success:
            error = DeviceRefused(f"the upper platform answered {response.status}")
        self.desk.ended(self, error, now)

    def fail(self, now: float, *, is_unreachable: bool) -> None:
        """Take that none came."""
        error = PeerUnreachable("the upper platform does not answer")
        self.desk.ended(self, error, now)


class UpperDesk:
    """All MESSAGEs from and to upper platforms, keepalives excepted."""

    def __init__(
        self,
        config: SipConfig,
        messenger: UpperMessenger,
        links: Callable[[str], Link | None],
        emit: Callable[[UpperAsked | UpperSent], None],
    ) -> None:
        self._config = config
        self._messenger = messenger
        self._links = links
        self._emit = emit
        self._trays: dict[str, _Tray] = {}
        self._keys = 0
        self.counters: Counter[str] = Counter()

    def __len__(self) -> int:
        return sum(len(tray.waiting) + (tray.sent is not None) for tray in self._trays.values())

    # What comes

    def is_addressed(self, request: Request, *, is_device: bool) -> bool:
        """Whether a MESSAGE of an upper platform is meant for us as the lower one.

        `is_device`: the same platform is registered here too, as a lower one. Then the root
        decides: questions and broadcasts come from above, reports and answers from below.
        """
        if not is_device:
            return True
        root = peek_root(request.body)
        if root is Root.NOTIFY:
            return _is_broadcast(request.body)
        return root in (Root.QUERY, Root.CONTROL)

    def receive(self, link: Link, request: Request) -> tuple[int, UpperAsked | None]:
        """Return the status of the answer, and what is to be told after it."""
        if len(request.body) > LONGEST_QUESTION_BYTES:
            self.counters["questions.too_long"] += 1
            return 413, None
        try:
            envelope = parse_envelope(request.body)
        except MalformedMessage as error:
            self.counters["questions.unreadable"] += 1
            return error.status, None
        self.counters["questions"] += 1
        own_ids = (link.uplink.own_id, self._config.server_id)
        routes = consume_path(request.headers.get("x-preferredpath"), own_ids)
        return 200, UpperAsked(link.platform_id, envelope, routes)

    # What goes

    def send(self, link: Link, body: bytes, routes: Sequence[str], now: float) -> int:
        """Queue a MESSAGE; UpperSent carries the returned key. Raises PeerUnreachable."""
        if not link.is_registered:
            raise PeerUnreachable("we are not registered at the upper platform")
        tray = self._trays.setdefault(link.platform_id, _Tray())
        if len(tray.waiting) >= MOST_WAITING:
            self.counters["letters.refused"] += 1
            raise PeerUnreachable("too many messages wait for the upper platform")
        self._keys += 1
        tray.waiting.append(_Letter(self._keys, body, tuple(routes)))
        self._send_next(link, tray, now)
        return self._keys

    def ended(self, sent: _LetterSent, error: SipError | None, now: float) -> None:
        """Take the end of a MESSAGE: the next may go."""
        tray, link = self._trays.get(sent.platform_id), self._links(sent.platform_id)
        if tray is None or tray.sent is not sent:
            return
        tray.sent = None
        if error is not None:
            self.counters["letters.failed"] += 1
        self._emit(UpperSent(sent.key, error))
        if link is not None:
            self._send_next(link, tray, now)

    def release(self, platform_id: str) -> None:
        """Give up what waits: the platform is offline or removed."""
        tray = self._trays.pop(platform_id, None)
        if tray is None:
            return
        keys = [letter.key for letter in tray.waiting]
        if tray.sent is not None:
            keys.insert(0, tray.sent.key)
        for key in keys:
            self._emit(UpperSent(key, PeerUnreachable("the upper platform is offline")))

    def _send_next(self, link: Link, tray: _Tray, now: float) -> None:
        while tray.sent is None and tray.waiting:
            letter = tray.waiting.popleft()
            sent = _LetterSent(self, link.platform_id, letter.key)
            tray.sent = sent
            headers = self._messenger.route_headers(link, letter.routes)
            try:
                self._messenger.send_message(
                    link, letter.body, now, sent, headers=headers, timeout_s=ANSWER_S
                )
            except SipError:
                tray.sent = None
                self.counters["letters.failed"] += 1
                self._emit(UpperSent(letter.key, PeerUnreachable("too many open transactions")))


def _is_broadcast(body: bytes) -> bool:
    """Whether a Notify is the one kind that comes from above (9.12)."""
    if len(body) > LONGEST_BROADCAST_BYTES:
        return False
    try:
        return parse_envelope(body).command == broadcast.COMMAND
    except MalformedMessage:
        return False

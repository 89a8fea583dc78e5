"""The NOTIFYs of one subscription at us: in its dialog, one after the other (RFC 6665 4.2).

Shared by our subscriptions of upper platforms and by simulated devices.
"""

from collections import deque
from dataclasses import dataclass, field

from sip.gb28181.manscdp import CONTENT_TYPE
from sip.message import Request
from sip.transactions import Dialog


@dataclass(slots=True, eq=False)
class NoticeQueue:
    """What waits to be notified; the next goes after the answer to the one before (annex M)."""

    dialog: Dialog
    event: str
    """The Event header as it came; echoed."""
    longest: int
    """Notifications that may wait."""
    waiting: deque[tuple[str, bytes]] = field(default_factory=deque)
    """Subscription-State and body."""
    is_notifying: bool = False
    is_over: bool = False
    """Whether the last one is in the queue."""

    @property
    def is_done(self) -> bool:
        """Whether the last one was answered."""
        return self.is_over and not self.waiting and not self.is_notifying

    def push(self, left_s: float, body: bytes) -> bool:
        """Add a notification; False where too many wait or the end is in the queue."""
        if self.is_over or len(self.waiting) >= self.longest:
            return False
        self.waiting.append((f"active;expires={max(0, round(left_s))}", body))
        return True

    def end(self, reason: str) -> None:
        """Add the last one, which has no body."""
        self.is_over = True
        self.waiting.append((f"terminated;reason={reason}", b""))

    def next_request(
        self, user_agent: str, contact: str, headers: list[tuple[str, str]] | None = None
    ) -> Request | None:
        """Take out the next NOTIFY; None while one is on its way, and where none waits."""
        if self.is_notifying or not self.waiting:
            return None
        state, body = self.waiting.popleft()
        fields = [
            ("User-Agent", user_agent),
            ("Event", self.event),
            ("Subscription-State", state),
            *(headers or []),
        ]
        if body:
            fields.append(("Content-Type", CONTENT_TYPE))
        self.is_notifying = True
        return self.dialog.build_request("NOTIFY", contact=contact, headers=fields, body=body)

"""Who steers which camera: the last one for a short while, or longer by a lock."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from vms.clock import Clock
from vms.errors import Conflict
from vms.records import Identity
from vms.records.users import RANKS

HOLD_S = 10.0
"""How long a camera stays with who moved it last."""
LONGEST_LOCK_S = 3600


@dataclass(frozen=True, slots=True)
class Hold:
    """A camera is somebody's."""

    username: str
    rank: int
    until: float
    """Monotonic seconds."""
    is_lock: bool = False


class HoldBook:
    """At most one hold for each camera; a higher role takes it over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._holds: dict[str, Hold] = {}

    def find(self, code: str) -> Hold | None:
        """Who holds a camera now."""
        hold = self._holds.get(code)
        if hold is not None and hold.until <= self._clock.now():
            del self._holds[code]
            return None
        return hold

    def until(self, hold: Hold) -> datetime:
        """The end of a hold as wall time."""
        return self._clock.wall() + timedelta(seconds=hold.until - self._clock.now())

    def take(self, code: str, who: Identity) -> Hold | None:
        """Hold a camera for a moment; answers whom it was taken from.

        Raises Conflict(ptz_held) that names the holder.
        """
        return self._put(code, who, HOLD_S, is_lock=False)

    def lock(self, code: str, who: Identity, seconds: float) -> Hold | None:
        """Hold a camera for longer; the same errors."""
        return self._put(code, who, min(seconds, LONGEST_LOCK_S), is_lock=True)

    def release(self, code: str, who: Identity) -> None:
        """Give a camera back; raises Conflict(ptz_held) for somebody else's."""
        self._check(code, who)
        self._holds.pop(code, None)

    def _put(self, code: str, who: Identity, seconds: float, *, is_lock: bool) -> Hold | None:
        before = self._check(code, who)
        until = self._clock.now() + seconds
        is_own = before is not None and before.username == who.username
        if is_own and before is not None and before.is_lock and not is_lock:
            until, is_lock = max(until, before.until), True
        self._holds[code] = Hold(who.username, RANKS.index(who.role), until, is_lock)
        return None if is_own else before

    def _check(self, code: str, who: Identity) -> Hold | None:
        hold = self.find(code)
        if hold is None or hold.username == who.username or hold.rank < RANKS.index(who.role):
            return hold
        raise Conflict(
            "ptz_held",
            f"{hold.username} holds the camera",
            holder=hold.username,
            until=self.until(hold).isoformat(),
            locked=hold.is_lock,
        )

"""Attempts to register: what people are told about them, and how guessing is slowed.

Both memories are bounded, because anybody on the network can fill them.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sip.events import AttemptOutcome, PeerAddress, RegistrationAttempted

WINDOW_S = 10.0
"""Repeats of one kind within this time are one event."""

MOST_KINDS = 4096
MOST_EVENTS_PER_S = 50
"""Beyond this attempts are only counted: a flood must not push real news out of the queue."""

FAILURES_BEFORE_LOCK = 10
LOCK_S = 60.0
FAILURE_MEMORY_S = 300.0

SOURCE_FAILURES_BEFORE_LOCK = 200
"""Wrong passwords of one host for whichever devices: one word tried on many ids."""

Kind = tuple[str, str, AttemptOutcome]


@dataclass(slots=True)
class _Tally:
    opened: float
    peer: PeerAddress
    user_agent: str
    unreported: int = 0


class AttemptLog:
    """Turns attempts into events, the first of a kind at once, repeats as a count."""

    def __init__(
        self, emit: Callable[[RegistrationAttempted], None], wall: Callable[[], datetime]
    ) -> None:
        self._emit = emit
        self._wall = wall
        self._tallies: OrderedDict[Kind, _Tally] = OrderedDict()
        self._second = float("-inf")
        self._events = 0
        self.unreported = 0
        """Attempts that no event told of."""

    def note(
        self,
        device_id: str,
        peer: PeerAddress,
        outcome: AttemptOutcome,
        user_agent: str,
        now: float,
    ) -> None:
        """Take one attempt."""
        kind = (device_id, peer.host, outcome)
        tally = self._tallies.get(kind)
        if tally is not None and now - tally.opened < WINDOW_S:
            tally.unreported += 1
            tally.peer, tally.user_agent = peer, user_agent
            return
        count = 1 + (tally.unreported if tally is not None else 0)
        self._tallies[kind] = _Tally(now, peer, user_agent)
        self._tallies.move_to_end(kind)
        while len(self._tallies) > MOST_KINDS:
            self.unreported += self._tallies.popitem(last=False)[1].unreported
        self._report(kind, self._tallies[kind], count, now)

    def next_timer(self) -> float | None:
        """Return when counted repeats are to be told, None where nothing is remembered."""
        first = next(iter(self._tallies.values()), None)
        return None if first is None else first.opened + WINDOW_S

    def handle_timer(self, now: float) -> None:
        """Tell repeats of closed windows and forget those windows."""
        while self._tallies:
            kind, tally = next(iter(self._tallies.items()))
            if tally.opened + WINDOW_S > now:
                return
            del self._tallies[kind]
            if tally.unreported:
                self._report(kind, tally, tally.unreported, now)

    def _report(self, kind: Kind, tally: _Tally, count: int, now: float) -> None:
        if now - self._second >= 1.0:
            self._second, self._events = now, 0
        self._events += 1
        if self._events > MOST_EVENTS_PER_S:
            self.unreported += count
            return
        device_id, _, outcome = kind
        self._emit(
            RegistrationAttempted(
                device_id, tally.peer, outcome, tally.user_agent, self._wall(), count
            )
        )


@dataclass(slots=True)
class _Failures:
    guessed_at: object
    count: int
    first: float
    locked_until: float = 0.0


class GuessLock:
    """Shuts one device id for one host after too many wrong passwords; other hosts stay free.

    A host that guesses at many devices is shut as a whole, but for devices that are at home there,
    and every device that shows its password from there opens it again: a mine behind one address
    may have wrong passwords among right ones. Guesses at devices that do not exist do not count
    towards that; they can come to nothing, and a new mine knocks before people add it.

    What was guessed at is remembered with the guesses: a device that knocked before people let it
    in, or before they gave it another password, begins anew.
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()
        self._sources: OrderedDict[str, _Failures] = OrderedDict()

    def is_locked(
        self, device_id: str, host: str, secret: object, now: float, *, is_at_home: bool = False
    ) -> bool:
        """Whether a REGISTER from there is to be refused unseen; `secret` is the present one."""
        source = self._sources.get(host)
        if source is not None and now < source.locked_until and not is_at_home:
            return True
        failures = self._failures.get((device_id, host))
        return (
            failures is not None and failures.guessed_at == secret and now < failures.locked_until
        )

    def failed(self, device_id: str, host: str, secret: object, now: float) -> bool:
        """Take one wrong password; true when this one shuts something."""
        key = (device_id, host)
        failures = self._failures.pop(key, None)
        if (
            failures is None
            or failures.guessed_at != secret
            or now - failures.first > FAILURE_MEMORY_S
        ):
            failures = _Failures(secret, 0, now)
        failures.count += 1
        is_over = failures.count % FAILURES_BEFORE_LOCK == 0
        failures.locked_until = now + LOCK_S if is_over else 0.0
        self._failures[key] = failures
        while len(self._failures) > MOST_KINDS:
            self._failures.popitem(last=False)
        if secret is None:
            return False
        return self._source_failed(host, now) or is_over

    def succeeded(self, device_id: str, host: str) -> None:
        """Forget the failures of a device that has shown its password, and those of its host."""
        self._failures.pop((device_id, host), None)
        self._sources.pop(host, None)

    def _source_failed(self, host: str, now: float) -> bool:
        source = self._sources.pop(host, None)
        if source is None or now - source.first > FAILURE_MEMORY_S:
            source = _Failures(None, 0, now)
        source.count += 1
        is_over = source.count >= SOURCE_FAILURES_BEFORE_LOCK
        if is_over:
            source = _Failures(None, 0, now, now + LOCK_S)
        self._sources[host] = source
        while len(self._sources) > MOST_KINDS:
            self._sources.popitem(last=False)
        return is_over

"""When a condition seen in samples becomes an alarm, and when the alarm ends.

A condition has to hold in k of the last n samples and over a minimum duration before it counts,
and has to be absent for a while before it is over: said once each, however long it lasts.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

TICKS_PER_SECOND = 90_000


class ConditionState(StrEnum):
    """Where a condition stands.

    to PENDING: because it was seen, not yet often or long enough.
    to ACTIVE: because k of n samples and the duration were reached.
    to IDLE: because it was not seen any more.
    """

    IDLE = "idle"
    PENDING = "pending"
    ACTIVE = "active"


class Change(StrEnum):
    """What a sample changed."""

    NONE = "none"
    RAISED = "raised"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class PersistenceRule:
    """How much evidence an alarm needs."""

    hits: int = 2
    """k: samples that must show the condition …"""
    window: int = 3
    """… among the last n."""
    min_duration_s: float = 1.0
    """From the first of those hits to the last."""
    clear_after_s: float = 5.0
    """Without a hit, an active condition is over."""


class Persistence:
    """Follows one condition through its samples. Time is the stream's, in 90 kHz ticks."""

    def __init__(self, rule: PersistenceRule) -> None:
        if not 1 <= rule.hits <= rule.window:
            raise ValueError("hits must lie between 1 and window")
        self._rule = rule
        self._samples: deque[tuple[int, bool]] = deque(maxlen=rule.window)
        self._first_hit_ticks: int | None = None
        self._last_hit_ticks: int | None = None
        self.state = ConditionState.IDLE

    def sample(self, at_ticks: int, is_hit: bool) -> Change:
        """Take one sample and tell whether the alarm was raised or ended by it."""
        if self._samples and at_ticks < self._samples[-1][0]:
            self._forget()  # the stream began anew; its old evidence has no place on this time line
            if self.state is ConditionState.ACTIVE:
                self._last_hit_ticks = at_ticks
        self._samples.append((at_ticks, is_hit))
        if is_hit:
            self._last_hit_ticks = at_ticks
            if self._first_hit_ticks is None:
                self._first_hit_ticks = at_ticks
        if self.state is ConditionState.ACTIVE:
            return self._maybe_end(at_ticks)
        return self._maybe_raise(at_ticks)

    def _maybe_raise(self, at_ticks: int) -> Change:
        hits = sum(is_hit for _, is_hit in self._samples)
        if hits == 0:
            self._first_hit_ticks = None
            self.state = ConditionState.IDLE
            return Change.NONE
        self.state = ConditionState.PENDING
        assert self._first_hit_ticks is not None and self._last_hit_ticks is not None
        lasted = self._last_hit_ticks - self._first_hit_ticks
        if hits < self._rule.hits or lasted < self._rule.min_duration_s * TICKS_PER_SECOND:
            return Change.NONE
        self.state = ConditionState.ACTIVE
        return Change.RAISED

    def _maybe_end(self, at_ticks: int) -> Change:
        assert self._last_hit_ticks is not None
        if at_ticks - self._last_hit_ticks < self._rule.clear_after_s * TICKS_PER_SECOND:
            return Change.NONE
        self._forget()
        self.state = ConditionState.IDLE
        return Change.ENDED

    def _forget(self) -> None:
        self._samples.clear()
        self._first_hit_ticks = None
        self._last_hit_ticks = None

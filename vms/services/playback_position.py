"""Where in a recording a playback is: from the stamps of its media, or the clock where they lie.

Recorders stamp fast playback in recorded time or divided by the speed; after a seek the stamps may
go on, jump or start anew. What fits neither is counted by the clock.
"""

TICKS_PER_S = 90_000
MOST_STEP_S = 4.0
"""Recorded time that one look may find beyond what the clock expects."""


class Position:
    """Seconds from the start of what was asked for; times are monotonic seconds."""

    def __init__(self, length_s: float, scale: float = 1.0) -> None:
        self.length_s = length_s
        self.scale = scale
        self.seconds = 0.0
        self._ticks: int | None = None
        self._at = 0.0

    @property
    def is_at_end(self) -> bool:
        """Whether hardly anything is left in the direction of playing."""
        margin_s = 2.0 * max(abs(self.scale), 1.0)
        if self.scale < 0:
            return self.seconds <= margin_s
        return self.seconds >= self.length_s - margin_s

    def place(self, seconds: float | None = None, scale: float | None = None) -> None:
        """A command was accepted: count from there on, beginning with the next look."""
        if seconds is not None:
            self.seconds = min(max(seconds, 0.0), self.length_s)
        self.scale = self.scale if scale is None else scale
        self._ticks = None

    def look(self, ticks: int, now: float) -> None:
        """The newest stamp at this moment; equal ticks mean that nothing came."""
        last, passed_s = self._ticks, now - self._at
        if last == ticks:
            return
        self._ticks, self._at = ticks, now
        if last is None:
            return
        speed = abs(self.scale)
        recorded_s, expected_s = (ticks - last) / TICKS_PER_S, passed_s * speed
        is_recorded_time = abs(recorded_s - expected_s) <= abs(recorded_s * speed - expected_s)
        step_s = recorded_s if is_recorded_time or speed == 0 else recorded_s * speed
        if self.scale < 0 or not 0 <= step_s <= expected_s + MOST_STEP_S:
            step_s = expected_s
        self.place_by(step_s if self.scale > 0 else -step_s)

    def place_by(self, step_s: float) -> None:
        """Move on without forgetting the last stamp."""
        self.seconds = min(max(self.seconds + step_s, 0.0), self.length_s)

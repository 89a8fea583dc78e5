"""How many devices may begin to register per second; the others are told when to come again.

After a power cut everybody comes at once. One who is challenged is also let in, so only the first
REGISTER is weighed; each one that is put off is given a place of its own in time, so that they do
not all come back together. Two numbers are all that is kept.
"""

import math

SHORTEST_WAIT_S = 5
LONGEST_WAIT_S = 120
BURST_S = 2.0
"""So many seconds' worth may come in one instant."""


class Admission:
    """A bucket of tokens, and behind it the time up to which places are given away."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._burst = max(per_s * BURST_S, 1.0)
        self._tokens = self._burst
        self._filled_at: float | None = None
        self._given_until = float("-inf")
        self.refused = 0
        """Put off since the start."""

    def put_off_s(self, now: float) -> int | None:
        """Take one that wants to begin; None lets it in, else it is to come again so much later."""
        if self._filled_at is not None:
            gained = max(now - self._filled_at, 0.0) * self._per_s
            self._tokens = min(self._burst, self._tokens + gained)
        self._filled_at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return None
        self.refused += 1
        place = max(self._given_until, now + SHORTEST_WAIT_S) + 1.0 / self._per_s
        self._given_until = min(place, now + LONGEST_WAIT_S)
        return math.ceil(self._given_until - now)

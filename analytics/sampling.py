"""Which pictures of a channel are worth decoding, and which decoded ones are worth looking at.

Decoding every picture of a 1080p stream costs ten times what its key frames cost, so key frames
alone are decoded wherever they come often enough for the rate that is asked.
"""

TICKS_PER_SECOND = 90_000
KEY_INTERVALS_KEPT = 4
SLACK = 0.9
"""Key frames at 0.9 of the asked rate are good enough: encoders jitter."""


class Sampler:
    """Takes pictures at about `fps` per second from a faster sequence."""

    def __init__(self, fps: float) -> None:
        if fps <= 0:
            raise ValueError("a sample rate must be positive")
        self._interval_ticks = TICKS_PER_SECOND / fps
        self._next_ticks: float | None = None

    def takes(self, pts_ticks: int) -> bool:
        """Tell whether the picture at this time is due."""
        due = self._next_ticks
        if due is None or pts_ticks < due - 2 * self._interval_ticks:
            self._next_ticks = pts_ticks + self._interval_ticks
            return True
        # Half a frame early counts: else a rate that divides the stream's own drifts.
        if pts_ticks < due - self._interval_ticks * 0.05:
            return False
        behind = pts_ticks - due > self._interval_ticks
        self._next_ticks = (pts_ticks if behind else due) + self._interval_ticks
        return True


class KeyFramePlan:
    """Decides whether key frames alone serve a channel's highest asked rate."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._keys: list[int] = []

    def see_key(self, pts_ticks: int) -> None:
        """Note a key frame."""
        if self._keys and pts_ticks <= self._keys[-1]:
            self._keys.clear()
        self._keys.append(pts_ticks)
        del self._keys[: -KEY_INTERVALS_KEPT - 1]

    @property
    def is_keys_only(self) -> bool:
        """True once key frames are known to come often enough."""
        if len(self._keys) < 2:
            return False
        interval_ticks = (self._keys[-1] - self._keys[0]) / (len(self._keys) - 1)
        return TICKS_PER_SECOND / interval_ticks >= self._fps * SLACK

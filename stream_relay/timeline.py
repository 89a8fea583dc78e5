"""The stream's own time line: starts at 0, never runs back, the same for all readers.

Devices restart their clock, jump, repeat a timestamp or run backwards (GB/T 28181 senders do all
of it); whatever plays the stream must not notice. Sans-IO. Compiled as `_timeline`.
"""

from dataclasses import replace

from stream_relay.access_unit import AccessUnit
from stream_relay.formats.units import AUDIO, KINDS, NO_STAMP, VIDEO

TICKS_PER_S = 90_000
BACKWARDS_TICKS = TICKS_PER_S
"""A step back of less than this is jitter of the device's clock and is clamped."""
JUMP_TICKS = 10 * TICKS_PER_S
"""A step forward that differs by more than this from the time that passed is another clock."""
REORDER_TICKS = 2 * TICKS_PER_S
"""Presentation may come this long after decoding; more is a broken PTS."""


class TimeLine:
    """Places units; one offset per track, because some devices number audio and video apart."""

    def __init__(self) -> None:
        self.jumps = 0
        self.pts = self.dts = 0
        """Where `place` put the unit, in 90 kHz ticks."""
        self._video_offset = self._audio_offset = 0
        self._has_video = self._has_audio = False
        self._video_dts = self._audio_dts = NO_STAMP
        self._video_us = self._audio_us = 0

    def place(self, kind: int, pts: int, dts: int, now_us: int) -> None:
        """Set `pts` and `dts` for a unit with these ticks that arrived at `now_us` (monotonic)."""
        if not self._has_offset(kind) or self._is_jump(kind, dts, now_us):
            self._set_offset(kind, self._new_offset(kind, dts, now_us))
        reorder = pts - dts
        self.dts = max(dts + self._offset(kind), self._last_dts(kind) + 1)
        self.pts = self.dts + reorder if 0 <= reorder and reorder <= REORDER_TICKS else self.dts
        if kind == VIDEO:
            self._video_dts = self.dts
            self._video_us = now_us
        else:
            self._audio_dts = self.dts
            self._audio_us = now_us

    def restart(self) -> None:
        """Another source follows: its first unit of each track is placed by arrival."""
        self._has_video = self._has_audio = False

    def _is_jump(self, kind: int, dts: int, now_us: int) -> bool:
        last = self._last_dts(kind)
        if last < 0:
            return False
        step = dts + self._offset(kind) - last
        passed = self._ticks(now_us - self._last_us(kind))
        if step < -BACKWARDS_TICKS or step > passed + JUMP_TICKS:
            self.jumps += 1
            return True
        return False

    def _new_offset(self, kind: int, dts: int, now_us: int) -> int:
        """The other track's offset when it fits the time that passed, else by arrival."""
        expected = self._expected(now_us)
        other = AUDIO if kind == VIDEO else VIDEO
        if self._has_offset(other):
            difference = dts + self._offset(other) - expected
            if -JUMP_TICKS < 2 * difference and 2 * difference < JUMP_TICKS:
                return self._offset(other)
        return expected - dts

    def _expected(self, now_us: int) -> int:
        """Where a unit that arrives now should be: the newest place plus the time since."""
        if self._video_dts < 0 and self._audio_dts < 0:
            return 0
        is_audio_newer = self._audio_dts >= 0 and self._audio_us > self._video_us
        kind = AUDIO if self._video_dts < 0 or is_audio_newer else VIDEO
        return self._last_dts(kind) + self._ticks(now_us - self._last_us(kind))

    def _ticks(self, duration_us: int) -> int:
        return duration_us * 9 // 100

    def _offset(self, kind: int) -> int:
        return self._video_offset if kind == VIDEO else self._audio_offset

    def _has_offset(self, kind: int) -> bool:
        return self._has_video if kind == VIDEO else self._has_audio

    def _last_dts(self, kind: int) -> int:
        return self._video_dts if kind == VIDEO else self._audio_dts

    def _last_us(self, kind: int) -> int:
        return self._video_us if kind == VIDEO else self._audio_us

    def _set_offset(self, kind: int, offset: int) -> None:
        if kind == VIDEO:
            self._video_offset = offset
            self._has_video = True
        else:
            self._audio_offset = offset
            self._has_audio = True

    # For Python callers

    def placed(self, unit: AccessUnit, now: float) -> AccessUnit:
        """The unit with its times moved to the stream's time line; `now` in monotonic seconds.

        The same object when they need not be moved.
        """
        kind = KINDS.index(unit.track)
        self.place(kind, unit.pts_ticks, unit.dts_ticks, round(now * 1_000_000))
        if self.dts == unit.dts_ticks and self.pts == unit.pts_ticks:
            return unit
        return replace(unit, pts_ticks=self.pts, dts_ticks=self.dts)

    def begin_again(self) -> None:
        """See `restart`."""
        self.restart()

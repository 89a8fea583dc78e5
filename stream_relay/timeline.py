"""The stream's own time line: starts at 0, never runs back, the same for all readers.

Devices restart their clock, jump, repeat a timestamp or run backwards (GB/T 28181 senders do all
of it); whatever plays the stream must not notice. Sans-IO.
"""

from dataclasses import replace

from stream_relay.access_unit import AccessUnit, Kind

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
        self._offset: dict[Kind, int] = {}
        self._last_dts: dict[Kind, int] = {}
        self._last_at: dict[Kind, float] = {}
        self.jumps = 0

    def place(self, unit: AccessUnit, now: float) -> AccessUnit:
        """The unit with its times moved to the stream's time line; `now` in monotonic seconds."""
        kind = unit.track
        if kind not in self._offset or self._is_jump(unit, now):
            self._offset[kind] = self._new_offset(unit, now)
        dts = unit.dts_ticks + self._offset[kind]
        dts = max(dts, self._last_dts.get(kind, -1) + 1)
        reorder = unit.pts_ticks - unit.dts_ticks
        self._last_dts[kind] = dts
        self._last_at[kind] = now
        if dts == unit.dts_ticks and 0 <= reorder <= REORDER_TICKS:
            return unit
        pts = dts + (reorder if 0 <= reorder <= REORDER_TICKS else 0)
        return replace(unit, pts_ticks=pts, dts_ticks=dts)

    def restart(self) -> None:
        """Another source follows: its first unit of each track is placed by arrival."""
        self._offset.clear()

    def _is_jump(self, unit: AccessUnit, now: float) -> bool:
        kind = unit.track
        if kind not in self._last_dts:
            return False
        step = unit.dts_ticks + self._offset[kind] - self._last_dts[kind]
        passed = int((now - self._last_at[kind]) * TICKS_PER_S)
        is_jump = step < -BACKWARDS_TICKS or step > passed + JUMP_TICKS
        self.jumps += is_jump
        return is_jump

    def _new_offset(self, unit: AccessUnit, now: float) -> int:
        """The other track's offset when it fits the time that passed, else by arrival."""
        expected = self._expected(now)
        for kind, offset in self._offset.items():
            if kind is not unit.track and abs(unit.dts_ticks + offset - expected) < JUMP_TICKS // 2:
                return offset
        return expected - unit.dts_ticks

    def _expected(self, now: float) -> int:
        """Where a unit that arrives now should be: the newest place plus the time since."""
        if not self._last_dts:
            return 0
        kind = max(self._last_at, key=lambda k: self._last_at[k])
        return self._last_dts[kind] + int((now - self._last_at[kind]) * TICKS_PER_S)

"""One time line for a stream: 33-bit stamps unwrapped, rebased to 0, jumps taken out.

A device that restarts, seeks or sets its clock makes its stamps jump; the output goes on from
where it was, so decode times of each track strictly rise (gb28181 field notes 6.6, 9/42).
"""

from stream_relay.access_unit import TICKS_PER_SECOND, Kind

WRAP = 1 << 33
FORWARD_TICKS = 5 * TICKS_PER_SECOND
"""A gap beyond this is a jump, not a pause."""
BACKWARD_TICKS = 3 * TICKS_PER_SECOND // 10
"""Presentation times of B pictures sent without decode times fall back by some frames."""


class Timeline:
    """Places the stamps of both tracks on one line; each may follow a clock of its own."""

    def __init__(self) -> None:
        self.jumps = 0
        self._raw: int | None = None
        self._end = 0
        self._offsets: dict[Kind, int] = {}
        self._last: dict[Kind, int] = {}

    def place(self, kind: Kind, pts: int, dts: int | None, step: int) -> tuple[int, int]:
        """(pts, dts) in ticks for a unit with these 33-bit stamps that lasts about `step` ticks."""
        raw = self._unwrap(pts if dts is None else dts)
        delay = 0 if dts is None else _signed(pts - dts)
        line = self._fit(kind, raw)
        last = self._last.get(kind, -1)
        placed = max(line, last + 1, 0)
        if dts is None and placed > line and (kind is Kind.AUDIO or placed - line < step):
            line = placed
        self._last[kind] = placed
        self._end = max(self._end, placed + step)
        return max(line + delay, 0), placed

    def expect(self, stamp: int) -> None:
        """A picture with this 33-bit stamp has begun; before anything is placed, 0 is here.

        Audio of the same pack is complete earlier than its picture and must not push it back.
        """
        if not self._last:
            self._raw = stamp
            self._offsets = {Kind.VIDEO: stamp}

    def follow(self, kind: Kind, step: int) -> tuple[int, int]:
        """(pts, dts) for a unit without stamps: one step behind the last of its track."""
        last = self._last.get(kind)
        placed = self._end if last is None else last + step
        self._last[kind] = placed
        self._end = max(self._end, placed + step)
        return placed, placed

    def _unwrap(self, stamp: int) -> int:
        if self._raw is None:
            self._raw = stamp
        else:
            self._raw += _signed(stamp - self._raw)
        return self._raw

    def _fit(self, kind: Kind, raw: int) -> int:
        """The place of `raw`: by its own offset, by the other track's, or right at the end."""
        own = self._offsets.get(kind)
        others = [offset for other, offset in self._offsets.items() if other is not kind]
        for offset in others if own is None else [own, *others]:
            if self._is_near(kind, raw - offset):
                self._offsets[kind] = offset
                return raw - offset
        if self._offsets:
            self.jumps += 1
        self._offsets[kind] = raw - self._end
        return self._end

    def _is_near(self, kind: Kind, line: int) -> bool:
        last = self._last.get(kind, self._end - FORWARD_TICKS)
        return last - BACKWARD_TICKS <= line <= self._end + FORWARD_TICKS


def _signed(difference: int) -> int:
    """A difference of 33-bit stamps as the shorter way round."""
    return (difference + WRAP // 2) % WRAP - WRAP // 2


class StampSource:
    """The stamp of each frame: its PTS, or as far from the last one's as the RTP stamps are."""

    def __init__(self) -> None:
        self._reference: tuple[int, int] | None = None

    def stamp(self, pts: int | None, rtp: int | None) -> int | None:
        """33-bit stamp for a frame with this PTS and 32-bit RTP stamp; None: neither tells."""
        if pts is None and rtp is not None:
            if self._reference is None:
                pts = rtp
            else:
                difference = rtp - self._reference[1] & 0xFFFFFFFF
                if difference == 0:
                    return None
                if difference >= 1 << 31:
                    difference -= 1 << 32
                pts = (self._reference[0] + difference) % WRAP
        if pts is not None and rtp is not None:
            self._reference = (pts, rtp)
        return pts

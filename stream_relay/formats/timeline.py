"""One time line for a stream: 33-bit stamps unwrapped, rebased to 0, jumps taken out.

A device that restarts, seeks or sets its clock makes its stamps jump; the output goes on from
where it was, so decode times of each track strictly rise (gb28181 field notes 6.6, 9/42).
Stamps are ticks of 90 kHz; -1 stands for one that is missing. Compiled as `_timeline`.
"""

from stream_relay.access_unit import TICKS_PER_SECOND
from stream_relay.formats.units import AUDIO, NO_STAMP, VIDEO

WRAP = 1 << 33
STAMP_MASK, HALF_WRAP = WRAP - 1, WRAP // 2
RTP_MASK, RTP_HALF = (1 << 32) - 1, 1 << 31
FORWARD_TICKS = 5 * TICKS_PER_SECOND
"""A gap beyond this is a jump, not a pause."""
BACKWARD_TICKS = 3 * TICKS_PER_SECOND // 10
"""Presentation times of B pictures sent without decode times fall back by some frames."""


class Timeline:
    """Places the stamps of both tracks on one line; each may follow a clock of its own."""

    def __init__(self) -> None:
        self.jumps = 0
        self.pts = self.dts = 0
        """Where `place` or `follow` put the unit."""
        self._raw = 0
        self._has_raw = self._is_begun = False
        self._end = 0
        self._video_offset = self._audio_offset = 0
        self._has_video = self._has_audio = False
        self._video_last = self._audio_last = NO_STAMP

    def place(self, kind: int, pts: int, dts: int, step: int) -> None:
        """Set `pts` and `dts` for a unit with these 33-bit stamps that lasts about `step` ticks."""
        raw = self._unwrap(pts if dts < 0 else dts)
        delay = 0 if dts < 0 else self._signed(pts - dts)
        line = self._fit(kind, raw)
        placed = max(line, self._last(kind) + 1, 0)
        if dts < 0 and placed > line and (kind == AUDIO or placed - line < step):
            line = placed
        self._take(kind, max(line + delay, 0), placed, step)

    def follow(self, kind: int, step: int) -> None:
        """Set `pts` and `dts` for a unit without stamps: one step behind the last of its track."""
        last = self._last(kind)
        placed = self._end if last < 0 else last + step
        self._take(kind, placed, placed, step)

    def expect(self, stamp: int) -> None:
        """A picture with this 33-bit stamp has begun; before anything is placed, it begins here.

        Audio of the same pack is complete earlier than its picture and must not push it back.
        """
        if not self._is_begun:
            self._raw = stamp
            self._has_raw = self._has_video = True
            self._video_offset = stamp - self._end
            self._has_audio = False

    def restart(self) -> None:
        """Another source follows with a clock of its own: it goes on at the end, without a jump."""
        self._has_raw = self._is_begun = False
        self._has_video = self._has_audio = False

    def _take(self, kind: int, pts: int, dts: int, step: int) -> None:
        self.pts = pts
        self.dts = dts
        self._is_begun = True
        if kind == VIDEO:
            self._video_last = dts
        else:
            self._audio_last = dts
        self._end = max(self._end, dts + step)

    def _unwrap(self, stamp: int) -> int:
        if self._has_raw:
            self._raw += self._signed(stamp - self._raw)
        else:
            self._raw = stamp
            self._has_raw = True
        return self._raw

    def _fit(self, kind: int, raw: int) -> int:
        """The place of `raw`: by its own offset, by the other track's, or right at the end."""
        other = AUDIO if kind == VIDEO else VIDEO
        if self._has_offset(kind) and self._is_near(kind, raw - self._offset(kind)):
            return raw - self._offset(kind)
        if self._has_offset(other) and self._is_near(kind, raw - self._offset(other)):
            self._set_offset(kind, self._offset(other))
            return raw - self._offset(other)
        if self._has_video or self._has_audio:
            self.jumps += 1
        self._set_offset(kind, raw - self._end)
        return self._end

    def _is_near(self, kind: int, line: int) -> bool:
        last = self._last(kind)
        if last < 0:
            last = self._end - FORWARD_TICKS
        return last - BACKWARD_TICKS <= line and line <= self._end + FORWARD_TICKS

    def _last(self, kind: int) -> int:
        return self._video_last if kind == VIDEO else self._audio_last

    def _offset(self, kind: int) -> int:
        return self._video_offset if kind == VIDEO else self._audio_offset

    def _has_offset(self, kind: int) -> bool:
        return self._has_video if kind == VIDEO else self._has_audio

    def _set_offset(self, kind: int, offset: int) -> None:
        if kind == VIDEO:
            self._video_offset = offset
            self._has_video = True
        else:
            self._audio_offset = offset
            self._has_audio = True

    def _signed(self, difference: int) -> int:
        """A difference of 33-bit stamps as the shorter way round."""
        return (difference + HALF_WRAP & STAMP_MASK) - HALF_WRAP

    # For Python callers

    def placed(self, kind: int, pts: int, dts: int, step: int) -> tuple[int, int]:
        """`place`, and where the unit has come."""
        self.place(kind, pts, dts, step)
        return self.pts, self.dts

    def followed(self, kind: int, step: int) -> tuple[int, int]:
        """`follow`, and where the unit has come."""
        self.follow(kind, step)
        return self.pts, self.dts

    def begin_at(self, stamp: int) -> None:
        """See `expect`."""
        self.expect(stamp)

    def begin_again(self) -> None:
        """See `restart`."""
        self.restart()


class StampSource:
    """The stamp of each frame: its PTS, or as far from the last one's as the RTP stamps are."""

    def __init__(self) -> None:
        self._has_reference = False
        self._pts = self._rtp = 0

    def stamp(self, pts: int, rtp: int) -> int:
        """33-bit stamp for a frame with this PTS and 32-bit RTP stamp; -1: neither tells."""
        if pts < 0 and rtp >= 0:
            if not self._has_reference:
                pts = rtp
            else:
                difference = rtp - self._rtp & RTP_MASK
                if difference == 0:
                    return NO_STAMP
                if difference >= RTP_HALF:
                    difference -= RTP_MASK + 1
                pts = self._pts + difference & STAMP_MASK
        if pts >= 0 and rtp >= 0:
            self._has_reference = True
            self._pts = pts
            self._rtp = rtp
        return pts

    def stamped(self, pts: int, rtp: int) -> int:
        """`stamp` for Python callers."""
        return self.stamp(pts, rtp)

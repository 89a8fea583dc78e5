# cython: boundscheck=False, wraparound=False
"""Gathers the bytes of one video frame out of the packets it was split into.

While bytes come in, notes where NAL units begin, so that nobody has to read them again. Compiled
as `_video`.
"""

from typing import TYPE_CHECKING

from stream_relay.formats.twins import twin

if TYPE_CHECKING:
    from stream_relay.formats.annexb import NalScanner
    from stream_relay.formats.buffer import Buffer
    from stream_relay.formats.pictures import PictureReader
    from stream_relay.formats.timeline import StampSource, Timeline
    from stream_relay.formats.units import UnitSink
else:
    Buffer = twin("buffer").Buffer
    NalScanner = twin("annexb").NalScanner
    PictureReader = twin("pictures").PictureReader
    StampSource = twin("timeline").StampSource

PACK_CODE = 0xBA
NOTHING_CUT = -10


class VideoAssembler:
    """The video track of a stream; `size` bytes of an unfinished frame are held.

    Parameter sets that came ahead of their picture stay in front of the frame's own bytes.
    """

    def __init__(self, timeline: "Timeline", sink: "UnitSink") -> None:
        self.size = 0
        self.has_pts = False
        self._timeline = timeline
        self._nals = NalScanner()
        self.reader = PictureReader(timeline, sink, self._nals)
        self._stamps = StampSource()
        self._frame = Buffer()
        self._lead = 0
        self._usual = 0
        self._is_short = False
        self._pts = -1
        self._dts = -1
        self._rtp = -1
        self._declared = -1
        self._hint = False

    @property
    def version(self) -> int:
        """Rises whenever `reader.track` becomes another."""
        return self.reader.version

    def continues(self, pts: int) -> bool:
        """Whether a packet with this PTS (-1: it has none) belongs to the gathered frame."""
        return self.size > 0 and (pts < 0 or pts == self._pts)

    def begin(self, pts: int, dts: int, rtp: int, declared: int, hint: bool) -> None:
        """A frame begins: its 33-bit stamps and the 32-bit RTP stamp, -1 where unknown.

        `declared` and `hint` are those of `PictureReader.read`.
        """
        self._pts = pts
        self._dts = dts
        self._rtp = rtp
        self._declared = declared
        self._hint = hint
        self.has_pts = pts >= 0
        if pts >= 0:
            self._timeline.expect(pts if dts < 0 else dts)

    def add(self, data: bytes | bytearray, start: int, end: int, find_pack: bool) -> int:
        """Take more of the frame; -10 (NOTHING_CUT) when all of it was taken.

        No video contains a pack start code (its first bit is forbidden in H.264 and H.265): when
        `find_pack` is set and one is found, the packet was cut short by a loss that nobody told
        of. Then the answer is where it begins in `data`, by up to three before `start` when
        earlier bytes were part of it: nothing from there on belongs to the frame, which is not
        whole and must be dropped.
        """
        held = self._frame.size
        if held == 0:
            # The memory of the frame before may be the sink's now; this one will be about as long.
            self._frame.reserve(self._usual)
        if not self._frame.append(data, start, end):
            self._is_short = True
            return NOTHING_CUT
        self.size += end - start
        known = self._nals.count
        # A start code may lie across the cut, and so may its code byte.
        if find_pack and known and end > start and self._nals.first(known - 1) == held:
            known -= 1
        # Nothing of an earlier frame but its lead is here, and that may run on into this one.
        self._nals.scan(self._frame.data, held - 2 if held > 2 else 0, self._frame.size)
        if find_pack:
            for index in range(known, self._nals.count):
                first = self._nals.first(index)
                if (
                    first - 3 >= self._lead
                    and first < self._frame.size
                    and self._frame.data[first] == PACK_CODE
                ):
                    return start + first - 3 - held
        return NOTHING_CUT

    def close(self) -> None:
        """The frame is complete: hand its pictures to the sink."""
        if self.size == 0:
            return
        if self._is_short:
            self.drop()
            return
        held = self._frame.size
        kept = self.reader.read(
            self._frame,
            self._stamps.stamp(self._pts, self._rtp),
            self._dts,
            self._declared,
            self._hint,
        )
        self.size = 0
        self._usual = held + held // 4
        self._frame.drop(kept)
        self._lead = self._frame.size
        if self._lead:
            self._nals.shift(kept)
        else:
            self._nals.clear()

    def drop(self) -> None:
        """Bytes are missing: forget the frame and wait for a key frame."""
        self.size = 0
        self._lead = 0
        self._is_short = False
        self._frame.clear()
        self._nals.clear()
        self.reader.lost()

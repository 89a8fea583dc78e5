# cython: boundscheck=False, wraparound=False
"""Elementary video streams over RTP: H.264 (RFC 6184), H.265 (RFC 7798), and whole frames.

Writes Annex B into the frame, so that everything behind is the same as for a program stream. A
frame is complete at the marker or at a new time stamp; a marker that stands inside of pictures is
no longer believed. After a loss nothing is taken before a NAL unit that begins a picture. Compiled
as `_es`.
"""

from typing import TYPE_CHECKING

from stream_relay.access_unit import Kind, Track
from stream_relay.formats import units
from stream_relay.formats.twins import twin

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
    from stream_relay.formats.timeline import Timeline
    from stream_relay.formats.video import VideoAssembler
else:
    Buffer = twin("buffer").Buffer
    Timeline = twin("timeline").Timeline
    VideoAssembler = twin("video").VideoAssembler

VIDEO = 0
MPEG4_TYPE, H264_TYPE, H265_TYPE = 0x10, 0x1B, 0x24
"""stream_type, as a stream map would announce it."""
MAX_ACCESS_UNIT_BYTES = 8 * 1024 * 1024
MAX_CONTRADICTIONS = 2

STAP_A, STAP_B, MTAP16, MTAP24, FU_A, FU_B = 24, 25, 26, 27, 28, 29
AGGREGATION, FRAGMENT, PACI = 48, 49, 50
FIRST_FRAGMENT, LAST_FRAGMENT = 0x80, 0x40
CODE_BYTES = 4


class VideoDepacketizer(units.Depacketizer):
    """Base: one video track whose frames are told apart by marker and time stamp."""

    def __init__(
        self,
        sink: "units.UnitSink | None" = None,
        stream_type: int = -1,
        parameter_sets: bytes = b"",
        max_access_unit_bytes: int = MAX_ACCESS_UNIT_BYTES,
    ) -> None:
        """`parameter_sets` (Annex B, from the SDP) stand before key frames that bring none."""
        super().__init__(sink)
        self.malformed = 0
        """Payloads that the RFC does not know, and slices that do not begin their picture."""
        self.skipped_packets = 0
        """Payloads of a kind nobody uses, and what follows a loss."""
        self.oversize = 0
        self._timeline = Timeline()
        self._video = VideoAssembler(self._timeline, self._sink)
        self._stream_type = stream_type
        self._max_unit = max_access_unit_bytes
        self._timestamp = -1
        self._is_begun = False
        self._is_broken = True
        self._has_slices = False
        self._in_fragment = False
        self._marker_lies = 0
        self._is_marked = False
        self._has_sets = False
        self._sets = Buffer()
        self._sets.append(parameter_sets, 0, len(parameter_sets))
        self._head = Buffer()
        self._head.append(b"\x00\x00\x00\x01\x00\x00", 0, 6)

    def feed(
        self, data: bytes | bytearray, start: int, end: int, timestamp: int, marker: bool
    ) -> None:
        """See `Depacketizer.feed`."""
        if timestamp >= 0 and timestamp != self._timestamp:
            # The first stamp behind a loss ends nothing: what it belongs to may lack its begin.
            if self._timestamp >= 0:
                self._end_of_frame()
                self._is_marked = False
            self._timestamp = timestamp
        if end > start:
            self._take(data, start, end)
            if self._video.size > self._max_unit:
                self.oversize += 1
                self._damaged()
        if marker and self._has_slices and self._marker_lies < MAX_CONTRADICTIONS:
            self._end_of_frame()
            self._is_marked = True

    def interrupt(self) -> None:
        """See `Depacketizer.interrupt`."""
        self._damaged()
        self._timestamp = -1
        self._is_marked = False

    def finish(self) -> None:
        """See `Depacketizer.finish`."""
        self._end_of_frame()

    def restart(self) -> None:
        """See `Depacketizer.restart`."""
        self.interrupt()
        self._timeline.restart()
        self._marker_lies = 0
        self._has_sets = False

    def _take(self, data: bytes | bytearray, start: int, end: int) -> None:
        """Read one payload that is not empty."""

    def _enter(self, is_slice: bool, begins: bool, is_key: bool, is_set: bool) -> bool:
        """A NAL unit comes; whether it may be added. `begins`: only a picture's begin has it."""
        if self._is_broken and not begins:
            self.skipped_packets += 1
            return False
        self._is_broken = False
        if is_slice and not begins and not self._has_slices:
            # Its picture was closed already, or never began.
            if self._is_marked:
                self._marker_lies += 1
            self.malformed += 1
            self._damaged()
            return False
        self._begin()
        self._has_sets = self._has_sets or is_set
        if is_slice and not self._has_slices:
            self._has_slices = True
            if is_key and not self._has_sets:
                self._video.add(self._sets.data, 0, self._sets.size, False)
        return True

    def _orphan(self) -> None:
        """A fragment comes whose NAL unit never began."""
        self.skipped_packets += 1
        if not self._is_broken:
            self._damaged()

    def _begin(self) -> None:
        if not self._is_begun:
            self._is_begun = True
            self._video.begin(-1, -1, self._timestamp, self._stream_type, False)

    def _end_of_frame(self) -> None:
        self._video.close()
        self._is_begun = False
        self._has_slices = False
        self._in_fragment = False

    def _damaged(self) -> None:
        """Bytes are missing: the frame cannot be finished."""
        self._video.drop()
        self._is_begun = False
        self._has_slices = False
        self._in_fragment = False
        self._is_broken = True

    # --- for Python callers ----------------------------------------------------------------------

    @property
    def is_program_stream(self) -> bool:
        """See `Depacketizer.is_program_stream`."""
        return False

    def describe(self, kind: int) -> Track | None:
        """See `Depacketizer.describe`."""
        return self._video.reader.track if kind == VIDEO else None

    def tracks(self) -> tuple[Track, ...]:
        """The video track, as soon as it is known."""
        track = self._video.reader.track
        return () if track is None else (track,)

    def announced(self) -> frozenset[Kind]:
        """See `Depacketizer.announced`: it is video that the payload type stands for."""
        return frozenset((Kind.VIDEO,))

    def counters(self) -> dict[str, int]:
        """What was read and what was wrong with it, since the start."""
        return {
            "pictures": self._video.reader.pictures,
            "skipped_pictures": self._video.reader.skipped,
            "malformed_video": self._video.reader.malformed,
            "contradicted_codec": self._video.reader.contradicted,
            "malformed_packets": self.malformed,
            "skipped_packets": self.skipped_packets,
            "oversize": self.oversize,
            "jumps": self._timeline.jumps,
        }


class H264Depacketizer(VideoDepacketizer):
    """H.264 over RTP (RFC 6184 §5): single NAL units, STAP, FU; MTAPs are skipped and counted.

    Units of the interleaved mode are taken in the order of the packets.
    """

    def __init__(
        self,
        sink: "units.UnitSink | None" = None,
        parameter_sets: bytes = b"",
        max_access_unit_bytes: int = MAX_ACCESS_UNIT_BYTES,
    ) -> None:
        super().__init__(sink, H264_TYPE, parameter_sets, max_access_unit_bytes)

    def _take(self, data: bytes | bytearray, start: int, end: int) -> None:
        kind = data[start] & 0x1F
        if kind == FU_A or kind == FU_B:
            self._fragment(data, start, end, 4 if kind == FU_B else 2)
        elif 0 < kind < STAP_A:
            self._in_fragment = False
            self._unit(data, start, end)
        elif kind == STAP_A or kind == STAP_B:
            self._in_fragment = False
            self._aggregate(data, start + (3 if kind == STAP_B else 1), end)
        elif kind == MTAP16 or kind == MTAP24:
            self.skipped_packets += 1
        else:
            self.malformed += 1

    def _aggregate(self, data: bytes | bytearray, start: int, end: int) -> None:
        while start + 2 < end:
            following = start + 2 + (data[start] << 8 | data[start + 1])
            if following > end:
                self.malformed += 1
                self._damaged()
                return
            self._unit(data, start + 2, following)
            start = following

    def _unit(self, data: bytes | bytearray, start: int, end: int) -> None:
        if start < end and self._begins(data[start], data[start + 1] if start + 1 < end else 0):
            self._video.add(self._head.data, 0, CODE_BYTES, False)
            self._video.add(data, start, end, False)

    def _begins(self, header: int, following: int) -> bool:
        """See `_enter`; `following` is the byte behind the NAL unit's header."""
        kind = header & 0x1F
        is_slice = 0 < kind < 6
        is_set = kind == 7 or kind == 8
        if is_slice:
            begins = kind != 3 and kind != 4 and following & 0x80 != 0
        else:
            begins = is_set or kind == 6 or kind == 9
        return self._enter(is_slice, begins, kind == 5, is_set)

    def _fragment(self, data: bytes | bytearray, start: int, end: int, head: int) -> None:
        if start + head >= end:
            self.malformed += 1
            return
        flags = data[start + 1]
        if flags & FIRST_FRAGMENT:
            header = (data[start] & 0xE0) | (flags & 0x1F)
            self._in_fragment = self._begins(header, data[start + head])
            if self._in_fragment:
                self._head.set(CODE_BYTES, header, 1)
                self._video.add(self._head.data, 0, CODE_BYTES + 1, False)
        elif not self._in_fragment:
            self._orphan()
        if self._in_fragment:
            # Only the first FU of a unit is an FU-B (§5.8).
            self._video.add(data, start + head, end, False)
            self._in_fragment = flags & LAST_FRAGMENT == 0


class H265Depacketizer(VideoDepacketizer):
    """H.265 over RTP (RFC 7798 §4.4): single NAL units, AP, FU; PACIs are skipped and counted.

    `has_don`: decoding order numbers are there (sprop-max-don-diff above 0); they are passed over.
    """

    def __init__(
        self,
        sink: "units.UnitSink | None" = None,
        parameter_sets: bytes = b"",
        has_don: bool = False,
        max_access_unit_bytes: int = MAX_ACCESS_UNIT_BYTES,
    ) -> None:
        super().__init__(sink, H265_TYPE, parameter_sets, max_access_unit_bytes)
        self._has_don = has_don

    def _take(self, data: bytes | bytearray, start: int, end: int) -> None:
        kind = data[start] >> 1 & 0x3F
        if end - start < 3:
            self.malformed += 1
        elif kind == FRAGMENT:
            self._fragment(data, start, end)
        elif kind == AGGREGATION:
            self._in_fragment = False
            self._aggregate(data, start + 2, end)
        elif kind < AGGREGATION:
            self._in_fragment = False
            self._unit(data, start, start + 2 + (2 if self._has_don else 0), end)
        elif kind == PACI:
            self.skipped_packets += 1
        else:
            self.malformed += 1

    def _aggregate(self, data: bytes | bytearray, start: int, end: int) -> None:
        # DONL has two bytes before the first unit, DOND one before each other (§4.4.2).
        number = 2 if self._has_don else 0
        while start + number + 2 < end:
            start += number + 2
            following = start + (data[start - 2] << 8 | data[start - 1])
            if following > end:
                self.malformed += 1
                self._damaged()
                return
            self._unit(data, start, start + 2, following)
            start = following
            number = 1 if self._has_don else 0

    def _unit(self, data: bytes | bytearray, start: int, body: int, end: int) -> None:
        """One NAL unit: its header at `start`, the rest at `body`."""
        if body < end and self._begins(data[start], data[body]):
            self._video.add(self._head.data, 0, CODE_BYTES, False)
            self._video.add(data, start, start + 2, False)
            self._video.add(data, body, end, False)

    def _begins(self, header: int, following: int) -> bool:
        """See `_enter`; `following` is the byte behind the NAL unit's header."""
        kind = header >> 1 & 0x3F
        is_slice = kind < 32
        is_set = 32 <= kind <= 34
        begins = following & 0x80 != 0 if is_slice else is_set or kind == 35 or kind == 39
        return self._enter(is_slice, begins, 16 <= kind <= 23, is_set)

    def _fragment(self, data: bytes | bytearray, start: int, end: int) -> None:
        flags = data[start + 2]
        is_first = flags & FIRST_FRAGMENT != 0
        body = start + 3 + (2 if self._has_don and is_first else 0)
        if body >= end:
            self.malformed += 1
            return
        if is_first:
            header = (data[start] & 0x81) | (flags & 0x3F) << 1
            self._in_fragment = self._begins(header, data[body])
            if self._in_fragment:
                self._head.set(CODE_BYTES, header << 8 | data[start + 1], 2)
                self._video.add(self._head.data, 0, CODE_BYTES + 2, False)
        elif not self._in_fragment:
            self._orphan()
        if self._in_fragment:
            self._video.add(data, body, end, False)
            self._in_fragment = flags & LAST_FRAGMENT == 0


class FrameDepacketizer(VideoDepacketizer):
    """Frames cut into payloads and nothing else: MPEG-4 (RFC 6416 §5) and what cannot be read.

    Where a codec cannot be read (SVAC), nobody can tell key frames: each frame passes as one.
    """

    def _take(self, data: bytes | bytearray, start: int, end: int) -> None:
        self._has_slices = True
        if self._is_broken and not self._begins_vop(data, start, end):
            self.skipped_packets += 1
            return
        self._is_broken = False
        if not self._is_begun:
            self._is_begun = True
            self._video.begin(-1, -1, self._timestamp, self._stream_type, True)
        self._video.add(data, start, end, False)

    def _begins_vop(self, data: bytes | bytearray, start: int, end: int) -> bool:
        """Inside of an MPEG-4 frame no payload begins with a start code (RFC 6416 §5.2)."""
        return (
            self._stream_type == MPEG4_TYPE
            and start + 3 < end
            and data[start] == 0
            and data[start + 1] == 0
            and data[start + 2] == 1
        )

    def _end_of_frame(self) -> None:
        self._video.close()
        self._is_begun = False
        self._has_slices = False
        self._is_broken = False

"""MPEG program stream (ISO/IEC 13818-1 §2.5, GB/T 28181-2022 annex C) into access units.

Fed with RTP payloads; where they are cut does not matter. A frame is complete at the RTP marker,
at a new RTP time stamp or at the next frame's PES, whichever comes first; a sender whose marker or
time stamp contradicts its own PES lengths is no longer believed. After a loss the reader waits for
the next pack header, then for a key frame. Compiled as `_ps` (types in `_ps.pxd`).

The stream map's CRC is not checked: devices send wrong ones (gb28181 field note 38).
"""

from enum import IntEnum
from typing import TYPE_CHECKING

from stream_relay.access_unit import AccessUnit, Kind, Track
from stream_relay.formats.audio import AudioAssembler
from stream_relay.formats.pes import PACK_BYTES, PES_FIXED_BYTES, pack_bytes, read_stamps
from stream_relay.formats.stream_map import announced_kinds, parse_stream_map
from stream_relay.formats.timeline import Timeline
from stream_relay.formats.twins import twin

if TYPE_CHECKING:
    from stream_relay.formats.video import VideoAssembler
else:
    VideoAssembler = twin("video").VideoAssembler

PREFIX, PACK_START = b"\x00\x00\x01", b"\x00\x00\x01\xba"
PROGRAM_END, PACK, STREAM_MAP = 0xB9, 0xBA, 0xBC
AUDIO_FIRST, VIDEO_FIRST, VIDEO_LAST = 0xC0, 0xE0, 0xEF
FIRST_SYSTEM_CODE = 0xB9
"""Start codes below belong to video elementary streams."""

MAX_ACCESS_UNIT_BYTES = 8 * 1024 * 1024
MAX_AUDIO_PACKET_BYTES = 64 * 1024
MAX_STREAM_MAP_BYTES, MAX_CONTRADICTIONS = 1018, 2


class State(IntEnum):
    """Where the reader stands.

    to SEARCH: bytes are missing, or a packet was cut short
    to BETWEEN: a pack header was found, or a packet ended
    to BOUNDED: a PES of known length began
    to UNBOUNDED: a PES of length 0 began; it ends at the next system start code
    to SKIP: a packet that carries nothing for us began
    """

    SEARCH = 0
    BETWEEN = 1
    BOUNDED = 2
    UNBOUNDED = 3
    SKIP = 4


SEARCH, BETWEEN, BOUNDED, UNBOUNDED, SKIP = map(int, State)


class PsDemuxer:
    """One program stream with at most one video and one audio track; memory is bounded."""

    def __init__(self, max_access_unit_bytes: int = MAX_ACCESS_UNIT_BYTES) -> None:
        self.packs = self.garbage_bytes = self.truncated = 0
        self.oversize = self.malformed_pes = self.skipped_packets = 0
        self._max_unit = max_access_unit_bytes
        self._timeline = Timeline()
        self._video = VideoAssembler(self._timeline)
        self._audio = AudioAssembler(self._timeline)
        self._types: dict[int, int] = {}
        self._data = b""
        self._position = 0
        self._state = SEARCH
        self._left = 0
        self._is_video = False
        self._video_id = self._audio_id = 0
        self._map_seen = False
        self._packet = bytearray()
        self._packet_pts: int | None = None
        self._timestamp: int | None = None
        self._marker_lies = self._timestamp_lies = 0
        self._closed_early = False
        self._in_garbage = False
        self._ready: list[AccessUnit] = []

    def push(
        self, payload: bytes, timestamp: int | None = None, marker: bool = False
    ) -> list[AccessUnit]:
        """Access units completed by this payload; stamp and marker are those of its RTP packet."""
        if timestamp is not None and timestamp != self._timestamp:
            self._change_timestamp(timestamp)
        self._data = self._data + payload if self._data else payload
        while self._step():
            pass
        self._data = self._data[self._position :] if self._position < len(self._data) else b""
        self._position = 0
        if marker:
            self._end_of_frame()
        ready = self._ready
        self._ready = []
        return ready

    def flush(self) -> list[AccessUnit]:
        """The end of the input: hand out what is complete as far as can be told."""
        if self._state == UNBOUNDED:
            self._end_unbounded()
        if self._state == BETWEEN or self._state == SKIP:
            self._ready.extend(self._video.close())
        ready, self._ready = self._ready, []
        return ready

    def lost(self) -> None:
        """Packets are missing before the next payload."""
        self._data = b""
        self._damaged()

    def tracks(self) -> tuple[Track, ...]:
        """Video first, then audio, as far as they are known."""
        known = (self._video.reader.track, self._audio.track)
        return tuple(track for track in known if track is not None)

    def announced(self) -> frozenset[Kind]:
        """What the stream map speaks of, come or not; empty without one."""
        return announced_kinds(self._types)

    def counters(self) -> dict[str, int]:
        """What was read and what was wrong with it, since the start."""
        return {
            "packs": self.packs,
            "pictures": self._video.reader.pictures,
            "skipped_pictures": self._video.reader.skipped,
            "garbage_bytes": self.garbage_bytes,
            "truncated": self.truncated,
            "oversize": self.oversize,
            "malformed_pes": self.malformed_pes,
            "malformed_video": self._video.reader.malformed,
            "malformed_audio": self._audio.malformed,
            "skipped_packets": self.skipped_packets,
            "contradicted_codec": self._video.reader.contradicted,
            "jumps": self._timeline.jumps,
        }

    # --- packets: each step consumes something or says that more bytes are needed ----------------

    def _step(self) -> bool:
        if self._state == BOUNDED:
            return self._take_bounded()
        if self._state == BETWEEN:
            return self._next_packet()
        if self._state == UNBOUNDED:
            return self._take_unbounded()
        if self._state == SEARCH:
            return self._find_pack()
        return self._skip()

    def _find_pack(self) -> bool:
        found = self._data.find(PACK_START, self._position)
        following = found if found >= 0 else max(self._position, len(self._data) - 3)
        self.garbage_bytes += following - self._position
        self._position = following
        if found >= 0:
            self._state = BETWEEN
        return found >= 0

    def _skip(self) -> bool:
        count = min(self._left, len(self._data) - self._position)
        self._position += count
        self._left -= count
        if self._left == 0:
            self._state = BETWEEN
        return self._left == 0

    def _next_packet(self) -> bool:
        if self._in_garbage:
            return self._skip_garbage()
        position = self._position
        available = len(self._data) - position
        if available < 4:
            return False
        code = self._data[position + 3]
        if self._data[position : position + 3] != PREFIX or code < FIRST_SYSTEM_CODE:
            return self._skip_garbage()
        self._closed_early = False
        if code == PACK:
            return self._begin_pack(available)
        if code == PROGRAM_END:
            self._position += 4
            return True
        if available < 6:
            return False
        length = self._data[position + 4] << 8 | self._data[position + 5]
        if code == STREAM_MAP and length <= MAX_STREAM_MAP_BYTES:
            return self._read_map(available, length)
        if self._is_ours(code):
            return self._begin_pes(available, code, length)
        self.skipped_packets += 1
        self._begin_skip(length)
        return True

    def _begin_skip(self, length: int) -> None:
        self._position += 6
        self._left = length
        self._state = SKIP if length else BETWEEN

    def _skip_garbage(self) -> bool:
        """Go to the next start code that can begin a packet.

        Start codes of a video elementary stream on the way are video that lost its PES: what has
        been gathered of the frame is not whole.
        """
        data = self._data
        search = self._position
        if self._closed_early:
            self._marker_lies = self._timestamp_lies = MAX_CONTRADICTIONS
        while True:
            found = data.find(PREFIX, search)
            if found < 0 or found + 3 >= len(data):
                following = found if found >= 0 else max(self._position, len(data) - 2)
                self.garbage_bytes += following - self._position
                self._position = following
                self._in_garbage = True
                return False
            code = data[found + 3]
            if PACK <= code <= STREAM_MAP or AUDIO_FIRST <= code <= VIDEO_LAST:
                self.garbage_bytes += found - self._position
                self._position = found
                self._in_garbage = False
                return True
            if 0 < code < FIRST_SYSTEM_CODE:
                self._video.drop()
            search = found + 3

    def _begin_pack(self, available: int) -> bool:
        if available < PACK_BYTES:
            return False
        size = pack_bytes(self._data, self._position)
        if available < size:
            return False
        if self._video.size and not self._video.has_pts:
            self._ready.extend(self._video.close())
        self.packs += 1
        self._position += size
        return True

    def _read_map(self, available: int, length: int) -> bool:
        if available < 6 + length:
            return False
        types = parse_stream_map(self._data[self._position : self._position + 6 + length])
        self._position += 6 + length
        if types:
            self._types, self._map_seen = types, True
            if self._video_id not in types:
                self._video_id = next((i for i in types if VIDEO_FIRST <= i <= VIDEO_LAST), 0)
            if self._audio_id not in types:
                self._audio_id = next((i for i in types if AUDIO_FIRST <= i < VIDEO_FIRST), 0)
        return True

    def _is_ours(self, code: int) -> bool:
        """The first video and the first audio stream are taken, as announced or as they come."""
        if VIDEO_FIRST <= code <= VIDEO_LAST:
            self._video_id = self._video_id or code
            return code == self._video_id
        if AUDIO_FIRST <= code < VIDEO_FIRST:
            self._audio_id = self._audio_id or code
            return code == self._audio_id
        return False

    def _begin_pes(self, available: int, code: int, length: int) -> bool:
        position = self._position
        data = self._data
        if available < PES_FIXED_BYTES or available < PES_FIXED_BYTES + data[position + 8]:
            return False
        header = data[position + 8]
        if data[position + 6] >> 6 != 2 or 0 < length < 3 + header:
            self.malformed_pes += 1
            if code >= VIDEO_FIRST:
                self._video.drop()
            self._begin_skip(length)
            return True
        pts, dts = read_stamps(data, position)
        self._is_video = code >= VIDEO_FIRST
        if self._is_video:
            self._begin_video(pts, dts)
        else:
            self._packet.clear()
            self._packet_pts = pts
        self._position = position + PES_FIXED_BYTES + header
        self._left = length - 3 - header if length else 0
        self._state = BOUNDED if length else UNBOUNDED
        return True

    def _begin_video(self, pts: int | None, dts: int | None) -> None:
        if self._video.continues(pts):
            return
        self._ready.extend(self._video.close())
        self._video.begin(
            pts,
            dts,
            rtp=self._timestamp,
            declared=self._types.get(self._video_id),
            hint=self._map_seen,
        )
        self._map_seen = False

    def _take_bounded(self) -> bool:
        count = min(self._left, len(self._data) - self._position)
        self._left -= count
        self._take(count)
        if self._state != BOUNDED:
            return True
        if self._left == 0:
            self._close_packet()
        return self._left == 0

    def _take_unbounded(self) -> bool:
        data = self._data
        search = self._position
        while True:
            found = data.find(PREFIX, search)
            if found < 0 or found + 3 >= len(data):
                end = found if found >= 0 else max(self._position, len(data) - 2)
                self._take(end - self._position)
                return self._state != UNBOUNDED
            if data[found + 3] >= FIRST_SYSTEM_CODE:
                self._take(found - self._position)
                if self._state == UNBOUNDED:
                    self._close_packet()
                return True
            search = found + 3

    def _take(self, count: int) -> None:
        """Move payload bytes to where they are gathered."""
        end = self._position + count
        piece = self._data if count == len(self._data) else self._data[self._position : end]
        self._position = end
        if not self._is_video:
            self._packet += piece
            if len(self._packet) > MAX_AUDIO_PACKET_BYTES:
                self.oversize += 1
                self._damaged()
            return
        given_back = self._video.add(piece, self._state == BOUNDED)
        if given_back:
            self.truncated += 1
            self._data = given_back + self._data[end:]
            self._position = 0
            self._damaged()
        elif self._video.size > self._max_unit:
            self.oversize += 1
            self._damaged()

    def _close_packet(self) -> None:
        self._state = BETWEEN
        if self._is_video:
            return
        declared = self._types.get(self._audio_id)
        self._ready.extend(self._audio.push(bytes(self._packet), self._packet_pts, declared))
        self._packet.clear()

    def _end_unbounded(self) -> None:
        """The frame is over although no start code has come: take what was held back for it."""
        self._take(len(self._data) - self._position)
        self._data = b""
        self._position = 0
        if self._state == UNBOUNDED:
            self._close_packet()
            self._closed_early = True

    # --- frames ----------------------------------------------------------------------------------

    def _end_of_frame(self) -> None:
        """The RTP marker: the frame is complete unless its own lengths say otherwise."""
        if self._marker_lies >= MAX_CONTRADICTIONS:
            return
        if self._state == UNBOUNDED:
            self._end_unbounded()
        elif self._state == BOUNDED or self._data:
            self._marker_lies += 1
            return
        self._ready.extend(self._video.close())

    def _change_timestamp(self, timestamp: int) -> None:
        """A new RTP time stamp: the frame before it is complete, by the same reservation."""
        if self._video.size and self._timestamp is not None:
            if self._timestamp_lies >= MAX_CONTRADICTIONS:
                pass
            elif self._state == UNBOUNDED:
                self._end_unbounded()
                self._ready.extend(self._video.close())
            elif self._state == BOUNDED and self._is_video:
                self._timestamp_lies += 1
            elif self._state == BETWEEN and not self._data:
                self._ready.extend(self._video.close())
        self._timestamp = timestamp

    def _damaged(self) -> None:
        """Bytes are missing: nothing that was begun can be finished."""
        self._state = SEARCH
        self._in_garbage = False
        self._left = 0
        self._packet.clear()
        self._audio.reset()
        self._video.drop()

"""MPEG program stream (ISO/IEC 13818-1 §2.5, GB/T 28181-2022 annex C) into access units.

Fed with RTP payloads; where they are cut does not matter. A frame is complete at the RTP marker,
at a new RTP time stamp or at the next frame's PES, whichever comes first; a sender whose marker or
time stamp contradicts its own PES lengths is no longer believed. After a loss the reader waits for
the next pack header, then for a key frame. Compiled as `_ps` (types in `_ps.pxd`).

The stream map's CRC is not checked: devices send wrong ones (gb28181 field note 38).
"""

from typing import TYPE_CHECKING

from stream_relay.access_unit import Kind, Track
from stream_relay.formats import ps_packets
from stream_relay.formats.pes import PES_FIXED_BYTES
from stream_relay.formats.ps_packets import (
    AUDIO_FIRST,
    FIRST_SYSTEM_CODE,
    STREAM_MAP,
    VIDEO_FIRST,
    VIDEO_LAST,
    State,
)
from stream_relay.formats.twins import twin
from stream_relay.formats.units import NO_STAMP, VIDEO

if TYPE_CHECKING:
    from stream_relay.formats.audio import AudioAssembler
    from stream_relay.formats.buffer import Buffer
    from stream_relay.formats.stream_map import StreamMap
    from stream_relay.formats.timeline import Timeline
    from stream_relay.formats.units import UnitSink
    from stream_relay.formats.video import VideoAssembler
else:
    AudioAssembler, VideoAssembler = twin("audio").AudioAssembler, twin("video").VideoAssembler
    Buffer, Timeline = twin("buffer").Buffer, twin("timeline").Timeline
    StreamMap = twin("stream_map").StreamMap

SEARCH, BETWEEN, BOUNDED, UNBOUNDED, SKIP = map(int, State)

MAX_ACCESS_UNIT_BYTES = 8 * 1024 * 1024
MAX_AUDIO_PACKET_BYTES = 64 * 1024
MAX_STREAM_MAP_BYTES, MAX_CONTRADICTIONS = 1018, 2
NOTHING_CUT = -10
"""`VideoAssembler.add` found no pack start code."""


class PsDemuxer(ps_packets.PsReader):
    """One program stream with at most one video and one audio track; memory is bounded."""

    def __init__(
        self, sink: "UnitSink | None" = None, max_access_unit_bytes: int = MAX_ACCESS_UNIT_BYTES
    ) -> None:
        super().__init__(sink)
        self.truncated = self.oversize = self.malformed_pes = 0
        self._max_unit = max_access_unit_bytes
        self._timeline = Timeline()
        self._video = VideoAssembler(self._timeline, self._sink)
        self._audio = AudioAssembler(self._timeline, self._sink)
        self._map = StreamMap()
        self._packet = Buffer()  # the begin of an audio packet
        self._packet_pts = NO_STAMP
        self._is_video = self._map_seen = self._closed_early = False
        self._video_id = self._audio_id = 0
        self._timestamp = NO_STAMP
        self._marker_lies = self._timestamp_lies = 0

    def feed(
        self, data: bytes | bytearray, start: int, end: int, timestamp: int, marker: bool
    ) -> None:
        """See `Depacketizer.feed`."""
        if timestamp >= 0 and timestamp != self._timestamp:
            self._change_timestamp(timestamp)
        self._read_all(data, start, end)
        if marker:
            self._end_of_frame()

    def interrupt(self) -> None:
        """See `Depacketizer.interrupt`."""
        self._rest.clear()
        self._damaged()

    def finish(self) -> None:
        """See `Depacketizer.finish`."""
        if self._state == UNBOUNDED:
            self._end_unbounded()
        if self._state == BETWEEN or self._state == SKIP:
            self._video.close()

    def restart(self) -> None:
        """See `Depacketizer.restart`."""
        self.interrupt()
        self._timeline.restart()
        self._audio.restart()
        self._map.clear()
        self._map_seen = self._closed_early = False
        self._video_id = self._audio_id = 0
        self._timestamp = NO_STAMP
        self._marker_lies = self._timestamp_lies = 0

    # --- packets ---------------------------------------------------------------------------------

    def _open_packet(self, data: bytes | bytearray, available: int, code: int, length: int) -> bool:
        if code == STREAM_MAP and length <= MAX_STREAM_MAP_BYTES:
            return self._read_map(data, available, length)
        if self._is_ours(code):
            return self._begin_pes(data, available, code, length)
        self.skipped_packets += 1
        self._begin_skip(length)
        return True

    def _on_pack(self) -> None:
        if self._video.size and not self._video.has_pts:
            self._video.close()

    def _on_order(self) -> None:
        self._closed_early = False

    def _on_garbage(self) -> None:
        """A PES that was ended by marker or time stamp went on: these are no longer believed."""
        if self._closed_early:
            self._marker_lies = self._timestamp_lies = MAX_CONTRADICTIONS

    def _on_stray_video(self) -> None:
        """Video that lost its PES: what has been gathered of the frame is not whole."""
        self._video.drop()

    def _on_damage(self) -> None:
        self._packet.clear()
        self._audio.reset()
        self._video.drop()

    def _read_map(self, data: bytes | bytearray, available: int, length: int) -> bool:
        if available < 6 + length:
            return False
        if self._map.read(data, self._position, self._position + 6 + length):
            self._map_seen = True
            if not self._map.has(self._video_id):
                self._video_id = self._map.first_video
            if not self._map.has(self._audio_id):
                self._audio_id = self._map.first_audio
        self._position += 6 + length
        return True

    def _is_ours(self, code: int) -> bool:
        """The first video and the first audio stream are taken, as announced or as they come."""
        if code >= VIDEO_FIRST and code <= VIDEO_LAST:
            self._video_id = self._video_id or code
            return code == self._video_id
        if code >= AUDIO_FIRST and code < VIDEO_FIRST:
            self._audio_id = self._audio_id or code
            return code == self._audio_id
        return False

    def _begin_pes(self, data: bytes | bytearray, available: int, code: int, length: int) -> bool:
        position = self._position
        if available < PES_FIXED_BYTES or available < PES_FIXED_BYTES + data[position + 8]:
            return False
        header = data[position + 8]
        if data[position + 6] >> 6 != 2 or (length > 0 and length < 3 + header):
            self.malformed_pes += 1
            if code >= VIDEO_FIRST:
                self._video.drop()
            self._begin_skip(length)
            return True
        self._pes.read(data, position)
        self._is_video = code >= VIDEO_FIRST
        if self._is_video:
            self._begin_video()
        else:
            self._packet.clear()
            self._packet_pts = self._pes.pts
        self._position = position + PES_FIXED_BYTES + header
        self._left = length - 3 - header if length else 0
        self._state = BOUNDED if length else UNBOUNDED
        return True

    def _begin_video(self) -> None:
        if self._video.continues(self._pes.pts):
            return
        self._video.close()
        declared = self._map.type_of(self._video_id)
        self._video.begin(self._pes.pts, self._pes.dts, self._timestamp, declared, self._map_seen)
        self._map_seen = False

    def _take_payload(self, data: bytes | bytearray) -> bool:
        return self._take_bounded(data) if self._state == BOUNDED else self._take_unbounded(data)

    def _take_bounded(self, data: bytes | bytearray) -> bool:
        count = min(self._left, self._end - self._position)
        if not self._is_video and count == self._left and self._packet.size == 0:
            self._left = 0
            self._position += count
            self._push_audio(data, self._position - count, self._position)
            return True
        self._left -= count
        self._take(data, self._position + count)
        if self._state != BOUNDED:
            return True
        if self._left == 0:
            self._close_packet()
        return self._left == 0

    def _take_unbounded(self, data: bytes | bytearray) -> bool:
        search = self._position
        while True:
            found = self._rest.find_prefix(data, search, self._end)
            if found < 0 or found + 3 >= self._end:
                self._take(data, found if found >= 0 else self._zeros_from(data))
                return self._state != UNBOUNDED
            if data[found + 3] >= FIRST_SYSTEM_CODE:
                self._take(data, found)
                if self._state == UNBOUNDED:
                    self._close_packet()
                return True
            search = found + 3

    def _zeros_from(self, data: bytes | bytearray) -> int:
        """Where the zeros at the end begin that may belong to a start code, two at most."""
        first = self._end
        while first > self._position and first > self._end - 2 and data[first - 1] == 0:
            first -= 1
        return first

    def _take(self, data: bytes | bytearray, end: int) -> None:
        """Move payload bytes to where they are gathered."""
        start = self._position
        self._position = end
        if not self._is_video:
            is_kept = self._packet.append(data, start, end)
            if not is_kept or self._packet.size > MAX_AUDIO_PACKET_BYTES:
                self.oversize += 1
                self._damaged()
            return
        found = self._video.add(data, start, end, self._state == BOUNDED)
        if found != NOTHING_CUT:
            self.truncated += 1
            self._go_back(start, found)
            self._damaged()
        elif self._video.size > self._max_unit:
            self.oversize += 1
            self._damaged()

    def _close_packet(self) -> None:
        if self._is_video:
            self._state = BETWEEN
        else:
            self._push_audio(self._packet.data, 0, self._packet.size)

    def _push_audio(self, data: bytes | bytearray, start: int, end: int) -> None:
        self._state = BETWEEN
        self._audio.push(data, start, end, self._packet_pts, self._map.type_of(self._audio_id))
        self._packet.clear()

    def _end_unbounded(self) -> None:
        """The frame is over although no start code has come: take what was held back for it."""
        self._position = 0
        self._take(self._rest.data, self._rest.size)
        self._rest.clear()
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
        elif self._state == BOUNDED or self._rest.size:
            self._marker_lies += 1
            return
        self._video.close()

    def _change_timestamp(self, timestamp: int) -> None:
        """A new RTP time stamp: the frame before it is complete, by the same reservation."""
        if self._video.size and self._timestamp >= 0:
            if self._timestamp_lies >= MAX_CONTRADICTIONS:
                pass
            elif self._state == UNBOUNDED:
                self._end_unbounded()
                self._video.close()
            elif self._state == BOUNDED and self._is_video:
                self._timestamp_lies += 1
            elif self._state == BETWEEN and not self._rest.size:
                self._video.close()
        self._timestamp = timestamp

    # --- for Python callers ----------------------------------------------------------------------

    def begin_again(self) -> None:
        """See `restart`."""
        self.restart()

    def tracks(self) -> tuple[Track, ...]:
        """Video first, then audio, as far as they are known."""
        known = (self._video.reader.track, self._audio.track)
        return tuple(track for track in known if track is not None)

    def describe(self, kind: int) -> Track | None:
        """See `Depacketizer.describe`."""
        return self._video.reader.track if kind == VIDEO else self._audio.track

    def announced(self) -> frozenset[Kind]:
        """What the stream map speaks of, come or not; empty without one."""
        return self._map.announced()

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

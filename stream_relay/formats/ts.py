# cython: boundscheck=False, wraparound=False
"""MPEG transport stream over RTP (ISO/IEC 13818-1 §2.4, RFC 2250 §2) into access units.

The first program with the first video and the first audio stream that can be carried. Packets may
be cut anywhere. The RTP marker tells nothing here; a frame is complete when the next begins, since
one may be spread over several PES. Compiled as `_ts`.
"""

from typing import TYPE_CHECKING

from stream_relay.access_unit import Kind, Track
from stream_relay.formats import units
from stream_relay.formats.twins import twin

if TYPE_CHECKING:
    from stream_relay.formats.audio import AudioAssembler
    from stream_relay.formats.buffer import Buffer
    from stream_relay.formats.pes import PesReader
    from stream_relay.formats.timeline import Timeline
    from stream_relay.formats.ts_tables import Counter, ProgramTables
    from stream_relay.formats.video import VideoAssembler
else:
    AudioAssembler = twin("audio").AudioAssembler
    Buffer = twin("buffer").Buffer
    PesReader = twin("pes").PesReader
    Timeline = twin("timeline").Timeline
    Counter, ProgramTables = twin("ts_tables").Counter, twin("ts_tables").ProgramTables
    VideoAssembler = twin("video").VideoAssembler

VIDEO, NO_STAMP, NO_PID = 0, -1, -1
NEXT, SAME, GAP = 0, 1, 2
"""As in ts_tables.py."""

PACKET_BYTES, SYNC, PES_FIXED_BYTES = 188, 0x47, 9
PAT_PID = 0
MAX_ACCESS_UNIT_BYTES = 8 * 1024 * 1024
MAX_AUDIO_PACKET_BYTES = 64 * 1024


class TsDemuxer(units.Depacketizer):
    """One transport stream; memory is bounded."""

    def __init__(
        self,
        sink: "units.UnitSink | None" = None,
        max_access_unit_bytes: int = MAX_ACCESS_UNIT_BYTES,
    ) -> None:
        super().__init__(sink)
        self.packets = self.garbage_bytes = self.gaps = 0
        self.malformed = self.scrambled = self.oversize = 0
        self._max_unit = max_access_unit_bytes
        self._timeline = Timeline()
        self._video = VideoAssembler(self._timeline, self._sink)
        self._audio = AudioAssembler(self._timeline, self._sink)
        self._pes = PesReader()
        self._held = Buffer()
        self._tables = ProgramTables()
        self._video_counter, self._audio_counter = Counter(), Counter()
        self._sound = Buffer()
        self._video_pid = self._audio_pid = NO_PID
        self._in_video = self._in_audio = False
        self._video_left = self._audio_left = -1
        self._audio_pts = NO_STAMP

    def feed(
        self, data: bytes | bytearray, start: int, end: int, timestamp: int, marker: bool
    ) -> None:
        """See `Depacketizer.feed`; time stamp and marker are not used."""
        if self._held.size:
            taken = min(PACKET_BYTES - self._held.size, end - start)
            self._held.append(data, start, start + taken)
            start += taken
            if self._held.size < PACKET_BYTES:
                return
            self._packet(self._held.data, 0)
            self._held.clear()
        while start < end:
            if data[start] != SYNC:
                start = self._find_sync(data, start, end)
            elif start + PACKET_BYTES <= end:
                self._packet(data, start)
                start += PACKET_BYTES
            else:
                self._held.append(data, start, end)
                return

    def interrupt(self) -> None:
        """See `Depacketizer.interrupt`."""
        self._held.clear()
        self._tables.clear()
        self._video_counter.clear()
        self._audio_counter.clear()
        self._drop_video()
        self._drop_audio()

    def finish(self) -> None:
        """See `Depacketizer.finish`."""
        self._end_audio()
        self._end_video()

    def restart(self) -> None:
        """See `Depacketizer.restart`."""
        self.interrupt()
        self._timeline.restart()
        self._audio.restart()
        self._tables.restart()
        self._choose()

    # --- packets ---------------------------------------------------------------------------------

    def _find_sync(self, data: bytes | bytearray, start: int, end: int) -> int:
        """Where the next packet begins: at a sync byte that another follows, if so much is here."""
        found = start
        while True:
            found = self._held.find_byte(SYNC, data, found, end)
            if found < 0:
                found = end
            elif found + PACKET_BYTES < end and data[found + PACKET_BYTES] != SYNC:
                found += 1
                continue
            self.garbage_bytes += found - start
            return found

    def _packet(self, data: bytes | bytearray, at: int) -> None:
        self.packets += 1
        pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
        is_table = pid == PAT_PID or pid == self._tables.pmt_pid
        if not is_table and pid != self._video_pid and pid != self._audio_pid:
            return
        begins = data[at + 1] & 0x40 != 0
        end = at + PACKET_BYTES
        start = at + 4
        may_jump = is_random_access = False
        if data[at + 3] & 0x20:
            start += 1 + data[at + 4]
            if data[at + 4]:
                may_jump = data[at + 5] & 0x80 != 0
                is_random_access = data[at + 5] & 0x40 != 0
        if data[at + 3] & 0x10 == 0:
            return
        if data[at + 1] & 0x80 or start > end:
            # The sender of this packet has lost something of it.
            self.malformed += 1
            self._lose(pid)
            return
        if data[at + 3] & 0xC0:
            self.scrambled += 1
            return
        step = self._step(pid, data[at + 3] & 0x0F, may_jump)
        if step == GAP:
            self.gaps += 1
            self._lose(pid)
        if step != SAME:
            self._take(pid, data, start, end, begins, is_random_access)

    def _take(
        self,
        pid: int,
        data: bytes | bytearray,
        start: int,
        end: int,
        begins: bool,
        is_random_access: bool,
    ) -> None:
        if pid == self._video_pid:
            self._take_video(data, start, end, begins, is_random_access)
        elif pid == self._audio_pid:
            self._take_audio(data, start, end, begins)
        else:
            self._tables.push(pid, data, start, end, begins)
            self._choose()

    def _step(self, pid: int, number: int, may_jump: bool) -> int:
        if pid == self._video_pid:
            return self._video_counter.step(number, may_jump)
        if pid == self._audio_pid:
            return self._audio_counter.step(number, may_jump)
        return self._tables.step(pid, number, may_jump)

    def _lose(self, pid: int) -> None:
        """Bytes of this PID are missing."""
        if pid == self._video_pid:
            self._drop_video()
        elif pid == self._audio_pid:
            self._drop_audio()
        else:
            self._tables.lose(pid)

    def _choose(self) -> None:
        """Go on with the streams that the tables name."""
        if self._tables.video_pid != self._video_pid:
            self._end_video()
            self._video_pid = self._tables.video_pid
            self._video_counter.clear()
        if self._tables.audio_pid != self._audio_pid:
            self._end_audio()
            self._audio_pid = self._tables.audio_pid
            self._audio_counter.clear()

    # --- PES -------------------------------------------------------------------------------------

    def _read_pes(self, data: bytes | bytearray, start: int, end: int) -> int:
        """Read the header of the PES that begins here; where its payload begins, -1: nowhere.

        A header that a packet's end cuts is taken as damaged: no multiplexer does that.
        """
        if (
            start + PES_FIXED_BYTES > end
            or data[start] != 0
            or data[start + 1] != 0
            or data[start + 2] != 1
            or data[start + 6] >> 6 != 2
            or start + PES_FIXED_BYTES + data[start + 8] > end
        ):
            self.malformed += 1
            return -1
        self._pes.read(data, start)
        return start + PES_FIXED_BYTES + data[start + 8]

    def _left(self, data: bytes | bytearray, start: int) -> int:
        """Payload bytes of the PES whose header is here; -1: it does not tell."""
        length = data[start + 4] << 8 | data[start + 5]
        return max(length - 3 - data[start + 8], 0) if length else -1

    def _take_video(
        self, data: bytes | bytearray, start: int, end: int, begins: bool, is_random_access: bool
    ) -> None:
        if begins:
            body = self._read_pes(data, start, end)
            if body < 0:
                self._drop_video()
                return
            if self._video_left > 0:
                self.malformed += 1
                self._drop_video()
            if not self._in_video or not self._video.continues(self._pes.pts):
                self._video.close()
                self._video.begin(
                    self._pes.pts,
                    self._pes.dts,
                    NO_STAMP,
                    self._tables.video_type,
                    is_random_access,
                )
            self._video_left = self._left(data, start)
            self._in_video = True
            start = body
        if not self._in_video:
            return
        if self._video_left >= 0:
            end = min(end, start + self._video_left)
            self._video_left -= end - start
        self._video.add(data, start, end, False)
        if self._video.size > self._max_unit:
            self.oversize += 1
            self._drop_video()

    def _end_video(self) -> None:
        if self._video_left > 0:
            self._drop_video()
            return
        self._video.close()
        self._in_video = False
        self._video_left = -1

    def _drop_video(self) -> None:
        self._video.drop()
        self._in_video = False
        self._video_left = -1

    def _take_audio(self, data: bytes | bytearray, start: int, end: int, begins: bool) -> None:
        if begins:
            self._end_audio()
            body = self._read_pes(data, start, end)
            if body < 0:
                self._drop_audio()
                return
            self._audio_pts = self._pes.pts
            self._audio_left = self._left(data, start)
            self._in_audio = True
            start = body
        if not self._in_audio:
            return
        if self._audio_left >= 0:
            end = min(end, start + self._audio_left)
            self._audio_left -= end - start
        self._sound.append(data, start, end)
        if self._sound.size > MAX_AUDIO_PACKET_BYTES:
            self.oversize += 1
            self._drop_audio()
        elif self._audio_left == 0:
            self._end_audio()

    def _end_audio(self) -> None:
        if self._in_audio:
            self._audio.push(
                self._sound.data, 0, self._sound.size, self._audio_pts, self._tables.audio_type
            )
        self._sound.clear()
        self._in_audio = False
        self._audio_left = -1

    def _drop_audio(self) -> None:
        self._sound.clear()
        self._audio.reset()
        self._in_audio = False
        self._audio_left = -1

    # --- for Python callers ----------------------------------------------------------------------

    @property
    def is_program_stream(self) -> bool:
        """See `Depacketizer.is_program_stream`."""
        return False

    def describe(self, kind: int) -> Track | None:
        """See `Depacketizer.describe`."""
        return self._video.reader.track if kind == VIDEO else self._audio.track

    def tracks(self) -> tuple[Track, ...]:
        """Video first, then audio, as far as they are known."""
        known = (self._video.reader.track, self._audio.track)
        return tuple([track for track in known if track is not None])

    def announced(self) -> frozenset[Kind]:
        """What the program map speaks of, come or not; empty without one."""
        kinds = []
        if self._video_pid != NO_PID:
            kinds.append(Kind.VIDEO)
        if self._audio_pid != NO_PID:
            kinds.append(Kind.AUDIO)
        return frozenset(kinds)

    def counters(self) -> dict[str, int]:
        """What was read and what was wrong with it, since the start."""
        return {
            "packets": self.packets,
            "pictures": self._video.reader.pictures,
            "skipped_pictures": self._video.reader.skipped,
            "garbage_bytes": self.garbage_bytes,
            "gaps": self.gaps,
            "malformed_packets": self.malformed,
            "malformed_tables": self._tables.malformed,
            "scrambled_packets": self.scrambled,
            "oversize": self.oversize,
            "malformed_video": self._video.reader.malformed,
            "malformed_audio": self._audio.malformed,
            "contradicted_codec": self._video.reader.contradicted,
            "jumps": self._timeline.jumps,
        }

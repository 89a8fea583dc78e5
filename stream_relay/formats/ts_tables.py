# cython: boundscheck=False, wraparound=False
"""Continuity counters, sections and program tables of MPEG-TS (ISO/IEC 13818-1 §2.4.3, §2.4.4).

Compiled as `_ts_tables`.
"""

from typing import TYPE_CHECKING

from stream_relay.formats.twins import twin

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
else:
    Buffer = twin("buffer").Buffer

NEXT, SAME, GAP = 0, 1, 2
"""What a continuity counter tells of its packet."""

NO_PID = -1
PAT_PID, PAT_TABLE, PMT_TABLE = 0, 0, 2
FIRST_FREE_PID, NULL_PID = 0x10, 0x1FFF
HEAD_BYTES, STUFFING = 3, 0xFF
CRC_POLYNOMIAL, CRC_TOP, CRC_MASK = 0x04C11DB7, 0x80000000, 0xFFFFFFFF


class Counter:
    """The continuity counter of one PID."""

    def __init__(self) -> None:
        self._last = -1

    def clear(self) -> None:
        """Any number may come."""
        self._last = -1

    def step(self, number: int, may_jump: bool) -> int:
        """What a packet with payload and this counter is: the NEXT, the SAME again, behind a GAP.

        `may_jump`: its discontinuity indicator is set.
        """
        last = self._last
        self._last = number
        if last < 0 or may_jump or number == (last + 1 & 15):
            return NEXT
        return SAME if number == last else GAP


class SectionReader:
    """Sections of one PID, one after the other; holds one and a packet at most."""

    def __init__(self) -> None:
        self.size = 0
        """Bytes of the section that `find_next` found, from its table_id on."""
        self.held = Buffer()
        """Begins with it."""

    def clear(self) -> None:
        """Bytes are missing: forget what was begun."""
        self.held.clear()
        self.size = 0

    def push(self, data: bytes | bytearray, start: int, end: int, begins: bool) -> None:
        """Take a packet's payload; `begins`: its first byte says where a section begins in it."""
        if begins:
            if start >= end:
                return
            first = start + 1 + data[start]
            if first > end:
                self.clear()
                return
            if self.held.size:
                self.held.append(data, start + 1, first)
                if self._wanted() != self.held.size:
                    self.clear()
            self.held.append(data, first, end)
        elif self.held.size:
            self.held.append(data, start, end)

    def find_next(self) -> bool:
        """Let go of the last section; whether another is complete."""
        self.held.drop(self.size)
        self.size = 0
        if self.held.size and self.held.data[0] == STUFFING:
            self.held.clear()
        wanted = self._wanted()
        if wanted == 0 or wanted > self.held.size:
            return False
        self.size = wanted
        return True

    def is_intact(self) -> bool:
        """Whether the section's CRC_32 (annex A) is right."""
        value = CRC_MASK
        for index in range(self.size):
            value ^= self.held.data[index] << 24
            for _ in range(8):
                if value & CRC_TOP:
                    value = (value << 1 & CRC_MASK) ^ CRC_POLYNOMIAL
                else:
                    value = value << 1
        return value == 0

    def _wanted(self) -> int:
        """Size of the section that is begun, 0 before it is known."""
        if self.held.size < HEAD_BYTES:
            return 0
        return HEAD_BYTES + ((self.held.data[1] & 0x0F) << 8 | self.held.data[2])


class ProgramTables:
    """The first program of a stream, with its first video and audio that can be carried."""

    def __init__(self) -> None:
        self.pmt_pid = self.video_pid = self.audio_pid = NO_PID
        self.video_type = self.audio_type = -1
        """stream_type; -1 where there is no such stream."""
        self.malformed = 0
        self._program = NO_PID
        self._pat, self._pmt = SectionReader(), SectionReader()
        self._pat_counter, self._pmt_counter = Counter(), Counter()

    def clear(self) -> None:
        """Bytes are missing: forget what was begun."""
        self._pat.clear()
        self._pmt.clear()
        self._pat_counter.clear()
        self._pmt_counter.clear()

    def restart(self) -> None:
        """Another stream begins: forget all."""
        self.clear()
        self._program = self.pmt_pid = self.video_pid = self.audio_pid = NO_PID
        self.video_type = self.audio_type = -1

    def step(self, pid: int, number: int, may_jump: bool) -> int:
        """`Counter.step` for a packet of a table."""
        if pid == PAT_PID:
            return self._pat_counter.step(number, may_jump)
        return self._pmt_counter.step(number, may_jump)

    def lose(self, pid: int) -> None:
        """Bytes of this table are missing."""
        if pid == PAT_PID:
            self._pat.clear()
        else:
            self._pmt.clear()

    def push(self, pid: int, data: bytes | bytearray, start: int, end: int, begins: bool) -> None:
        """Take the payload of a packet of a table."""
        if pid == PAT_PID:
            self._pat.push(data, start, end, begins)
            while self._pat.find_next():
                self._read_pat()
        else:
            self._pmt.push(data, start, end, begins)
            while self._pmt.find_next():
                self._read_pmt()

    def _read_pat(self) -> None:
        """The program association section at the front of `_pat.held` (§2.4.4.3)."""
        if not self._is_believed(self._pat.is_intact(), self._pat.held.data[0], PAT_TABLE):
            return
        position = 8
        while position + 4 <= self._pat.size - 4:
            number = self._pat.held.data[position] << 8 | self._pat.held.data[position + 1]
            pid = self._pat.held.data[position + 2] & 0x1F
            pid = pid << 8 | self._pat.held.data[position + 3]
            position += 4
            if number == 0 or pid < FIRST_FREE_PID or pid == NULL_PID:
                continue
            # Of several sections only the first decides, as long as its program is there.
            if self._program == NO_PID or self._pat.held.data[6] == 0:
                if number != self._program or pid != self.pmt_pid:
                    self._program = number
                    self.pmt_pid = pid
                    self._pmt.clear()
                    self._pmt_counter.clear()
                return

    def _read_pmt(self) -> None:
        """The program map section at the front of `_pmt.held` (§2.4.4.8)."""
        if not self._is_believed(self._pmt.is_intact(), self._pmt.held.data[0], PMT_TABLE):
            return
        if self._pmt.size < 16:
            return
        if self._program != (self._pmt.held.data[3] << 8 | self._pmt.held.data[4]):
            return
        video_pid = audio_pid = NO_PID
        video_type = audio_type = -1
        end = self._pmt.size - 4
        position = self._pmt.held.data[10] & 0x0F
        position = 12 + (position << 8 | self._pmt.held.data[11])
        while position + 5 <= end:
            stream_type = self._pmt.held.data[position]
            pid = self._pmt.held.data[position + 1] & 0x1F
            pid = pid << 8 | self._pmt.held.data[position + 2]
            if pid < FIRST_FREE_PID or pid == self.pmt_pid:
                pass
            elif is_video(stream_type) and video_pid == NO_PID:
                video_pid = pid
                video_type = stream_type
            elif is_audio(stream_type) and audio_pid == NO_PID:
                audio_pid = pid
                audio_type = stream_type
            following = self._pmt.held.data[position + 3] & 0x0F
            position += 5 + (following << 8 | self._pmt.held.data[position + 4])
        self.video_pid = video_pid
        self.audio_pid = audio_pid
        self.video_type = video_type
        self.audio_type = audio_type

    def _is_believed(self, is_intact: bool, table: int, wanted: int) -> bool:
        """A wrong checksum is forgiven only as long as nothing is known."""
        if table != wanted:
            return False
        if not is_intact:
            self.malformed += 1
        return is_intact or (self.video_pid == NO_PID and self.audio_pid == NO_PID)


def is_video(stream_type: int) -> bool:
    """MPEG-4, H.264, H.265, SVAC."""
    return stream_type in (0x10, 0x1B, 0x24, 0x80)


def is_audio(stream_type: int) -> bool:
    """AAC with ADTS, G.711 A and mu, G.722.1, SVAC."""
    return stream_type in (0x0F, 0x90, 0x91, 0x92, 0x9B)

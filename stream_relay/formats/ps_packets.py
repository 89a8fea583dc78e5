"""Packs and packets of a program stream, one after the other, wherever its bytes are cut.

Compiled as `_ps_packets`. Bytes are read where the caller has them; what a payload leaves open (a
header, or the begin of a start code) is kept and read together with the next bytes.
"""

from enum import IntEnum
from typing import TYPE_CHECKING

from stream_relay.formats import pes, units
from stream_relay.formats.twins import twin

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
    from stream_relay.formats.pes import PesReader
else:
    Buffer, PesReader = twin("buffer").Buffer, twin("pes").PesReader

PACK_BYTES = pes.PACK_BYTES
PACK_START = 0x000001BA
PROGRAM_END, PACK, STREAM_MAP = 0xB9, 0xBA, 0xBC
AUDIO_FIRST, VIDEO_FIRST, VIDEO_LAST = 0xC0, 0xE0, 0xEF
FIRST_SYSTEM_CODE = 0xB9
"""Start codes below belong to video elementary streams."""
JOINT_BYTES = 64
"""So much of a payload goes behind what the last one left open; the rest is read where it lies."""


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


class PsReader(units.Depacketizer):
    """Finds packs and packets; what is in them is the subclass's, by the methods it overrides."""

    def __init__(self, sink: "units.UnitSink | None" = None) -> None:
        super().__init__(sink)
        self.packs = self.garbage_bytes = self.skipped_packets = 0
        self._pes = PesReader()
        self._rest = Buffer()  # what the last payload left open
        self._position = self._end = self._left = 0
        self._state = SEARCH
        self._in_rest = self._owes_code = self._in_garbage = False

    # --- overridden ------------------------------------------------------------------------------

    def _open_packet(self, data: bytes | bytearray, available: int, code: int, length: int) -> bool:
        """A packet begins at the position, 6 bytes at least are there; false: more are needed."""
        self.skipped_packets += 1
        self._begin_skip(length)
        return True

    def _take_payload(self, data: bytes | bytearray) -> bool:
        """The position is in a PES (BOUNDED or UNBOUNDED); false: all bytes were taken."""
        return False

    def _on_pack(self) -> None:
        """A pack begins."""

    def _on_order(self) -> None:
        """A packet begins where one should."""

    def _on_garbage(self) -> None:
        """No packet begins where one should."""

    def _on_stray_video(self) -> None:
        """A start code of a video elementary stream lies between packets."""

    def _on_damage(self) -> None:
        """Bytes are missing: nothing that was begun can be finished."""

    # --- bytes: those left open are completed, all others are read where the caller has them ------

    def _read_all(self, data: bytes | bytearray, start: int, end: int) -> None:
        while start < end:
            if self._rest.size:
                start += self._read_joined(data, start, end)
            else:
                start = self._read_rest(data, start, end)

    def _read_joined(self, data: bytes | bytearray, start: int, end: int) -> int:
        """Read what was left open together with the next bytes; how many of these are used up."""
        held = self._rest.size
        count = min(end - start, JOINT_BYTES)
        if not self._rest.append(data, start, start + count):
            self._rest.clear()
            self._damaged()
            return count
        self._in_rest = True
        self._read(self._rest.data, 0, self._rest.size)
        self._in_rest = False
        used = self._position - held
        if used >= 0:
            self._rest.clear()
            return used
        self._rest.drop(self._position)
        return count

    def _read_rest(self, data: bytes | bytearray, start: int, end: int) -> int:
        """Read from the payload and keep what stays open; where the payload goes on."""
        self._read(data, start, end)
        if self._owes_code:
            self._owes_code = False
            self._rest.put(PACK_START, 4)
            return self._position
        if not self._rest.append(data, self._position, end):
            self._damaged()
        return end

    def _read(self, data: bytes | bytearray, start: int, end: int) -> None:
        self._position = start
        self._end = end
        while not self._owes_code and self._step(data):
            pass

    # --- packets: each step consumes something or says that more bytes are needed ----------------

    def _step(self, data: bytes | bytearray) -> bool:
        if self._state == BOUNDED or self._state == UNBOUNDED:
            return self._take_payload(data)
        if self._state == BETWEEN:
            return self._next_packet(data)
        if self._state == SEARCH:
            return self._find_pack(data)
        return self._skip()

    def _find_pack(self, data: bytes | bytearray) -> bool:
        search = self._position
        while True:
            found = self._rest.find_prefix(data, search, self._end)
            if found < 0 or found + 3 >= self._end:
                self._pass_over(max(self._position, self._end - 3))
                return False
            if data[found + 3] == PACK:
                self._pass_over(found)
                self._state = BETWEEN
                return True
            search = found + 3

    def _pass_over(self, following: int) -> None:
        self.garbage_bytes += following - self._position
        self._position = following

    def _skip(self) -> bool:
        count = min(self._left, self._end - self._position)
        self._position += count
        self._left -= count
        if self._left == 0:
            self._state = BETWEEN
        return self._left == 0

    def _next_packet(self, data: bytes | bytearray) -> bool:
        if self._in_garbage:
            return self._skip_garbage(data)
        position = self._position
        available = self._end - position
        if available < 4:
            return False
        code = data[position + 3]
        if data[position] or data[position + 1] or data[position + 2] != 1:
            return self._skip_garbage(data)
        if code < FIRST_SYSTEM_CODE:
            return self._skip_garbage(data)
        self._on_order()
        if code == PACK:
            return self._begin_pack(data, available)
        if code == PROGRAM_END:
            self._position += 4
            return True
        if available < 6:
            return False
        length = data[position + 4] << 8 | data[position + 5]
        return self._open_packet(data, available, code, length)

    def _begin_skip(self, length: int) -> None:
        self._position += 6
        self._left = length
        self._state = SKIP if length else BETWEEN

    def _skip_garbage(self, data: bytes | bytearray) -> bool:
        """Go to the next start code that can begin a packet.

        Start codes of a video elementary stream on the way are video that lost its PES: what has
        been gathered of the frame is not whole.
        """
        search = self._position
        self._on_garbage()
        while True:
            found = self._rest.find_prefix(data, search, self._end)
            if found < 0 or found + 3 >= self._end:
                self._pass_over(found if found >= 0 else max(self._position, self._end - 2))
                self._in_garbage = True
                return False
            code = data[found + 3]
            if self._can_begin(code):
                self._pass_over(found)
                self._in_garbage = False
                return True
            if code > 0 and code < FIRST_SYSTEM_CODE:
                self._on_stray_video()
            search = found + 3

    def _can_begin(self, code: int) -> bool:
        if code >= AUDIO_FIRST:
            return code <= VIDEO_LAST
        return code >= PACK and code <= STREAM_MAP

    def _begin_pack(self, data: bytes | bytearray, available: int) -> bool:
        if available < PACK_BYTES:
            return False
        size = self._pes.pack_bytes(data, self._position)
        if available < size:
            return False
        self._on_pack()
        self.packs += 1
        self._position += size
        return True

    def _go_back(self, start: int, found: int) -> None:
        """Go on at the pack start code found in a PES, which may have begun before `start`.

        What lies before `start` here is then a PES header, not the code's first bytes.
        """
        self._position = found
        if found < start and self._in_rest:
            self._rest.set(found, PACK_START, 4)
        elif found < start:
            self._position = found + 4
            self._owes_code = True

    def _damaged(self) -> None:
        self._state = SEARCH
        self._in_garbage = False
        self._left = 0
        self._on_damage()

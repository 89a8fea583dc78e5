# cython: boundscheck=False, wraparound=False
"""WebSocket frames of the server's side (RFC 6455 §5), after the handshake; no extensions.

A viewer gets media in binary frames and says nothing but PING and CLOSE: whatever else it sends is
counted and thrown away. Compiled as `_websocket`.
"""

from typing import TYPE_CHECKING

from stream_relay.formats.twins import twin

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
else:
    Buffer = twin("buffer").Buffer

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
"""Opcodes (§5.2)."""

FINAL, RESERVED, MASKED = 0x80, 0x70, 0x80
LENGTH_16, LENGTH_64 = 126, 127

GOING_AWAY, PROTOCOL_ERROR, NO_CODE, TOO_BIG = 1001, 1002, 1005, 1009
"""Status codes (§7.4.1); `NO_CODE`: a CLOSE that gave none."""

MAX_CONTROL_BYTES = 125
MAX_FRAME_BYTES = 65_536
HUGE = 1 << 40
"""A length beyond this is too large whatever follows."""

MAX_REPLY_BYTES = 2048
"""Of PONGs that the viewer does not take; further PINGs stay unanswered (§5.5.3 lets us)."""

OPEN, CLOSED = 0, 1
HEAD, LENGTH, MASK, PAYLOAD = 0, 1, 2, 3
"""What the reader waits for: the first two bytes, the long length, the mask, the content."""

HEAD_BYTES, MASK_BYTES = 2, 4


class FrameWriter:
    """Writes the heads of frames that are neither fragmented nor masked, and whole CLOSE frames."""

    def write_header(self, opcode: int, size: int, out: Buffer) -> bool:
        """Add the head of a frame with `size` bytes of content; false when memory is short."""
        if not out.reserve(out.size + 10):
            return False
        out.put(FINAL | opcode, 1)
        if size < LENGTH_16:
            out.put(size, 1)
        elif size < MAX_FRAME_BYTES:
            out.put(LENGTH_16, 1)
            out.put(size, 2)
        else:
            out.put(LENGTH_64, 1)
            out.put(size, 8)
        return True

    def write_close(self, code: int, out: Buffer) -> bool:
        """Add a CLOSE with this status, without one for NO_CODE; false when memory is short."""
        if not out.reserve(out.size + 4):
            return False
        if code == NO_CODE:
            return self.write_header(CLOSE, 0, out)
        self.write_header(CLOSE, 2, out)
        return out.put(code, 2)

    # For Python callers.

    def header(self, opcode: int, size: int) -> bytes:
        """See `write_header`."""
        out = Buffer()
        self.write_header(opcode, size, out)
        return out.get()

    def close(self, code: int) -> bytes:
        """See `write_close`."""
        out = Buffer()
        self.write_close(code, out)
        return out.get()


class FrameReader:
    """Reads what one viewer sends, in any pieces; holds at most one control frame of it.

    Invariant: once closed, the last of `reply` is a CLOSE frame, and nothing is read any more.
    """

    def __init__(self) -> None:
        self.is_closed = False
        """Whether `reply` ends the conversation."""
        self.close_code = 0
        """The status that the viewer closed with, or that we found against it; 0 while open."""
        self.is_clean = False
        """Whether it was the viewer who closed."""
        self.pings = 0
        self.unanswered = 0
        """PINGs among them that found the reply full."""
        self.messages = 0
        """Data frames, thrown away."""
        self.discarded_bytes = 0
        """Their content."""
        self.reply = Buffer()
        """Frames for the viewer: whoever writes to it takes them from the front."""
        self._writer = FrameWriter()
        self._control = Buffer()
        self._step = HEAD
        self._want = HEAD_BYTES
        self._number = 0
        self._opcode = 0
        self._size = 0
        self._key = 0
        self._taken = 0
        self._in_message = False

    def receive(self, data: bytes | bytearray, start: int, end: int) -> int:
        """Take `data[start:end]`; returns OPEN or CLOSED."""
        position = start
        while position < end and not self.is_closed:
            if self._step != PAYLOAD:
                if self._number < HUGE:
                    self._number = self._number << 8 | data[position]
                position += 1
                self._want -= 1
                if self._want == 0:
                    self._head_complete()
            elif self._opcode >= CLOSE:
                self._control.put(data[position] ^ self._key >> 8 * (3 - self._taken % 4), 1)
                position += 1
                self._count(1)
            else:
                piece = self._size - self._taken
                if piece > end - position:
                    piece = end - position
                position += piece
                self.discarded_bytes += piece
                self._count(piece)
        return CLOSED if self.is_closed else OPEN

    def _head_complete(self) -> None:
        """A part of the head is there: check it and wait for the next."""
        number = self._number
        self._number = 0
        if self._step == HEAD:
            self._start(number >> 8, number & 0xFF)
        elif self._step == LENGTH:
            self._take_length(number)
        else:
            self._key = number
            self._step = PAYLOAD
            self._taken = 0
            self._control.clear()
            self._count(0)

    def _start(self, first: int, second: int) -> None:
        """The first two bytes of a frame (§5.2)."""
        opcode = first & 0x0F
        size = second & 0x7F
        is_final = first & FINAL != 0
        if first & RESERVED or second & MASKED == 0 or not self._is_in_place(opcode, is_final):
            self._fail(PROTOCOL_ERROR)
        elif opcode >= CLOSE and size > MAX_CONTROL_BYTES:
            self._fail(PROTOCOL_ERROR)
        else:
            self._opcode = opcode
            self._size = size
            if opcode < CLOSE:
                self._in_message = not is_final
            if size == LENGTH_16:
                self._await(LENGTH, 2)
            elif size == LENGTH_64:
                self._await(LENGTH, 8)
            else:
                self._await(MASK, MASK_BYTES)

    def _is_in_place(self, opcode: int, is_final: bool) -> bool:
        """Whether such a frame may come now (§5.4, §5.5)."""
        if opcode >= CLOSE:
            return opcode <= PONG and is_final
        if opcode == CONTINUATION:
            return self._in_message
        return opcode <= BINARY and not self._in_message

    def _take_length(self, size: int) -> None:
        """The long length; a shorter form would have had to be used where it could (§5.2)."""
        is_long = self._size == LENGTH_64
        if size < (MAX_FRAME_BYTES if is_long else LENGTH_16):
            self._fail(PROTOCOL_ERROR)
        elif size > MAX_FRAME_BYTES:
            self._fail(TOO_BIG)
        else:
            self._size = size
            self._await(MASK, MASK_BYTES)

    def _await(self, step: int, size: int) -> None:
        self._step = step
        self._want = size

    def _count(self, size: int) -> None:
        """So many bytes of the content have been taken: at its end the frame is done."""
        self._taken += size
        if self._taken < self._size:
            return
        self._await(HEAD, HEAD_BYTES)
        if self._opcode < CLOSE:
            self.messages += 1
        elif self._opcode == PING:
            self._answer()
        elif self._opcode == CLOSE:
            self._take_close()

    def _answer(self) -> None:
        """A PONG with the content of the PING (§5.5.3)."""
        self.pings += 1
        size = self._control.size
        if self.reply.size + HEAD_BYTES + size > MAX_REPLY_BYTES:
            self.unanswered += 1
            return
        self._writer.write_header(PONG, size, self.reply)
        self.reply.append(self._control.data, 0, size)

    def _take_close(self) -> None:
        """Close as the viewer does: its status comes back, its reason does not (§5.5.1, §7.4)."""
        code = NO_CODE
        if self._control.size == 1:
            code = 0
        elif self._control.size > 1:
            code = self._control.data[0] << 8 | self._control.data[1]
        if self._control.size > 0 and not self._is_code(code):
            self._fail(PROTOCOL_ERROR)
        else:
            self._fail(code)
            self.is_clean = True

    def _is_code(self, code: int) -> bool:
        """Whether a CLOSE may give this status (§7.4.1, §7.4.2)."""
        if 1004 <= code <= 1006:
            return False
        return 1000 <= code <= 1014 or 3000 <= code <= 4999

    def _fail(self, code: int) -> None:
        """Nothing is read any more; the viewer is told why."""
        self.is_closed = True
        self.close_code = code
        self._writer.write_close(code, self.reply)

    # For Python callers.

    def feed(self, data: bytes) -> bytes:
        """`receive` all; returns the frames for the viewer and takes them from the reply."""
        self.receive(data, 0, len(data))
        frames = self.reply.get()
        self.reply.clear()
        return frames

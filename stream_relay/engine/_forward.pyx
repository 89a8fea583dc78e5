# cython: boundscheck=False, wraparound=False
"""A stream out to another platform: its own packets with another SSRC, or packs out of a ring.

A source that sends a program stream is passed on as it is, from the intake (`packet`): a gap in its
sequence stays a gap, so that the receiver knows of the loss; a restart of the source does not. Any
other is muxed once for all forwards by the ring of a PS format (`attach`) and cut here into packets,
one time stamp and one marker for each pack.
"""

cimport cython
from libc.string cimport memcpy

from stream_relay.engine._block cimport INIT, release
from stream_relay.engine._feed cimport PACKETS, READING, free_cursor, new_cursor, pop_block
from stream_relay.engine._loop cimport Tick

cdef int MAX_STEP = 1000
"""A step of the source's sequence beyond this is another numbering, not a loss."""
cdef int PAYLOAD_TYPE = 96
cdef Py_ssize_t PAYLOAD_BYTES = 1388
"""1400 with the head: no fragments on a path with some tunnels."""
cdef int PIECES_AT_ONCE = 4
"""Over UDP, for one that comes and at each tick: a cached group leaves in a hurry, not at once."""


cdef void _on_piece(Forward forward) noexcept nogil:
    forward._send_pieces()


cdef void _on_end(Forward forward) noexcept nogil:
    forward.end()


cdef void _tick(Forward forward) noexcept nogil:
    if forward._cursor != NULL:
        forward._send_pieces()


@cython.no_gc_clear
cdef class Forward(RtpSender):
    """One target of a stream; packets come from an `Inlet` or, once attached, from a ring."""

    def __init__(self, Loop loop not None, int fd, unsigned int ssrc, bint is_tcp, int sequence):
        RtpSender.__init__(self, loop, fd, ssrc, is_tcp, sequence)
        self._last_in = -1
        self._stamp_offset = <uint32_t>(ssrc * 2654435761u + sequence)
        self._last_stamp = ~self._stamp_offset

    def __del__(self):
        if self.handle != NULL or self._cursor != NULL:
            self.loop.hub.let_go(self)

    def __dealloc__(self):
        if self._cursor != NULL:
            with nogil:
                self.loop.hub.lock()
                self.loop.remove_ticker(<void*>self)
                self._feed.remove_cursor(self._cursor)
                self.loop.hub.unlock()
            free_cursor(self._cursor)

    # --- what comes from the source ---------------------------------------------------------------

    cdef void packet(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint is_stable
    ) noexcept nogil:
        """Take one whole RTP packet; see `PacketSink`."""
        cdef uint8_t head[RTP_HEAD]
        if end - start < RTP_HEAD or self.is_ended:
            return
        self._passed_us = self.loop.hub.now_us
        self._renumber(data + start, head)
        self.put(head, data + start + RTP_HEAD, end - start - RTP_HEAD, is_stable)

    cdef void _renumber(self, const uint8_t* data, uint8_t* head) noexcept nogil:
        """Copy the fixed header with our SSRC and the next number of our own sequence."""
        cdef int came = data[2] << 8 | data[3]
        cdef int step = came - self._last_in & 0xFFFF
        if self._last_in < 0 or step == 0 or step > MAX_STEP:
            step = 1
        self._last_in = came
        memcpy(head, data, 8)
        self.sign(head, step)

    # --- what comes from a ring -------------------------------------------------------------------

    def attach(self, StreamCore core not None, str name, chunks, size):
        """Send the packs of a format, from the cached group of pictures on.

        A receiver may fall so many chunks and bytes behind. Raises `Unsupported`, `MemoryError`.
        """
        cdef Cursor* cursor
        with nogil:
            self.loop.hub.lock()
        try:
            self._leave()
            if self.is_ended:
                return
            feed = core.feed(name)
            cursor = new_cursor(PACKETS, self.fd, chunks, size)
            if cursor == NULL:
                raise MemoryError
            self._core, self._feed, self._cursor = core, feed, cursor
            cursor.owner = <void*>self
            cursor.on_piece = <void (*)(void*) noexcept nogil>_on_piece
            cursor.on_end = <void (*)(void*) noexcept nogil>_on_end
            if not self._feed.add_cursor(cursor) or not self.loop.add_ticker(
                <void*>self, <Tick>_tick
            ):
                raise MemoryError
            self._feed.enter(cursor)
            with nogil:
                self._skip_passed()
                self._send_pieces()
        finally:
            self.loop.hub.unlock()

    def detach(self):
        """Send no packs any more; idempotent."""
        with nogil:
            self.loop.hub.lock()
        try:
            self._leave()
        finally:
            self.loop.hub.unlock()

    cdef void _leave(self):
        cdef Cursor* cursor = self._cursor
        if cursor == NULL:
            return
        self._cursor = NULL
        self.loop.remove_ticker(<void*>self)
        self.dropped += cursor.dropped
        self._core._forget(self._feed, cursor)
        free_cursor(cursor)
        self._core = self._feed = None

    cdef void _skip_passed(self) noexcept nogil:
        """What the source sent until now as a program stream is not sent again."""
        cdef int64_t key_us
        if self._passed_us == 0 or self._cursor.feed == NULL or self._feed.key < 0:
            return
        key_us = self._feed.at(self._feed.key).wall_us - self.loop.hub.wall_offset_us
        if key_us <= self._passed_us:
            self._cursor.next = self._feed.next

    cdef void _send_pieces(self) noexcept nogil:
        """What the ring has for us, as far as it may leave now."""
        cdef Cursor* cursor = self._cursor
        cdef Block* block
        cdef int count = 0
        while cursor.end == READING and not self.is_ended and self.waiting() == 0:
            if not self.is_tcp and count == PIECES_AT_ONCE:
                break
            block = pop_block(cursor)
            if block == NULL and cursor.feed != NULL:
                block = self._feed.next_block(cursor)
            if block == NULL:
                break
            if not block.flags & INIT:
                self._cut(block)
                self.flush()
                count += 1
                cursor.delivered += 1
                cursor.delivered_bytes += block.size
            cursor.taken_since += 1
            release(block)

    cdef void _cut(self, Block* block) noexcept nogil:
        """One pack is one frame: all its packets have its time, the last the marker."""
        cdef uint8_t head[RTP_HEAD]
        cdef uint32_t stamp = self._stamp_offset + <uint32_t>block.dts
        cdef Py_ssize_t position = 0
        cdef Py_ssize_t size
        if stamp == self._last_stamp:
            stamp += 1  # frames differ: sound that belongs to a picture's moment
        self._last_stamp = stamp
        head[0] = 0x80
        head[4], head[5] = stamp >> 24, stamp >> 16 & 0xFF
        head[6], head[7] = stamp >> 8 & 0xFF, stamp & 0xFF
        while position < block.size:
            size = min(block.size - position, PAYLOAD_BYTES)
            head[1] = PAYLOAD_TYPE | (0x80 if position + size == block.size else 0)
            self.sign(head, 1)
            self.put(head, block.data + position, size, True)
            position += size

    cdef void writable(self) noexcept nogil:
        """See `RtpSender.writable`."""
        self.write()
        if self._cursor != NULL:
            self._send_pieces()

    @property
    def lost(self):
        """Packets, and pieces of a ring, that did not leave."""
        cdef int64_t count = self.dropped
        with nogil:
            self.loop.hub.lock()
            if self._cursor != NULL:
                count += self._cursor.dropped
            self.loop.hub.unlock()
        return count

    def close(self):
        """Stop; idempotent."""
        self.detach()
        RtpSender.close(self)

# cython: boundscheck=False, wraparound=False
"""A viewer's connection after its hand-over: written to by the engine until it ends.

The client's bytes are read for what they tell: that it left, a ping, a close. Everything is shared
with the other viewers of the format but the place in the ring.
"""

import logging

cimport cython
from libc.errno cimport EAGAIN, EINTR, errno

from stream_relay.engine._block cimport INIT, copy_block, frame_block, release
from stream_relay.engine._feed cimport (
    FINISHED, LEFT, RAW, READING, SLOW, UNSUPPORTED, WEBSOCKET, empty_cursor, end_cursor,
    free_cursor, new_cursor, pump, queue_block,
)
from stream_relay.engine._loop cimport Ready
from stream_relay.engine.system cimport (
    EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, MSG_DONTWAIT, recv,
)

from stream_relay.errors import RelayError

cdef int TEXT = 1
cdef int BINARY = 2
cdef int CLOSE = 8
cdef int READ_BYTES = 16384
cdef int MAX_READS = 8
cdef Py_ssize_t MAX_ANSWERS = 65536
"""Bytes waiting beyond which pings stay unanswered (RFC 6455 §5.5.3 lets us)."""
logger = logging.getLogger(__name__)
NORMAL = (1000).to_bytes(2, "big")
REASONS = {READING: "aborted", LEFT: "left", SLOW: "slow", FINISHED: "finished", UNSUPPORTED: "unsupported"}


cdef Block* _own(Block* block) noexcept nogil:
    """A copy for one connection's queue; NULL when memory is short."""
    cdef Block* copy = copy_block(block.data, block.size)
    if copy != NULL:
        frame_block(copy, BINARY)
    return copy


cdef void _ready(Connection connection, uint32_t events) noexcept nogil:
    if events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR):
        connection._read()
    if events & EPOLLOUT:
        pump(connection._cursor)


cdef void _on_end(Connection connection) noexcept nogil:
    connection._ended()


cdef void _on_init(Connection connection, Block* init) noexcept nogil:
    connection._announce(init)


@cython.no_gc_clear
cdef class Connection:
    """Owns nothing but its place: the descriptor is closed by whoever handed it over.

    Its end comes once as the event ("viewer", number, reason).
    """

    def __init__(self, Loop loop not None, int fd, bint is_websocket, chunks, size):
        cdef bint is_watched
        self._loop = loop
        self._cursor = new_cursor(WEBSOCKET if is_websocket else RAW, fd, chunks, size)
        if self._cursor == NULL:
            raise MemoryError
        self._cursor.owner = <void*>self
        self._cursor.on_end = <void (*)(void*) noexcept nogil>_on_end
        if is_websocket:
            self._frames = FrameReader()
            self._cursor.on_init = <void (*)(void*, Block*) noexcept nogil>_on_init
        with nogil:
            loop.hub.lock()
            self._handle = loop.watch(
                fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, <void*>self, <Ready>_ready
            )
            is_watched = self._handle != NULL
            loop.hub.unlock()
        # The engine may have met its end already: the handle is gone then, and that is no error.
        if not is_watched:
            raise RelayError("the engine cannot watch the connection")

    def __del__(self):
        if self._loop is not None and (self._handle != NULL or self._feed is not None):
            self._loop.hub.let_go(self)

    def __dealloc__(self):
        if self._loop is not None and (self._handle != NULL or self._feed is not None):
            with nogil:
                self._loop.hub.lock()
                self._loop.unwatch(self._handle)
                if self._feed is not None and self._cursor != NULL:
                    self._feed.remove_cursor(self._cursor)
                self._loop.hub.unlock()
        free_cursor(self._cursor)

    @property
    def number(self):
        return self._cursor.number

    @property
    def counters(self):
        """(delivered, delivered bytes, dropped, overflows)."""
        cdef Cursor* cursor = self._cursor
        return cursor.delivered, cursor.delivered_bytes, cursor.dropped, cursor.overflows

    @property
    def refusal(self):
        """Why the format cannot carry the attached stream, or None."""
        return None if self._feed is None else self._feed._refusal

    def attach(self, StreamCore core not None, str name, describe):
        """Begin with a stream; `describe(codec string, tracks)` gives the text before each init."""
        cdef Cursor* cursor = self._cursor
        with nogil:
            self._loop.hub.lock()
        try:
            self._leave_feed()
            if cursor.end != READING:
                return
            feed = core.feed(name)
            self._core, self._feed, self._describe = core, feed, describe
            self._inits = self._feed._inits
            cursor.strikes = 0
            if not self._feed.add_cursor(cursor):
                raise MemoryError
            self._feed.enter(cursor)
            with nogil:
                pump(cursor)
        finally:
            self._loop.hub.unlock()

    def detach(self):
        """Leave the stream; the connection stays. Idempotent."""
        with nogil:
            self._loop.hub.lock()
        try:
            self._leave_feed()
        finally:
            self._loop.hub.unlock()

    def send_text(self, bytes text):
        """Queue a text message between fragments."""
        self._queue(text, TEXT, False)

    def finish(self, text):
        """Write what is queued and `text`, close properly, then end."""
        if text is not None:
            self._queue(text, TEXT, False)
        if self._cursor.wire == WEBSOCKET:
            self._queue(NORMAL, CLOSE, True)
        else:
            self._queue(b"", 0, True)

    def close(self):
        """Stop at once; no event follows. Idempotent."""
        with nogil:
            self._loop.hub.lock()
        try:
            self._is_told = True
            if self._cursor.end == READING:
                self._cursor.end = FINISHED
            self._leave_feed()
            self._loop.unwatch(self._handle)
            self._handle = NULL
            empty_cursor(self._cursor)
        finally:
            self._loop.hub.unlock()

    def _queue(self, bytes data, int opcode, bint finishes):
        cdef Block* block
        with nogil:
            self._loop.hub.lock()
        try:
            if self._cursor.end != READING:
                return
            if data:
                block = copy_block(data, len(data))
                if block == NULL:
                    raise MemoryError
                frame_block(block, opcode)
                queue_block(self._cursor, block)
            if finishes:
                self._leave_feed()
                self._cursor.finishes = True
            with nogil:
                pump(self._cursor)
                self._judge()
        finally:
            self._loop.hub.unlock()

    cdef void _leave_feed(self):
        """What is queued is still written: it moves out of the ring."""
        cdef Block* block
        if self._feed is not None:
            self._own_inits()
            while self._cursor.feed != NULL and self._cursor.end == READING:
                block = self._feed.next_block(self._cursor)
                if block == NULL:
                    break
                if block.flags & INIT and self._frames is not None:
                    self._announce(block)
                else:
                    queue_block(self._cursor, _own(block))
                release(block)
            self._core._forget(self._feed, self._cursor)
        self._feed = None
        self._core = None
        self._judge()

    cdef void _own_inits(self):
        """Describe the inits that are queued, while it is known what of."""
        cdef Block* block = self._cursor.first
        cdef Block* following
        if self._frames is None:
            return
        self._cursor.first = self._cursor.last = NULL
        self._cursor.own_bytes = 0
        while block != NULL:
            following = block.next
            if block.flags & INIT:
                self._announce(block)
                release(block)
            else:
                queue_block(self._cursor, block)
            block = following

    cdef void _judge(self) noexcept nogil:
        """End a connection that keeps what streams leave behind, one after the other."""
        if self._cursor.own_bytes > 2 * self._cursor.room_bytes:
            end_cursor(self._cursor, SLOW)

    # --- the engine's side ------------------------------------------------------------------------

    cdef void _read(self) noexcept nogil:
        """Take what the client sends; edge-triggered, so until nothing is left."""
        cdef ssize_t count
        cdef int reads = 0
        while self._cursor.end == READING:
            count = recv(self._cursor.fd, self._loop.stream_room, READ_BYTES, MSG_DONTWAIT)
            if count < 0 and errno == EINTR:
                continue
            if count < 0 and errno == EAGAIN:
                return
            reads += 1
            if count <= 0 or reads > MAX_READS:  # who floods a viewer's connection is no viewer
                self._cursor.end = LEFT
                self._ended()
                return
            if self._cursor.wire == WEBSOCKET:
                self._frames.receive(self._loop.stream_room, 0, count)
                self._answer()

    cdef void _answer(self) noexcept nogil:
        """Pongs, and the answer to a close."""
        cdef Block* block
        if self._frames.reply.size and (
            self._cursor.own_bytes < MAX_ANSWERS or self._frames.is_closed
        ):
            block = copy_block(self._frames.reply.data, self._frames.reply.size)
            self._frames.reply.clear()
            queue_block(self._cursor, block)
        if self._frames.is_closed:
            self._cursor.finishes = True
            if self._feed is not None:
                self._feed.remove_cursor(self._cursor)
        pump(self._cursor)

    cdef void _announce(self, Block* init) noexcept with gil:
        """Queue the text that describes an init, and the init behind it."""
        cdef Block* block
        if self._describe is not None:
            try:
                data = self._describe(*self._inits.get(init.version, ("", ()))).encode()
            except Exception:
                logger.exception("an init is sent without its description")
                data = b""
            block = copy_block(data, len(data)) if data else NULL
            if block != NULL:
                frame_block(block, TEXT)
                queue_block(self._cursor, block)
        queue_block(self._cursor, _own(init))

    cdef void _ended(self) noexcept nogil:
        if self._feed is not None:
            self._feed.remove_cursor(self._cursor)
        self._loop.unwatch(self._handle)
        self._handle = NULL
        if not self._is_told:
            self._tell()

    cdef void _tell(self) noexcept with gil:
        self._is_told = True
        reason = REASONS.get(self._cursor.end, "left")
        self._loop.hub.add_event(("viewer", self._cursor.number, reason))

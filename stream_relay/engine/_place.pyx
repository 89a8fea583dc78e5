# cython: boundscheck=False, wraparound=False
"""Where a reader in Python stands in a ring."""

cimport cython
from stream_relay.engine._block cimport Block, release
from stream_relay.engine._feed cimport (
    PYTHON, SLOW, UNSUPPORTED, Cursor, free_cursor, new_cursor, pop_block,
)


@cython.no_gc_clear
cdef class Place:
    """A Python reader's place in a ring. `number` comes in `Hub.take` when there is something."""

    def __init__(self, StreamCore core not None, str name, Py_ssize_t chunks, Py_ssize_t size):
        self._core = core
        with nogil:
            core._hub.lock()
        try:
            self._feed = core.feed(name)
            self._cursor = new_cursor(PYTHON, -1, chunks, size)
            if self._cursor == NULL or not self._feed.add_cursor(self._cursor):
                raise MemoryError
            self._feed.enter(self._cursor)
            if self._cursor.feed != NULL:
                self._cursor.is_told = True
                core._hub.add_ready(self._cursor.number)
        finally:
            core._hub.unlock()

    def __del__(self):
        if self._cursor != NULL and self._feed is not None and not self._has_left:
            self._core._hub.let_go(self)

    def __dealloc__(self):
        if self._cursor != NULL:
            if self._feed is not None and not self._has_left:
                with nogil:
                    self._core._hub.lock()
                    self._feed.remove_cursor(self._cursor)
                    self._core._hub.unlock()
            free_cursor(self._cursor)

    @property
    def number(self):
        return self._cursor.number

    @property
    def refusal(self):
        """Why the format cannot carry the stream, or None."""
        return self._feed._last_refusal if self._cursor.end == UNSUPPORTED else self._feed._refusal

    @property
    def is_slow(self):
        """Whether the reader was ended because it takes less than the stream brings."""
        return self._cursor.end == SLOW

    @property
    def counters(self):
        """(delivered, delivered bytes, dropped, overflows)."""
        cdef Cursor* cursor = self._cursor
        return cursor.delivered, cursor.delivered_bytes, cursor.dropped, cursor.overflows

    @property
    def queued(self):
        """Pieces of the ring that wait for this reader."""
        return self._feed.next - self._cursor.next if self._cursor.feed != NULL else 0

    def take(self, Py_ssize_t limit=-1):
        """Up to `limit` pieces: (flags, data, pts, dts, wall_us, version, kind, codec)."""
        cdef Cursor* cursor = self._cursor
        cdef Block* block = NULL
        taken = []
        with nogil:
            self._core._hub.lock()
        try:
            cursor.is_told = False
            while limit != 0:
                block = pop_block(cursor)
                if block == NULL and cursor.feed != NULL:
                    block = self._feed.next_block(cursor)
                if block == NULL:
                    break
                limit -= 1
                cursor.delivered += 1
                cursor.delivered_bytes += block.size
                cursor.taken_since += 1
                taken.append((
                    block.flags, block.data[: block.size], block.pts, block.dts, block.wall_us,
                    block.version, block.kind, block.codec,
                ))
                release(block)
            if block != NULL and not cursor.is_told:
                cursor.is_told = True
                self._core._hub.add_ready(cursor.number)
            self._feed.trim()
        finally:
            self._core._hub.unlock()
        return taken

    def discard(self):
        """Take everything and throw it away, and ask for no news; how many pieces it was."""
        cdef Block* block = NULL
        cdef Py_ssize_t count = 0
        with nogil:
            self._core._hub.lock()
            self._cursor.is_told = True
            while True:
                block = self._cursor.first
                if block != NULL:
                    self._cursor.first = block.next
                    if self._cursor.first == NULL:
                        self._cursor.last = NULL
                elif self._cursor.feed != NULL:
                    block = self._feed.next_block(self._cursor)
                if block == NULL:
                    break
                count += 1
                self._cursor.delivered += 1
                self._cursor.delivered_bytes += block.size
                self._cursor.taken_since += 1
                release(block)
            self._feed.trim()
            self._core._hub.unlock()
        return count

    def facts(self, int version):
        """(codec string, tracks) of an init."""
        return self._feed._inits.get(version, ("", ()))

    def description(self, int version):
        """The track of an access unit."""
        return self._core._described.get(version)

    def close(self):
        """Leave the stream; idempotent."""
        with nogil:
            self._core._hub.lock()
        try:
            if self._cursor != NULL and not self._has_left:
                self._has_left = True
                self._core._forget(self._feed, self._cursor)
        finally:
            self._core._hub.unlock()

# cython: boundscheck=False, wraparound=False
"""One ring of pieces for all readers of a format, and the policy for those who cannot follow.

A reader is a place in the ring. It joins at the newest key; the group of pictures since then is
kept for it, and older pieces as long as somebody still needs them and may. A reader that falls
behind loses whole groups, never the middle of one; one that does not even take what is left is
ended. The others, and the memory, are not its business.
"""

cimport cython
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memmove

from stream_relay.engine._block cimport (
    INIT, KEY, RESTART, copy_block, frame_block, release, retain,
)

cdef extern from "<sys/socket.h>" nogil:
    ssize_t send(int, const void*, size_t, int)
    int MSG_DONTWAIT
    int MSG_NOSIGNAL

cdef int STRIKES = 4
"""Overflows in a row, with hardly anything taken between them, after which a reader is ended."""
cdef int64_t FIRST_ROOM = 64
cdef int64_t _last_number = 0


cdef Cursor* new_cursor(int wire, int fd, Py_ssize_t chunks, Py_ssize_t size) noexcept nogil:
    """A reader that has not joined yet; NULL when memory is short."""
    global _last_number
    cdef Cursor* cursor = <Cursor*>calloc(1, sizeof(Cursor))
    if cursor != NULL:
        _last_number += 1
        cursor.number = _last_number
        cursor.wire = wire
        cursor.fd = fd
        cursor.limit_chunks = cursor.room_chunks = chunks
        cursor.limit_bytes = cursor.room_bytes = size
        cursor.waits_for_key = True
    return cursor


cdef void empty_cursor(Cursor* cursor) noexcept nogil:
    """Forget what was to be written."""
    while cursor.first != NULL:
        release(pop_block(cursor))
    release(cursor.current)
    cursor.current = NULL


cdef void _drop_inits(Cursor* cursor) noexcept nogil:
    """A newer one follows; texts and answers between them stay."""
    cdef Block* block = cursor.first
    cdef Block* following
    cursor.first = cursor.last = NULL
    cursor.own_bytes = 0
    while block != NULL:
        following = block.next
        if block.flags & INIT:
            release(block)
        else:
            queue_block(cursor, block)
        block = following


cdef void free_cursor(Cursor* cursor) noexcept nogil:
    if cursor == NULL:
        return
    empty_cursor(cursor)
    free(cursor)


cdef void queue_block(Cursor* cursor, Block* block) noexcept nogil:
    """Put a piece of its own (the reference goes along) before those of the ring."""
    if block == NULL:
        return
    block.next = NULL
    if cursor.last == NULL:
        cursor.first = block
    else:
        cursor.last.next = block
    cursor.last = block
    cursor.own_bytes += block.size


cdef Block* pop_block(Cursor* cursor) noexcept nogil:
    """The next piece of its own, with its reference; NULL: there is none."""
    cdef Block* block = cursor.first
    if block != NULL:
        cursor.first = block.next
        if cursor.first == NULL:
            cursor.last = NULL
        block.next = NULL
        cursor.own_bytes -= block.size
    return block


cdef void end_cursor(Cursor* cursor, int reason) noexcept nogil:
    """The first reason stays."""
    if cursor.end == READING:
        cursor.end = reason
        if cursor.on_end != NULL:
            cursor.on_end(cursor.owner)


cdef bint _begin_next(Cursor* cursor) noexcept nogil:
    """Make the next piece the current one; false when there is none now."""
    cdef Block* block = pop_block(cursor)
    if block == NULL and cursor.feed != NULL:
        block = cursor.take_next(cursor.feed, cursor)
    if block == NULL:
        return False
    if block.flags & INIT and cursor.on_init != NULL:
        # The connection wants something said before it: that is queued, with the init behind it.
        cursor.on_init(cursor.owner, block)
        release(block)
        return cursor.first != NULL and _begin_next(cursor)
    cursor.current = block
    cursor.offset = 0
    return True


cdef void pump(Cursor* cursor) noexcept nogil:
    """Write to the socket until it is full or nothing is left."""
    cdef Py_ssize_t written, head, whole
    cdef Block* block
    if cursor.wire == PACKETS:
        cursor.on_piece(cursor.owner)
        return
    while cursor.end == READING:
        if cursor.current == NULL and not _begin_next(cursor):
            if cursor.finishes:
                end_cursor(cursor, FINISHED)
            return
        block = cursor.current
        head = block.head if cursor.wire == WEBSOCKET else 0
        whole = head + block.size
        if cursor.offset < whole:
            written = send(
                cursor.fd, block.data - head + cursor.offset, whole - cursor.offset,
                MSG_DONTWAIT | MSG_NOSIGNAL,
            )
            if written < 0:
                if errno == EINTR:
                    continue
                if errno != EAGAIN:
                    end_cursor(cursor, LEFT)
                return
            cursor.offset += written
            cursor.delivered_bytes += written
            if cursor.offset < whole:
                return
        cursor.delivered += 1
        cursor.taken_since += 1
        cursor.current = NULL
        release(block)


cdef Block* _next_of(Feed feed, Cursor* cursor) noexcept nogil:
    return feed.next_block(cursor)


@cython.no_gc_clear
cdef class Feed:
    """Under the hub's lock, always."""

    def __cinit__(self, Hub hub not None, Py_ssize_t max_bytes, Py_ssize_t max_chunks, *rest):
        self._hub = hub
        self._max_bytes = max_bytes
        self._max_chunks = max_chunks
        self.key = -1

    def __dealloc__(self):
        self.clear()
        release(self._init)
        free(self._slots)
        free(self._cursors)

    cdef Block* at(self, int64_t number) noexcept nogil:
        return self._slots[number & self._room - 1]

    cdef bint append(self, Block* block) noexcept nogil:
        """Take a piece (the reference goes along); false, and it is freed, when memory is short."""
        if self.next - self.first >= self._room and not self._grow():
            release(block)
            self.close_group()
            return False
        block.before = self.total
        self._slots[self.next & self._room - 1] = block
        if block.flags & KEY:
            self.key = self.next
        self.total += block.size
        self.next += 1
        if self.key >= 0 and not block.flags & KEY:
            if (
                self.total - self.at(self.key).before > self._max_bytes
                or self.next - self.key > self._max_chunks
            ):
                self.key = -1
                self.given_up += 1
        return True

    cdef bint _grow(self) noexcept nogil:
        cdef int64_t room = self._room * 2 if self._room else FIRST_ROOM
        cdef int64_t number
        cdef Block** slots = <Block**>calloc(room, sizeof(Block*))
        if slots == NULL:
            return False
        for number in range(self.first, self.next):
            slots[number & room - 1] = self.at(number)
        free(self._slots)
        self._slots = slots
        self._room = room
        return True

    cdef void close_group(self) noexcept nogil:
        """Nobody joins before the next key."""
        self.key = -1

    cdef void clear(self) noexcept nogil:
        """Forget everything; who was reading goes on with what comes."""
        cdef Py_ssize_t index
        cdef int64_t number
        for index in range(self.reader_count):
            self._skip_to(self._cursors[index], self.next)
        for number in range(self.first, self.next):
            release(self.at(number))
        self.first = self.next
        self.key = -1

    cdef void trim(self) noexcept nogil:
        """Forget what is older than the group and than every reader's place."""
        cdef int64_t keep = self.key if self.key >= 0 else self.next
        cdef Py_ssize_t index
        for index in range(self.reader_count):
            if (
                self._cursors[index].feed != NULL
                and self._cursors[index].end == READING
                and self._cursors[index].next < keep
            ):
                keep = self._cursors[index].next
        while self.first < keep:
            release(self.at(self.first))
            self.first += 1

    cdef void hand_out(self) noexcept nogil:
        """Something was appended: write it, tell the readers, judge who is behind."""
        cdef Py_ssize_t index = 0
        cdef Cursor* cursor
        while index < self.reader_count:
            cursor = self._cursors[index]
            if cursor.feed == NULL:
                index += 1
                continue
            if cursor.wire == PYTHON:
                self._check(cursor)
                if not cursor.is_told or cursor.end != READING:
                    cursor.is_told = True
                    self._hub.add_ready(cursor.number)
                if cursor.end != READING:
                    self.remove_cursor(cursor)
            elif cursor.end == READING:
                pump(cursor)
                self._check(cursor)
            # Whoever ended has perhaps left, and another one stands in its place.
            if index < self.reader_count and self._cursors[index] == cursor:
                index += 1
        self.trim()

    cdef void _check(self, Cursor* cursor) noexcept nogil:
        """Let a reader that is too far behind lose pictures; end it when that does not help."""
        cdef int64_t behind = self.next - cursor.next
        cdef int64_t bytes_behind
        if behind <= 1 or cursor.end != READING:
            return
        bytes_behind = self.total - self.at(cursor.next).before
        if behind <= cursor.room_chunks and bytes_behind <= cursor.room_bytes:
            return
        cursor.strikes = cursor.strikes + 1 if cursor.taken_since < max(
            cursor.room_chunks // 8, 1
        ) else 0
        cursor.taken_since = 0
        cursor.overflows += 1
        cursor.room_chunks, cursor.room_bytes = cursor.limit_chunks, cursor.limit_bytes
        if (
            self.key > cursor.next
            and self.next - self.key <= max(cursor.limit_chunks // 2, 1)
            and (
                self.total - self.at(self.key).before <= cursor.limit_bytes // 2
                or self.key == self.next - 1
            )
        ):
            self._skip_to(cursor, self.key)
            cursor.waits_for_key = False
        else:
            self._skip_to(cursor, self.next)
            cursor.waits_for_key = True
        if cursor.strikes >= STRIKES:
            end_cursor(cursor, SLOW)

    cdef void _skip_to(self, Cursor* cursor, int64_t number) noexcept nogil:
        """Leave pieces out; the newest init among them is queued, for it is never lost."""
        cdef Block* block
        cdef Block* init = NULL
        while cursor.next < number:
            if cursor.next < self.first:  # it had ended, and its pieces are gone
                cursor.next = self.first
                continue
            block = self.at(cursor.next)
            if block.flags & INIT:
                init = block
            else:
                cursor.dropped += 1
            cursor.next += 1
        if init != NULL:
            _drop_inits(cursor)
            block = copy_block(init.data, init.size)
            if block != NULL:
                block.flags, block.version = init.flags, init.version
                block.pts, block.dts, block.wall_us = init.pts, init.dts, init.wall_us
                if cursor.wire == WEBSOCKET:
                    frame_block(block, 2)
            queue_block(cursor, block)

    cdef Block* next_block(self, Cursor* cursor) noexcept nogil:
        """The next piece for this reader with a reference of its own; NULL: none now."""
        cdef Block* block
        if cursor.end != READING:
            return NULL
        while cursor.next < self.next:
            block = self.at(cursor.next)
            cursor.next += 1
            if cursor.waits_for_key and not block.flags & (KEY | INIT):
                cursor.dropped += cursor.overflows > 0
                continue
            if block.flags & RESTART:
                cursor.waits_for_key = True
            if block.flags & KEY:
                cursor.waits_for_key = False
            retain(block)
            return block
        return NULL

    cdef bint add_cursor(self, Cursor* cursor) noexcept nogil:
        """Count a reader in; it gets nothing before `admit`."""
        cdef Py_ssize_t wanted
        cdef void* grown
        if self.reader_count == self._cursor_room:
            wanted = self._cursor_room * 2 + 4
            grown = realloc(self._cursors, wanted * sizeof(Cursor*))
            if grown == NULL:
                return False
            self._cursors = <Cursor**>grown
            self._cursor_room = wanted
        self._cursors[self.reader_count] = cursor
        self.reader_count += 1
        cursor.next = self.next
        cursor.waits_for_key = True
        return True

    cdef void admit(self, Cursor* cursor) noexcept nogil:
        """Let a reader begin, at the newest key when there is one."""
        cursor.feed = <void*>self
        cursor.take_next = <Block* (*)(void*, Cursor*) noexcept nogil>_next_of
        if self.key >= 0:
            cursor.next = self.key
            cursor.room_chunks = cursor.limit_chunks + self.next - self.key
            cursor.room_bytes = cursor.limit_bytes + self.total - self.at(self.key).before
        else:
            cursor.next = self.next
        cursor.waits_for_key = True

    cdef void remove_cursor(self, Cursor* cursor) noexcept nogil:
        """Forget a reader; idempotent."""
        cdef Py_ssize_t index
        for index in range(self.reader_count):
            if self._cursors[index] == cursor:
                self.dropped_by_leavers += cursor.dropped
                self.reader_count -= 1
                memmove(
                    &self._cursors[index], &self._cursors[index + 1],
                    (self.reader_count - index) * sizeof(Cursor*),
                )
                break
        cursor.feed = NULL
        self.trim()

# A ring of shared pieces and everybody who reads it.
from libc.stdint cimport int64_t, uint8_t

from stream_relay.engine._block cimport Block
from stream_relay.engine._hub cimport Hub

cdef enum Wire:
    PYTHON = 0         # taken by a reader in Python
    RAW = 1            # written to a socket as it is (the body of an HTTP answer)
    WEBSOCKET = 2      # written to a socket as binary messages
    PACKETS = 3        # written by its owner, cut into packets

cdef enum End:
    READING = 0
    LEFT = 1           # the client closed, or its connection broke
    SLOW = 2           # it takes less than the stream brings
    FINISHED = 3       # everything was written that its owner asked for
    UNSUPPORTED = 4    # the format cannot carry the stream

cdef struct Cursor:
    int64_t number
    int wire
    int fd
    int end
    bint is_told               # Python knows that there is something
    bint waits_for_key
    bint finishes              # to be closed once everything queued is written
    int64_t next               # number of the next piece in the ring
    Py_ssize_t limit_chunks
    Py_ssize_t limit_bytes
    Py_ssize_t room_chunks     # the limit, and what was there when it joined
    Py_ssize_t room_bytes
    int64_t taken_since        # pieces taken since the last overflow
    int strikes
    int64_t delivered
    int64_t delivered_bytes
    int64_t dropped
    int64_t overflows
    Block* first               # pieces of its own, before those of the ring
    Block* last
    Py_ssize_t own_bytes       # of those
    Block* current             # the piece that is being written
    Py_ssize_t offset
    void* feed                 # NULL until it is admitted
    Block* (*take_next)(void* feed, Cursor* cursor) noexcept nogil
    void* owner
    void (*on_init)(void* owner, Block* init) noexcept nogil
    void (*on_end)(void* owner) noexcept nogil
    void (*on_piece)(void* owner) noexcept nogil   # PACKETS: write what there is

cdef Cursor* new_cursor(int wire, int fd, Py_ssize_t chunks, Py_ssize_t size) noexcept nogil
cdef void free_cursor(Cursor* cursor) noexcept nogil
cdef void queue_block(Cursor* cursor, Block* block) noexcept nogil
cdef Block* pop_block(Cursor* cursor) noexcept nogil
cdef void empty_cursor(Cursor* cursor) noexcept nogil
cdef void pump(Cursor* cursor) noexcept nogil
cdef void end_cursor(Cursor* cursor, int reason) noexcept nogil

cdef class Feed:
    cdef Hub _hub
    cdef Block** _slots
    cdef int64_t _room
    cdef int64_t first
    cdef int64_t next
    cdef int64_t key
    cdef int64_t total
    cdef Block* _init
    cdef Py_ssize_t _max_bytes
    cdef Py_ssize_t _max_chunks
    cdef Cursor** _cursors
    cdef Py_ssize_t _cursor_room
    cdef readonly Py_ssize_t reader_count
    cdef readonly int64_t given_up
    cdef readonly int64_t dropped_by_leavers

    cdef Block* at(self, int64_t number) noexcept nogil
    cdef bint append(self, Block* block) noexcept nogil
    cdef bint _grow(self) noexcept nogil
    cdef void close_group(self) noexcept nogil
    cdef void hand_out(self) noexcept nogil
    cdef void trim(self) noexcept nogil
    cdef void clear(self) noexcept nogil
    cdef bint add_cursor(self, Cursor* cursor) noexcept nogil
    cdef void remove_cursor(self, Cursor* cursor) noexcept nogil
    cdef void admit(self, Cursor* cursor) noexcept nogil
    cdef Block* next_block(self, Cursor* cursor) noexcept nogil
    cdef void _check(self, Cursor* cursor) noexcept nogil
    cdef void _skip_to(self, Cursor* cursor, int64_t number) noexcept nogil

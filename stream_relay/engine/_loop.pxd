# The engine's thread: descriptors, what to do when they are ready, and a tick.
from libc.stdint cimport int64_t, uint8_t, uint32_t

from stream_relay.engine._hub cimport Hub
from stream_relay.engine.system cimport epoll_event, iovec, mmsghdr, sockaddr_in6

cdef enum:
    BATCH = 64
    DATAGRAM_ROOM = 67072    # 64 KiB and an offset, so that slots do not share cache sets
    STREAM_ROOM = 262144
    CONTROL_ROOM = 64

ctypedef void (*Ready)(void* owner, uint32_t events) noexcept nogil
ctypedef void (*Tick)(void* owner) noexcept nogil

cdef struct Handle:
    int fd
    bint is_dead
    void* owner
    Ready ready
    Handle* next

cdef struct Ticker:
    void* owner
    Tick tick

cdef class Loop:
    cdef readonly Hub hub
    cdef int _epoll
    cdef int _wake
    cdef bint _is_stopping
    cdef bint _is_running
    cdef Handle* _graveyard
    cdef Handle* _waker
    cdef Ticker* _tickers
    cdef Py_ssize_t _ticker_count
    cdef Py_ssize_t _ticker_room
    cdef int64_t _next_tick
    cdef public unsigned int rest_us
    cdef bint has_received        # a source has drained its socket in this round
    cdef readonly int64_t rounds
    cdef uint8_t* pool            # where datagrams are received, BATCH at a time
    cdef uint8_t* stream_room     # where bytes of TCP connections are received
    cdef mmsghdr* messages
    cdef iovec* vectors
    cdef sockaddr_in6* names
    cdef uint8_t* controls

    cdef Handle* watch(self, int fd, uint32_t events, void* owner, Ready ready) noexcept nogil
    cdef void unwatch(self, Handle* handle) noexcept nogil
    cdef bint add_ticker(self, void* owner, Tick tick) noexcept nogil
    cdef void remove_ticker(self, void* owner) noexcept nogil
    cdef int receive_batch(self, int fd) noexcept nogil
    cdef void wake(self) noexcept nogil
    cdef void _run(self) noexcept nogil
    cdef void _round(self, epoll_event* events, int count) noexcept nogil
    cdef void _bury(self) noexcept nogil

# The sockets that bring media: a UDP port, TCP connections, and one port for many streams.
from libc.stdint cimport int64_t, uint8_t, uint32_t

from stream_relay.engine._core cimport StreamCore
from stream_relay.engine._loop cimport Handle, Loop
from stream_relay.engine.system cimport sockaddr_in6
from stream_relay.sources._intake cimport Intake

cdef enum:
    MAX_FORWARDS = 8
    MAX_TOUCHED = 64

ctypedef void (*Flush)(void*) noexcept nogil
ctypedef int (*Receive)(
    void*, const uint8_t*, Py_ssize_t, Py_ssize_t, int64_t, bint
) noexcept nogil

cdef struct Route:
    int64_t ssrc
    void* channel

cdef class Inlet:
    cdef Loop _loop
    cdef readonly Intake intake
    cdef readonly StreamCore core
    cdef object _number
    cdef void* _forwards[MAX_FORWARDS]
    cdef int _forward_count
    cdef list _kept
    cdef int64_t _told_changes
    cdef bint _is_open

    cdef int receive(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t peer, bint is_stable
    ) noexcept nogil
    cdef void release(self, int64_t peer) noexcept nogil
    cdef void flush(self) noexcept nogil
    cdef void _tell_source(self) noexcept with gil
    cdef void tick(self) noexcept nogil

cdef class UdpPort:
    cdef Loop _loop
    cdef Handle* _handle
    cdef int _fd
    cdef Inlet _inlet
    cdef Route* _routes
    cdef Py_ssize_t _route_count
    cdef Py_ssize_t _route_room
    cdef void* _touched[MAX_TOUCHED]
    cdef int _touched_count
    cdef readonly int64_t unrouted
    cdef readonly int64_t stray_ssrc
    cdef readonly int64_t stray_peer

    cdef void stray(self, int64_t ssrc, int64_t peer) noexcept nogil
    cdef void _drain(self) noexcept nogil
    cdef void _take(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t peer
    ) noexcept nogil
    cdef void _flush_touched(self) noexcept nogil
    cdef void _insert(self, int64_t ssrc, void* inlet) noexcept nogil
    cdef void* _route(self, int64_t ssrc) noexcept nogil

cdef int64_t ssrc_of(const uint8_t* data, Py_ssize_t start) noexcept nogil
cdef void inlet_flush(Inlet inlet) noexcept nogil
cdef int inlet_receive(
    Inlet inlet, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t peer, bint is_stable
) noexcept nogil

# A TCP connection that brings media.
from libc.stdint cimport int64_t, uint8_t, uint32_t

from stream_relay.engine._loop cimport Handle, Loop
from stream_relay.engine._source cimport Inlet, UdpPort
from stream_relay.formats._rfc4571 cimport TcpFramer

cdef class MediaConnection(TcpFramer):
    cdef Loop _loop
    cdef Handle* _handle
    cdef int _fd
    cdef Inlet _inlet
    cdef UdpPort _router
    cdef void* _routed               # until the end of one call; then its stream may go
    cdef readonly int64_t number
    cdef readonly int64_t peer
    cdef readonly int64_t used_us
    cdef readonly int refused
    cdef bint _is_ended

    cdef void take(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint is_stable
    ) noexcept nogil
    cdef void _drain(self) noexcept nogil
    cdef void* _target(self) noexcept nogil
    cdef void _end(self, int reason) noexcept with gil

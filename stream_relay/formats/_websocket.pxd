from libc.stdint cimport uint8_t
from stream_relay.formats._buffer cimport Buffer as CBuffer
cdef class FrameReader:
    cdef CBuffer reply
    cdef bint is_closed
    cdef int receive(self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end) noexcept nogil

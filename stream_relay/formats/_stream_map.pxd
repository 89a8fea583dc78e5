# C types of stream_map.py for its compiled twin.
import cython
from libc.stdint cimport uint8_t
from stream_relay.formats._buffer cimport Buffer as CBuffer

cdef int IDS, NO_TYPE

cdef class StreamMap:
    cdef public int first_video
    cdef public int first_audio
    cdef CBuffer _types

    @cython.locals(last=Py_ssize_t, position=Py_ssize_t)
    cdef bint read(self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end) noexcept nogil
    @cython.locals(position=int)
    cdef void clear(self) noexcept nogil
    cdef bint has(self, int stream) noexcept nogil
    cdef int type_of(self, int stream) noexcept nogil
    cdef void _add(self, int stream, int stream_type) noexcept nogil

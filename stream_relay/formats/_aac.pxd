# C types of aac.py for its compiled twin.
import cython
from libc.stdint cimport uint8_t

cdef int RATES, HEADER_BYTES, READ, NO_HEADER, NO_RATE, TOO_SHORT

cdef class AdtsHeader:
    cdef public int object_type
    cdef public int rate_index
    cdef public int channels
    cdef public int frame_bytes
    cdef public int header_bytes
    cdef public int blocks
    cdef public int sample_rate

    cdef int read(self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end) noexcept nogil
    @cython.locals(position=Py_ssize_t, frames=int)
    cdef bint chains(self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end) noexcept nogil
    @cython.locals(turn=int, rate=int)
    cdef int _rate(self, int index) noexcept nogil

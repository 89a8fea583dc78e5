# C types of pes.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t

cdef int NO_STAMP, PACK_BYTES

cdef class PesReader:
    cdef public int64_t pts
    cdef public int64_t dts

    @cython.locals(marks=int)
    cdef int pack_bytes(self, const uint8_t* data, Py_ssize_t position) noexcept nogil
    @cython.locals(flags=int, header=int)
    cdef void read(self, const uint8_t* data, Py_ssize_t position) noexcept nogil
    @cython.locals(high=int64_t, low=int64_t)
    cdef int64_t stamp(self, const uint8_t* data, Py_ssize_t position) noexcept nogil

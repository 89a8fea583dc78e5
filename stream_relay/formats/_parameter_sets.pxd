# C types of parameter_sets.py for its compiled twin.
import cython
from libc.stdint cimport uint8_t

from stream_relay.formats._buffer cimport Buffer as CBuffer

cdef int MAX_SETS, MAX_SET_BYTES, HEAD_BYTES

cdef class ParameterSets:
    cdef CBuffer _known
    cdef CBuffer _fresh
    cdef int _count

    cdef void clear(self) noexcept nogil
    cdef void begin(self) noexcept nogil
    @cython.locals(size=Py_ssize_t, at=Py_ssize_t, held=Py_ssize_t)
    cdef bint add(
        self, int kind, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    @cython.locals(at=Py_ssize_t)
    cdef bint is_news(self) noexcept nogil
    @cython.locals(known=Py_ssize_t, fresh=Py_ssize_t, size=Py_ssize_t)
    cdef bint _is_kind_known(self, int kind) noexcept nogil
    cdef Py_ssize_t _known_from(self, Py_ssize_t at, int kind) noexcept nogil
    cdef Py_ssize_t _fresh_from(self, Py_ssize_t at, int kind) noexcept nogil
    @cython.locals(known=dict, learned=list, data=bytes)
    cpdef tuple learn(self)
    @cython.locals(sets=dict, at=Py_ssize_t, end=Py_ssize_t)
    cdef dict _split(self, bytes held)

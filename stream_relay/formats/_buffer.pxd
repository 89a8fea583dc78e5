# The compiled Buffer; its meaning is in buffer.py.
from libc.stdint cimport int64_t, uint8_t

cdef enum:
    MARGIN = 128       # bytes before `data`, for whoever takes the memory over

cdef class Buffer:
    cdef uint8_t* data
    cdef readonly Py_ssize_t size
    cdef Py_ssize_t _room

    cdef bint reserve(self, Py_ssize_t room) noexcept nogil
    cdef bint append(self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end) noexcept nogil
    cdef bint put(self, int64_t value, int size) noexcept nogil
    cdef void set(self, Py_ssize_t position, int64_t value, int size) noexcept nogil
    cdef void drop(self, Py_ssize_t count) noexcept nogil
    cdef void cut(self, Py_ssize_t size) noexcept nogil
    cdef void clear(self) noexcept nogil
    cdef uint8_t* give(self) noexcept nogil
    cdef bint is_same(
        self, Py_ssize_t position, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    cdef Py_ssize_t find_prefix(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    cdef Py_ssize_t find_byte(
        self, int value, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    cpdef bytes get(self)

# The compiled IntArray; its meaning is in int_array.py.
from libc.stdint cimport int64_t

cdef class IntArray:
    cdef int64_t* data
    cdef readonly Py_ssize_t size
    cdef void fill(self, int64_t value) noexcept nogil

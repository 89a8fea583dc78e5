# cython: boundscheck=False, wraparound=False
"""`IntArray` with its numbers outside of Python's heap; see int_array.py."""

from libc.stdlib cimport calloc, free


cdef class IntArray:
    def __cinit__(self, Py_ssize_t count):
        self.data = <int64_t*>calloc(count if count > 0 else 1, sizeof(int64_t))
        if self.data == NULL:
            raise MemoryError
        self.size = count

    def __dealloc__(self):
        free(self.data)

    cdef void fill(self, int64_t value) noexcept nogil:
        cdef Py_ssize_t index
        for index in range(self.size):
            self.data[index] = value

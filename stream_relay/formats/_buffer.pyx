# cython: boundscheck=False, wraparound=False
"""`Buffer` with its bytes outside of Python's heap; see buffer.py."""

from libc.stdlib cimport free, realloc
from libc.string cimport memchr, memcmp, memcpy, memmove

cdef Py_ssize_t SMALLEST = 2048


cdef class Buffer:
    def __dealloc__(self):
        free(self.data)

    cdef bint reserve(self, Py_ssize_t room) noexcept nogil:
        cdef Py_ssize_t wanted
        cdef void* grown
        if room <= self._room:
            return True
        wanted = room + room // 2
        if wanted < SMALLEST:
            wanted = SMALLEST
        grown = realloc(self.data, wanted)
        if grown == NULL:
            return False
        self.data = <uint8_t*>grown
        self._room = wanted
        return True

    cdef bint append(self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end) noexcept nogil:
        cdef Py_ssize_t count = end - start
        if count <= 0:
            return True
        if not self.reserve(self.size + count):
            return False
        memcpy(self.data + self.size, data + start, count)
        self.size += count
        return True

    cdef bint put(self, int64_t value, int size) noexcept nogil:
        if not self.reserve(self.size + size):
            return False
        self.size += size
        self.set(self.size - size, value, size)
        return True

    cdef void set(self, Py_ssize_t position, int64_t value, int size) noexcept nogil:
        cdef int index = size - 1
        while index >= 0:
            self.data[position + index] = value & 0xFF
            value >>= 8
            index -= 1

    cdef void drop(self, Py_ssize_t count) noexcept nogil:
        if count >= self.size:
            self.size = 0
            return
        if count > 0:
            memmove(self.data, self.data + count, self.size - count)
            self.size -= count

    cdef void cut(self, Py_ssize_t size) noexcept nogil:
        if 0 <= size < self.size:
            self.size = size

    cdef void clear(self) noexcept nogil:
        self.size = 0

    cdef bint is_same(
        self, Py_ssize_t position, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil:
        if position + end - start > self.size:
            return False
        return end <= start or memcmp(self.data + position, data + start, end - start) == 0

    cdef Py_ssize_t find_prefix(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil:
        # The 1 of 00 00 01 is searched: in coded video it is rarer than the zeros before it.
        cdef Py_ssize_t position = start + 2
        cdef const uint8_t* found
        while position < end:
            found = <const uint8_t*>memchr(data + position, 1, end - position)
            if found == NULL:
                return -1
            position = found - data
            if data[position - 1] == 0 and data[position - 2] == 0:
                return position - 2
            position += 1
        return -1

    cdef Py_ssize_t find_byte(
        self, int value, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil:
        cdef const uint8_t* found
        if end <= start:
            return -1
        found = <const uint8_t*>memchr(data + start, value, end - start)
        return found - data if found != NULL else -1

    cpdef bytes get(self):
        return self.data[: self.size] if self.size else b""

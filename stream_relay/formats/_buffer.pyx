# cython: boundscheck=False, wraparound=False
"""`Buffer` with its bytes outside of Python's heap; see buffer.py."""

from libc.stdlib cimport free, realloc
from libc.string cimport memchr, memcmp, memcpy, memmove

cdef extern from * nogil:
    """
    #include <stdint.h>
    #include <string.h>
    #ifdef __SSE2__
    #include <emmintrin.h>
    #endif

    /* Where the first 00 00 01 in data[at, end) begins; -1: nowhere. */
    static Py_ssize_t find_start_code(const uint8_t *data, Py_ssize_t at, Py_ssize_t end) {
    #ifdef __SSE2__
        /* Two zeros in a row are rare in coded video: look for them at 32 places at a time. */
        const __m128i zero = _mm_setzero_si128();
        for (; at + 33 <= end; at += 32) {
            const __m128i *here = (const __m128i *)(data + at);
            const __m128i *next = (const __m128i *)(data + at + 1);
            __m128i low = _mm_or_si128(_mm_loadu_si128(here), _mm_loadu_si128(next));
            __m128i high = _mm_or_si128(_mm_loadu_si128(here + 1), _mm_loadu_si128(next + 1));
            unsigned found = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(low, zero))
                | (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(high, zero)) << 16;
            for (; found; found &= found - 1) {
                Py_ssize_t place = at + __builtin_ctz(found);
                if (place + 3 <= end && data[place + 2] == 1)
                    return place;
            }
        }
    #endif
        /* The 1 is rarer than the zeros before it. */
        for (at += 2; at < end; at++) {
            const uint8_t *one = memchr(data + at, 1, (size_t)(end - at));
            if (one == NULL)
                return -1;
            at = one - data;
            if (data[at - 1] == 0 && data[at - 2] == 0)
                return at - 2;
        }
        return -1;
    }
    """
    Py_ssize_t find_start_code(const uint8_t* data, Py_ssize_t at, Py_ssize_t end)

cdef Py_ssize_t SMALLEST = 2048
cdef Py_ssize_t WASTE = 512
"""Bytes at the end of memory given away that are not worth the call to give them back."""


cdef class Buffer:
    def __dealloc__(self):
        if self.data != NULL:
            free(self.data - MARGIN)

    cdef bint reserve(self, Py_ssize_t room) noexcept nogil:
        cdef Py_ssize_t wanted
        cdef void* grown
        if room <= self._room:
            return True
        # What grows will grow again; the first room is what was asked for.
        wanted = room + room // 2 if self.data != NULL else room
        if wanted < SMALLEST:
            wanted = SMALLEST
        grown = realloc(self.data - MARGIN if self.data != NULL else NULL, MARGIN + wanted)
        if grown == NULL:
            return False
        self.data = <uint8_t*>grown + MARGIN
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

    cdef uint8_t* give(self) noexcept nogil:
        """The memory itself, the caller's to free: MARGIN bytes, then those held; empty then.

        NULL when there is none.
        """
        cdef uint8_t* memory = self.data
        cdef void* fitting
        if memory == NULL:
            return NULL
        memory -= MARGIN
        if self._room - self.size > WASTE:
            fitting = realloc(memory, MARGIN + self.size)
            if fitting != NULL:
                memory = <uint8_t*>fitting
        self.data = NULL
        self.size = self._room = 0
        return memory

    cdef bint is_same(
        self, Py_ssize_t position, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil:
        if position + end - start > self.size:
            return False
        return end <= start or memcmp(self.data + position, data + start, end - start) == 0

    cdef Py_ssize_t find_prefix(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil:
        return find_start_code(data, start, end)

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

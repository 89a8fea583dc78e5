# cython: boundscheck=False, wraparound=False
"""`PacketStore` with its bytes outside of Python's heap; see packet_store.py."""

from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

cdef int BLOCK_BYTES = 2048
cdef int SPARE_BLOCKS = 32


cdef class PacketStore:
    def __cinit__(self, Py_ssize_t keys):
        self._keys = keys

    def __dealloc__(self):
        self.clear()

    cdef bint put(
        self, Py_ssize_t key, int64_t stamp, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil:
        cdef int length = <int>(end - start)
        cdef int room = BLOCK_BYTES if length <= BLOCK_BYTES else length
        cdef uint8_t* block
        if self._slots == NULL:
            self._slots = <Slot*>calloc(self._keys, sizeof(Slot))
            if self._slots == NULL:
                return False
        if room == BLOCK_BYTES and self._spares > 0:
            self._spares -= 1
            block = self._spare[self._spares]
        else:
            block = <uint8_t*>malloc(room)
            if block == NULL:
                return False
        memcpy(block, data + start, length)
        self._slots[key].data = block
        self._slots[key].stamp = stamp
        self._slots[key].length = length
        self._slots[key].room = room
        self.count += 1
        self.bytes += length
        return True

    cdef bint has(self, Py_ssize_t key) noexcept nogil:
        return self._slots != NULL and self._slots[key].data != NULL

    cdef const uint8_t* at(self, Py_ssize_t key) noexcept nogil:
        return self._slots[key].data

    cdef Py_ssize_t length(self, Py_ssize_t key) noexcept nogil:
        return self._slots[key].length

    cdef int64_t stamp(self, Py_ssize_t key) noexcept nogil:
        return self._slots[key].stamp

    cdef void drop(self, Py_ssize_t key) noexcept nogil:
        if not self.has(key):
            return
        self.count -= 1
        self.bytes -= self._slots[key].length
        if self._slots[key].room == BLOCK_BYTES and self._spares < SPARE_BLOCKS:
            self._spare[self._spares] = self._slots[key].data
            self._spares += 1
        else:
            free(self._slots[key].data)
        self._slots[key].data = NULL

    cdef void clear(self) noexcept nogil:
        cdef Py_ssize_t key
        if self._slots != NULL:
            for key in range(self._keys):
                free(self._slots[key].data)
            free(self._slots)
            self._slots = NULL
        while self._spares > 0:
            self._spares -= 1
            free(self._spare[self._spares])
        self.count = 0
        self.bytes = 0

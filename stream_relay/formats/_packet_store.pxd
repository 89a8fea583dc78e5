# The compiled PacketStore; its meaning is in packet_store.py.
from libc.stdint cimport int64_t, uint8_t

cdef struct Slot:
    uint8_t* data
    int64_t stamp
    int length
    int room

cdef class PacketStore:
    cdef readonly Py_ssize_t count
    cdef readonly Py_ssize_t bytes
    cdef Py_ssize_t _keys
    cdef Slot* _slots
    cdef uint8_t* _spare[32]
    cdef int _spares

    cdef bint put(
        self, Py_ssize_t key, int64_t stamp, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    cdef bint has(self, Py_ssize_t key) noexcept nogil
    cdef const uint8_t* at(self, Py_ssize_t key) noexcept nogil
    cdef Py_ssize_t length(self, Py_ssize_t key) noexcept nogil
    cdef int64_t stamp(self, Py_ssize_t key) noexcept nogil
    cdef void drop(self, Py_ssize_t key) noexcept nogil
    cdef void clear(self) noexcept nogil

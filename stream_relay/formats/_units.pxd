# C types of units.py for its compiled twin.
from libc.stdint cimport int64_t, uint8_t

from stream_relay.formats._buffer cimport Buffer as CBuffer

cdef class UnitSink:
    cdef void add(
        self, int kind, int codec, int version, int64_t pts, int64_t dts, bint is_key,
        const uint8_t* data, Py_ssize_t start, Py_ssize_t end,
    ) noexcept nogil
    cdef void adopt(
        self, int kind, int codec, int version, int64_t pts, int64_t dts, bint is_key,
        CBuffer run, Py_ssize_t start,
    ) noexcept nogil
    cdef void restart(self) noexcept nogil

cdef class UnitList(UnitSink):
    cdef public object source
    cdef public list units
    cdef void add(
        self, int kind, int codec, int version, int64_t pts, int64_t dts, bint is_key,
        const uint8_t* data, Py_ssize_t start, Py_ssize_t end,
    ) noexcept with gil

cdef class Depacketizer:
    cdef UnitList _units
    cdef UnitSink _sink
    cdef void feed(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t timestamp, bint marker
    ) noexcept nogil
    cdef void interrupt(self) noexcept nogil
    cdef void finish(self) noexcept nogil
    cdef void restart(self) noexcept nogil

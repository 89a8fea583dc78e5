# C types of pes.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t

from stream_relay.formats._buffer cimport Buffer as CBuffer

cdef int NO_STAMP, PACK_BYTES, PTS_AND_DTS_BYTES
cdef int64_t STAMP_MASK

cdef class PesReader:
    cdef public int64_t pts
    cdef public int64_t dts

    @cython.locals(marks=int)
    cdef int pack_bytes(self, const uint8_t* data, Py_ssize_t position) noexcept nogil
    @cython.locals(flags=int, header=int)
    cdef void read(self, const uint8_t* data, Py_ssize_t position) noexcept nogil
    @cython.locals(high=int64_t, low=int64_t)
    cdef int64_t stamp(self, const uint8_t* data, Py_ssize_t position) noexcept nogil

cdef class PesWriter:
    @cython.locals(scr=int64_t)
    cdef void put_pack(self, int64_t clock_ticks, int64_t mux_rate, CBuffer out) noexcept nogil
    @cython.locals(stamps=int)
    cdef void put_header(
        self, int stream, Py_ssize_t size, int64_t pts, int64_t dts, CBuffer out
    ) noexcept nogil
    cdef void put_stamp(self, int tag, int64_t value, CBuffer out) noexcept nogil
    @cython.locals(size=Py_ssize_t)
    cdef void put_packets(
        self, int stream, int64_t pts, int64_t dts,
        const uint8_t* data, Py_ssize_t start, Py_ssize_t end, Py_ssize_t max_payload, CBuffer out,
    ) noexcept nogil

@cython.locals(out=CBuffer, writer=PesWriter)
cpdef bytes build_stamp(int tag, int64_t value)
@cython.locals(out=CBuffer, writer=PesWriter)
cpdef bytes build_pack(int64_t clock_ticks, int64_t mux_rate)
@cython.locals(out=CBuffer, writer=PesWriter)
cpdef bytes build_pes_header(int stream, Py_ssize_t size, object pts, object dts)

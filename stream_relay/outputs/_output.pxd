# C types of output.py for its compiled twin.
from libc.stdint cimport int64_t, uint8_t

from stream_relay.formats._buffer cimport Buffer as CBuffer

cdef int NOTHING, MEDIA, KEY

cdef class Output:
    cdef public tuple tracks
    cdef public str codec_string
    cdef readonly bint keeps_units
    cdef readonly int64_t chunk_pts
    cdef readonly int64_t chunk_dts
    cdef CBuffer _scratch

    cdef int convert(
        self, int kind, int codec, int64_t pts, int64_t dts, bint is_key,
        const uint8_t* data, Py_ssize_t start, Py_ssize_t end, CBuffer out,
    ) noexcept nogil
    cdef void reset(self) noexcept nogil
    cdef int complete(self, int64_t pts, int64_t dts, bint is_key) noexcept nogil

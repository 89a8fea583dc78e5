# C types of ps.py for its compiled twin.
from libc.stdint cimport int64_t, uint8_t

from stream_relay.formats._buffer cimport Buffer as CBuffer
from stream_relay.formats._ps_mux cimport PsMuxer as CPsMuxer
from stream_relay.outputs cimport _output as output

cdef int VIDEO, NOTHING

cdef class PsOutput(output.Output):
    cdef object _sound
    cdef CPsMuxer _muxer
    cdef bint _has_video

    cdef int convert(
        self, int kind, int codec, int64_t pts, int64_t dts, bint is_key,
        const uint8_t* data, Py_ssize_t start, Py_ssize_t end, CBuffer out,
    ) noexcept nogil

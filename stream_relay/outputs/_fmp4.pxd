# C types of fmp4.py for its compiled twin.
from libc.stdint cimport int64_t, uint8_t

from stream_relay.formats._buffer cimport Buffer as CBuffer
from stream_relay.formats._fmp4 cimport Fmp4Muxer as CFmp4Muxer
from stream_relay.outputs cimport _output as output

cdef int VIDEO, NOTHING
cdef int64_t AUDIO_ONLY_TICKS
cdef Py_ssize_t MAX_WAITING_BYTES, MAX_WAITING_SAMPLES

cdef class Fmp4Output(output.Output):
    cdef readonly int64_t dropped
    cdef str _audio
    cdef CFmp4Muxer _muxer
    cdef bint _is_started
    cdef bytes _init_segment

    cdef int convert(
        self, int kind, int codec, int64_t pts, int64_t dts, bint is_key,
        const uint8_t* data, Py_ssize_t start, Py_ssize_t end, CBuffer out,
    ) noexcept nogil
    cdef bint _is_audio_due(self, int64_t dts) noexcept nogil
    cdef void _make_room(self, Py_ssize_t size) noexcept nogil
    cdef void reset(self) noexcept nogil

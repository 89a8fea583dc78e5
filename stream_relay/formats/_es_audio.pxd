# C types of es_audio.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t

from stream_relay.formats cimport _units as units
from stream_relay.formats._audio cimport AudioAssembler as CAudioAssembler
from stream_relay.formats._buffer cimport Buffer as CBuffer
from stream_relay.formats._timeline cimport Timeline as CTimeline

cdef int AUDIO, NO_STAMP, AAC, OPUS, HEADER_BITS, OWN_VERSION, SAMPLES_PER_FRAME, OPUS_RATE
cdef int64_t TICKS, STAMP_MASK, RTP_MASK, RTP_HALF

cdef class AudioDepacketizer(units.Depacketizer):
    cdef readonly long malformed
    cdef CTimeline _timeline
    cdef CAudioAssembler _audio
    cdef int _codec
    cdef int _stream_type
    cdef int64_t _clock_rate
    cdef CBuffer _partial
    cdef Py_ssize_t _wanted
    cdef bint _is_chosen
    cdef bint _is_adts
    cdef bint _has_line
    cdef int64_t _line
    cdef int64_t _rtp
    cdef int64_t _pts
    cdef object _track
    cdef int64_t _frame_ticks

    cdef void feed(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t timestamp, bint marker
    ) noexcept nogil
    cdef void interrupt(self) noexcept nogil
    cdef void restart(self) noexcept nogil
    @cython.locals(step=int64_t, seconds=int64_t, rest=int64_t)
    cdef int64_t _stamp(self, int64_t timestamp) noexcept nogil
    @cython.locals(placed=int64_t)
    cdef void _emit(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t pts, int64_t duration
    ) noexcept nogil
    cdef bint _is_hbr(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    @cython.locals(
        bits=int, header=Py_ssize_t, position=Py_ssize_t, stamp=int64_t, size=Py_ssize_t
    )
    cdef void _split(self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end) noexcept nogil
    cdef void _join(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, Py_ssize_t size
    ) noexcept nogil

@cython.locals(kind=int, ticks=int64_t, frames=int)
cdef int64_t opus_ticks(const uint8_t* data, Py_ssize_t start, Py_ssize_t end) noexcept nogil

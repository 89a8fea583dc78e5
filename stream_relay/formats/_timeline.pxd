# C types of timeline.py for its compiled twin. Sums wrap (-fwrapv); only differences are compared.
import cython
from libc.stdint cimport int64_t

cdef int VIDEO, AUDIO, NO_STAMP
cdef int64_t STAMP_MASK, HALF_WRAP, RTP_MASK, RTP_HALF, FORWARD_TICKS, BACKWARD_TICKS

cdef class Timeline:
    cdef public long jumps
    cdef public int64_t pts
    cdef public int64_t dts
    cdef int64_t _raw
    cdef bint _has_raw
    cdef bint _is_begun
    cdef int64_t _end
    cdef int64_t _video_offset
    cdef int64_t _audio_offset
    cdef bint _has_video
    cdef bint _has_audio
    cdef int64_t _video_last
    cdef int64_t _audio_last

    @cython.locals(raw=int64_t, delay=int64_t, line=int64_t, placed=int64_t)
    cdef void place(self, int kind, int64_t pts, int64_t dts, int64_t step) noexcept nogil
    @cython.locals(last=int64_t, placed=int64_t)
    cdef void follow(self, int kind, int64_t step) noexcept nogil
    cdef void expect(self, int64_t stamp) noexcept nogil
    cdef void restart(self) noexcept nogil
    cdef void _take(self, int kind, int64_t pts, int64_t dts, int64_t step) noexcept nogil
    cdef int64_t _unwrap(self, int64_t stamp) noexcept nogil
    @cython.locals(other=int)
    cdef int64_t _fit(self, int kind, int64_t raw) noexcept nogil
    @cython.locals(last=int64_t)
    cdef bint _is_near(self, int kind, int64_t line) noexcept nogil
    cdef int64_t _last(self, int kind) noexcept nogil
    cdef int64_t _offset(self, int kind) noexcept nogil
    cdef bint _has_offset(self, int kind) noexcept nogil
    cdef void _set_offset(self, int kind, int64_t offset) noexcept nogil
    cdef int64_t _signed(self, int64_t difference) noexcept nogil

cdef class StampSource:
    cdef bint _has_reference
    cdef int64_t _pts
    cdef int64_t _rtp

    @cython.locals(difference=int64_t)
    cdef int64_t stamp(self, int64_t pts, int64_t rtp) noexcept nogil

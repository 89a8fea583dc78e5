# C types of timeline.py for its compiled twin. Sums wrap (-fwrapv); only differences are compared.
import cython
from libc.stdint cimport int64_t

cdef int VIDEO, AUDIO, NO_STAMP
cdef int64_t BACKWARDS_TICKS, JUMP_TICKS, REORDER_TICKS

cdef class TimeLine:
    cdef public long jumps
    cdef public int64_t pts
    cdef public int64_t dts
    cdef int64_t _video_offset
    cdef int64_t _audio_offset
    cdef bint _has_video
    cdef bint _has_audio
    cdef int64_t _video_dts
    cdef int64_t _audio_dts
    cdef int64_t _video_us
    cdef int64_t _audio_us

    @cython.locals(reorder=int64_t)
    cdef void place(self, int kind, int64_t pts, int64_t dts, int64_t now_us) noexcept nogil
    cdef void restart(self) noexcept nogil
    @cython.locals(last=int64_t, step=int64_t, passed=int64_t)
    cdef bint _is_jump(self, int kind, int64_t dts, int64_t now_us) noexcept nogil
    @cython.locals(expected=int64_t, other=int, difference=int64_t)
    cdef int64_t _new_offset(self, int kind, int64_t dts, int64_t now_us) noexcept nogil
    @cython.locals(is_audio_newer=bint, kind=int)
    cdef int64_t _expected(self, int64_t now_us) noexcept nogil
    cdef int64_t _ticks(self, int64_t duration_us) noexcept nogil
    cdef int64_t _offset(self, int kind) noexcept nogil
    cdef bint _has_offset(self, int kind) noexcept nogil
    cdef int64_t _last_dts(self, int kind) noexcept nogil
    cdef int64_t _last_us(self, int kind) noexcept nogil
    cdef void _set_offset(self, int kind, int64_t offset) noexcept nogil

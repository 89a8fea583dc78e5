# C types of sample_run.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t

from stream_relay.formats._buffer cimport Buffer as CBuffer
from stream_relay.formats._length_prefix cimport LengthPrefixer as CLengthPrefixer

cdef int64_t MAX_STEP_TICKS
cdef int64_t SYNC_SAMPLE, OTHER_SAMPLE, BASE_IS_MOOF, VERSION_1, TRUN_FLAGS
cdef int64_t TRAF, TFHD, TFDT, TRUN
cdef Py_ssize_t TFHD_BYTES, TFDT_BYTES, TRUN_HEAD_BYTES, TRAF_HEAD_BYTES, DATA_OFFSET_AT
cdef Py_ssize_t SAMPLE_BYTES, SIZE_AT
cdef int STAMP_BYTES, STAMPS_BYTES
cdef int64_t G711_RATE, SECOND_TICKS

cdef class SampleRun:
    cdef int codec
    cdef Py_ssize_t count
    cdef int _number
    cdef bint _is_video
    cdef int64_t _step
    cdef int64_t _stamps_known
    cdef int64_t _dts_before
    cdef int64_t _dts
    cdef int64_t _aac_ticks
    cdef Py_ssize_t _traf_at
    cdef CBuffer _entries
    cdef CBuffer _stamps
    cdef CBuffer _media
    cdef CLengthPrefixer _pictures

    cdef Py_ssize_t media_bytes(self) noexcept nogil
    cdef int64_t first_pts(self) noexcept nogil
    cdef int64_t first_dts(self) noexcept nogil
    @cython.locals(value=int64_t, index=int)
    cdef int64_t _number_at(self, Py_ssize_t position) noexcept nogil
    @cython.locals(following=int64_t, at=Py_ssize_t)
    cdef bint enter(self, int64_t pts, int64_t dts, bint is_key, Py_ssize_t size) noexcept nogil
    @cython.locals(before=Py_ssize_t)
    cdef bint hold(
        self, int64_t pts, int64_t dts, bint is_key,
        const uint8_t* data, Py_ssize_t start, Py_ssize_t end,
    ) noexcept nogil
    @cython.locals(
        half=Py_ssize_t, size=Py_ssize_t, index=Py_ssize_t, at=Py_ssize_t, offset=int, sample=int64_t,
    )
    cdef Py_ssize_t drop_oldest(self) noexcept nogil
    cdef void clear(self) noexcept nogil
    cdef void restart(self) noexcept nogil
    cdef Py_ssize_t traf_bytes(self) noexcept nogil
    cdef void write_traf(self, CBuffer out) noexcept nogil
    @cython.locals(before=Py_ssize_t, at=Py_ssize_t)
    cdef void write_media(
        self, Py_ssize_t moof_at, bint is_lead,
        const uint8_t* data, Py_ssize_t start, Py_ssize_t end, CBuffer out,
    ) noexcept nogil
    @cython.locals(step=int64_t)
    cdef int64_t _last_ticks(self) noexcept nogil
    cdef int64_t _audio_ticks(self, Py_ssize_t size) noexcept nogil

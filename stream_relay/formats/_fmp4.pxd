# C types of fmp4.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t

from stream_relay.formats._buffer cimport Buffer as CBuffer
from stream_relay.formats._length_prefix cimport LengthPrefixer as CLengthPrefixer
from stream_relay.formats._sample_run cimport SampleRun as CSampleRun

cdef int VIDEO, NO_CODEC
cdef int64_t MOOF, MFHD, MDAT
cdef Py_ssize_t BOX_HEAD_BYTES, MFHD_BYTES, MOOF_HEAD_BYTES, LEAD_BYTES

cdef class Fmp4Muxer:
    cdef readonly dict tracks
    cdef readonly int64_t pts
    cdef readonly int64_t dts
    cdef CSampleRun _video
    cdef CSampleRun _audio
    cdef bint _is_audio_first
    cdef int64_t _sequence
    cdef CLengthPrefixer _pictures
    cdef CBuffer _scratch

    cdef bint has_video(self) noexcept nogil
    cdef bint carries(self, int kind, int codec) noexcept nogil
    cdef Py_ssize_t waiting(self) noexcept nogil
    cdef Py_ssize_t waiting_bytes(self) noexcept nogil
    cdef int64_t waiting_since(self) noexcept nogil
    cdef Py_ssize_t drop_oldest(self) noexcept nogil
    cdef void restart(self) noexcept nogil
    cdef bint hold(
        self, int kind, int64_t pts, int64_t dts, bint is_key,
        const uint8_t* data, Py_ssize_t start, Py_ssize_t end,
    ) noexcept nogil
    @cython.locals(moof_at=Py_ssize_t, mdat_at=Py_ssize_t, room=Py_ssize_t)
    cdef bint write_fragment(
        self, int kind, int64_t pts, int64_t dts, bint is_key,
        const uint8_t* data, Py_ssize_t start, Py_ssize_t end, CBuffer out,
    ) noexcept nogil
    cdef bint _enter_lead(
        self, int kind, int64_t pts, int64_t dts, bint is_key, Py_ssize_t size
    ) noexcept nogil
    cdef void _write_moof(self, CBuffer out) noexcept nogil

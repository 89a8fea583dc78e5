# C types of video.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t

from stream_relay.formats._annexb cimport NalScanner as CNalScanner
from stream_relay.formats._buffer cimport Buffer as CBuffer
from stream_relay.formats._pictures cimport PictureReader as CPictureReader
from stream_relay.formats._timeline cimport StampSource as CStampSource
from stream_relay.formats._timeline cimport Timeline as CTimeline

cdef int PACK_CODE
cdef Py_ssize_t NOTHING_CUT

cdef class VideoAssembler:
    cdef readonly CPictureReader reader
    cdef readonly Py_ssize_t size
    cdef readonly bint has_pts
    cdef CTimeline _timeline
    cdef CNalScanner _nals
    cdef CStampSource _stamps
    cdef CBuffer _frame
    cdef Py_ssize_t _lead
    cdef Py_ssize_t _usual            # room that a frame is likely to need
    cdef bint _is_short
    cdef int64_t _pts
    cdef int64_t _dts
    cdef int64_t _rtp
    cdef int _declared
    cdef bint _hint

    cdef bint continues(self, int64_t pts) noexcept nogil
    cdef void begin(
        self, int64_t pts, int64_t dts, int64_t rtp, int declared, bint hint
    ) noexcept nogil
    @cython.locals(held=Py_ssize_t, known=Py_ssize_t, index=Py_ssize_t, first=Py_ssize_t)
    cdef Py_ssize_t add(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint find_pack
    ) noexcept nogil
    @cython.locals(held=Py_ssize_t, kept=Py_ssize_t)
    cdef void close(self) noexcept nogil
    cdef void drop(self) noexcept nogil

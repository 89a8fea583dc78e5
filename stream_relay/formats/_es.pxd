# C types of es.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t

from stream_relay.formats cimport _units as units
from stream_relay.formats._buffer cimport Buffer as CBuffer
from stream_relay.formats._timeline cimport Timeline as CTimeline
from stream_relay.formats._video cimport VideoAssembler as CVideoAssembler

cdef int VIDEO, MPEG4_TYPE, H264_TYPE, H265_TYPE, MAX_CONTRADICTIONS
cdef int STAP_A, STAP_B, MTAP16, MTAP24, FU_A, FU_B
cdef int AGGREGATION, FRAGMENT, PACI, FIRST_FRAGMENT, LAST_FRAGMENT
cdef Py_ssize_t CODE_BYTES

cdef class VideoDepacketizer(units.Depacketizer):
    cdef readonly long malformed
    cdef readonly long skipped_packets
    cdef readonly long oversize
    cdef CTimeline _timeline
    cdef CVideoAssembler _video
    cdef int _stream_type
    cdef Py_ssize_t _max_unit
    cdef int64_t _timestamp
    cdef bint _is_begun
    cdef bint _is_broken
    cdef bint _has_slices
    cdef bint _in_fragment
    cdef int _marker_lies
    cdef bint _is_marked
    cdef bint _has_sets
    cdef CBuffer _sets
    cdef CBuffer _head

    cdef void feed(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t timestamp, bint marker
    ) noexcept nogil
    cdef void interrupt(self) noexcept nogil
    cdef void finish(self) noexcept nogil
    cdef void restart(self) noexcept nogil
    cdef void _take(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    cdef bint _enter(self, bint is_slice, bint begins, bint is_key, bint is_set) noexcept nogil
    cdef void _orphan(self) noexcept nogil
    cdef void _begin(self) noexcept nogil
    cdef void _end_of_frame(self) noexcept nogil
    cdef void _damaged(self) noexcept nogil

cdef class H264Depacketizer(VideoDepacketizer):
    @cython.locals(kind=int)
    cdef void _take(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    @cython.locals(following=Py_ssize_t)
    cdef void _aggregate(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    cdef void _unit(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    @cython.locals(kind=int, is_slice=bint, is_set=bint, begins=bint)
    cdef bint _begins(self, int header, int following) noexcept nogil
    @cython.locals(flags=int, header=int)
    cdef void _fragment(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, Py_ssize_t head
    ) noexcept nogil

cdef class H265Depacketizer(VideoDepacketizer):
    cdef bint _has_don

    @cython.locals(kind=int)
    cdef void _take(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    @cython.locals(number=Py_ssize_t, following=Py_ssize_t)
    cdef void _aggregate(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    cdef void _unit(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t body, Py_ssize_t end
    ) noexcept nogil
    @cython.locals(kind=int, is_slice=bint, is_set=bint, begins=bint)
    cdef bint _begins(self, int header, int following) noexcept nogil
    @cython.locals(flags=int, is_first=bint, body=Py_ssize_t, header=int)
    cdef void _fragment(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil

cdef class FrameDepacketizer(VideoDepacketizer):
    cdef void _take(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    cdef void _end_of_frame(self) noexcept nogil
    cdef bint _begins_vop(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil

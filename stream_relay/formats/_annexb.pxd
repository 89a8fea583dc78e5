# C types of annexb.py for its compiled twin.
import cython
from libc.stdint cimport uint8_t

from stream_relay.formats._buffer cimport Buffer as CBuffer

cdef int H264, H265, MPEG4
cdef int H264_IDR, H264_SEI, H264_SPS, H264_PPS, H264_AUD, H264_FILLER
cdef int H265_VPS, H265_SPS, H265_PPS, H265_AUD, H265_FILLER, H265_PREFIX_SEI
cdef int MPEG4_VOP
cdef int OTHER, SLICE, FIRST_SLICE, PARAMETERS, LEADING
cdef int SNIFFED_NALS

cdef class NalScanner:
    cdef readonly Py_ssize_t count
    cdef readonly Py_ssize_t start
    cdef readonly Py_ssize_t end
    cdef readonly bint is_key
    cdef readonly bint has_slices
    cdef readonly Py_ssize_t first_nal
    cdef readonly Py_ssize_t end_nal
    cdef readonly Py_ssize_t sets
    cdef CBuffer _starts

    cdef void clear(self) noexcept nogil
    @cython.locals(position=Py_ssize_t)
    cdef void scan(self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end) noexcept nogil
    @cython.locals(at=Py_ssize_t)
    cdef Py_ssize_t first(self, Py_ssize_t index) noexcept nogil
    @cython.locals(first=Py_ssize_t)
    cdef Py_ssize_t end_of(
        self, const uint8_t* data, Py_ssize_t index, Py_ssize_t end
    ) noexcept nogil
    @cython.locals(kept=Py_ssize_t, index=Py_ssize_t, first=Py_ssize_t)
    cdef void shift(self, Py_ssize_t count) noexcept nogil
    cdef void rewind(self, Py_ssize_t start) noexcept nogil
    @cython.locals(found=bint, first=Py_ssize_t, role=int)
    cdef bint next_picture(
        self, const uint8_t* data, Py_ssize_t end, int codec, bint split
    ) noexcept nogil
    @cython.locals(first=Py_ssize_t)
    cdef bint is_set(
        self, const uint8_t* data, Py_ssize_t index, Py_ssize_t end, int codec
    ) noexcept nogil
    @cython.locals(index=Py_ssize_t, at=Py_ssize_t, first=int, second=int)
    cdef int sniff(self, const uint8_t* data, Py_ssize_t end) noexcept nogil
    @cython.locals(later=Py_ssize_t, first=Py_ssize_t)
    cdef bint _has_vop(
        self, const uint8_t* data, Py_ssize_t index, Py_ssize_t end
    ) noexcept nogil

cdef bint is_h264_profile(int profile) noexcept nogil
cdef int classify(
    const uint8_t* data, Py_ssize_t first, Py_ssize_t end, int codec
) noexcept nogil
@cython.locals(kind=int)
cdef int classify_h264(const uint8_t* data, Py_ssize_t first, Py_ssize_t end) noexcept nogil
@cython.locals(kind=int)
cdef int classify_h265(const uint8_t* data, Py_ssize_t first, Py_ssize_t end) noexcept nogil
@cython.locals(code=int)
cdef int classify_mpeg4(const uint8_t* data, Py_ssize_t first) noexcept nogil
@cython.locals(following=int)
cdef bint starts_key(
    const uint8_t* data, Py_ssize_t first, Py_ssize_t end, int codec, bint has_parameters
) noexcept nogil

@cython.locals(scanner=NalScanner, index=Py_ssize_t)
cpdef list nal_starts(bytes data)

@cython.locals(scanner=NalScanner, index=Py_ssize_t, first=Py_ssize_t, end=Py_ssize_t)
cpdef list nal_spans(bytes data)

@cython.locals(
    scanner=NalScanner, index=Py_ssize_t, end=Py_ssize_t, number=int, size=Py_ssize_t, sets=list
)
cpdef list split_pictures(bytes data, codec, bint split=*)

@cython.locals(scanner=NalScanner)
cpdef bint is_key(bytes data, codec) except -1

@cython.locals(scanner=NalScanner, found=int)
cpdef sniff_video(bytes data)

@cython.locals(parts=list, first=Py_ssize_t, end=Py_ssize_t)
cpdef bytes to_length_prefixed(bytes data, codec)

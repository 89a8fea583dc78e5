# C types of length_prefix.py for its compiled twin.
import cython
from libc.stdint cimport uint8_t

from stream_relay.formats._buffer cimport Buffer as CBuffer

cdef int H264
cdef Py_ssize_t LENGTH_BYTES, PREFIX_BYTES
cdef int H264_SPS, H264_AUD, H264_FILLER
cdef int H265_VPS, H265_AUD, H265_FILLER

cdef class LengthPrefixer:
    cdef CBuffer _search

    cdef Py_ssize_t room(self, Py_ssize_t start, Py_ssize_t end) noexcept nogil
    @cython.locals(first=Py_ssize_t, last=Py_ssize_t, following=Py_ssize_t)
    cdef bint write(
        self, int codec, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, CBuffer out
    ) noexcept nogil
    @cython.locals(kind=int)
    cdef bint _is_carried_outside(self, int codec, int head) noexcept nogil

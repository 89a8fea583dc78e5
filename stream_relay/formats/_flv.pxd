# C types of flv.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t

from stream_relay.formats._buffer cimport Buffer as CBuffer
from stream_relay.formats._length_prefix cimport LengthPrefixer as CLengthPrefixer

cdef int H264, H265, G711A, G711U, AAC
cdef int AUDIO_TAG, VIDEO_TAG
cdef Py_ssize_t TAG_HEAD_BYTES, TAG_TAIL_BYTES, MAX_BODY_BYTES, VIDEO_HEAD_BYTES
cdef int H264_ID, H265_LEGACY_ID
cdef int64_t H265_FOURCC
cdef int CODED_FRAMES, KEY_FRAME, INTER_FRAME
cdef int64_t TICKS_PER_MS
cdef int G711A_SOUND, G711U_SOUND, AAC_SOUND

cdef class FlvMuxer:
    cdef bint _is_legacy
    cdef CLengthPrefixer _pictures
    cdef CBuffer _scratch

    @cython.locals(sound=int, begin=Py_ssize_t, room=Py_ssize_t)
    cdef bint write_tag(
        self, int codec, int64_t pts, int64_t dts, bint is_key,
        const uint8_t* data, Py_ssize_t start, Py_ssize_t end, CBuffer out,
    ) noexcept nogil
    cdef int _sound(self, int codec) noexcept nogil
    @cython.locals(frame=int)
    cdef void _write_video_head(
        self, int codec, int64_t pts, int64_t dts, bint is_key, CBuffer out
    ) noexcept nogil
    @cython.locals(stamp=int64_t)
    cdef void _begin_tag(self, int kind, int64_t dts, CBuffer out) noexcept nogil
    @cython.locals(size=Py_ssize_t)
    cdef bint _end_tag(self, Py_ssize_t begin, CBuffer out) noexcept nogil

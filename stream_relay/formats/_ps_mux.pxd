# C types of ps_mux.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t

from stream_relay.formats._buffer cimport Buffer as CBuffer
from stream_relay.formats._pes cimport PesWriter as CPesWriter

cdef int VIDEO, AUDIO, H264, H265, AAC, NO_CODEC, VIDEO_ID, AUDIO_ID
cdef int64_t MUX_RATE, STAMP_MASK, NO_STAMP, MAP_EVERY_TICKS
cdef Py_ssize_t PACK_BYTES, PES_HEADER_BYTES, PES_HEADER_ROOM
cdef Py_ssize_t ADTS_BYTES, ADTS_LENGTH_SHIFT, MAX_ADTS_BYTES

cdef class PsMuxer:
    cdef bint _with_map
    cdef Py_ssize_t _max_payload
    cdef int _version
    cdef int _video
    cdef int _audio
    cdef int64_t _adts
    cdef bint _is_map_due
    cdef int64_t _map_dts
    cdef CBuffer _head
    cdef CBuffer _sets
    cdef CBuffer _scratch
    cdef CPesWriter _pes

    cdef bint carries(self, int kind, int codec) noexcept nogil
    @cython.locals(
        count=Py_ssize_t, room=Py_ssize_t, place=Py_ssize_t, size=Py_ssize_t, stream=int,
        first=int64_t, second=int64_t,
    )
    cdef bint write(
        self, int kind, int codec, int64_t pts, int64_t dts, bint is_key,
        const uint8_t* data, Py_ssize_t start, Py_ssize_t end, CBuffer out,
    ) noexcept nogil
    @cython.locals(since=int64_t)
    cdef void _write_head(self, int kind, int64_t dts, bint is_key, CBuffer out) noexcept nogil
    @cython.locals(head=int64_t)
    cdef bint _complete(
        self, int kind, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, Py_ssize_t place
    ) noexcept nogil
    @cython.locals(
        place=Py_ssize_t, position=Py_ssize_t, following=Py_ssize_t, first=int, unit=int
    )
    cdef Py_ssize_t _place_of_sets(
        self, int codec, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil

# C types of pictures.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t

from stream_relay.formats._annexb cimport NalScanner as CNalScanner
from stream_relay.formats._buffer cimport Buffer as CBuffer
from stream_relay.formats._parameter_sets cimport ParameterSets as CParameterSets
from stream_relay.formats._timeline cimport Timeline as CTimeline
from stream_relay.formats._units cimport UnitSink as CUnitSink

cdef int VIDEO
cdef int H264, H265, MPEG4, SVAC, UNKNOWN, NO_CODEC
cdef int64_t DEFAULT_STEP_TICKS, MAX_STEP_TICKS
cdef Py_ssize_t MAX_LEAD_BYTES

cdef class PictureReader:
    cdef readonly object track
    cdef readonly int version
    cdef public bint is_waiting_for_key
    cdef readonly long pictures
    cdef readonly long skipped
    cdef readonly long malformed
    cdef readonly long contradicted
    cdef CTimeline _timeline
    cdef CUnitSink _sink
    cdef CNalScanner _nals
    cdef CParameterSets _sets
    cdef int _codec
    cdef int _track_codec
    cdef int _declared
    cdef bint _is_interlaced
    cdef int64_t _step_ticks
    cdef int64_t _last_dts
    cdef int64_t _last_pts
    cdef int64_t _last_step

    cdef void lost(self) noexcept nogil
    @cython.locals(size=Py_ssize_t, split=bint)
    cdef Py_ssize_t read(
        self, CBuffer frame, int64_t pts, int64_t dts, int declared, bint hint
    ) noexcept nogil
    @cython.locals(seen=int)
    cdef void _decide(self, const uint8_t* data, Py_ssize_t size, int declared) noexcept nogil
    cdef void _switch(self, int codec) noexcept nogil
    @cython.locals(step=int64_t, data="const uint8_t*")
    cdef void _emit(
        self, CBuffer frame, Py_ssize_t start, Py_ssize_t end, bint is_key, int64_t pts,
        int64_t dts,
    ) noexcept nogil
    @cython.locals(difference=int64_t)
    cdef int64_t _agreed(self, int64_t step) noexcept nogil
    @cython.locals(index=Py_ssize_t, first=Py_ssize_t, end=Py_ssize_t)
    cdef void _learn(self, const uint8_t* data, Py_ssize_t size) noexcept nogil
    cdef void _describe(self) noexcept with gil
    cdef _read_sps(self, tuple sets, codec)
    cdef void _describe_unread(self) noexcept with gil

cdef int codec_of(int stream_type) noexcept nogil
cdef int set_order(int first_byte, int codec) noexcept nogil

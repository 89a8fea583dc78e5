# C types of audio.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t
from stream_relay.formats._aac cimport AdtsHeader as CAdtsHeader
from stream_relay.formats._buffer cimport Buffer as CBuffer
from stream_relay.formats._g711 cimport Ear as CEar
from stream_relay.formats._timeline cimport Timeline as CTimeline
from stream_relay.formats._units cimport UnitSink as CUnitSink

cdef int AUDIO, UNKNOWN, NO_STAMP, G711A, G711U, AAC, G722_1, SVAC, NO_CODEC
cdef int TYPE_AAC, TYPE_G711A, TYPE_G711U, TYPE_G722_1, TYPE_SVAC
cdef int READ, HEADER_BYTES, SAMPLES_PER_FRAME, G711_RATE, SNIFFED_PACKETS, UNREADABLE_PACKETS
cdef int64_t TICKS, STAMP_MASK

cdef class AudioAssembler:
    cdef public object track
    cdef public int version
    cdef public long malformed
    cdef CTimeline _timeline
    cdef CUnitSink _sink
    cdef CAdtsHeader _header
    cdef CEar _ear
    cdef CBuffer _partial
    cdef int _codec
    cdef int _declared
    cdef long _packets
    cdef long _unreadable
    cdef int64_t _offset
    cdef bint _is_carried
    cdef int _told_codec
    cdef int _told_rate
    cdef int _told_channels
    cdef int _told_type

    @cython.locals(used=Py_ssize_t)
    cdef void push(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t pts, int declared
    ) noexcept nogil
    cdef void reset(self) noexcept nogil
    cdef void restart(self) noexcept nogil
    cdef void _decide(self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end) noexcept nogil
    cdef int _codec_of(self, int declared) noexcept nogil
    @cython.locals(heard=int)
    cdef void _sniff(self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end) noexcept nogil
    cdef void _whole(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t pts
    ) noexcept nogil
    @cython.locals(placed=int64_t)
    cdef void _emit(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t pts, int64_t duration
    ) noexcept nogil
    @cython.locals(position=Py_ssize_t, readable=bint)
    cdef Py_ssize_t _split_adts(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t pts
    ) noexcept nogil
    @cython.locals(duration=int64_t, stamp=int64_t, begin=Py_ssize_t)
    cdef void _hand_on(self, const uint8_t* data, Py_ssize_t position, int64_t pts) noexcept nogil
    cdef void _doubt_adts(self) noexcept nogil
    cdef void _describe(self, int codec, int rate, int channels, int object_type) noexcept nogil
    cdef void _tell(self, int codec, int rate, int channels, int object_type) noexcept with gil

# C types of ts.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t

from stream_relay.formats cimport _units as units
from stream_relay.formats._audio cimport AudioAssembler as CAudioAssembler
from stream_relay.formats._buffer cimport Buffer as CBuffer
from stream_relay.formats._pes cimport PesReader as CPesReader
from stream_relay.formats._timeline cimport Timeline as CTimeline
from stream_relay.formats._ts_tables cimport Counter as CCounter
from stream_relay.formats._ts_tables cimport ProgramTables as CProgramTables
from stream_relay.formats._video cimport VideoAssembler as CVideoAssembler

cdef int VIDEO, NO_STAMP, NO_PID, NEXT, SAME, GAP
cdef Py_ssize_t PACKET_BYTES, PES_FIXED_BYTES, MAX_AUDIO_PACKET_BYTES
cdef int SYNC, PAT_PID

cdef class TsDemuxer(units.Depacketizer):
    cdef readonly long packets
    cdef readonly long long garbage_bytes
    cdef readonly long gaps
    cdef readonly long malformed
    cdef readonly long scrambled
    cdef readonly long oversize
    cdef Py_ssize_t _max_unit
    cdef CTimeline _timeline
    cdef CVideoAssembler _video
    cdef CAudioAssembler _audio
    cdef CPesReader _pes
    cdef CBuffer _held
    cdef CProgramTables _tables
    cdef CCounter _video_counter
    cdef CCounter _audio_counter
    cdef CBuffer _sound
    cdef int _video_pid
    cdef int _audio_pid
    cdef bint _in_video
    cdef bint _in_audio
    cdef Py_ssize_t _video_left
    cdef Py_ssize_t _audio_left
    cdef int64_t _audio_pts

    @cython.locals(taken=Py_ssize_t)
    cdef void feed(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t timestamp, bint marker
    ) noexcept nogil
    cdef void interrupt(self) noexcept nogil
    cdef void finish(self) noexcept nogil
    cdef void restart(self) noexcept nogil
    @cython.locals(found=Py_ssize_t)
    cdef Py_ssize_t _find_sync(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    @cython.locals(
        pid=int, is_table=bint, begins=bint, end=Py_ssize_t, start=Py_ssize_t, may_jump=bint,
        is_random_access=bint, step=int,
    )
    cdef void _packet(self, const uint8_t* data, Py_ssize_t at) noexcept nogil
    cdef void _take(
        self, int pid, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint begins,
        bint is_random_access,
    ) noexcept nogil
    cdef int _step(self, int pid, int number, bint may_jump) noexcept nogil
    cdef void _lose(self, int pid) noexcept nogil
    cdef void _choose(self) noexcept nogil
    cdef Py_ssize_t _read_pes(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    @cython.locals(length=Py_ssize_t)
    cdef Py_ssize_t _left(self, const uint8_t* data, Py_ssize_t start) noexcept nogil
    @cython.locals(body=Py_ssize_t)
    cdef void _take_video(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint begins,
        bint is_random_access,
    ) noexcept nogil
    cdef void _end_video(self) noexcept nogil
    cdef void _drop_video(self) noexcept nogil
    @cython.locals(body=Py_ssize_t)
    cdef void _take_audio(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint begins
    ) noexcept nogil
    cdef void _end_audio(self) noexcept nogil
    cdef void _drop_audio(self) noexcept nogil

# C types of ts_tables.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t

from stream_relay.formats._buffer cimport Buffer as CBuffer

cdef int NEXT, SAME, GAP
cdef int NO_PID, PAT_PID, PAT_TABLE, PMT_TABLE, FIRST_FREE_PID, NULL_PID
cdef Py_ssize_t HEAD_BYTES
cdef int STUFFING
cdef int64_t CRC_POLYNOMIAL, CRC_TOP, CRC_MASK

cdef class Counter:
    cdef int _last

    cdef void clear(self) noexcept nogil
    @cython.locals(last=int)
    cdef int step(self, int number, bint may_jump) noexcept nogil

cdef class SectionReader:
    cdef Py_ssize_t size
    cdef CBuffer held

    cdef void clear(self) noexcept nogil
    @cython.locals(first=Py_ssize_t)
    cdef void push(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint begins
    ) noexcept nogil
    @cython.locals(wanted=Py_ssize_t)
    cdef bint find_next(self) noexcept nogil
    @cython.locals(value=int64_t, index=Py_ssize_t, _=int)
    cdef bint is_intact(self) noexcept nogil
    cdef Py_ssize_t _wanted(self) noexcept nogil

cdef class ProgramTables:
    cdef int pmt_pid
    cdef int video_pid
    cdef int audio_pid
    cdef int video_type
    cdef int audio_type
    cdef readonly long malformed
    cdef int _program
    cdef SectionReader _pat
    cdef SectionReader _pmt
    cdef Counter _pat_counter
    cdef Counter _pmt_counter

    cdef void clear(self) noexcept nogil
    cdef void restart(self) noexcept nogil
    cdef int step(self, int pid, int number, bint may_jump) noexcept nogil
    cdef void lose(self, int pid) noexcept nogil
    cdef void push(
        self, int pid, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint begins
    ) noexcept nogil
    @cython.locals(position=Py_ssize_t, number=int, pid=int)
    cdef void _read_pat(self) noexcept nogil
    @cython.locals(
        video_pid=int, audio_pid=int, video_type=int, audio_type=int, end=Py_ssize_t,
        position=Py_ssize_t, stream_type=int, pid=int, following=Py_ssize_t,
    )
    cdef void _read_pmt(self) noexcept nogil
    cdef bint _is_believed(self, bint is_intact, int table, int wanted) noexcept nogil

cdef bint is_video(int stream_type) noexcept nogil
cdef bint is_audio(int stream_type) noexcept nogil

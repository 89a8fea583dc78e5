# C types of ps_packets.py for its compiled twin.
import cython
from libc.stdint cimport uint8_t
from stream_relay.formats cimport _units as units
from stream_relay.formats._buffer cimport Buffer as CBuffer
from stream_relay.formats._pes cimport PesReader as CPesReader

cdef int SEARCH, BETWEEN, BOUNDED, UNBOUNDED, SKIP
cdef int PACK_BYTES, PACK_START, PROGRAM_END, PACK, STREAM_MAP, FIRST_SYSTEM_CODE
cdef int AUDIO_FIRST, VIDEO_LAST, JOINT_BYTES

cdef class PsReader(units.Depacketizer):
    cdef public long packs
    cdef public long long garbage_bytes
    cdef public long skipped_packets
    cdef CPesReader _pes
    cdef CBuffer _rest
    cdef Py_ssize_t _position
    cdef Py_ssize_t _end
    cdef Py_ssize_t _left
    cdef int _state
    cdef bint _in_rest
    cdef bint _owes_code
    cdef bint _in_garbage

    cdef bint _open_packet(
        self, const uint8_t* data, Py_ssize_t available, int code, Py_ssize_t length
    ) noexcept nogil
    cdef bint _take_payload(self, const uint8_t* data) noexcept nogil
    cdef void _on_pack(self) noexcept nogil
    cdef void _on_order(self) noexcept nogil
    cdef void _on_garbage(self) noexcept nogil
    cdef void _on_stray_video(self) noexcept nogil
    cdef void _on_damage(self) noexcept nogil

    cdef void _read_all(self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end) noexcept nogil
    @cython.locals(held=Py_ssize_t, count=Py_ssize_t, used=Py_ssize_t)
    cdef Py_ssize_t _read_joined(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    cdef Py_ssize_t _read_rest(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    cdef void _read(self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end) noexcept nogil
    cdef bint _step(self, const uint8_t* data) noexcept nogil
    @cython.locals(search=Py_ssize_t, found=Py_ssize_t)
    cdef bint _find_pack(self, const uint8_t* data) noexcept nogil
    cdef void _pass_over(self, Py_ssize_t following) noexcept nogil
    @cython.locals(count=Py_ssize_t)
    cdef bint _skip(self) noexcept nogil
    @cython.locals(position=Py_ssize_t, available=Py_ssize_t, code=int, length=Py_ssize_t)
    cdef bint _next_packet(self, const uint8_t* data) noexcept nogil
    cdef void _begin_skip(self, Py_ssize_t length) noexcept nogil
    @cython.locals(search=Py_ssize_t, found=Py_ssize_t, code=int)
    cdef bint _skip_garbage(self, const uint8_t* data) noexcept nogil
    cdef bint _can_begin(self, int code) noexcept nogil
    @cython.locals(size=int)
    cdef bint _begin_pack(self, const uint8_t* data, Py_ssize_t available) noexcept nogil
    cdef void _go_back(self, Py_ssize_t start, Py_ssize_t found) noexcept nogil
    cdef void _damaged(self) noexcept nogil

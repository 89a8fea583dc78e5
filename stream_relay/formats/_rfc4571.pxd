# C types of rfc4571.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t
from stream_relay.formats._buffer cimport Buffer as CBuffer

cdef int PREFIX_BYTES, INTERLEAVED_BYTES, DOLLAR, PACK_CODE, PACK_BYTES, HEADER_BYTES, VERSION
cdef int NULL_LOOKAHEAD_BYTES
cdef int FIRST_RTCP, LAST_RTCP, MIN_RTCP_BYTES, SEARCH_BYTES, FINE, NO_FRAME, MORE, BAD

cdef class TcpFramer:
    cdef public int64_t skipped_bytes
    cdef public int64_t resynchronised
    cdef public int64_t rtcp
    cdef public int64_t null_packets
    cdef int64_t _max_garbage_bytes
    cdef int64_t _garbage_bytes
    cdef CBuffer _pending
    cdef Py_ssize_t _wanted
    cdef Py_ssize_t _size
    cdef int64_t _ssrc
    cdef bint _is_lost
    cdef list _packets

    cdef void take(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint is_stable
    ) noexcept with gil
    @cython.locals(fault=int)
    cpdef list push(self, bytes data)
    @cython.locals(position=Py_ssize_t, count=Py_ssize_t)
    cdef int receive(self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end) noexcept nogil
    @cython.locals(position=Py_ssize_t, head=Py_ssize_t, nulls=Py_ssize_t, kept=Py_ssize_t)
    cdef Py_ssize_t _cut(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint is_stable
    ) noexcept nogil
    cdef void _deliver(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint is_stable
    ) noexcept nogil
    @cython.locals(first=Py_ssize_t)
    cdef Py_ssize_t _nulls_at(
        self, const uint8_t* data, Py_ssize_t position, Py_ssize_t end
    ) noexcept nogil
    cdef void _pass_nulls(self, Py_ssize_t count) noexcept nogil
    @cython.locals(high=int64_t)
    cdef int64_t _ssrc_at(self, const uint8_t* data, Py_ssize_t packet) noexcept nogil
    @cython.locals(head=int, available=Py_ssize_t, kind=int, smallest=int)
    cdef int _measure(
        self, const uint8_t* data, Py_ssize_t position, Py_ssize_t end
    ) noexcept nogil
    @cython.locals(head=int)
    cdef int _judge(self, const uint8_t* data, Py_ssize_t position, Py_ssize_t end) noexcept nogil
    @cython.locals(size=Py_ssize_t, following=Py_ssize_t, next_head=int, ssrc=int64_t)
    cdef int _confirm(
        self, const uint8_t* data, Py_ssize_t position, Py_ssize_t end, int head
    ) noexcept nogil
    @cython.locals(
        usable=Py_ssize_t, known=Py_ssize_t, pack=Py_ssize_t, packet=Py_ssize_t, head=int,
        verdict=int, position=Py_ssize_t,
    )
    cdef Py_ssize_t _search(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    @cython.locals(position=Py_ssize_t)
    cdef Py_ssize_t _find_pack(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    @cython.locals(position=Py_ssize_t)
    cdef Py_ssize_t _find_ssrc(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    @cython.locals(first=Py_ssize_t)
    cdef int _prefix(
        self, const uint8_t* data, Py_ssize_t packet, Py_ssize_t start
    ) noexcept nogil
    cdef Py_ssize_t _skip(self, Py_ssize_t position, Py_ssize_t target) noexcept nogil

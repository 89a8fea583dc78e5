# C types of latch.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t
from stream_relay.formats._int_array cimport IntArray as CIntArray
from stream_relay.formats._packet_store cimport PacketStore as CPacketStore
from stream_relay.formats._rtp cimport RtpHeader as CRtpHeader

cdef int MIN_SEQUENTIAL, TAKEOVER_SEQUENTIAL, PROBATION_US, HOST_RANK, MAX_CANDIDATES
cdef int MAX_HELD_PACKETS, MAX_HELD_BYTES, FORGET_US, PORT_BITS
cdef int REFUSED, HELD, ADMITTED, LOCKED_NOW
cdef int SEEN, PEER, SSRC, RANK, SINCE, LAST, NEXT, SEQUENTIAL, WAITING, WAITING_BYTES, COLUMNS

cdef class SourceLatch:
    cdef public object policy
    cdef readonly bint is_locked
    cdef readonly int64_t peer
    cdef readonly int64_t ssrc
    cdef readonly int64_t last_us
    cdef readonly int held_count
    cdef int _rank
    cdef CIntArray _rows
    cdef CPacketStore _held
    cdef int _held_from
    cdef CIntArray _hosts
    cdef int _host_count
    cdef int64_t _agreed
    cdef bint _is_checked
    cdef int64_t _silence_us

    @cython.locals(rank=int, row=int, is_vacant=bint)
    cdef int admit(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t ssrc, int sequence,
        int64_t peer, int64_t now_us,
    ) noexcept nogil
    cdef const uint8_t* held_at(self, int number) noexcept nogil
    cdef Py_ssize_t held_length(self, int number) noexcept nogil
    cdef void forget_held(self) noexcept nogil
    cdef void vacate(self) noexcept nogil
    @cython.locals(rank=int, index=int)
    cdef int _rank_of(self, int64_t ssrc, int64_t peer) noexcept nogil
    @cython.locals(free=int, worst=int, number=int, row=int, is_old=bint)
    cdef int _candidate(self, int64_t ssrc, int64_t peer, int rank, int64_t now_us) noexcept nogil
    cdef bint _is_worse(self, int row, int other) noexcept nogil
    cdef void _begin(
        self, int row, int64_t ssrc, int64_t peer, int rank, int64_t now_us
    ) noexcept nogil
    @cython.locals(before=int64_t)
    cdef void _count(self, int row, int sequence, int64_t now_us) noexcept nogil
    @cython.locals(count=int64_t, size=int64_t)
    cdef void _hold(
        self, int row, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    cdef bint _is_full(self, int row) noexcept nogil
    cdef int _first_key(self, int row) noexcept nogil
    @cython.locals(first=int, number=int)
    cdef void _drop(self, int row) noexcept nogil
    @cython.locals(silence_us=int64_t)
    cdef bint _is_vacant(self, int64_t peer, int64_t now_us) noexcept nogil
    cdef bint _is_believed(self, int row, bint is_vacant, int64_t now_us) noexcept nogil
    cdef void _lock(self, int row, int64_t now_us) noexcept nogil
    @cython.locals(header=CRtpHeader, verdict=int, number=int)
    cpdef offer(self, bytes data, int64_t peer, int64_t now_us)

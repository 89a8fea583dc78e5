# C types of jitter.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t
from stream_relay.formats._buffer cimport Buffer as CBuffer
from stream_relay.formats._packet_store cimport PacketStore as CPacketStore
from stream_relay.formats._rtp cimport PacketSink as CPacketSink, RtpHeader as CRtpHeader

cdef int MAX_DROPOUT, MAX_JUMP, MAX_HELD_BYTES, RING, RING_BITS

cdef class ReorderBuffer:
    cdef public int64_t received
    cdef public int64_t lost
    cdef public int64_t reordered
    cdef public int64_t duplicate
    cdef public int64_t late
    cdef public int64_t stray
    cdef public int64_t resets
    cdef Py_ssize_t _window
    cdef int64_t _max_wait_us
    cdef CRtpHeader _header
    cdef object _list
    cdef CPacketSink _sink
    cdef int _expected
    cdef int64_t _ssrc
    cdef CPacketStore _held
    cdef int _highest
    cdef int64_t _oldest_us
    cdef CBuffer _given_up
    cdef CBuffer _suspect
    cdef bint _has_suspect
    cdef int _suspect_sequence
    cdef int64_t _suspect_ssrc

    @cython.locals(sequence=int, distance=int)
    cdef void receive(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint is_stable, int64_t now_us
    ) noexcept nogil
    cdef void expire(self, int64_t now_us) noexcept nogil
    cdef int64_t due_us(self) noexcept nogil
    cdef void flush(self) noexcept nogil
    cdef void restart(self) noexcept nogil
    cdef void _start(self, int sequence) noexcept nogil
    @cython.locals(sequence=int, is_next=bint)
    cdef void _doubt(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint is_stable
    ) noexcept nogil
    @cython.locals(index=int)
    cdef void _late(self, int sequence) noexcept nogil
    @cython.locals(sequence=int, distance=int, key=int, is_first=bint)
    cdef void _hold(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t now_us
    ) noexcept nogil
    cdef void _release(self) noexcept nogil
    @cython.locals(key=int)
    cdef void _hand_out(self, int missing) noexcept nogil
    @cython.locals(missing=int)
    cdef void _give_up(self) noexcept nogil
    @cython.locals(missing=int)
    cdef void _release_all(self) noexcept nogil
    @cython.locals(left=Py_ssize_t, sequence=int, is_first=bint)
    cdef void _find_oldest(self) noexcept nogil
    @cython.locals(index=int)
    cdef void _forget_given_up(self) noexcept nogil

# A stream's RTP packets to another platform, with an SSRC of its own.
from libc.stdint cimport int64_t, uint8_t, uint32_t

from stream_relay.engine._loop cimport Handle, Loop
from stream_relay.engine.system cimport iovec
from stream_relay.formats._buffer cimport Buffer
from stream_relay.formats._rtp cimport PacketSink

cdef enum:
    RUN = 44                   # packets in one system call; the kernel takes 64 at most
    RTP_HEAD = 12

cdef class Forward(PacketSink):
    cdef Loop _loop
    cdef int _fd
    cdef Handle* _handle
    cdef bint _is_tcp
    cdef bint _is_ended
    cdef readonly int64_t number
    cdef uint32_t _ssrc
    cdef int _last_in
    cdef int _sequence
    cdef iovec _vectors[2 * RUN]
    cdef uint8_t _heads[RUN * RTP_HEAD]
    cdef int _count
    cdef Py_ssize_t _size
    cdef Py_ssize_t _bytes
    cdef Buffer _waiting
    cdef Py_ssize_t _written
    cdef readonly int64_t packets
    cdef readonly int64_t sent_bytes
    cdef readonly int64_t dropped

    cdef void packet(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint is_stable
    ) noexcept nogil
    cdef void _renumber(self, const uint8_t* data, uint8_t* head) noexcept nogil
    cdef void flush(self) noexcept nogil
    cdef void _send_run(self) noexcept nogil
    cdef ssize_t _send(self, int first, int count) noexcept nogil
    cdef void _frame(self, const uint8_t* data, Py_ssize_t size) noexcept nogil
    cdef void _write(self) noexcept nogil
    cdef void _ready(self, uint32_t events) noexcept nogil
    cdef void _end(self) noexcept with gil

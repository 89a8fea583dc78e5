# RTP packets out of one socket.
from libc.stdint cimport int64_t, uint8_t, uint32_t

from stream_relay.engine._loop cimport Handle, Loop
from stream_relay.engine.system cimport iovec
from stream_relay.formats._buffer cimport Buffer
from stream_relay.formats._rtp cimport PacketSink

cdef enum:
    RUN = 44                   # packets in one system call; the kernel takes 64 at most
    RTP_HEAD = 12

cdef class RtpSender(PacketSink):
    cdef Loop loop
    cdef Handle* handle
    cdef int fd
    cdef bint is_tcp
    cdef bint is_ended
    cdef readonly int64_t number
    cdef uint32_t ssrc
    cdef int sequence
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

    cdef void put(
        self, const uint8_t* head, const uint8_t* payload, Py_ssize_t size, bint is_stable
    ) noexcept nogil
    cdef void sign(self, uint8_t* head, int step) noexcept nogil
    cdef void flush(self) noexcept nogil
    cdef Py_ssize_t waiting(self) noexcept nogil
    cdef void write(self) noexcept nogil
    cdef void writable(self) noexcept nogil
    cdef void end(self) noexcept with gil
    cdef void _send_run(self) noexcept nogil
    cdef ssize_t _send(self, int first, int count) noexcept nogil
    cdef void _frame(
        self, const uint8_t* head, const uint8_t* payload, Py_ssize_t size
    ) noexcept nogil
    cdef void _ready(self, uint32_t events) noexcept nogil

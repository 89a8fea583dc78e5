# C types of rtp.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t

cdef int HEADER_BYTES, VERSION, FIRST_RTCP, LAST_RTCP
cdef int FINE, TOO_SHORT, NO_VERSION, NO_EXTENSION, NO_PADDING, NO_PAYLOAD, NO_FRAME

cdef class RtpPacket:
    cdef public int payload_type
    cdef public bint marker
    cdef public int sequence
    cdef public unsigned int timestamp
    cdef public unsigned int ssrc
    cdef public bytes payload
    cdef public int lost_before

cdef class RtpHeader:
    cdef public int payload_type
    cdef public bint marker
    cdef public int sequence
    cdef public int64_t timestamp
    cdef public int64_t ssrc
    cdef public Py_ssize_t payload_start
    cdef public Py_ssize_t payload_end
    cdef public int lost_before
    cdef public Py_ssize_t fault_at

    @cython.locals(first=int, second=int, fault=int, high=int64_t)
    cdef int read(self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end) noexcept nogil
    @cython.locals(first=int, position=Py_ssize_t, padding=int)
    cdef int _options(self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end) noexcept nogil
    cdef bint is_control(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil

cdef class PacketSink:
    cdef void packet(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint is_stable
    ) noexcept nogil

cdef class PacketList(PacketSink):
    cdef public RtpHeader header
    cdef public list packets
    cdef void packet(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint is_stable
    ) noexcept with gil

cpdef bint is_rtcp(bytes data) except -1

@cython.locals(header=RtpHeader, fault=int)
cpdef RtpPacket parse_packet(bytes data)

# C types of rtp.py for its compiled twin.
import cython

cdef class RtpPacket:
    cdef public int payload_type
    cdef public bint marker
    cdef public int sequence
    cdef public unsigned int timestamp
    cdef public unsigned int ssrc
    cdef public bytes payload
    cdef public int lost_before

cpdef bint is_rtcp(bytes data) except -1

@cython.locals(
    size=Py_ssize_t, first=int, start=Py_ssize_t, end=Py_ssize_t, padding=int, second=int,
    sequence=int, timestamp="unsigned int", ssrc="unsigned int",
)
cpdef RtpPacket parse_packet(bytes data)

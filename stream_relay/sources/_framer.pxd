# C types of framer.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t
from stream_relay.formats cimport _rfc4571 as rfc4571
from stream_relay.sources cimport _intake as intake

cdef int USED, REFUSED, MALFORMED

cdef class IntakeFramer(rfc4571.TcpFramer):
    cdef readonly intake.Intake intake
    cdef readonly int64_t peer
    cdef readonly int64_t used
    cdef readonly int64_t refused
    cdef int64_t _now_us

    @cython.locals(fault=int)
    cdef int bring(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t now_us
    ) noexcept nogil
    @cython.locals(verdict=int)
    cdef void take(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint is_stable
    ) noexcept nogil

# C types of callbacks.py for its compiled twin.
from libc.stdint cimport int64_t, uint8_t
from stream_relay.formats cimport _units as units

cdef class CallbackDepacketizer(units.Depacketizer):
    cdef public object call
    cdef void feed(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t timestamp, bint marker
    ) noexcept with gil
    cdef void interrupt(self) noexcept with gil
    cdef void finish(self) noexcept with gil
    cdef void restart(self) noexcept with gil

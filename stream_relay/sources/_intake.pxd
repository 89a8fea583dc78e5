# C types of intake.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t
from stream_relay.formats cimport _rtp as rtp
from stream_relay.formats cimport _units as units
from stream_relay.formats._int_array cimport IntArray as CIntArray
from stream_relay.formats._jitter cimport ReorderBuffer as CReorderBuffer
from stream_relay.sources._latch cimport SourceLatch as CSourceLatch

cdef int MAX_PEERS, RTP_HEADER_BYTES, TELL_REJECTED_US, FIRST_CONTROL, LAST_CONTROL
cdef int USED, HELD, REFUSED, MALFORMED, RTCP, ADMITTED, LOCKED_NOW
cdef int PEER, COUNT, TOLD_COUNT, TOLD_US, SSRC, COLUMNS

cdef class Intake(rtp.PacketSink):
    cdef readonly CSourceLatch latch
    cdef readonly units.Depacketizer depacketizer
    cdef readonly int64_t packets
    cdef readonly int64_t bytes
    cdef readonly int64_t malformed
    cdef readonly int64_t rejected
    cdef readonly int64_t rtcp
    cdef readonly int64_t highest_sequence
    cdef readonly int64_t source
    cdef readonly int64_t ssrc
    cdef readonly int64_t source_changes
    cdef readonly bint is_program_stream
    cdef readonly bint has_news
    cdef units.UnitSink _sink
    cdef object _choose
    cdef dict _announced
    cdef bint _is_chosen
    cdef int _payload_type
    cdef rtp.RtpHeader _header
    cdef CReorderBuffer _reorder
    cdef CIntArray _refused
    cdef int _refused_peers
    cdef CIntArray _faulty
    cdef int _faulty_peers
    cdef int _faulty_told
    cdef int64_t _changes_told
    cdef tuple _reported
    cdef list _forwards
    cdef int _forward_count
    cdef rtp.PacketSink _forward0
    cdef rtp.PacketSink _forward1
    cdef rtp.PacketSink _forward2
    cdef rtp.PacketSink _forward3
    cdef rtp.PacketSink _forward4
    cdef rtp.PacketSink _forward5
    cdef rtp.PacketSink _forward6
    cdef rtp.PacketSink _forward7

    @cython.locals(fault=int, verdict=int)
    cdef int receive(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint is_stable,
        int64_t peer, int64_t now_us,
    ) noexcept nogil
    cdef void poll(self, int64_t now_us) noexcept nogil
    cdef void finish(self) noexcept nogil
    @cython.locals(row=int)
    cdef void complain(self, int64_t peer, int fault) noexcept nogil
    @cython.locals(sequence=int)
    cdef void packet(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint is_stable
    ) noexcept nogil
    @cython.locals(size=Py_ssize_t)
    cdef void _order(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint is_stable, int64_t now_us
    ) noexcept nogil
    @cython.locals(number=int, size=Py_ssize_t)
    cdef void _use_held(self, int64_t now_us) noexcept nogil
    @cython.locals(is_first=bint)
    cdef void _take_source(self) noexcept nogil
    @cython.locals(row=int, count=int64_t)
    cdef void _refuse(self, int64_t peer, int64_t now_us) noexcept nogil
    cdef void _forward(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint is_stable
    ) noexcept nogil
    cdef void _choose_depacketizer(self, const uint8_t* data) noexcept with gil

# A stream's RTP packets to another platform, with an SSRC of their own.
from libc.stdint cimport int64_t, uint8_t, uint32_t

from stream_relay.engine._block cimport Block
from stream_relay.engine._core cimport StreamCore
from stream_relay.engine._feed cimport Cursor
from stream_relay.engine._loop cimport Loop
from stream_relay.engine._output_feed cimport OutputFeed
from stream_relay.engine._rtp_sender cimport RTP_HEAD, RtpSender

cdef class Forward(RtpSender):
    cdef int _last_in
    cdef StreamCore _core
    cdef OutputFeed _feed
    cdef Cursor* _cursor
    cdef int64_t _passed_us
    cdef uint32_t _stamp_offset
    cdef uint32_t _last_stamp

    cdef void _renumber(self, const uint8_t* data, uint8_t* head) noexcept nogil
    cdef void _leave(self)
    cdef void _skip_passed(self) noexcept nogil
    cdef void _send_pieces(self) noexcept nogil
    cdef void _cut(self, Block* block) noexcept nogil

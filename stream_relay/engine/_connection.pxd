# A viewer's socket that the engine writes to.
from libc.stdint cimport int64_t, uint32_t

from stream_relay.engine._block cimport Block
from stream_relay.engine._core cimport StreamCore
from stream_relay.engine._feed cimport Cursor
from stream_relay.engine._loop cimport Handle, Loop
from stream_relay.engine._output_feed cimport OutputFeed
from stream_relay.formats._buffer cimport Buffer
from stream_relay.formats._websocket cimport FrameReader

cdef class Connection:
    cdef Loop _loop
    cdef Cursor* _cursor
    cdef Handle* _handle
    cdef OutputFeed _feed
    cdef StreamCore _core
    cdef FrameReader _frames
    cdef object _describe
    cdef dict _inits
    cdef bint _is_told

    cdef void _read(self) noexcept nogil
    cdef void _answer(self) noexcept nogil
    cdef void _announce(self, Block* init) noexcept with gil
    cdef void _ended(self) noexcept nogil
    cdef void _tell(self) noexcept with gil
    cdef void _leave_feed(self)
    cdef void _own_inits(self)
    cdef void _judge(self) noexcept nogil

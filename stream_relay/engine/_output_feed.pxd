# The ring of one format.
from libc.stdint cimport int64_t

from stream_relay.engine._block cimport Block
from stream_relay.engine._feed cimport Cursor, Feed
from stream_relay.formats._buffer cimport Buffer
from stream_relay.outputs._output cimport Output

cdef class OutputFeed(Feed):
    cdef Output _output
    cdef Buffer _scratch
    cdef bint _is_started
    cdef int _init_number
    cdef int64_t _dts
    cdef object _refusal
    cdef object _last_refusal
    cdef dict _inits
    cdef bint _is_base

    cdef void publish(self, Block* unit) noexcept nogil
    cdef Block* _opening(self, int64_t dts, bint is_reopening) except? NULL
    cdef int enter(self, Cursor* cursor) except -1

# A live stream inside the engine: units in, rings of every format in use out.
from libc.stdint cimport int64_t, uint8_t

from stream_relay._timeline cimport TimeLine
from stream_relay.engine._block cimport Block
from stream_relay.engine._feed cimport Cursor
from stream_relay.engine._hub cimport Hub
from stream_relay.engine._output_feed cimport OutputFeed
from stream_relay.formats._units cimport UnitSink

cdef enum:
    MAX_FEEDS = 16

cdef class StreamCore(UnitSink):
    cdef Hub _hub
    cdef readonly OutputFeed base
    cdef dict _feeds
    cdef void* _publishers[MAX_FEEDS]
    cdef int _feed_count
    cdef readonly TimeLine timeline
    cdef object _number
    cdef public object source
    cdef readonly tuple tracks
    cdef dict _known
    cdef int _versions[2]
    cdef int _descriptions[2]
    cdef int _description_count
    cdef dict _described
    cdef int64_t _first_unit_us[2]
    cdef int64_t _opened_us
    cdef int64_t _audio_settle_us
    cdef int64_t _video_settle_us
    cdef Py_ssize_t _max_bytes
    cdef Py_ssize_t _max_chunks
    cdef bint _is_settled
    cdef bint _has_key
    cdef bint _has_video
    cdef readonly bint is_closed
    cdef readonly int64_t pictures
    cdef readonly int64_t gop_frames
    cdef readonly int64_t gop_ticks
    cdef int64_t _group_frames
    cdef int64_t _group_pts
    cdef readonly int64_t unit_bytes
    cdef int64_t _dropped_by_leavers

    cdef bint _meet(self, int kind, int version, int64_t pts, int64_t dts, bint is_key) noexcept nogil
    cdef void _hand_out(
        self, Block* block, int kind, int codec, bint is_key
    ) noexcept nogil
    cdef void _learn(self, int kind) noexcept with gil
    cdef void settle(self) noexcept with gil
    cdef void _start_feeds(self) noexcept
    cdef void _tell_key(self) noexcept with gil
    cdef void _meter(self, bint is_key, int64_t pts) noexcept nogil
    cdef void tick(self) noexcept nogil
    cdef OutputFeed feed(self, str name)
    cdef void _forget(self, OutputFeed feed, Cursor* cursor)

# cython: boundscheck=False, wraparound=False
"""A live stream inside the engine: places units on its time line and keeps one ring per format.

Everything here happens under the hub's lock. The GIL is taken only when a track is new or changed,
until the stream has settled, and at the first key frame.
"""


cimport cython
from stream_relay.engine._block cimport KEY, Block, adopt_block, copy_block
from stream_relay.engine._feed cimport Cursor
from stream_relay.formats._buffer cimport Buffer

from stream_relay.access_unit import Codec, Kind
from stream_relay.errors import Unsupported

cdef int VIDEO = 0
cdef int KEPT_INITS = 64
cdef Py_ssize_t MAX_IDLE_SHARE = 8
"""Memory is taken over with its bytes when no more than one of so many would lie idle in front."""
KINDS = (Kind.VIDEO, Kind.AUDIO)
CODECS = tuple(Codec)
BASE = "access-units"


cdef void _publish(OutputFeed feed, Block* unit) noexcept nogil:
    feed.publish(unit)


ctypedef void (*Publish)(void*, Block*) noexcept nogil


@cython.no_gc_clear
cdef class StreamCore(UnitSink):
    """One source, one time line, any number of readers in any format."""

    def __init__(
        self, Hub hub not None, number, *, opened_us, max_bytes, max_chunks, audio_settle_us,
        video_settle_us
    ):
        self._hub = hub
        self._number = number
        self._max_bytes, self._max_chunks = max_bytes, max_chunks
        self._audio_settle_us, self._video_settle_us = audio_settle_us, video_settle_us
        self._opened_us = opened_us
        self.timeline = TimeLine()
        self.base = OutputFeed(hub, max_bytes, max_chunks, BASE)
        self._feeds = {BASE: self.base}
        self.tracks = ()
        self._known = {}
        self._described = {}
        self._versions[0] = self._versions[1] = -1
        self._first_unit_us[0] = self._first_unit_us[1] = -1

    cdef void add(
        self, int kind, int codec, int version, int64_t pts, int64_t dts, bint is_key,
        const uint8_t* data, Py_ssize_t start, Py_ssize_t end,
    ) noexcept nogil:
        if self._meet(kind, version, pts, dts, is_key):
            self._hand_out(copy_block(data + start, end - start), kind, codec, is_key)

    cdef void adopt(
        self, int kind, int codec, int version, int64_t pts, int64_t dts, bint is_key,
        Buffer run, Py_ssize_t start,
    ) noexcept nogil:
        if start * MAX_IDLE_SHARE > run.size:
            self.add(kind, codec, version, pts, dts, is_key, run.data, start, run.size)
        elif self._meet(kind, version, pts, dts, is_key):
            self._hand_out(adopt_block(run, start), kind, codec, is_key)

    cdef bint _meet(
        self, int kind, int version, int64_t pts, int64_t dts, bint is_key
    ) noexcept nogil:
        """Place a unit on the time line; false when none are taken any more."""
        if self.is_closed:
            return False
        if self._first_unit_us[kind] < 0:
            self._first_unit_us[kind] = self._hub.now_us
        if version != self._versions[kind]:
            self._versions[kind] = version
            self._learn(kind)
        if not self._is_settled:
            self.settle()
        self.timeline.place(kind, pts, dts, self._hub.now_us)
        if kind == VIDEO:
            self._has_video = True
            self._meter(is_key, self.timeline.pts)
        return True

    cdef void _hand_out(
        self, Block* block, int kind, int codec, bint is_key
    ) noexcept nogil:
        """The block of the unit that was placed (the reference goes along) to all readers."""
        cdef int index
        cdef Publish publish = <Publish>_publish
        if block == NULL:
            self.base.close_group()
            return
        block.kind, block.codec, block.version = kind, codec, self._descriptions[kind]
        block.pts, block.dts = self.timeline.pts, self.timeline.dts
        block.wall_us = self._hub.now_us + self._hub.wall_offset_us
        if kind == VIDEO:
            block.flags = KEY if is_key else 0
        elif not self._has_video and (self._is_settled or self.base.key < 0):
            # Without video every unit is a place to start; what waits for video stays together.
            block.flags = KEY
        self.unit_bytes += block.size
        if not self.base.append(block):
            return
        for index in range(self._feed_count):
            publish(self._publishers[index], block)
        self.base._dts = block.dts
        self.base.hand_out()

    cdef void restart(self) noexcept nogil:
        """See `UnitSink.restart`: the first unit of each track is placed by arrival."""
        self.timeline.restart()
        self._versions[0] = self._versions[1] = -1

    cdef void tick(self) noexcept nogil:
        """End the wait for a track when no further picture does."""
        if not self._is_settled and not self.is_closed:
            self.settle()

    cdef void _meter(self, bint is_key, int64_t pts) noexcept nogil:
        if is_key:
            if self.pictures:
                self.gop_frames = self.pictures - self._group_frames
                self.gop_ticks = pts - self._group_pts
            self._group_frames, self._group_pts = self.pictures, pts
            if not self._has_key:
                self._tell_key()
        self.pictures += 1

    cdef void _tell_key(self) noexcept with gil:
        self._has_key = True
        after_s = (self._hub.now_us - self._opened_us) / 1e6
        self._hub.add_event(("key", self._number, after_s))

    # --- tracks: rare, with the GIL ---------------------------------------------------------------

    cdef void _learn(self, int kind) noexcept with gil:
        """Notice a new or changed track; nothing is told before the stream has settled."""
        track = None if self.source is None else self.source.describe(kind)
        if track is None:
            return
        self._description_count += 1
        self._descriptions[kind] = self._description_count
        self._described[self._description_count] = track
        self._described.pop(self._description_count - 2 * KEPT_INITS, None)
        if self._known.get(KINDS[kind]) is track or not _is_decodable(track):
            return
        self._known[KINDS[kind]] = track
        if self._is_settled:
            self._start_feeds()

    cdef void settle(self) noexcept with gil:
        """Begin when the expected tracks are known: a new init later costs readers a pause."""
        if self._is_settled or not self._known:
            return
        announced = frozenset() if self.source is None else self.source.announced()
        missing = (announced or {Kind.VIDEO}) - self._known.keys()
        patience = self._video_settle_us if Kind.VIDEO in missing else self._audio_settle_us
        begun = min(at for at in self._first_unit_us if at >= 0)
        if missing and self._hub.now_us - begun < patience:
            return
        self._is_settled = True
        self._start_feeds()

    cdef void _start_feeds(self) noexcept:
        tracks = tuple([self._known[kind] for kind in KINDS if kind in self._known])
        if tracks == self.tracks:
            return
        self.tracks = tracks
        for feed in self._feeds.values():
            (<OutputFeed>feed).start(tracks, self.base)
        self._hub.add_event(("tracks", self._number, tracks))

    cdef OutputFeed feed(self, str name):
        """The ring of a format; made, and warmed from the units kept, when it is new."""
        cdef OutputFeed feed = self._feeds.get(name)
        if feed is not None:
            return feed
        if self._feed_count == MAX_FEEDS:
            raise Unsupported("so many formats of one stream at a time")
        feed = OutputFeed(self._hub, self._max_bytes, self._max_chunks, name)
        self._feeds[name] = feed
        self._publishers[self._feed_count] = <void*>feed
        self._feed_count += 1
        if self._is_settled:
            feed.start(self.tracks, self.base)
        return feed

    cdef void _forget(self, OutputFeed feed, Cursor* cursor):
        """A reader is gone; a format without readers costs nothing any more."""
        cdef int index
        feed.remove_cursor(cursor)
        if feed.reader_count or feed is self.base:
            return
        self._dropped_by_leavers += feed.dropped_by_leavers
        feed.dropped_by_leavers = 0  # several may leave a ring that is forgotten already
        for name in [name for name, known in self._feeds.items() if known is feed]:
            del self._feeds[name]
        for index in range(self._feed_count):
            if self._publishers[index] == <void*>feed:
                self._feed_count -= 1
                self._publishers[index] = self._publishers[self._feed_count]
                break

    # --- for Python -------------------------------------------------------------------------------

    def publish(self, units, now_us, wall_offset_us):
        """Take `AccessUnit`s as if they came from a source: for sources in Python, and tests."""
        cdef const uint8_t* data
        cdef int version
        with nogil:
            self._hub.lock()
        try:
            self._hub.now_us, self._hub.wall_offset_us = now_us, wall_offset_us
            for unit in units:
                kind = KINDS.index(unit.track)
                version = self.source.version(kind, unit)
                payload = unit.data
                data = payload
                self.add(
                    kind, CODECS.index(unit.codec), version, unit.pts_ticks, unit.dts_ticks,
                    unit.is_key, data, 0, len(payload),
                )
        finally:
            self._hub.unlock()

    def tick_at(self, now_us):
        """Housekeeping of a stream that no engine drives."""
        with nogil:
            self._hub.lock()
        try:
            self._hub.now_us = now_us
            self.tick()
        finally:
            self._hub.unlock()

    def restart_clock(self):
        """Another source follows, with a clock of its own."""
        with nogil:
            self._hub.lock()
        self.restart()
        self._hub.unlock()

    def close(self):
        """No unit is taken any more; what was queued can still be taken by those who read."""
        with nogil:
            self._hub.lock()
        try:
            self.is_closed = True
            self.source = None
            for feed in self._feeds.values():
                (<OutputFeed>feed).close_group()
                (<OutputFeed>feed).trim()
        finally:
            self._hub.unlock()

    def statistics(self):
        """Counters of the rings: bytes cached, readers, chunks that readers lost."""
        cdef Py_ssize_t index
        cdef OutputFeed feed
        with nogil:
            self._hub.lock()
        try:
            cached = readers = 0
            dropped = self._dropped_by_leavers
            for each in self._feeds.values():
                feed = each
                cached += feed.bytes
                readers += feed.reader_count
                dropped += feed.dropped_by_leavers
                for index in range(feed.reader_count):
                    dropped += feed._cursors[index].dropped
            return cached, readers, dropped
        finally:
            self._hub.unlock()



def _is_decodable(track):
    """Whether a decoder can be set up from the track: its parameter sets have been seen."""
    if track.codec in (Codec.H264, Codec.H265):
        return bool(track.parameter_sets)
    if track.codec is Codec.AAC:
        return bool(track.audio_config)
    return True

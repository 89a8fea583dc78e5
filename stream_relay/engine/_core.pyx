# cython: boundscheck=False, wraparound=False
"""A live stream inside the engine: places units on its time line and keeps one ring per format.

Everything here happens under the hub's lock. The GIL is taken only when a track is new or changed,
until the stream has settled, and at the first key frame.
"""

import logging

cimport cython
from stream_relay.engine._block cimport (
    INIT, KEY, RESTART, Block, copy_block, frame_block, release,
)
from stream_relay.engine._feed cimport (
    PYTHON, SLOW, UNSUPPORTED, WEBSOCKET, Cursor, end_cursor, free_cursor, new_cursor,
    pop_block, queue_block,
)

from stream_relay.access_unit import Codec, Kind
from stream_relay.errors import Unsupported
from stream_relay.outputs import create_output
from stream_relay.outputs.chunk import Change

cdef int VIDEO = 0
cdef int BINARY = 2
cdef int KEPT_INITS = 64
KINDS = (Kind.VIDEO, Kind.AUDIO)
CODECS = tuple(Codec)
BASE = "access-units"
logger = logging.getLogger(__name__)


cdef void _publish(OutputFeed feed, Block* unit) noexcept nogil:
    feed.publish(unit)


ctypedef void (*Publish)(void*, Block*) noexcept nogil


@cython.no_gc_clear
cdef class OutputFeed(Feed):
    """The ring of one format. A new format is a new `Output`; nothing here knows one."""

    def __init__(self, hub, max_bytes, max_chunks, name):
        self._output = create_output(name)
        self._scratch = Buffer()
        self._inits = {}
        self._is_base = name == BASE

    cdef void publish(self, Block* unit) noexcept nogil:
        """Convert one unit and hand out what it completes."""
        cdef int made
        cdef Block* block
        if not self._is_started:
            return
        self._dts = unit.dts
        made = self._output.convert(
            unit.kind, unit.codec, unit.pts, unit.dts, unit.flags & KEY or unit.kind != VIDEO,
            unit.data, 0, unit.size, self._scratch,
        )
        if not made:
            return
        block = copy_block(self._scratch.data, self._scratch.size)
        self._scratch.clear()
        if block == NULL:
            self.close_group()
            return
        block.flags = KEY if made & 2 else 0
        block.pts, block.dts = self._output.chunk_pts, self._output.chunk_dts
        block.wall_us = unit.wall_us
        frame_block(block, BINARY)
        if self.append(block):
            self.hand_out()

    def start(self, tuple tracks, OutputFeed base):
        """Take new tracks; whoever reads gets a new init if this format is touched by the change.

        What came since the last key and still fits the tracks (audio that appears later does not
        touch the video) is converted anew: readers that must start again do so there.
        """
        try:
            change = self._output.start(tracks)
        except Unsupported as error:
            self._refuse(error)
            return
        except Exception:
            # One format's fault must not keep the others from starting.
            logger.exception("a format cannot take the tracks of a stream")
            self._refuse(Unsupported("a track that the format does not understand"))
            return
        self._refusal = None
        if change is Change.NOTHING:
            return
        was_started, self._is_started = self._is_started, True
        self._init_number += 1
        self._inits[self._init_number] = (self._output.codec_string, self._output.tracks)
        self._inits.pop(self._init_number - KEPT_INITS, None)
        if was_started:
            self._reopen(change is Change.RESTART)
        else:
            self._dts = base.at(base.key).dts if base.key >= 0 else self._dts
            self._admit_all()
        if change is Change.RESTART and base is not self:
            self._warm(base)
        self.hand_out()

    def _refuse(self, error):
        self._is_started = False
        self._refusal = self._last_refusal = error
        self.clear()
        self._refuse_all()

    def _reopen(self, bint is_restart):
        cdef Block* init = self._opening(self._dts, True)
        if is_restart:
            self.close_group()
            init.flags |= RESTART
        self.append(init)

    def _warm(self, OutputFeed base):
        cdef int64_t number
        self._output.reset()
        if base.key < 0:
            return
        for number in range(base.key, base.next):
            if not base.at(number).flags & INIT:
                self.publish(base.at(number))

    def _admit_all(self):
        cdef Py_ssize_t index = 0
        while index < self.reader_count:  # which falls when garbage is collected meanwhile
            if self._cursors[index].feed == NULL:
                self.enter(self._cursors[index])
            index += 1

    def _refuse_all(self):
        """Nobody gets anything: viewers end, readers look at the refusal, WebSockets wait."""
        cdef Cursor* cursor
        cdef Py_ssize_t index = self.reader_count
        while index:
            index -= 1
            if index >= self.reader_count:
                continue
            cursor = self._cursors[index]
            if cursor.wire == WEBSOCKET:
                cursor.feed = NULL
                continue
            end_cursor(cursor, UNSUPPORTED)
            if cursor.wire == PYTHON:
                self._hub.add_ready(cursor.number)
            self.remove_cursor(cursor)

    cdef Block* _opening(self, int64_t dts, bint is_reopening) except? NULL:
        """The init as a piece for one reader."""
        cdef bytes data
        cdef Block* block
        data = self._output.reopening(dts) if is_reopening else self._output.opening(dts)
        block = copy_block(data, len(data))
        if block == NULL:
            raise MemoryError
        block.flags = INIT
        block.version = self._init_number
        block.pts = block.dts = dts
        block.wall_us = self._hub.now_us + self._hub.wall_offset_us
        frame_block(block, BINARY)
        return block

    cdef int enter(self, Cursor* cursor) except -1:
        """Let a reader begin, now or when the tracks are known."""
        cdef int64_t dts
        if self._refusal is not None:
            if cursor.wire != WEBSOCKET:
                end_cursor(cursor, UNSUPPORTED)
            return 0
        if not self._is_started:
            return 0
        dts = self.at(self.key).dts if self.key >= 0 else self._dts
        queue_block(cursor, self._opening(dts, False))
        self.admit(cursor)
        return 0

    @property
    def bytes(self):
        """Bytes of the current group."""
        return self.total - self.at(self.key).before if self.key >= 0 else 0


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
        cdef Block* block
        cdef int index
        cdef Publish publish = <Publish>_publish
        if self.is_closed:
            return
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
        block = copy_block(data + start, end - start)
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

    def open_place(self, str name, chunks, size):
        """A reader in Python at the ring of a format; see `Place`."""
        return Place(self, name, chunks, size)


@cython.no_gc_clear
cdef class Place:
    """A Python reader's place in a ring. `number` comes in `Hub.take` when there is something."""

    def __init__(self, StreamCore core not None, str name, Py_ssize_t chunks, Py_ssize_t size):
        self._core = core
        with nogil:
            core._hub.lock()
        try:
            self._feed = core.feed(name)
            self._cursor = new_cursor(PYTHON, -1, chunks, size)
            if self._cursor == NULL or not self._feed.add_cursor(self._cursor):
                raise MemoryError
            self._feed.enter(self._cursor)
            if self._cursor.feed != NULL:
                self._cursor.is_told = True
                core._hub.add_ready(self._cursor.number)
        finally:
            core._hub.unlock()

    def __del__(self):
        if self._cursor != NULL and self._feed is not None and not self._has_left:
            self._core._hub.let_go(self)

    def __dealloc__(self):
        if self._cursor != NULL:
            if self._feed is not None and not self._has_left:
                with nogil:
                    self._core._hub.lock()
                    self._feed.remove_cursor(self._cursor)
                    self._core._hub.unlock()
            free_cursor(self._cursor)

    @property
    def number(self):
        return self._cursor.number

    @property
    def refusal(self):
        """Why the format cannot carry the stream, or None."""
        return self._feed._last_refusal if self._cursor.end == UNSUPPORTED else self._feed._refusal

    @property
    def is_slow(self):
        """Whether the reader was ended because it takes less than the stream brings."""
        return self._cursor.end == SLOW

    @property
    def counters(self):
        """(delivered, delivered bytes, dropped, overflows)."""
        cdef Cursor* cursor = self._cursor
        return cursor.delivered, cursor.delivered_bytes, cursor.dropped, cursor.overflows

    @property
    def queued(self):
        """Pieces of the ring that wait for this reader."""
        return self._feed.next - self._cursor.next if self._cursor.feed != NULL else 0

    def take(self, Py_ssize_t limit=-1):
        """Up to `limit` pieces: (flags, data, pts, dts, wall_us, version, kind, codec)."""
        cdef Cursor* cursor = self._cursor
        cdef Block* block = NULL
        taken = []
        with nogil:
            self._core._hub.lock()
        try:
            cursor.is_told = False
            while limit != 0:
                block = pop_block(cursor)
                if block == NULL and cursor.feed != NULL:
                    block = self._feed.next_block(cursor)
                if block == NULL:
                    break
                limit -= 1
                cursor.delivered += 1
                cursor.delivered_bytes += block.size
                cursor.taken_since += 1
                taken.append((
                    block.flags, block.data[: block.size], block.pts, block.dts, block.wall_us,
                    block.version, block.kind, block.codec,
                ))
                release(block)
            if block != NULL and not cursor.is_told:
                cursor.is_told = True
                self._core._hub.add_ready(cursor.number)
            self._feed.trim()
        finally:
            self._core._hub.unlock()
        return taken

    def discard(self):
        """Take everything and throw it away, and ask for no news; how many pieces it was."""
        cdef Block* block = NULL
        cdef Py_ssize_t count = 0
        with nogil:
            self._core._hub.lock()
            self._cursor.is_told = True
            while True:
                block = self._cursor.first
                if block != NULL:
                    self._cursor.first = block.next
                    if self._cursor.first == NULL:
                        self._cursor.last = NULL
                elif self._cursor.feed != NULL:
                    block = self._feed.next_block(self._cursor)
                if block == NULL:
                    break
                count += 1
                self._cursor.delivered += 1
                self._cursor.delivered_bytes += block.size
                self._cursor.taken_since += 1
                release(block)
            self._feed.trim()
            self._core._hub.unlock()
        return count

    def facts(self, int version):
        """(codec string, tracks) of an init."""
        return self._feed._inits.get(version, ("", ()))

    def description(self, int version):
        """The track of an access unit."""
        return self._core._described.get(version)

    def close(self):
        """Leave the stream; idempotent."""
        with nogil:
            self._core._hub.lock()
        try:
            if self._cursor != NULL and not self._has_left:
                self._has_left = True
                self._core._forget(self._feed, self._cursor)
        finally:
            self._core._hub.unlock()


def _is_decodable(track):
    """Whether a decoder can be set up from the track: its parameter sets have been seen."""
    if track.codec in (Codec.H264, Codec.H265):
        return bool(track.parameter_sets)
    if track.codec is Codec.AAC:
        return bool(track.audio_config)
    return True

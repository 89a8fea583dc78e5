# cython: boundscheck=False, wraparound=False
"""The ring of one format: units in, pieces for its readers out, an init before them.

A new format is a new `Output`; nothing here knows one.
"""

import logging

cimport cython
from stream_relay.engine._block cimport (
    INIT, KEY, RESTART, Block, adopt_block, copy_block, frame_block,
)
from stream_relay.engine._feed cimport (
    PACKETS, PYTHON, UNSUPPORTED, WEBSOCKET, Cursor, end_cursor, queue_block,
)

from stream_relay.errors import Unsupported
from stream_relay.outputs import create_output
from stream_relay.outputs.chunk import Change

cdef int VIDEO = 0
cdef int BINARY = 2
cdef int KEPT_INITS = 64
cdef Py_ssize_t FRAMING_BYTES = 1024
"""What a format adds to one unit, usually."""
BASE = "access-units"
logger = logging.getLogger(__name__)


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
        self._scratch.reserve(unit.size + FRAMING_BYTES)
        made = self._output.convert(
            unit.kind, unit.codec, unit.pts, unit.dts, unit.flags & KEY or unit.kind != VIDEO,
            unit.data, 0, unit.size, self._scratch,
        )
        if not made:
            return
        block = adopt_block(self._scratch, 0)
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
        """Nobody gets anything: viewers end, readers look at the refusal, others wait."""
        cdef Cursor* cursor
        cdef Py_ssize_t index = self.reader_count
        while index:
            index -= 1
            if index >= self.reader_count:
                continue
            cursor = self._cursors[index]
            if cursor.wire in (WEBSOCKET, PACKETS):
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
            if cursor.wire not in (WEBSOCKET, PACKETS):
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

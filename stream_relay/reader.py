"""One consumer of a stream in Python: a place in the engine's ring, as chunks.

A reader that cannot follow loses whole groups of pictures, never the middle of one, and is closed
when it does not even take what is left; the ring keeps that policy for all its readers.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.engine._place import Place
from stream_relay.errors import Overload, RelayError
from stream_relay.outputs.chunk import Chunk

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEY, INIT = 1, 2
AHEAD = 8
"""Chunks that an iteration takes out of the ring at once."""
KINDS, CODECS = tuple(Kind), tuple(Codec)


@dataclass(frozen=True, slots=True)
class QueueLimit:
    """How far one reader may fall behind, on top of what it got when it joined."""

    chunks: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ReaderStatistics:
    """Counters of one reader; they only grow."""

    delivered: int = 0
    delivered_bytes: int = 0
    dropped: int = 0
    overflows: int = 0


class Reader:
    """Async iterator of chunks, and async context manager: leaving it leaves the stream.

    Invariants: the first chunk is `init`; after a loss the next media chunk is a key; an `init`
    chunk is never lost. Iteration ends by raising `StreamClosed` (the stream is over),
    `Unsupported` (this format cannot carry the codec) or `Overload` (hopelessly slow).
    """

    def __init__(self, place: Place, carries_units: bool, on_close: Callable[["Reader"], None]):
        self._place = place
        self._carries_units = carries_units
        self._on_close = on_close
        self._taken: deque[Chunk] = deque()
        self._codec_string = ""
        self._tracks: tuple[Track, ...] = ()
        self._error: RelayError | None = None
        self._has_left = False
        self._waiter: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def number(self) -> int:
        """By which the engine names this reader."""
        return int(self._place.number)

    @property
    def statistics(self) -> ReaderStatistics:
        """The counters now."""
        return ReaderStatistics(*self._place.counters)

    def close(self) -> None:
        """Leave the stream; idempotent. A pending iteration ends with `StopAsyncIteration`."""
        self._on_close(self)
        self._taken.clear()
        self._has_left = True
        self._place.close()
        self.wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Chunk:
        if not await self._filled(AHEAD):
            raise StopAsyncIteration
        return self._taken.popleft()

    async def wait(self) -> bool:
        """True when a chunk can be taken, False after `close`; raises as iteration does."""
        return await self._filled(1)

    async def _filled(self, count: int) -> bool:
        while not self._taken:
            if self._has_left:
                return False
            self._take(count)
            if self._taken:
                break
            if self._place.refusal is not None:
                raise self._place.refusal
            if self._place.is_slow:
                raise Overload("the reader takes less than the stream brings")
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return True

    def take_all(self) -> list[Chunk]:
        """Everything there is, without waiting: for writers that work in batches."""
        if not self._has_left:
            self._take(-1)
        taken = list(self._taken)
        self._taken.clear()
        return taken

    def discard(self) -> int:
        """Throw away what waits, init chunks too: keeps a format warm. How many chunks it was.

        For readers that do nothing else: news wake them no more, and what they took later would
        lack its tracks.
        """
        count = len(self._taken) + int(self._place.discard())
        self._taken.clear()
        return count

    @property
    def queued(self) -> int:
        """Chunks waiting now."""
        return len(self._taken) + int(self._place.queued)

    # What follows is called by the stream only.

    def end(self, error: RelayError) -> None:
        """No chunk will follow; what is queued can still be taken, then `error` is raised."""
        self._error = self._error or error
        self.wake()

    def wake(self) -> None:
        """There is something to take, or to be told."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _take(self, count: int) -> None:
        for piece in self._place.take(count):
            self._taken.append(self._chunk(*piece))

    def _chunk(
        self,
        flags: int,
        data: bytes,
        pts: int,
        dts: int,
        wall_us: int,
        version: int,
        kind: int,
        codec: int,
    ) -> Chunk:
        wall = EPOCH + timedelta(microseconds=wall_us)
        if flags & INIT:
            self._codec_string, self._tracks = self._place.facts(version)
            return Chunk("init", data, self._codec_string, False, pts, dts, wall, self._tracks)
        is_key = bool(flags & KEY)
        unit = None
        if self._carries_units:
            track = self._place.description(version)
            unit_key = is_key or KINDS[kind] is Kind.AUDIO
            unit = AccessUnit(KINDS[kind], CODECS[codec], pts, dts, unit_key, data, track)
        return Chunk("media", data, self._codec_string, is_key, pts, dts, wall, self._tracks, unit)

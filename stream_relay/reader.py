"""One consumer of a stream: a bounded queue of shared chunks with the slow-consumer policy.

A reader that cannot follow loses whole groups of pictures, never the middle of one, and is closed
when it does not even take what is left: the others, and the memory, are not its business.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from stream_relay.errors import Overload, RelayError
from stream_relay.outputs.chunk import Chunk

STRIKES = 4
"""Overflows in a row, with hardly anything taken between them, after which a reader is closed."""


@dataclass(frozen=True, slots=True)
class QueueLimit:
    """How much may wait for one reader, on top of what it got when it joined."""

    chunks: int
    bytes: int


@dataclass(slots=True)
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

    def __init__(self, limit: QueueLimit, on_close: Callable[["Reader"], None]) -> None:
        self.statistics = ReaderStatistics()
        self._limit = limit
        self._on_close = on_close
        self._queue: deque[Chunk] = deque()
        self._queued_bytes = 0
        self._room = limit
        self._is_waiting_for_key = True
        self._taken_since_overflow = 0
        self._strikes = 0
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

    def close(self) -> None:
        """Leave the stream; idempotent. A pending iteration ends with `StopAsyncIteration`."""
        self._on_close(self)
        self._queue.clear()
        self._queued_bytes = 0
        self._has_left = True
        self._wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Chunk:
        if not await self.wait():
            raise StopAsyncIteration
        return self._pop()

    async def wait(self) -> bool:
        """True when a chunk can be taken, False after `close`; raises as iteration does."""
        while not self._queue:
            if self._has_left:
                return False
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return True

    def take_all(self) -> list[Chunk]:
        """Everything queued, without waiting: for writers that work in batches."""
        return [self._pop() for _ in range(len(self._queue))]

    @property
    def queued(self) -> int:
        """Chunks waiting now."""
        return len(self._queue)

    @property
    def is_given_up(self) -> bool:
        """Whether it was closed for being too slow; what is queued can still be taken."""
        return isinstance(self._error, Overload)

    # What follows is called by the stream only.

    def join(self, backlog: Iterable[Chunk]) -> None:
        """Queue the init chunk and the cached group of pictures; they do not count as backlog."""
        for chunk in backlog:
            self._append(chunk)
            if chunk.kind == "media":
                self._is_waiting_for_key = False
        self._room = QueueLimit(
            self._limit.chunks + len(self._queue), self._limit.bytes + self._queued_bytes
        )
        self._wake()

    def restart(self, init: Chunk, *, needs_key: bool) -> None:
        """Queue a new init chunk; `needs_key` when media before the next key do not fit it."""
        self._append(init)
        self._is_waiting_for_key = self._is_waiting_for_key or needs_key
        self._wake()

    def offer(self, chunk: Chunk) -> bool:
        """Queue a media chunk by the policy; False when the reader had to be given up."""
        if self._is_waiting_for_key and not chunk.is_key:
            self.statistics.dropped += self.statistics.overflows > 0
            return True
        if self._is_full(chunk):
            self._overflow()
            if self._strikes >= STRIKES:
                return False
            if not chunk.is_key and self._is_waiting_for_key:
                self.statistics.dropped += 1
                return True
        self._is_waiting_for_key = False
        self._append(chunk)
        self._wake()
        return True

    def end(self, error: RelayError) -> None:
        """No chunk will follow; what is queued can still be taken, then `error` is raised."""
        self._error = self._error or error
        self._wake()

    def _is_full(self, chunk: Chunk) -> bool:
        return (
            len(self._queue) >= self._room.chunks
            or self._queued_bytes + len(chunk.data) > self._room.bytes
        ) and len(self._queue) > 0

    def _overflow(self) -> None:
        """Drop all up to the newest queued key if that frees half the room, else everything."""
        is_idle = self._taken_since_overflow < max(self._room.chunks // 8, 1)
        self._strikes = self._strikes + 1 if is_idle else 0
        self._taken_since_overflow = 0
        self.statistics.overflows += 1
        queued = list(self._queue)
        start = max((i for i, chunk in enumerate(queued) if chunk.is_key), default=len(queued))
        kept_bytes = sum(len(chunk.data) for chunk in queued[start:])
        if len(queued) - start > self._limit.chunks // 2 or kept_bytes > self._limit.bytes // 2:
            start = len(queued)
        init = next((c for c in reversed(queued[:start]) if c.kind == "init"), None)
        kept = queued[start:]
        self.statistics.dropped += sum(c.kind == "media" for c in queued[:start])
        self._queue = deque(([init] if init else []) + kept)
        self._queued_bytes = sum(len(c.data) for c in self._queue)
        self._room = self._limit
        self._is_waiting_for_key = not any(c.kind == "media" for c in kept)

    def _append(self, chunk: Chunk) -> None:
        self._queue.append(chunk)
        self._queued_bytes += len(chunk.data)

    def _pop(self) -> Chunk:
        chunk = self._queue.popleft()
        self._queued_bytes -= len(chunk.data)
        self._taken_since_overflow += 1
        self.statistics.delivered += 1
        self.statistics.delivered_bytes += len(chunk.data)
        return chunk

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

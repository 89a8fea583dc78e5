"""Drives a segment writer from a reader, with every blocking call in a thread."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

from stream_relay.errors import StreamClosed
from stream_relay.reader import Reader
from stream_relay.recorder.events import RecorderEvent
from stream_relay.recorder.writer import SegmentWriter

logger = logging.getLogger(__name__)

GATHER_S = 0.5
"""Fragments are gathered for so long before they are written: what a crash may cost."""


class Recorder:
    """Records one stream from its start to its end.

    `reader` has format `fmp4-any-audio` (or `fmp4`). `executor` is the bounded pool all recorders
    share; a recorder uses one thread at a time, and while that one is busy chunks wait in the
    reader, whose queue is bounded and drops to the next key: a slow disk costs recording, never
    memory or the live picture. `on_event` is called on the loop.
    """

    def __init__(
        self,
        reader: Reader,
        directory: Path,
        code: str,
        *,
        executor: Executor,
        on_event: Callable[[RecorderEvent], None],
        segment_s: float = 60.0,
        reserve_bytes: int = 0,
        gather_s: float = GATHER_S,
        writer: SegmentWriter | None = None,
    ) -> None:
        self._reader = reader
        self._executor = executor
        self._on_event = on_event
        self._gather_s = gather_s
        self._writer = writer or SegmentWriter(
            directory, code, segment_s=segment_s, reserve_bytes=reserve_bytes
        )
        self._job: asyncio.Future[list[RecorderEvent]] | None = None

    async def run(self) -> str:
        """Record until the stream ends; its reason. The last file is closed in any case.

        Raises `Unsupported` when MP4 cannot carry the codec, `Overload` when the disk is hopelessly
        slow: the owner records again with a new reader.
        """
        try:
            while await self._reader.wait():
                await asyncio.sleep(self._gather_s)
                await self._work(partial(self._writer.write, self._reader.take_all()))
        except StreamClosed as error:
            return error.reason
        finally:
            await self._stop()
        return "closed"

    async def _work(self, call: Callable[[float], list[RecorderEvent]]) -> None:
        """One blocking call in the pool; if the wait is cancelled `_stop` joins the call."""
        loop = asyncio.get_running_loop()
        self._job = loop.run_in_executor(self._executor, call, loop.time())
        for event in await asyncio.shield(self._job):
            self._on_event(event)
        self._job = None

    async def _stop(self) -> None:
        """Write what is queued and close the file, whatever ended the recording."""
        if self._job is not None:
            await asyncio.wait([self._job])
            for event in self._job.result():
                self._on_event(event)
            self._job = None
        await self._work(partial(self._writer.write, self._reader.take_all()))
        await self._work(self._writer.close)

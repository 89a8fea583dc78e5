"""Runs the worker process: tells it what to watch, passes on what it found.

Whoever supervises `run` restarts it; a crash in a codec or a model is a `WorkerExited`
here and nothing else.
"""

import asyncio
import logging
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from analytics.errors import WorkerExited
from analytics.messages import (
    WORKER_MESSAGES,
    Configure,
    DetectionsSeen,
    SceneTask,
    WorkerMessage,
)
from analytics.plugin import Scene

logger = logging.getLogger(__name__)

LINE_LIMIT_BYTES = 8 * 1024 * 1024
"""A message with a snapshot is one line; 1080p at our JPEG quality stays below 2 MB."""

EVENTS_KEPT = 512
STOP_S = 5.0


class AnalysisRunner:
    """Async iterator of worker messages; `run` is the task that keeps one worker going.

    Events are bounded: when nobody takes them the oldest boxes go, counted in `dropped`, and an
    alarm only when nothing else is left.
    """

    def __init__(self, frames_socket: Path, person_model: Path | None) -> None:
        self._frames_socket = frames_socket
        self._person_model = person_model
        self._scenes: tuple[Scene, ...] = ()
        self._process: Process | None = None
        self._events: deque[WorkerMessage] = deque()
        self._arrived = asyncio.Event()
        self.dropped = 0

    @property
    def process_id(self) -> int | None:
        """The worker's process, None while there is none."""
        return self._process.pid if self._process else None

    async def watch(self, scenes: Sequence[Scene]) -> None:
        """Watch these scenes from now on, instead of those before."""
        self._scenes = tuple(scenes)
        await self._configure()

    async def events(self) -> AsyncIterator[WorkerMessage]:
        """Yield what the worker says, whichever worker process it is."""
        while True:
            while self._events:
                yield self._events.popleft()
            self._arrived.clear()
            await self._arrived.wait()

    async def run(self) -> None:
        """Run one worker until it ends. Raises WorkerExited; cancelled, it stops the worker."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "analytics.worker",
            stdin=PIPE,
            stdout=PIPE,
            limit=LINE_LIMIT_BYTES,
            # Ctrl-C in a terminal must not end it before the platform has closed its streams.
            start_new_session=True,
        )
        self._process = process
        logger.info("analysis worker started", extra={"count": len(self._scenes)})
        try:
            await self._configure()
            await self._read(process)
            raise WorkerExited(await process.wait())
        finally:
            self._process = None
            await self._stop(process)

    async def _configure(self) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        model = self._person_model
        message = Configure(
            frames_socket=str(self._frames_socket),
            person_model=str(model) if model else None,
            scenes=tuple(SceneTask.of(scene) for scene in self._scenes),
        )
        try:
            process.stdin.write(message.model_dump_json().encode() + b"\n")
            await process.stdin.drain()
        except ConnectionError:
            logger.warning("analysis worker is gone", extra={"reason": "its input is closed"})

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            try:
                message = WORKER_MESSAGES.validate_json(line)
            except ValidationError:
                logger.warning("analysis worker said something unknown", extra={"count": len(line)})
                continue
            self._keep(message)

    def _keep(self, message: WorkerMessage) -> None:
        if len(self._events) >= EVENTS_KEPT:
            waiting = enumerate(self._events)
            del self._events[next((n for n, m in waiting if isinstance(m, DetectionsSeen)), 0)]
            self.dropped += 1
        self._events.append(message)
        self._arrived.set()

    async def _stop(self, process: Process) -> None:
        """Close its input, which ends it; kill it where that does not help."""
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

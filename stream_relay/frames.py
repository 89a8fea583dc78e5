"""The only door for analysis: encoded pictures over a unix socket to a worker process.

The relay never decodes. A worker opens one `FrameSubscription` per channel, decodes once for all
its plugins, and may be slow or die: its queue is bounded and drops to the next key picture, and
nothing it does reaches the relay's other readers.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from stream_relay.access_unit import Kind, Track
from stream_relay.errors import RelayError, StreamClosed
from stream_relay.frames_protocol import (
    Ended,
    FrameProtocolError,
    FrameUnit,
    MessageReader,
    Subscribe,
    Tracks,
    build_message,
)
from stream_relay.outputs.chunk import Chunk, video_of
from stream_relay.reader import Reader

__all__ = ["FrameServer", "FrameSubscription", "FrameUnit", "Track", "Tracks"]

logger = logging.getLogger(__name__)

SUBSCRIBE_TIMEOUT_S = 5.0
SOCKET_BUFFER_BYTES = 1024 * 1024
MAX_SUBSCRIPTIONS = 512
_READ_BYTES = 256 * 1024

OpenReader = Callable[[str], AbstractAsyncContextManager[Reader]]
"""Opens a reader of format `access-units` for a channel code; entering may start the stream and
may raise `RelayError`, whose text the worker gets as the reason."""


class FrameServer:
    """Serves subscriptions on a unix socket that only this user may open."""

    def __init__(self, path: Path, open_reader: OpenReader) -> None:
        self._path = path
        self._open_reader = open_reader
        self._server: asyncio.Server | None = None
        self._group: asyncio.TaskGroup | None = None
        self._stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()
        self.subscriptions = 0
        """Subscriptions served now."""

    async def __aenter__(self) -> Self:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self._group = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._server = await asyncio.start_unix_server(self._accept, path=self._path)
        self._path.chmod(0o600)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await self._stack.aclose()
        self._path.unlink(missing_ok=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._group is None or self.subscriptions >= MAX_SUBSCRIPTIONS:
            writer.transport.abort()
            return
        task = self._group.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from subscription to end; nothing of it escapes."""
        self.subscriptions += 1
        try:
            async with asyncio.timeout(SUBSCRIBE_TIMEOUT_S):
                wanted = await _read_subscribe(reader)
            reason = await self._deliver_until_left(wanted, reader, writer)
            writer.write(build_message(Ended(reason)))
            async with asyncio.timeout(SUBSCRIBE_TIMEOUT_S):
                await writer.drain()
        except (OSError, TimeoutError, FrameProtocolError) as error:
            logger.info("an analysis subscription ended", extra={"reason": str(error)})
        finally:
            self.subscriptions -= 1
            writer.close()

    async def _deliver_until_left(
        self, wanted: Subscribe, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> str:
        """A worker that leaves frees its stream at once, even when no picture comes."""
        async with asyncio.TaskGroup() as group:
            delivery = group.create_task(self._deliver(wanted, writer))
            watch = group.create_task(_cancel_at_end(reader, delivery))
            delivery.add_done_callback(lambda _: watch.cancel())
        return "left" if delivery.cancelled() else delivery.result()

    async def _deliver(self, wanted: Subscribe, writer: asyncio.StreamWriter) -> str:
        """Pictures until the stream is over; the reason for its end."""
        writer.transport.set_write_buffer_limits(high=SOCKET_BUFFER_BYTES)
        try:
            async with self._open_reader(wanted.channel) as chunks:
                thinner = _Thinner(wanted)
                async for chunk in chunks:
                    message = thinner.message(chunk, chunks.statistics.dropped)
                    if message is not None:
                        writer.write(build_message(message))
                        await writer.drain()
        except StreamClosed as error:
            return error.reason
        except (RelayError, OSError) as error:
            return str(error)
        return "closed"


class _Thinner:
    """Chooses what a subscription gets; the rest never crosses the socket."""

    def __init__(self, wanted: Subscribe) -> None:
        self._keys_only = wanted.keys_only
        # A tenth less than asked for, so that a camera's own jitter does not halve the rate.
        self._least_ticks = round(0.9 * 90_000 / wanted.max_fps) if wanted.max_fps else 0
        self._last_pts: int | None = None
        self._video: Track | None = None

    def message(self, chunk: Chunk, dropped: int) -> Tracks | FrameUnit | None:
        if chunk.kind == "init":
            return self._tracks_changed(video_of(chunk.tracks))
        unit = chunk.unit
        if unit is None or unit.track is not Kind.VIDEO:
            return None
        if self._keys_only and not self._is_due(unit.is_key, unit.pts_ticks):
            return None
        return FrameUnit(unit, chunk.wall, dropped)

    def _tracks_changed(self, video: Track | None) -> Tracks | None:
        """Sound that comes and goes is no reason to set a decoder up anew."""
        if video is None or video == self._video:
            return None
        self._video = video
        return Tracks((video,))

    def _is_due(self, is_key: bool, pts_ticks: int) -> bool:
        last = self._last_pts
        if not is_key or (last is not None and 0 <= pts_ticks - last < self._least_ticks):
            return False
        self._last_pts = pts_ticks
        return True


async def _cancel_at_end(reader: asyncio.StreamReader, delivery: asyncio.Task[str]) -> None:
    """A worker says nothing after its subscription; whatever it sends is thrown away."""
    with suppress(OSError):
        while await reader.read(4096):
            pass
    delivery.cancel()


async def _read_subscribe(reader: asyncio.StreamReader) -> Subscribe:
    messages = MessageReader()
    while True:
        data = await reader.read(4096)
        if not data:
            raise FrameProtocolError("the worker left before it subscribed")
        for message in messages.receive(data):
            if isinstance(message, Subscribe):
                return message
            raise FrameProtocolError("a subscription comes first")


class FrameSubscription:
    """The worker's end: a blocking iterator of encoded pictures for a decoding thread.

    Iterate it in one thread; `close` may be called from any other and ends the iteration. Raises
    `StreamClosed` with the relay's reason when the stream is over, `SourceLost`-like `OSError` when
    the relay cannot be reached.
    """

    def __init__(
        self, path: Path, channel: str, *, keys_only: bool = True, max_fps: float = 0.0
    ) -> None:
        self.channel = channel
        self._path = path
        self._wanted = Subscribe(channel, keys_only, max_fps)
        self._socket: socket.socket | None = None
        self._is_closed = False

    def __enter__(self) -> Self:
        """Connect and subscribe. Raises `OSError` when the relay is not there."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(os.fspath(self._path))
            connection.sendall(build_message(self._wanted))
        except OSError:
            connection.close()
            raise
        self._socket = connection
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __iter__(self) -> Iterator[Tracks | FrameUnit]:
        """`Tracks` first and on every change, `FrameUnit` for each picture."""
        connection = self._socket
        if connection is None:
            raise RuntimeError("enter the subscription before iterating it")
        messages = MessageReader()
        while data := self._receive(connection):
            for message in messages.receive(data):
                if isinstance(message, Ended):
                    raise StreamClosed(message.reason)
                if isinstance(message, Tracks | FrameUnit):
                    yield message
        if not self._is_closed:
            raise StreamClosed("the relay closed the connection")

    def close(self) -> None:
        """End the iteration, from any thread; idempotent."""
        self._is_closed = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _receive(self, connection: socket.socket) -> bytes:
        try:
            return connection.recv(_READ_BYTES)
        except OSError:
            return b""

"""A client connection that the relay writes to until it ends.

Somebody else has accepted it, knows who it is, and has written the head of the answer; from then on
the socket is the viewer's alone. What the client says is read and not listened to, but for pings,
which are answered, and its goodbye.
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from stream_relay.access_unit import Track
from stream_relay.errors import Overload, StreamClosed, Unsupported
from stream_relay.outputs.chunk import Chunk, Format
from stream_relay.reader import QueueLimit, Reader
from stream_relay.stream import Stream
from stream_relay.websocket import BINARY, CLOSE, PING, PONG, TEXT, BadFrame, FrameReader, frame

Wire = Literal["http", "websocket"]
Reason = Literal["left", "slow", "finished", "aborted", "stream", "unsupported"]

READ_BYTES = 64 * 1024
LOOK_S = 0.2
"""How often it is looked, while a client takes nothing, whether its reader was given up."""
FAREWELL_S = 5.0
"""How long a client has to take what is queued at the end, and to say goodbye itself."""
MAX_WAITING = 1024
"""Texts and rests of streams that may wait for a client; more is a client that takes nothing."""


@dataclass(frozen=True, slots=True)
class InitFacts:
    """What a player must know before an initialisation segment."""

    codec_string: str
    """RFC 6381."""
    tracks: tuple[Track, ...]


@dataclass(slots=True)
class ViewerStatistics:
    """Counters of one viewer over all its streams; they only grow."""

    bytes: int = 0
    """Written to the socket, framing included."""
    chunks: int = 0
    dropped: int = 0
    overflows: int = 0


@dataclass(frozen=True, slots=True)
class ViewerEnd:
    """Why a viewer is over.

    left: the client closed, broke its protocol or is gone. slow: it does not take what comes.
    finished, aborted: its owner asked for it. stream: the attached stream ended (HTTP only).
    unsupported: the format cannot carry the stream's codec (HTTP only).
    """

    reason: Reason


class _Slow(Exception):
    """The client takes less than the stream brings."""


class Viewer:
    """Made by `Relay.adopt`; lives until `wait_closed` returns, over any number of streams.

    On a WebSocket the end of a stream, or one that the format cannot carry, ends nothing: the owner
    detaches, tells, and attaches the next.
    """

    def __init__(self, sock: socket.socket, wire: Wire, limit: QueueLimit) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._is_websocket = wire == "websocket"
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._statistics = ViewerStatistics()
        self._frames = FrameReader()
        self._waiting: deque[bytes | Chunk] = deque()
        self._pong = b""
        self._reader: Reader | None = None
        self._describe: Callable[[InitFacts], str] | None = None
        self._has_news = asyncio.Event()
        self._is_finishing = False
        self._client_left = asyncio.Event()
        self._reason: Reason | None = None
        self._end: asyncio.Future[ViewerEnd] = self._loop.create_future()
        self._deadline: asyncio.TimerHandle | None = None
        self._work: asyncio.Task[None] | None = None

    # For the owner

    def attach(
        self,
        stream: Stream,
        output_format: Format,
        describe_init: Callable[[InitFacts], str] | None = None,
    ) -> None:
        """Write a stream from its cached group of pictures on, in place of the one before.

        `describe_init` (WebSocket) gives the text that goes before each initialisation segment.
        """
        self.detach()
        if self._end.done() or self._is_finishing:
            return
        self._describe = describe_init
        try:
            self._reader = stream.open_reader(output_format, self._limit.chunks)
        except StreamClosed:
            if not self._is_websocket:
                self._end_with("stream")
        self._has_news.set()

    def detach(self) -> None:
        """The stream is over or another one follows; what is queued is still written."""
        if self._reader is not None:
            self._waiting.extend(self._reader.take_all())
            self._leave_reader()

    def send_text(self, text: str) -> None:
        """A text message (WebSocket), after what is queued now and before what comes later."""
        if self._reader is not None:
            self._waiting.extend(self._reader.take_all())
        self._put(frame(TEXT, text.encode()))

    def finish(self, text: str | None = None) -> None:
        """Write what is queued, a last text and a close frame (WebSocket), then close."""
        if self._is_finishing or self._end.done():
            return
        self.detach()
        if self._is_websocket:
            if text is not None:
                self.send_text(text)
            self._put(frame(CLOSE, struct.pack(">H", 1000)))
        self._end_with("finished")

    def abort(self) -> None:
        """Drop the connection with what is queued for it; idempotent."""
        self._stop("aborted")

    async def wait_closed(self) -> ViewerEnd:
        """Wait until the socket is closed; tells why."""
        return await asyncio.shield(self._end)

    @property
    def statistics(self) -> ViewerStatistics:
        """The counters now."""
        total, reader = self._statistics, self._reader
        if reader is None:
            return total
        now = reader.statistics
        return ViewerStatistics(
            total.bytes, total.chunks, total.dropped + now.dropped, total.overflows + now.overflows
        )

    # For the relay

    def start(self, work: "asyncio.Task[None]") -> None:
        """Belong to the task that is about to `run` this; its end closes the socket."""
        self._loop.add_reader(self._sock.fileno(), self._read)
        self._work = work
        work.add_done_callback(self._close)

    async def run(self) -> None:
        """Write until the end of the viewer, whoever brings it."""
        try:
            self._end_with(await self._write_all())
            await self._say_goodbye()
        except OSError:
            self._reason = self._reason or "left"
        except _Slow:
            self._reason = "slow"

    # Writing

    async def _write_all(self) -> Reason:
        """Write until there is nothing more to come; tells why."""
        while True:
            while self._waiting or self._pong:
                await self._write_waiting()
            if self._is_finishing:
                return self._reason or "finished"
            reader = self._reader
            try:
                if await self._is_ready(reader):
                    assert reader is not None
                    self._waiting.append(await anext(reader))
            except Overload as error:
                raise _Slow from error
            except (StreamClosed, Unsupported) as error:
                self._leave_reader()
                if not self._is_websocket:
                    return "stream" if isinstance(error, StreamClosed) else "unsupported"

    async def _write_waiting(self) -> None:
        pong, self._pong = self._pong, b""
        if pong:
            await self._send(pong)
        if not self._waiting:
            return
        item = self._waiting.popleft()
        if isinstance(item, bytes):
            await self._send(item)
            return
        self._statistics.chunks += 1
        await self._send(self._wrap(item))

    def _wrap(self, chunk: Chunk) -> bytes:
        if not self._is_websocket:
            return chunk.data
        message = frame(BINARY, chunk.data)
        if chunk.kind == "init" and self._describe is not None:
            facts = InitFacts(chunk.codec_string, chunk.tracks)
            message = frame(TEXT, self._describe(facts).encode()) + message
        return message

    async def _is_ready(self, reader: Reader | None) -> bool:
        """Wait for a chunk (true) or for anything else to do; raises as the reader does."""
        if reader is not None and reader.queued:
            return True
        self._has_news.clear()
        news = self._loop.create_task(self._has_news.wait())
        chunk = self._loop.create_task(reader.wait()) if reader is not None else None
        try:
            waits = {news} if chunk is None else {news, chunk}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return chunk is not None and chunk.done() and chunk.result()
        finally:
            news.cancel()
            if chunk is not None:
                chunk.cancel()

    async def _send(self, data: bytes) -> None:
        """Write all of it; raises OSError, and _Slow when the reader was given up meanwhile."""
        try:
            done = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            done = 0
        if done < len(data):
            await self._send_slowly(data[done:])
        self._statistics.bytes += len(data)

    async def _send_slowly(self, data: bytes) -> None:
        sending = self._loop.create_task(self._loop.sock_sendall(self._sock, data))
        try:
            while not sending.done():
                await asyncio.wait({sending}, timeout=LOOK_S)
                is_given_up = self._reader is not None and self._reader.is_given_up
                if not sending.done() and (is_given_up or len(self._waiting) > MAX_WAITING):
                    raise _Slow
        finally:
            sending.cancel()
        sending.result()

    async def _say_goodbye(self) -> None:
        """Half-close and let the client close first: else a reset could overtake the last bytes."""
        self._sock.shutdown(socket.SHUT_WR)
        await self._client_left.wait()

    def _put(self, data: bytes) -> None:
        if not self._is_finishing and not self._end.done():
            self._waiting.append(data)
            self._has_news.set()

    # Reading

    def _read(self) -> None:
        try:
            data = self._sock.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._sock.fileno())
            self._client_left.set()
            if self._reason is None:
                self._stop("left")
        elif self._is_websocket and self._reason is None:
            self._listen(data)

    def _listen(self, data: bytes) -> None:
        """Answer pings and the close frame (RFC 6455 §5.5); all else is ignored."""
        try:
            for kind, payload in self._frames.feed(data):
                if kind == PING:
                    self._pong = frame(PONG, payload)
                    self._has_news.set()
                elif kind == CLOSE:
                    self._leave_politely(payload[:2])
        except BadFrame as error:
            self._leave_politely(struct.pack(">H", error.code))

    def _leave_politely(self, code: bytes) -> None:
        """Answer the client's goodbye with a close frame; nothing else is written any more."""
        self._leave_reader()
        self._waiting.clear()
        self._put(frame(CLOSE, code))
        self._end_with("left")

    # The end

    def _leave_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            self._statistics.dropped += reader.statistics.dropped
            self._statistics.overflows += reader.statistics.overflows
            reader.close()

    def _end_with(self, reason: Reason) -> None:
        """Take nothing new; what is queued has to be gone in time."""
        self._reason = self._reason or reason
        self._is_finishing = True
        self._has_news.set()
        if self._deadline is None:
            self._deadline = self._loop.call_later(FAREWELL_S, self._stop, "slow")

    def _stop(self, reason: Reason) -> None:
        self._reason = self._reason or reason
        if self._work is not None:
            self._work.cancel()

    def _close(self, work: "asyncio.Task[None]") -> None:
        """Leave everything; what the kernel still holds for one that is cut off is dropped too."""
        self._leave_reader()
        if self._deadline is not None:
            self._deadline.cancel()
        reason = self._reason or "aborted"
        with suppress(OSError):
            if reason in ("slow", "aborted") or work.cancelled():
                reset = struct.pack("ii", 1, 0)
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        self._loop.remove_reader(self._sock.fileno())
        self._loop.remove_writer(self._sock.fileno())
        self._sock.close()
        if not self._end.done():
            self._end.set_result(ViewerEnd(reason))

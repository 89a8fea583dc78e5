"""A client connection that the engine writes to until it ends.

Somebody else has accepted it, knows who it is, and has written the head of the answer; from then on
the socket is the viewer's alone. What the client says is read and not listened to, but for pings,
which are answered, and its goodbye.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from stream_relay.access_unit import Track
from stream_relay.engine._connection import Connection
from stream_relay.engine._loop import Loop
from stream_relay.outputs.chunk import Format
from stream_relay.reader import QueueLimit
from stream_relay.stream import Stream
from stream_relay.switchboard import Switchboard

Wire = Literal["http", "websocket"]
Reason = Literal["left", "slow", "finished", "aborted", "stream", "unsupported"]
FAREWELL_S = 5.0
"""How long a client has to take what is queued at the end, and to say goodbye itself."""
READ_BYTES = 65_536
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


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


class Viewer:
    """Made by `Relay.adopt`; lives until `wait_closed` returns, over any number of streams.

    On a WebSocket the end of a stream, or one that the format cannot carry, ends nothing: the owner
    detaches, tells, and attaches the next.
    """

    def __init__(
        self,
        engine: Loop,
        board: Switchboard,
        sock: socket.socket,
        wire: Wire,
        limit: QueueLimit,
        on_end: Callable[["Viewer"], None],
    ) -> None:
        prepare(sock)
        self._sock = sock
        self._is_websocket = wire == "websocket"
        self._board = board
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._stream: Stream | None = None
        self._reason: Reason | None = None
        self._is_finishing = False
        self._is_leaving = False
        self._deadline: asyncio.TimerHandle | None = None
        self._end: asyncio.Future[ViewerEnd] = self._loop.create_future()
        self._connection = Connection(
            engine, sock.fileno(), self._is_websocket, limit.chunks, limit.bytes
        )
        board.listen("viewer", self._connection.number, self._ended)

    # For the owner

    def attach(
        self,
        stream: Stream,
        output_format: Format,
        describe_init: Callable[[InitFacts], str] | None = None,
    ) -> None:
        """Write a stream from its cached group of pictures on, in place of the one before.

        `describe_init` (WebSocket) gives the text that goes before each initialisation segment; it
        is called rarely, with the GIL, by the engine's thread, and must only build a string.
        """
        self.detach()
        if self._end.done() or self._is_finishing:
            return
        if stream.end_reason is not None:
            self._stream_over()
            return

        def describe(codec_string: str, tracks: tuple[Track, ...]) -> str:
            assert describe_init is not None, "only called when there is one"
            return describe_init(InitFacts(codec_string, tracks))

        self._stream = stream
        stream.follow(self._stream_over)
        self._connection.attach(stream.core, output_format, describe_init and describe)

    def detach(self) -> None:
        """The stream is over or another one follows; what is queued is still written."""
        if self._stream is not None:
            self._stream.unfollow(self._stream_over)
            self._stream = None
            self._connection.detach()

    def send_text(self, text: str) -> None:
        """A text message (WebSocket), behind the fragment that is being written and earlier texts.

        Fragments that wait in the ring come after it: a text never waits for a slow client's media.
        """
        self._connection.send_text(text.encode())

    def finish(self, text: str | None = None) -> None:
        """Write what is queued, a last text and a close frame (WebSocket), then close."""
        self._finish("finished", text)

    def abort(self) -> None:
        """Drop the connection with what is queued for it; idempotent."""
        self._close("aborted")

    async def wait_closed(self) -> ViewerEnd:
        """Wait until the socket is closed; tells why."""
        return await asyncio.shield(self._end)

    @property
    def statistics(self) -> ViewerStatistics:
        """The counters now; readable after the end as well."""
        chunks, written, dropped, overflows = self._connection.counters
        return ViewerStatistics(written, chunks, dropped, overflows)

    # The end

    def _stream_over(self) -> None:
        self.detach()
        if not self._is_websocket:
            self._finish("stream", None)

    def _finish(self, reason: Reason, text: str | None) -> None:
        """Take nothing new; what is queued has to be gone in time."""
        if self._is_finishing or self._is_leaving or self._end.done():
            return
        self.detach()
        self._is_finishing = True
        self._reason = reason
        if self._deadline is None:
            self._deadline = self._loop.call_later(FAREWELL_S, self._close, "slow")
        self._connection.finish(None if text is None else text.encode())

    def _ended(self, reason: Reason | Literal["closing"]) -> None:
        """The engine is done with the connection, or soon: the client wants to close."""
        if reason == "closing":
            if self._deadline is None and not self._end.done():
                self._deadline = self._loop.call_later(FAREWELL_S, self._close, "left")
        elif reason != "finished":
            self._close(reason)
        elif not self._is_leaving and not self._end.done():
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        """Half-close and let the client close first: else a reset could overtake the last bytes."""
        self._is_leaving = True
        self._reason = self._reason or "left"
        self._connection.close()
        if self._deadline is None:
            self._deadline = self._loop.call_later(FAREWELL_S, self._close, "left")
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close("left")
            return
        self._loop.add_reader(self._sock, self._read_rest)

    def _read_rest(self) -> None:
        try:
            if self._sock.recv(READ_BYTES):
                return
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._close("left")
            return
        self._close(self._reason or "left")

    def _close(self, reason: Reason) -> None:
        if self._end.done():
            return
        if self._stream is not None:
            self._stream.unfollow(self._stream_over)
            self._stream = None
        self._connection.close()
        self._board.forget("viewer", self._connection.number)
        if self._deadline is not None:
            self._deadline.cancel()
        if self._is_leaving:
            self._loop.remove_reader(self._sock)
        if reason in ("slow", "aborted"):
            # What the kernel still holds for it is not worth the memory.
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._sock.close()
        self._end.set_result(ViewerEnd(reason))
        self._on_end(self)


def prepare(sock: socket.socket) -> None:
    """No waiting and no delay; whoever hands it over has set how a silent client is found out."""
    sock.setblocking(False)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

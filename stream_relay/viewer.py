"""A client connection that the engine writes to until it ends.

The connection was accepted and authorised elsewhere; from its hand-over on nobody else reads or
writes it. A WebSocket outlives the streams it shows: it is attached to one after the other.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from stream_relay.access_unit import Track
from stream_relay.engine._connection import Connection
from stream_relay.errors import StreamClosed
from stream_relay.outputs.chunk import Format
from stream_relay.reader import QueueLimit, ReaderStatistics
from stream_relay.stream import Stream
from stream_relay.switchboard import Switchboard

Wire = Literal["http", "websocket"]
ViewerReason = Literal["left", "slow", "finished", "aborted", "unsupported"]
KEEPALIVE_IDLE_S = 15
UNANSWERED_MS = 30_000
"""A client that acknowledges nothing for so long is gone."""


@dataclass(frozen=True, slots=True)
class InitFacts:
    """What is about to be sent as an init segment."""

    codec_string: str
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class ViewerEnd:
    """How a viewer's connection ended."""

    reason: ViewerReason
    statistics: ReaderStatistics


class Viewer:
    """Owns the socket: it is closed when the viewer ends, whoever ends it."""

    def __init__(
        self,
        loop: Any,
        board: Switchboard,
        sock: socket.socket,
        wire: Wire,
        limit: QueueLimit,
        on_end: Callable[["Viewer"], None],
    ) -> None:
        prepare(sock)
        self._sock = sock
        self._board = board
        self._on_end = on_end
        self._stream: Stream | None = None
        self._ended: asyncio.Future[ViewerEnd] = asyncio.get_running_loop().create_future()
        self._connection = Connection(
            loop, sock.fileno(), wire == "websocket", limit.chunks, limit.bytes
        )
        board.listen("viewer", self._connection.number, self._end)

    @property
    def statistics(self) -> ReaderStatistics:
        """Pieces and bytes written, pieces dropped."""
        return ReaderStatistics(*self._connection.counters)

    def attach(
        self,
        stream: Stream,
        output_format: Format,
        describe_init: Callable[[InitFacts], str] | None = None,
    ) -> None:
        """Show a stream from its cached group on, instead of the one before.

        `describe_init` makes the text that a WebSocket gets before each init segment; it is called
        rarely, with the GIL, by the engine's thread. Raises `StreamClosed`.
        """
        if stream.end_reason is not None:
            raise StreamClosed(stream.end_reason)

        def describe(codec_string: str, tracks: tuple[Track, ...]) -> str:
            assert describe_init is not None, "only called when there is one"
            return describe_init(InitFacts(codec_string, tracks))

        self._stream = stream
        self._connection.attach(stream.core, output_format, describe_init and describe)
        self._board.deliver()

    def detach(self) -> None:
        """The stream is over or another one follows; the connection stays. Idempotent."""
        self._stream = None
        self._connection.detach()

    def send_text(self, text: str) -> None:
        """Queue a text message between fragments (WebSocket only)."""
        self._connection.send_text(text.encode())

    def finish(self, text: str | None = None) -> None:
        """Write what is queued and a last text, close properly, end."""
        self._connection.finish(None if text is None else text.encode())

    def abort(self) -> None:
        """End at once."""
        self._end("aborted")

    async def wait_closed(self) -> ViewerEnd:
        """Wait for the end; cancelling the wait leaves the viewer as it is."""
        return await asyncio.shield(self._ended)

    def _end(self, reason: ViewerReason) -> None:
        if self._ended.done():
            return
        self._connection.close()
        self._board.forget("viewer", self._connection.number)
        self._ended.set_result(ViewerEnd(reason, self.statistics))
        self._sock.close()
        self._on_end(self)


def prepare(sock: socket.socket) -> None:
    """No waiting, no delay, and an end for peers that vanish."""
    sock.setblocking(False)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNANSWERED_MS)

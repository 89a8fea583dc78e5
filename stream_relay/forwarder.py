"""A stream sent on to another platform as PS over RTP, with an SSRC of its own (cascade).

The packets of a source that sends a program stream pass through as they come, time stamps
untouched. What any other source sends (an elementary stream, a transport stream), and what was
asked to be something else than the source's own stream, is muxed anew. UDP, TCP where we connect,
TCP where the other side connects (RFC 4571).
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from random import randrange
from typing import Literal

from stream_relay.engine._forward import Forward
from stream_relay.engine._loop import Loop
from stream_relay.engine._source import Inlet
from stream_relay.errors import RelayError
from stream_relay.outputs.chunk import Format
from stream_relay.reader import QueueLimit
from stream_relay.receiver import Transport
from stream_relay.sources.gb28181 import connect
from stream_relay.sources.sockets import bind_listener, bind_sender
from stream_relay.switchboard import Switchboard

logger = logging.getLogger(__name__)

SEND_BUFFER_BYTES = 4 * 1024 * 1024

Content = Literal["source", "all", "video", "g711"]
"""What the other platform gets: the source's own program stream where it sends one, else all its
tracks; all tracks, muxed anew in any case; the pictures only; the pictures, and sound if it is
G.711."""
FORMATS: dict[Content, Format] = {
    "source": "ps",
    "all": "ps",
    "video": "ps-video",
    "g711": "ps-g711",
}


@dataclass(frozen=True, slots=True)
class ForwarderStatistics:
    """Counters of one forwarder over all its connections; they only grow."""

    packets: int = 0
    bytes: int = 0
    """Sent, framing included."""
    dropped: int = 0
    """Packets that the kernel or a slow receiver did not take; where it is we who mux, whole packs
    that a slow receiver lost (groups of pictures) count one each."""


class Forwarder:
    """One target of a stream. It ends with `close`, or with the stream."""

    def __init__(
        self,
        engine: Loop,
        board: Switchboard,
        inlet: Inlet,
        transport: Transport,
        ssrc: int,
        content: Content,
        limit: QueueLimit,
        on_end: Callable[["Forwarder"], None],
        *,
        is_held: bool = False,
    ) -> None:
        self.transport = transport
        self.ssrc = ssrc
        self.content: Content = content
        self.host = ""
        """Empty: the owner knows the address of this machine better."""
        self.port = 9
        """Where we send from or listen; 9 where we connect (RFC 4145 §4.1)."""
        self._engine = engine
        self._board = board
        self.inlet = inlet
        self._limit = limit
        self._on_end = on_end
        self._sock: socket.socket | None = None
        self._listener: socket.socket | None = None
        self._forward: Forward | None = None
        self._is_muxed: bool | None = None
        self._is_held = is_held
        self._past = ForwarderStatistics()
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def open(self, host: str, port: int, bind_host: str, bind_port: int) -> None:
        """Make the socket: `host` and `port` are the target, `bind_…` our own side.

        A passive one begins to listen and sends once somebody has connected; `host` is then the
        only address that may, unless it is empty. Raises `OSError`.
        """
        if self.transport == "udp":
            sock = bind_sender(bind_host, bind_port, SEND_BUFFER_BYTES)
            self.port = int(sock.getsockname()[1])
            try:
                sock.setblocking(False)
                # Looks a name up without holding up the others; connecting itself is immediate.
                await asyncio.get_running_loop().sock_connect(sock, (host, port))
            except BaseException:
                sock.close()
                raise
            self._send_by(sock)
        elif self.transport == "tcp-active":
            self._send_by(await connect(host, port))
        else:
            self._listener = bind_listener(bind_host, bind_port)
            self.port = int(self._listener.getsockname()[1])
            loop = asyncio.get_running_loop()
            loop.add_reader(self._listener, self._accept, host)

    def _accept(self, host: str) -> None:
        assert self._listener is not None, "only watched while it is open"
        try:
            sock, address = self._listener.accept()
        except OSError:  # gone before we looked
            return
        if self._forward is not None or host not in ("", address[0]):
            logger.warning("a stranger wanted a forwarded stream", extra={"peer": address[:2]})
            sock.close()
            return
        try:
            self._send_by(sock)
        except RelayError as error:
            logger.warning("a stream is not forwarded", extra={"reason": str(error)})

    def _send_by(self, sock: socket.socket) -> None:
        if self._closed.done():
            sock.close()
            return
        sock.setblocking(False)
        is_tcp = sock.type == socket.SOCK_STREAM
        if is_tcp:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        forward = Forward(self._engine, sock.fileno(), self.ssrc, is_tcp, randrange(0x10000))
        self._forward = forward
        self._board.listen("forward", forward.number, self._lost)
        try:
            self._choose_path()
        except RelayError:
            self._stop_sending()
            raise

    def review(self) -> None:
        """Something was learnt about the stream: its source may turn out to be another kind."""
        try:
            self._choose_path()
        except RelayError as error:
            logger.warning("a stream is not forwarded any more", extra={"reason": str(error)})
            self.close()

    def _choose_path(self) -> None:
        """Take what is sent from where it has to come from now.

        Raises `Overload` or `Unsupported` when the stream goes to as many places as it can.
        """
        forward = self._forward
        is_muxed = self.content != "source" or not self.inlet.intake.is_program_stream
        if forward is None or self._is_held or is_muxed == self._is_muxed:
            return
        self._is_muxed = is_muxed
        if is_muxed:
            self.inlet.remove_forward(forward)
            name = FORMATS[self.content]
            forward.attach(self.inlet.core, name, self._limit.chunks, self._limit.bytes)
        else:
            forward.detach()
            self.inlet.add_forward(forward)

    async def start(self) -> None:
        """Begin to send what was held back; idempotent."""
        if self._is_held:
            self._is_held = False
            self.review()

    @property
    def is_muxed(self) -> bool:
        """Whether the program stream is our own."""
        return bool(self._is_muxed)

    def _lost(self) -> None:
        """The other side closed its connection: a passive one may be connected to again."""
        self._stop_sending()
        if self._listener is None:
            self.close()

    def _stop_sending(self) -> None:
        forward, self._forward, self._is_muxed = self._forward, None, None
        if forward is not None:
            self._past = self._sum(forward)
            self.inlet.remove_forward(forward)
            forward.close()
            self._board.forget("forward", forward.number)
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def close(self) -> None:
        """Stop sending and free the sockets; idempotent."""
        if self._closed.done():
            return
        self._stop_sending()
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
        self._closed.set_result(None)
        self._on_end(self)

    async def wait_closed(self) -> None:
        """Wait until it has ended, whoever ended it."""
        await asyncio.shield(self._closed)

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._closed.done()

    @property
    def is_connected(self) -> bool:
        """Whether packets leave now."""
        return self._forward is not None and not self._is_held

    @property
    def statistics(self) -> ForwarderStatistics:
        """The counters now."""
        return self._past if self._forward is None else self._sum(self._forward)

    def _sum(self, forward: Forward) -> ForwarderStatistics:
        past = self._past
        return ForwarderStatistics(
            past.packets + forward.packets,
            past.bytes + forward.sent_bytes,
            past.dropped + forward.lost,
        )

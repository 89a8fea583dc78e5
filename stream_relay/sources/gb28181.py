"""The sockets of GB/T 28181 media: UDP, TCP where the device connects, TCP where we connect.

The engine moves their bytes into an `Intake`; whose bytes count is the latch's business. Python
opens and closes, accepts and connects. Nothing is ever sent but receiver reports, those only to
the locked source (RFC 3550 §6.2, RTP bleed), and one empty packet to the address that the device's
answer names, which opens the way through a NAT on our side.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Protocol

from stream_relay.engine._loop import Loop
from stream_relay.engine._media_connection import MediaConnection
from stream_relay.engine._source import Inlet, UdpPort
from stream_relay.evidence import Arrivals
from stream_relay.formats.rtp import NO_FRAME
from stream_relay.sources.peers import NO_PEER, PORT_BITS, host_key, peer_key, peer_name
from stream_relay.sources.rtcp import build_receiver_report, parse_sender_report
from stream_relay.switchboard import Switchboard

logger = logging.getLogger(__name__)

DATAGRAM_BYTES = 65_536
REPORT_INTERVAL_S = 5.0
MAX_CONNECTIONS = 4
"""At one listening port: the source, its replacement, and two strangers on probation."""
HIGHEST_PORT = 65_535
IDLE_CONNECTION_S = 10.0
"""A connection that brought no usable RTP for so long is closed."""
US = 1_000_000


class Source(Protocol):
    """What a receiver needs from its sockets."""

    port: int
    arrivals: Arrivals
    """What came to the sockets."""

    def strays(self) -> list[tuple[int, int, int]]:
        """Peer, SSRC and count of packets that no stream expects, of hosts of this stream."""

    def expect(self, ssrc: int) -> None:
        """The answer names this SSRC. Raises `SsrcTaken` where streams share a port."""

    def punch(self, host: str, port: int) -> None:
        """The answer names this address: open the way to it."""

    def tick(self, now: float) -> None:
        """Send reports, close idle connections."""

    def close(self) -> None:
        """Free the sockets at once; idempotent."""


class Reporter:
    """The RTCP side of a UDP source: sender reports in, receiver reports out."""

    def __init__(self, inlet: Inlet, rtcp: socket.socket, ssrc: int) -> None:
        self._intake = inlet.intake
        self._rtcp = rtcp
        self._own_ssrc = ~ssrc & 0xFFFFFFFF
        self._report_at: float | None = None
        self._peer: tuple[str, int] | None = None
        self._sender_report: tuple[int, int] | None = None

    def receive(self, data: bytes, address: tuple[str, int], now: float) -> None:
        """Take a packet; only the locked source's host has a say."""
        locked = self._intake.latch.peer
        if locked == NO_PEER or host_key(address[0]) != locked >> PORT_BITS:
            return
        self._peer = (address[0], address[1])
        report = parse_sender_report(data)
        if report is not None:
            self._sender_report = (report[1], round(now * US))

    def tick(self, now: float) -> None:
        """Report what arrives, every five seconds."""
        if self._report_at is None:
            self._report_at = now + REPORT_INTERVAL_S
        if now < self._report_at:
            return
        self._report_at = now + REPORT_INTERVAL_S
        locked = self._intake.latch.peer
        report = self._intake.reception(self._sender_report, round(now * US))
        if locked == NO_PEER or report is None:
            return
        host, port = peer_name(locked)
        beside = (host, min(port + 1, HIGHEST_PORT))
        target = self._peer if self._peer and self._peer[0] == host else beside
        try:
            self._rtcp.sendto(build_receiver_report(self._own_ssrc, report), target)
        except OSError as error:
            logger.debug("a receiver report was not sent", extra={"reason": str(error)})


class UdpSource:
    """An RTP socket for the engine and an RTCP socket for us."""

    def __init__(
        self, engine: Loop, inlet: Inlet, rtp: socket.socket, rtcp: socket.socket, ssrc: int
    ) -> None:
        self.port = int(rtp.getsockname()[1])
        self.arrivals = Arrivals()
        self._rtp = rtp
        self._rtcp = rtcp
        self._udp_port = UdpPort(engine, rtp.fileno(), inlet)
        self._reporter = Reporter(inlet, rtcp, ssrc)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(rtcp, self._drain_rtcp)

    def _drain_rtcp(self) -> None:
        try:
            data, address = self._rtcp.recvfrom(DATAGRAM_BYTES)
        except OSError:
            return
        self._reporter.receive(data, address[:2], self._loop.time())

    def strays(self) -> list[tuple[int, int, int]]:
        """See `Source.strays`: all that comes is the stream's."""
        return []

    def expect(self, ssrc: int) -> None:
        """See `Source.expect`: a port of its own takes any, the latch judges."""

    def punch(self, host: str, port: int) -> None:
        """See `Source.punch`."""
        punch_through(self._rtp, self._rtcp, host, port)

    def tick(self, now: float) -> None:
        """See `Source.tick`."""
        self._reporter.tick(now)

    def close(self) -> None:
        """See `Source.close`."""
        if self._rtp.fileno() < 0:
            return
        self._udp_port.close()
        self._loop.remove_reader(self._rtcp)
        self._rtp.close()
        self._rtcp.close()


def punch_through(rtp: socket.socket, rtcp: socket.socket, host: str, port: int) -> None:
    """Send an empty packet to a device's RTP port and the RTCP port beside it."""
    for sock, target in ((rtp, port), (rtcp, port + 1)):
        try:
            sock.sendto(b"", (host, target))
        except (OSError, OverflowError) as error:
            logger.debug("no way was opened to a source", extra={"reason": str(error)})


class Connection:
    """One TCP connection that brings RTP: ours to close, the engine's to read."""

    def __init__(
        self,
        engine: Loop,
        board: Switchboard,
        sock: socket.socket,
        inlet: Inlet | None,
        router: UdpPort | None,
        on_end: Callable[["Connection", str], None],
    ) -> None:
        host, port = sock.getpeername()[:2]
        sock.setblocking(False)
        self.peer = peer_key(host, port)
        self.closed = asyncio.get_running_loop().create_future()
        self._sock = sock
        self._board = board
        self._on_end = on_end
        self._media = MediaConnection(engine, sock.fileno(), self.peer, inlet, router)
        board.listen("media", self._media.number, self.end)

    @property
    def used_us(self) -> int:
        """When it brought usable RTP last, or was opened."""
        return int(self._media.used_us)

    def check(self) -> None:
        """Notice now if the other side has closed."""
        self._media.check()

    def end(self, reason: str = "closed") -> None:
        """Close without flushing: nothing was ever written. Idempotent."""
        if self.closed.done():
            return
        self.closed.set_result(None)
        self._media.close()
        self._board.forget("media", self._media.number)
        self._sock.close()
        self._on_end(self, reason)


class _TcpSource:
    """What both TCP roles share: the connections of one stream."""

    def __init__(self, engine: Loop, board: Switchboard, inlet: Inlet) -> None:
        self.port = 0
        self.arrivals = Arrivals()
        self.connections: list[Connection] = []
        self._engine = engine
        self._board = board
        self._inlet = inlet

    def adopt(self, sock: socket.socket) -> Connection | None:
        """Let the engine read it; refuses what is more than a port can need."""
        for known in self.connections:  # a device that connects anew must not meet its old self
            known.check()
        if len(self.connections) >= MAX_CONNECTIONS:
            sock.close()
            return None
        try:
            connection = Connection(self._engine, self._board, sock, self._inlet, None, self._ended)
        except OSError:  # closed before we looked (a port scan)
            sock.close()
            return None
        self.connections.append(connection)
        self.arrivals.connections += 1
        return connection

    def _ended(self, connection: Connection, reason: str) -> None:
        if connection in self.connections:
            self.connections.remove(connection)
        intake = self._inlet.intake
        if reason == "malformed":
            self._inlet.locked(lambda: intake.blame(connection.peer, NO_FRAME))

    def strays(self) -> list[tuple[int, int, int]]:
        """See `Source.strays`: all that comes is the stream's."""
        return []

    def expect(self, ssrc: int) -> None:
        """See `Source.expect`: a port of its own takes any, the latch judges."""

    def punch(self, host: str, port: int) -> None:
        """See `Source.punch`: a TCP connection needs none."""

    def tick(self, now: float) -> None:
        """See `Source.tick`. The locked source may be silent: that is for the owner to judge."""
        for connection in list(self.connections):
            is_idle = now - connection.used_us / US > IDLE_CONNECTION_S
            if is_idle and connection.peer != self._inlet.intake.latch.peer:
                connection.end()

    def close(self) -> None:
        """See `Source.close`."""
        for connection in list(self.connections):
            connection.end()


class TcpPassiveSource(_TcpSource):
    """We listen, the device connects; a second connection may replace the first."""

    def __init__(
        self, engine: Loop, board: Switchboard, inlet: Inlet, listener: socket.socket
    ) -> None:
        super().__init__(engine, board, inlet)
        self.port = int(listener.getsockname()[1])
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(listener, self._accept)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:  # gone before we looked, or no descriptor left: the listener stays
            return
        self.adopt(sock)

    def close(self) -> None:
        """See `Source.close`."""
        if self._listener.fileno() >= 0:
            self._loop.remove_reader(self._listener)
            self._listener.close()
        super().close()


class TcpActiveSource(_TcpSource):
    """We connect to the device after its answer, and again when the connection breaks.

    GB/T 28181-2022 annex D: at least 3 attempts, at least 1 s apart.
    """

    def __init__(
        self, engine: Loop, board: Switchboard, inlet: Inlet, attempts: int, pause_s: float
    ) -> None:
        super().__init__(engine, board, inlet)
        self._attempts = attempts
        self._pause_s = pause_s

    async def run(self, host: str, port: int, on_lost: Callable[[], None]) -> None:
        """Keep one connection; call `on_lost` after so many attempts in a row without one."""
        failed = 0
        while failed < self._attempts:
            if failed:
                await asyncio.sleep(self._pause_s)
            connection = await self._connect(host, port)
            if connection is None:
                failed += 1
                continue
            opened_us = connection.used_us
            await connection.closed
            brought_media = connection.used_us > opened_us
            failed = 1 if brought_media else failed + 1
        on_lost()

    async def _connect(self, host: str, port: int) -> Connection | None:
        sock: socket.socket | None = None
        self.arrivals.attempts += 1
        try:
            async with asyncio.timeout(IDLE_CONNECTION_S):
                sock = await connect(host, port)
        except (OSError, TimeoutError, ValueError) as error:  # ValueError: no name for a host
            self.arrivals.failed(error)
            logger.info(
                "the device's media port cannot be reached",
                extra={"peer": (host, port), "reason": str(error)},
            )
            return None
        return self.adopt(sock)


async def connect(host: str, port: int) -> socket.socket:
    """A connected, non-blocking TCP socket. Raises `OSError` or `ValueError`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, address = found[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock

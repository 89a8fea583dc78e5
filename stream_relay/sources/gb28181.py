"""The sockets of GB/T 28181 media: UDP, TCP where the device connects, TCP where we connect.

They only move bytes into a `StreamIntake`; whose bytes count is the latch's business. Nothing is
ever sent but receiver reports, and those only to the locked source (RFC 3550 §6.2, RTP bleed).
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Protocol

from stream_relay.errors import MalformedFraming
from stream_relay.formats import TcpFramer
from stream_relay.formats.rtp import NO_FRAME
from stream_relay.sources.intake import MALFORMED, REFUSED, USED
from stream_relay.sources.rtcp import build_receiver_report, parse_sender_report
from stream_relay.sources.stream_intake import Peer, StreamIntake

logger = logging.getLogger(__name__)

DRAIN_PACKETS = 256
"""Packets taken from one socket before others get their turn."""
DATAGRAM_BYTES = 65_536
REPORT_INTERVAL_S = 5.0
MAX_CONNECTIONS = 4
"""At one listening port: the source, its replacement, and two strangers on probation."""
MAX_REFUSED_PACKETS = 64
"""Of one connection, before it is closed."""
HIGHEST_PORT = 65_535
IDLE_CONNECTION_S = 10.0
"""A connection that brought no usable RTP for so long is closed."""


class Source(Protocol):
    """What a receiver needs from its sockets."""

    port: int

    def tick(self, now: float) -> None:
        """Send reports, close idle connections."""

    def close(self) -> None:
        """Free the sockets at once; idempotent."""


class UdpSource:
    """An RTP and an RTCP socket, drained whenever the loop finds them readable."""

    def __init__(
        self, intake: StreamIntake, rtp: socket.socket, rtcp: socket.socket, ssrc: int
    ) -> None:
        self.port = int(rtp.getsockname()[1])
        self._intake = intake
        self._rtp = rtp
        self._rtcp = rtcp
        self._own_ssrc = ~ssrc & 0xFFFFFFFF
        self._buffer = bytearray(DATAGRAM_BYTES)
        self._report_at: float | None = None
        self._rtcp_peer: Peer | None = None
        self._sender_report: tuple[int, float] | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(rtp, self._drain)
        self._loop.add_reader(rtcp, self._drain_rtcp)

    def _drain(self) -> None:
        now = self._loop.time()
        receive, take = self._rtp.recvfrom_into, self._intake.receive
        buffer = self._buffer
        view = memoryview(buffer)
        for _ in range(DRAIN_PACKETS):
            try:
                size, address = receive(buffer)
            except BlockingIOError:
                return
            except OSError as error:
                logger.debug("a media socket reports an error", extra={"reason": str(error)})
                return
            take(bytes(view[:size]), address[:2], now)

    def _drain_rtcp(self) -> None:
        try:
            data, address = self._rtcp.recvfrom(DATAGRAM_BYTES)
        except OSError:
            return
        locked = self._intake.peer
        if locked is None or address[0] != locked[0]:
            return
        self._rtcp_peer = (address[0], address[1])
        report = parse_sender_report(data)
        if report is not None:
            self._sender_report = (report[1], self._loop.time())

    def tick(self, now: float) -> None:
        """See `Source.tick`."""
        if self._report_at is None:
            self._report_at = now + REPORT_INTERVAL_S
        if now < self._report_at:
            return
        self._report_at = now + REPORT_INTERVAL_S
        locked, report = self._intake.peer, self._intake.reception(self._sender_report, now)
        if locked is None or report is None:
            return
        observed = self._rtcp_peer
        beside = (locked[0], min(locked[1] + 1, HIGHEST_PORT))
        target = observed if observed and observed[0] == locked[0] else beside
        try:
            self._rtcp.sendto(build_receiver_report(self._own_ssrc, report), target)
        except OSError as error:
            logger.debug("a receiver report was not sent", extra={"reason": str(error)})

    def close(self) -> None:
        """See `Source.close`."""
        if self._rtp.fileno() < 0:
            return
        self._loop.remove_reader(self._rtp)
        self._loop.remove_reader(self._rtcp)
        self._rtp.close()
        self._rtcp.close()


class MediaConnection(asyncio.Protocol):
    """One TCP connection that brings RTP (RFC 4571)."""

    def __init__(self, intake: StreamIntake, connections: list["MediaConnection"]) -> None:
        self.used_at = asyncio.get_running_loop().time()
        self._intake = intake
        self._connections = connections
        self._framer = TcpFramer()
        self._refused = 0
        self._transport: asyncio.Transport | None = None
        self.peer: Peer = ("", 0)
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuse what is more than a port can need."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        # Without a name it was closed before we looked (a port scan).
        self.peer = (transport.get_extra_info("peername") or ("", 0))[:2]
        self._connections.append(self)
        if len(self._connections) > MAX_CONNECTIONS:
            self.abort()

    def data_received(self, data: bytes) -> None:
        """Cut and pass on; a connection that is not RTP, or not ours, is closed."""
        now = asyncio.get_running_loop().time()
        try:
            packets = self._framer.push(data)
        except MalformedFraming:
            self._intake.malformed(NO_FRAME, self.peer)
            self.abort()
            return
        for packet in packets:
            verdict = self._intake.receive(packet, self.peer, now)
            if verdict == USED:
                self.used_at = now
            elif verdict in (REFUSED, MALFORMED):
                self._refused += 1
        if self._refused > MAX_REFUSED_PACKETS and self._intake.peer != self.peer:
            self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """The next source need not wait for silence."""
        if self in self._connections:
            self._connections.remove(self)
        if self._intake.peer == self.peer:
            self._intake.latch.release()
        if not self.closed.done():
            self.closed.set_result(None)

    def abort(self) -> None:
        """Close without flushing: nothing was ever written."""
        if self._transport is not None:
            self._transport.abort()


class _TcpSource:
    """What both TCP roles share: the connections of one stream."""

    def __init__(self, intake: StreamIntake) -> None:
        self.port = 0
        self.connections: list[MediaConnection] = []
        self._intake = intake

    def new_connection(self) -> MediaConnection:
        return MediaConnection(self._intake, self.connections)

    def tick(self, now: float) -> None:
        """See `Source.tick`. The locked source may be silent: that is for the owner to judge."""
        for connection in list(self.connections):
            is_idle = now - connection.used_at > IDLE_CONNECTION_S
            if is_idle and connection.peer != self._intake.peer:
                connection.abort()

    def close(self) -> None:
        """See `Source.close`."""
        for connection in list(self.connections):
            connection.abort()


class TcpPassiveSource(_TcpSource):
    """We listen, the device connects; a second connection may replace the first."""

    def __init__(self, intake: StreamIntake, listener: socket.socket) -> None:
        super().__init__(intake)
        self.port = int(listener.getsockname()[1])
        self._listener = listener
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Begin to accept."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self.new_connection, sock=self._listener)

    def close(self) -> None:
        """See `Source.close`."""
        if self._server is not None:
            self._server.close()
        self._listener.close()
        super().close()


class TcpActiveSource(_TcpSource):
    """We connect to the device after its answer, and again when the connection breaks.

    GB/T 28181-2022 annex D: at least 3 attempts, at least 1 s apart.
    """

    def __init__(self, intake: StreamIntake, attempts: int, pause_s: float) -> None:
        super().__init__(intake)
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
            opened_at = connection.used_at
            await connection.closed
            brought_media = connection.used_at > opened_at
            failed = 1 if brought_media else failed + 1
        on_lost()

    async def _connect(self, host: str, port: int) -> MediaConnection | None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(IDLE_CONNECTION_S):
                _, connection = await loop.create_connection(self.new_connection, host, port)
        except (OSError, TimeoutError, ValueError) as error:  # ValueError: no name for a host
            logger.info(
                "the device's media port cannot be reached",
                extra={"peer": (host, port), "reason": str(error)},
            )
            return None
        return connection

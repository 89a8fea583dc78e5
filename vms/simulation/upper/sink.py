"""Where a pretend upper platform receives: counts what comes, and keeps the program stream.

UDP, TCP where it listens, TCP where it connects (RFC 4571). Whatever arrives at the port is taken:
a lower platform is to be judged here, not defended against.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from sip.message.sdp import MediaTransport
from stream_relay.errors import RelayError
from stream_relay.formats.jitter import ReorderBuffer
from stream_relay.formats.rfc4571 import TcpFramer
from stream_relay.formats.rtp import is_rtcp, parse_packet
from stream_relay.sources.sockets import bind_listener, bind_pair

logger = logging.getLogger(__name__)

CONNECT_TRIES, CONNECT_PAUSE_S = 5, 0.5
WRITE_BUFFER_BYTES = 1024 * 1024
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
MOST_SSRCS = 8
PACK_START = b"\x00\x00\x01\xba"


@dataclass(slots=True)
class SinkCounts:
    """What came; it only grows."""

    packets: int = 0
    bytes: int = 0
    """Of the program stream, without RTP headers."""
    lost: int = 0
    malformed: int = 0
    ssrcs: list[int] = field(default_factory=list)
    is_program_stream: bool = False
    """Whether the first payload begins with a pack header."""


class MediaSink:
    """One call's media; `open`, then `connect` where we are to, then `close`."""

    def __init__(self, on_first: Callable[[], None], path: Path | None = None) -> None:
        self.counts = SinkCounts()
        self.port = 0
        self._on_first = on_first
        self._path = path
        self._file: BinaryIO | None = None
        self._order = ReorderBuffer()
        self._stack: list[Callable[[], None]] = []
        self._is_closed = False

    async def open(self, transport: MediaTransport, host: str) -> None:
        """Bind what the offer is to name. Raises OSError."""
        loop = asyncio.get_running_loop()
        if self._path is not None:
            self._file = file = self._path.open("wb", WRITE_BUFFER_BYTES)
            self._stack.append(file.close)
        if transport == "tcp-active":
            self.port = 9  # RFC 4145 §4.1: who connects has no port to name
        elif transport == "tcp-passive":
            listener = bind_listener(host, 0)
            self.port = int(listener.getsockname()[1])
            server = await loop.create_server(lambda: _Connection(self), sock=listener)
            self._stack.append(server.close)
        else:
            rtp, rtcp = bind_pair(host, 0, RECEIVE_BUFFER_BYTES)
            self.port = int(rtp.getsockname()[1])
            self._stack.append(rtcp.close)
            receiver, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=rtp)
            self._stack.append(receiver.close)

    async def connect(self, host: str, port: int) -> None:
        """Open the connection of a call in which we are to; raises OSError after some tries."""
        loop = asyncio.get_running_loop()
        for remaining in reversed(range(CONNECT_TRIES)):
            try:
                transport, _ = await loop.create_connection(lambda: _Connection(self), host, port)
            except OSError:
                if not remaining or self._is_closed:
                    raise
                await asyncio.sleep(CONNECT_PAUSE_S)
                continue
            self._stack.append(transport.close)
            return

    def close(self) -> SinkCounts:
        """Free sockets and file; returns what came."""
        self._is_closed = True
        while self._stack:
            self._stack.pop()()
        self._file = None
        self._order.close()
        return self.counts

    def take(self, data: bytes) -> None:
        """Take one packet."""
        if self._is_closed or is_rtcp(data):
            return
        counts = self.counts
        try:
            packet = parse_packet(data)
        except RelayError:
            counts.malformed += 1
            return
        counts.packets += 1
        if packet.ssrc not in counts.ssrcs and len(counts.ssrcs) < MOST_SSRCS:
            counts.ssrcs.append(packet.ssrc)
        now = asyncio.get_running_loop().time()
        for each in (*self._order.push(packet, now), *self._order.poll(now)):
            self._keep(each.payload)
        counts.lost = self._order.lost
        if counts.packets == 1:
            counts.is_program_stream = packet.payload.startswith(PACK_START)
            self._on_first()

    def _keep(self, payload: bytes) -> None:
        self.counts.bytes += len(payload)
        if self._file is not None:
            self._file.write(payload)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, sink: MediaSink) -> None:
        self._sink = sink

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._sink.take(data)


class _Connection(asyncio.Protocol):
    """One TCP connection with framed packets; one that lost its frames is closed."""

    def __init__(self, sink: MediaSink) -> None:
        self._sink = sink
        self._framer = TcpFramer()
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            packets = self._framer.push(data)
        except RelayError as error:
            logger.warning("media connection makes no sense", extra={"reason": str(error)})
            if self._transport is not None:
                self._transport.close()
            return
        for packet in packets:
            self._sink.take(packet)

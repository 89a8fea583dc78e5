"""One hearer of our voice: its socket and its packets.

The way is named from the hearer's side: `tcp-passive`, the device listens and we connect;
`tcp-active`, it connects to us. A device that takes nothing loses packets, never our time.
"""

import asyncio
import logging
import socket
from contextlib import suppress
from dataclasses import dataclass
from random import randrange

from stream_relay.errors import Overload, SourceLost
from stream_relay.formats.pes import MAX_PES_BYTES
from stream_relay.formats.rfc4571 import build_frame
from stream_relay.receiver import Transport
from stream_relay.sources.ports import PortPool
from stream_relay.sources.sockets import bind_listener, bind_sender
from stream_relay.voice.laws import mu_law
from stream_relay.voice.packets import TCP_MS, UDP_MS, VoicePacketizer

logger = logging.getLogger(__name__)

CONNECT_ATTEMPTS, CONNECT_REST_S, CONNECT_S = 3, 1.0, 5.0
"""GB/T 28181-2022 annex D: at least three attempts, at least 1 s apart."""
MOST_WAITING_BYTES = 4_000
"""Half a second of sound that a TCP hearer has not taken; what follows is dropped."""
SEND_BUFFER_BYTES = 256 * 1024
BIND_ATTEMPTS = 16
DISCARD_PORT = 9
"""What our answer says where we connect (RFC 4145 §4.1)."""


@dataclass(frozen=True, slots=True)
class VoiceTarget:
    """Where a device wants its voice, and in which form."""

    host: str
    port: int
    transport: Transport
    signalling_host: str
    payload_type: int = 8
    is_program_stream: bool = False
    packet_ms: int = UDP_MS
    """Length of a packet; over TCP at least 100 ms (quirk 46)."""
    pes_bytes: int = MAX_PES_BYTES
    """Longest PES packet it takes, inside PS."""
    is_mu_law: bool = False
    """It knows no A-law."""


class VoiceSender:
    """`open` makes the socket before we answer, `start` when the device is ready, `close` ends."""

    def __init__(self, target: VoiceTarget, ports: PortPool, host: str) -> None:
        self.port = DISCARD_PORT
        """What to write into the answer."""
        self.packets = 0
        self.bytes = 0
        self.dropped = 0
        """Packets that the device or the kernel did not take."""
        self._target = target
        self._to = (target.host, target.port)
        self._ports = ports
        self._host = host
        self._own_port = 0
        self._datagrams: socket.socket | None = None
        self._listener: socket.socket | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._packetizer: VoicePacketizer | None = None

    @property
    def is_connected(self) -> bool:
        """Whether packets leave now."""
        return self._datagrams is not None or self._writer is not None

    def open(self) -> None:
        """Make the socket; raises Overload when no port is free."""
        if self._target.transport == "tcp-passive":
            return
        now = asyncio.get_running_loop().time()
        for _ in range(BIND_ATTEMPTS):
            port = self._ports.take(now)
            try:
                if self._target.transport == "udp":
                    self._datagrams = bind_sender(self._host, port, SEND_BUFFER_BYTES)
                    bound = self._datagrams
                else:
                    self._listener = bound = bind_listener(self._host, port)
            except OSError:
                self._ports.put_last(port)
                continue
            self._own_port = port
            self.port = int(bound.getsockname()[1])
            return
        raise Overload("the media ports tried are all taken by other programs")

    async def start(self, ssrc: int) -> None:
        """Connect where that is our part; returns when packets can leave. Raises SourceLost."""
        target = self._target
        is_udp = target.transport == "udp"
        self._packetizer = VoicePacketizer(
            ssrc,
            payload_type=target.payload_type,
            packet_ms=target.packet_ms if is_udp else max(target.packet_ms, TCP_MS),
            is_program_stream=target.is_program_stream,
            pes_bytes=target.pes_bytes,
            first_sequence=randrange(0x10000),
            first_timestamp=randrange(1 << 31),
        )
        try:
            if target.transport == "tcp-passive":
                await self._connect()
            elif target.transport == "tcp-active":
                await self._accept()
            elif self._datagrams is not None:
                asyncio.get_running_loop().add_reader(self._datagrams, self._learn)
        except (OSError, TimeoutError) as error:
            raise SourceLost(f"the device cannot be reached: {error or 'timed out'}") from error

    def push(self, a_law: bytes) -> None:
        """Send 20 ms of sound; never waits."""
        if self._packetizer is not None:
            sound = mu_law(a_law) if self._target.is_mu_law else a_law
            self._send(self._packetizer.push(sound))

    def finish(self) -> None:
        """Send what is left of the last packet."""
        if self._packetizer is not None:
            self._send(self._packetizer.finish())

    def close(self) -> None:
        """Free the socket and let its port rest; idempotent."""
        loop = asyncio.get_running_loop()
        if self._datagrams is not None:
            loop.remove_reader(self._datagrams)
            self._datagrams.close()
            self._datagrams = None
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._own_port:
            self._ports.give_back(self._own_port, loop.time())
            self._own_port = 0

    async def _connect(self) -> None:
        for attempt in range(1, CONNECT_ATTEMPTS + 1):
            try:
                async with asyncio.timeout(CONNECT_S):
                    _, self._writer = await asyncio.open_connection(*self._to)
                return
            except (OSError, TimeoutError):
                if attempt == CONNECT_ATTEMPTS:
                    raise
                await asyncio.sleep(CONNECT_REST_S)

    async def _accept(self) -> None:
        """Wait for the device; a stranger is hung up on."""
        assert self._listener is not None, "opened before started"
        known = {self._target.host, self._target.signalling_host}
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_ATTEMPTS * CONNECT_S):
            while True:
                accepted, address = await loop.sock_accept(self._listener)
                if address[0] in known:
                    break
                logger.warning("a stranger wanted to hear", extra={"peer": address[0]})
                accepted.close()
        _, self._writer = await asyncio.open_connection(sock=accepted)

    def _learn(self) -> None:
        """Behind NAT a device opens the way with a packet of its own: its source is the way back.

        Only from the address that signalled: nobody else may turn the voice his way.
        """
        assert self._datagrams is not None, "watched only while it is open"
        with suppress(OSError):
            _, source = self._datagrams.recvfrom(2048)
            if source[0] == self._target.signalling_host:
                self._to = (source[0], source[1])

    def _send(self, packets: list[bytes]) -> None:
        for packet in packets:
            if self._put(packet):
                self.packets += 1
                self.bytes += len(packet)
            else:
                self.dropped += 1

    def _put(self, packet: bytes) -> bool:
        if self._datagrams is not None:
            try:
                self._datagrams.sendto(packet, self._to)
            except OSError:
                return False
            return True
        writer = self._writer
        if writer is None or writer.is_closing():
            return False
        if writer.transport.get_write_buffer_size() > MOST_WAITING_BYTES:
            return False
        writer.write(build_frame(packet))
        return True

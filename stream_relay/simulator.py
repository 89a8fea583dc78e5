"""MediaSender: a pretend camera's media, PS over RTP, from a clip or the built-in scene.

Transports are named from the receiver's side, as in the platform's offer: `udp`; `tcp-passive`,
the receiver listens and we connect; `tcp-active`, we listen and the receiver connects.
"""

import asyncio
import logging
import random
import socket
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from stream_relay.access_unit import TICKS_PER_SECOND, AccessUnit, Codec
from stream_relay.clip import ClipSource
from stream_relay.errors import SourceLost
from stream_relay.media_quirks import OddFraming
from stream_relay.packetizer import PAYLOAD_TYPE, FaultyPath, MediaFaults, Packetizer
from stream_relay.scene import SceneSource

__all__ = ["ClipSource", "MediaFaults", "MediaSender", "MediaSource", "MediaTarget", "SceneSource"]

logger = logging.getLogger(__name__)

Transport = Literal["udp", "tcp-passive", "tcp-active"]

TCP_PAYLOAD_BYTES = 8 * 1024
BURST_PACKETS = 24
BURST_REST_S = 0.001
"""A key frame's packets leave in bursts with a rest between, so that small buffers hold them."""
MAX_LATENESS_S = 1.0
"""A sender that falls behind by more drops its schedule instead of racing after it."""
CONNECT_ATTEMPTS, CONNECT_REST_S = 3, 1.0
"""GB/T 28181-2022 annex D: at least three attempts, at least 1 s apart."""
ACCEPT_TIMEOUT_S = 10.0
STALL_TIMEOUT_S = 10.0
OTHER_HOST = "127.0.0.2"
"""Every address of the loopback network is this machine's."""
NO_RTP = b"HELLO, this is no RTP packet"
NO_PORT = 9
"""The discard port: what an answer says when we connect ourselves (RFC 4145)."""


class MediaTracks(Protocol):
    """What a camera sends."""

    codec: Codec
    """Known once `prepare` has returned."""
    audio: Codec | None

    def prepare(self) -> None:
        """Read what has to be read first; blocks. Raises Unsupported."""


class MediaSource(MediaTracks, Protocol):
    """Endless access units of one camera in decode order, stamps from 0."""

    def units(self) -> Iterator[AccessUnit]:
        """May block while it reads or encodes: called in a thread."""


@dataclass(frozen=True, slots=True)
class MediaTarget:
    """Where the platform wants its stream."""

    host: str
    port: int
    transport: Transport
    ssrc: int
    payload_type: int = PAYLOAD_TYPE


class RtpSender(ABC):
    """The way of one stream to its receiver; what is sent, and when, is `_stream` of a subclass.

    `async with` opens the socket, `run` sends until it is cancelled or has nothing more to send.
    """

    def __init__(
        self,
        tracks: MediaTracks,
        target: MediaTarget,
        *,
        chance: random.Random,
        faults: MediaFaults | None = None,
        local_host: str = "0.0.0.0",
    ) -> None:
        self.packets = 0
        self.bytes = 0
        self.port = NO_PORT
        """Local media port for the answer."""
        self._tracks = tracks
        self._target = target
        self._faults = faults or MediaFaults()
        self._framing = OddFraming(self._faults)
        self._chance = chance
        self._local_host = local_host
        self._socket: socket.socket | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.ssrc = target.ssrc ^ 0x01010101 if self._faults.wrong_ssrc else target.ssrc

    async def __aenter__(self) -> Self:
        if self._target.transport == "tcp-passive":
            return self
        kind = socket.SOCK_DGRAM if self._target.transport == "udp" else socket.SOCK_STREAM
        opened = socket.socket(socket.AF_INET, kind)
        opened.setblocking(False)
        try:
            opened.bind((self._own_host(), 0))
            if kind == socket.SOCK_STREAM and not self._faults.not_listening:
                opened.listen(1)
        except OSError as error:
            opened.close()
            raise SourceLost(f"no local media port: {error}") from error
        self._socket = opened
        self.port = opened.getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def run(self) -> None:
        """Connect and send; returns at the end of a recording, or when the fault `die` strikes.

        Raises SourceLost when the receiver cannot be reached or closes its end.
        """
        try:
            await self._connect()
            await self._stream()
        except (OSError, TimeoutError) as error:
            raise SourceLost(f"receiver: {error or 'timed out'}") from error

    async def _connect(self) -> None:
        if self._target.transport == "udp":
            return
        if self._target.transport == "tcp-active":
            if self._faults.not_listening:
                await asyncio.Event().wait()
            loop = asyncio.get_running_loop()
            assert self._socket is not None, "entered before run"
            async with asyncio.timeout(ACCEPT_TIMEOUT_S):
                accepted, _ = await loop.sock_accept(self._socket)
            _, self._writer = await asyncio.open_connection(sock=accepted)
            return
        for attempt in range(1, CONNECT_ATTEMPTS + 1):
            try:
                async with asyncio.timeout(ACCEPT_TIMEOUT_S):
                    _, self._writer = await asyncio.open_connection(
                        self._target.host, self._target.port
                    )
                return
            except OSError:
                if attempt == CONNECT_ATTEMPTS:
                    raise
                await asyncio.sleep(CONNECT_REST_S)

    def _own_host(self) -> str:
        is_near = self._target.host.startswith("127.")
        return OTHER_HOST if self._faults.other_address and is_near else self._local_host

    @abstractmethod
    async def _stream(self) -> None:
        """Send what there is to its end."""

    def _packetizer(self) -> Packetizer:
        """What makes packets of units; the tracks are prepared before."""
        is_udp = self._target.transport == "udp"
        return Packetizer(
            self.ssrc,
            self._tracks.codec,
            self._tracks.audio,
            payload_type=self._target.payload_type,
            first_sequence=self._chance.randrange(0x10000),
            first_ticks=self._chance.randrange(1 << 31),
            quirks=self._faults,
            **({} if is_udp else {"payload_bytes": TCP_PAYLOAD_BYTES}),
        )

    def _path(self) -> FaultyPath:
        """What happens to packets on the way: nothing over TCP."""
        is_udp = self._target.transport == "udp"
        return FaultyPath(self._faults if is_udp else MediaFaults(), self._chance)

    async def _send(self, packets: list[bytes]) -> None:
        for start in range(0, len(packets), BURST_PACKETS):
            if start:
                await asyncio.sleep(BURST_REST_S)
            burst = packets[start : start + BURST_PACKETS]
            if self._writer is not None:
                self._writer.write(self._framing.frames(burst))
                async with asyncio.timeout(STALL_TIMEOUT_S):
                    await self._writer.drain()
            else:
                self._send_datagrams(burst)
            self.packets += len(burst)
            self.bytes += sum(map(len, burst))

    def _send_datagrams(self, burst: list[bytes]) -> None:
        """UDP: a full buffer loses packets, as a camera's would; a refusal is the receiver's."""
        assert self._socket is not None, "entered before run"
        for packet in burst:
            if self._faults.not_rtp:
                packet = NO_RTP
            try:
                self._socket.sendto(packet, (self._target.host, self._target.port))
            except BlockingIOError:
                logger.debug("socket buffer full", extra={"ssrc": self.ssrc})


class MediaSender(RtpSender):
    """A live stream, in real time."""

    def __init__(
        self,
        source: MediaSource,
        target: MediaTarget,
        *,
        chance: random.Random,
        faults: MediaFaults | None = None,
        local_host: str = "0.0.0.0",
    ) -> None:
        super().__init__(source, target, chance=chance, faults=faults, local_host=local_host)
        self._source = source

    async def _stream(self) -> None:
        await asyncio.to_thread(self._source.prepare)
        loop = asyncio.get_running_loop()
        packetizer, path = self._packetizer(), self._path()
        units = self._source.units()
        start = loop.time()
        while (unit := await asyncio.to_thread(next, units, None)) is not None:
            stream_s = unit.dts_ticks / TICKS_PER_SECOND
            wait_s = start + stream_s - loop.time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            elif wait_s < -MAX_LATENESS_S:
                start -= wait_s
            if self._faults.die_after_s is not None and stream_s >= self._faults.die_after_s:
                logger.info("pretend camera dies", extra={"ssrc": self.ssrc})
                return
            packets = packetizer.packets(unit)
            if not self._faults.is_silent(stream_s):
                await self._send(list(path.passed(packets)))

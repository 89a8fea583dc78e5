"""A pretend loudspeaker: hears RTP like a device and keeps it as a WAV file (simulator, tests)."""

import asyncio
import logging
import socket
from contextlib import suppress
from pathlib import Path

import numpy as np

from stream_relay.access_unit import Codec
from stream_relay.errors import MalformedMedia, SourceLost
from stream_relay.formats.g711 import A_LAW, SAMPLE_RATE
from stream_relay.formats.ps import PsDemuxer
from stream_relay.formats.rfc4571 import TcpFramer
from stream_relay.formats.rtp import parse_packet
from stream_relay.receiver import Transport
from stream_relay.sources.sockets import bind_listener, bind_sender
from stream_relay.voice.decode import build_wav
from stream_relay.voice.level import Samples

logger = logging.getLogger(__name__)

LONGEST_SAMPLES = 600 * SAMPLE_RATE
RECEIVE_BYTES = 65_536
BUFFER_BYTES = 256 * 1024
CONNECT_S = 10.0
G711A_TYPE = 8


def _linear_values() -> Samples:
    """Each code's value: the middle of the samples that are written with it."""
    codes = np.frombuffer(A_LAW, np.uint8)
    values = np.arange(len(codes)) * 8.0 - 32768 + 4
    table = np.zeros(256, np.int16)
    for code in range(256):
        own = values[codes == code]
        table[code] = round(float(own.mean())) if len(own) else 0
    return table


LINEAR = _linear_values()


def decode(a_law: bytes) -> Samples:
    """G.711A to 16-bit samples."""
    return LINEAR[np.frombuffer(a_law, np.uint8)]


class VoiceEar:
    """`open` makes the socket, `listen` hears until it is cancelled; then `heard` has the sound."""

    def __init__(self, transport: Transport, local_host: str) -> None:
        self.port = 9
        self.packets = 0
        self.malformed = 0
        self.payload_types: set[int] = set()
        self.packet_sizes: set[int] = set()
        """Bytes of sound per packet."""
        self.ssrcs: set[int] = set()
        self._transport = transport
        self._host = local_host
        self._socket: socket.socket | None = None
        self._pieces: list[bytes] = []
        self._samples = 0
        self._demuxer = PsDemuxer()

    @property
    def heard(self) -> Samples:
        """All of the sound so far."""
        return decode(b"".join(self._pieces))

    def open(self) -> None:
        """Make the socket that the offer names; raises SourceLost."""
        try:
            if self._transport == "udp":
                self._socket = bind_sender(self._host, 0, BUFFER_BYTES)
            elif self._transport == "tcp-passive":
                self._socket = bind_listener(self._host, 0)
        except OSError as error:
            raise SourceLost(f"no local media port: {error}") from error
        if self._socket is not None:
            self.port = int(self._socket.getsockname()[1])

    async def listen(self, host: str, port: int) -> None:
        """Hear until cancelled or hung up on; `host` and `port` are the speaker's."""
        loop = asyncio.get_running_loop()
        if self._transport == "udp":
            assert self._socket is not None, "opened before"
            while True:
                self._take(await loop.sock_recv(self._socket, RECEIVE_BYTES))
        try:
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await self._join(host, port)
        except (OSError, TimeoutError) as error:
            raise SourceLost(f"the speaker cannot be reached: {error}") from error
        framer = TcpFramer()
        try:
            while data := await reader.read(RECEIVE_BYTES):
                for packet in framer.push(data):
                    self._take(packet)
        except ConnectionError:
            return
        finally:
            writer.close()

    async def _join(
        self, host: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._transport == "tcp-active":
            return await asyncio.open_connection(host, port)
        assert self._socket is not None, "opened before"
        accepted, _ = await asyncio.get_running_loop().sock_accept(self._socket)
        return await asyncio.open_connection(sock=accepted)

    def close(self) -> None:
        """Free the socket; idempotent."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
            self._socket = None

    def save(self, path: Path) -> None:
        """Write what was heard as WAV; the file is whole as soon as it has its name."""
        draft = path.with_suffix(".part")
        draft.write_bytes(build_wav(self.heard))
        draft.replace(path)

    def _take(self, data: bytes) -> None:
        try:
            packet = parse_packet(data)
        except MalformedMedia:
            self.malformed += 1
            return
        self.packets += 1
        self.payload_types.add(packet.payload_type)
        self.ssrcs.add(packet.ssrc)
        if packet.payload_type == G711A_TYPE:
            self._keep(packet.payload)
            return
        for unit in self._demuxer.push(packet.payload, packet.timestamp, packet.marker):
            if unit.codec is Codec.G711A:
                self._keep(unit.data)

    def _keep(self, sound: bytes) -> None:
        self.packet_sizes.add(len(sound))
        if self._samples < LONGEST_SAMPLES:
            self._samples += len(sound)
            self._pieces.append(sound)

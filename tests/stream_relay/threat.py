"""A relay seen from outside for the threat cases: packets into its sockets, pictures out."""

import asyncio
import hashlib
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import av

from stream_relay.access_unit import AccessUnit, Codec, Kind
from stream_relay.events import StreamEvent
from stream_relay.formats import build_packet
from stream_relay.formats.ps_mux import PsMuxer
from stream_relay.formats.rfc4571 import build_frame
from stream_relay.outputs.chunk import Chunk
from stream_relay.receiver import Receiver, Transport
from stream_relay.relay import Relay
from tests.stream_relay.media import SSRC, udp_socket

HOST, STRANGER = "127.0.0.1", "127.0.0.2"
PATIENCE_S = 30.0
BURST = 20
"""Packets sent before the relay gets a turn."""
DECODERS = {Codec.H264: "h264", Codec.H265: "hevc"}


def packs(units: Sequence[AccessUnit], muxer: PsMuxer | None = None) -> list[tuple[bytes, int]]:
    """Each unit's pack and its RTP time."""
    muxer = muxer or PsMuxer()
    return [(muxer.mux(unit), unit.dts_ticks & 0xFFFFFFFF) for unit in units]


@dataclass
class Cutter:
    """Cuts packs into RTP packets, going on where the packs before ended."""

    sequence: int = 100
    ssrc: int = SSRC
    payload_bytes: int = 1000
    with_marker: bool = True

    def packets(self, cut: Sequence[tuple[bytes, int]]) -> list[bytes]:
        return [packet for pack, ticks in cut for packet in self._of(pack, ticks)]

    def _of(self, pack: bytes, ticks: int) -> Iterator[bytes]:
        for start in range(0, len(pack), self.payload_bytes):
            piece = pack[start : start + self.payload_bytes]
            is_last = self.with_marker and start + self.payload_bytes >= len(pack)
            yield build_packet(96, is_last, self.sequence, ticks, self.ssrc, piece)
            self.sequence = self.sequence + 1 & 0xFFFF


@dataclass
class Screen:
    """A viewer that keeps what it got."""

    receiver: Receiver
    output: Any = "access-units"
    chunks: list[Chunk] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reader = self.receiver.stream.open_reader(self.output, limit=100_000)

    @property
    def pictures(self) -> list[AccessUnit]:
        units = [chunk.unit for chunk in self.chunks if chunk.unit is not None]
        return [unit for unit in units if unit.track is Kind.VIDEO]

    @property
    def data(self) -> list[bytes]:
        return [unit.data for unit in self.pictures]

    async def until(self, holds: Callable[["Screen"], bool]) -> None:
        """Take what comes until it is as wanted."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds(self):
                self.chunks.append(await anext(self.reader))


class Desk:
    """An open relay whose events are kept."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.events: list[StreamEvent] = []

    async def open(
        self, transport: Transport = "udp", *, name: str = "s", ssrc: int = SSRC
    ) -> Receiver:
        return await self.relay.open_receiver(
            name, transport, ssrc, ssrc_check=True, signalling_host=HOST
        )

    async def event(self, kind: type[StreamEvent]) -> StreamEvent:
        """The next event of this kind."""
        async with asyncio.timeout(PATIENCE_S):
            async for event in self.relay.events():
                self.events.append(event)
                if isinstance(event, kind):
                    return event
        raise AssertionError("events end never")


async def until(holds: Callable[[], bool]) -> None:
    """Let everything run until it holds."""
    for _ in range(round(PATIENCE_S * 100)):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


class Device:
    """A sender of datagrams; at STRANGER it is somebody else."""

    def __init__(self, port: int, host: str = HOST) -> None:
        self.socket = udp_socket(host)
        self.socket.setblocking(False)
        self.port = port

    def __enter__(self) -> "Device":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    async def send(self, packets: Sequence[bytes]) -> None:
        for number, packet in enumerate(packets):
            self.socket.sendto(packet, (HOST, self.port))
            if number % BURST == BURST - 1:
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.001)


def framed(packets: Sequence[bytes]) -> bytes:
    return b"".join(build_frame(packet) for packet in packets)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def frame_hashes(units: Sequence[AccessUnit]) -> list[str]:
    """What a decoder shows of these pictures, one hash each; raises for what it cannot read."""
    decoder = av.CodecContext.create(DECODERS[units[0].codec], "r")
    decoder.thread_count = 1
    frames = [f for unit in units for f in decoder.decode(av.Packet(unit.data))]
    frames += decoder.decode(None)
    return [hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest() for frame in frames]

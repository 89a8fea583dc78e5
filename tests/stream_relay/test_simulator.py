"""The pretend camera on real sockets: UDP, TCP both ways, and how it misbehaves."""

import asyncio
import random
import socket
from collections.abc import Iterator

import pytest

from stream_relay.access_unit import AccessUnit, Codec
from stream_relay.errors import SourceLost
from stream_relay.formats import PsDemuxer, TcpFramer, parse_packet
from stream_relay.simulator import MediaFaults, MediaSender, MediaTarget
from tests.stream_relay.media import SSRC, pictures

HOST = "127.0.0.1"


class ShortSource:
    """Pictures that are all due at once, then the end."""

    codec = Codec.H264
    audio: Codec | None = None

    def __init__(self, count: int = 20, step_ticks: int = 0) -> None:
        self.sent = pictures(count)
        self._step = step_ticks

    def prepare(self) -> None:
        """Nothing to read."""

    def units(self) -> Iterator[AccessUnit]:
        for index, unit in enumerate(self.sent):
            ticks = index * self._step
            yield AccessUnit(unit.track, unit.codec, ticks, ticks, unit.is_key, unit.data)


def sender(source: ShortSource, transport: str, port: int, **faults: float | bool) -> MediaSender:
    assert transport in ("udp", "tcp-passive", "tcp-active")
    target = MediaTarget(HOST, port, transport, SSRC)  # type: ignore[arg-type]  # checked above
    return MediaSender(
        source,
        target,
        chance=random.Random(5),
        faults=MediaFaults(**faults),  # type: ignore[arg-type]  # floats and switches by name
        local_host=HOST,
    )


def demuxed(packets: list[bytes]) -> list[bytes]:
    demuxer = PsDemuxer()
    out = []
    for data in packets:
        packet = parse_packet(data)
        out += demuxer.push(packet.payload, packet.timestamp, packet.marker)
    return [unit.data for unit in out]


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        receiver.bind((HOST, 0))
        receiver.setblocking(False)
        yield receiver


def received(receiver: socket.socket) -> list[bytes]:
    packets = []
    while True:
        try:
            packets.append(receiver.recv(2048))
        except BlockingIOError:
            return packets


async def test_udp_brings_every_frame(udp: socket.socket) -> None:
    source = ShortSource()
    async with sender(source, "udp", udp.getsockname()[1]) as camera:
        assert camera.port > 0
        await camera.run()
    packets = received(udp)
    assert demuxed(packets) == [unit.data for unit in source.sent]
    assert camera.packets == len(packets)
    assert camera.bytes == sum(map(len, packets))


async def test_a_passive_platform_is_connected_to() -> None:
    source = ShortSource()
    arrived: asyncio.Queue[bytes] = asyncio.Queue(1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await arrived.put(await reader.read(-1))
        writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with sender(source, "tcp-passive", port) as camera:
            await camera.run()
        data = await arrived.get()
    assert demuxed(TcpFramer().push(data)) == [unit.data for unit in source.sent]


async def test_an_active_platform_connects_to_the_port_of_the_answer() -> None:
    source = ShortSource()
    async with sender(source, "tcp-active", 9) as camera, asyncio.TaskGroup() as group:
        running = group.create_task(camera.run())
        reader, writer = await asyncio.open_connection(HOST, camera.port)
        await running
        await camera.__aexit__()
        data = await reader.read(-1)
        writer.close()
    assert demuxed(TcpFramer().push(data)) == [unit.data for unit in source.sent]


async def test_a_lie_about_the_ssrc(udp: socket.socket) -> None:
    async with sender(ShortSource(1), "udp", udp.getsockname()[1], wrong_ssrc=True) as camera:
        await camera.run()
    [ssrc] = {parse_packet(data).ssrc for data in received(udp)}
    assert ssrc == camera.ssrc != SSRC


async def test_silence_sends_nothing_while_time_goes_on(udp: socket.socket) -> None:
    source = ShortSource(8, step_ticks=900)
    port = udp.getsockname()[1]
    async with sender(source, "udp", port, silence_after_s=0.02, silence_s=0.03) as camera:
        await camera.run()
    stamps = {parse_packet(data).timestamp for data in received(udp)}
    first = min(stamps)
    assert {stamp - first for stamp in stamps} == {0, 900, 4500, 5400, 6300}


async def test_death_ends_the_stream(udp: socket.socket) -> None:
    source = ShortSource(50, step_ticks=900)
    async with sender(source, "udp", udp.getsockname()[1], die_after_s=0.02) as camera:
        await camera.run()
    assert len({parse_packet(data).timestamp for data in received(udp)}) == 2


async def test_a_platform_that_closes_is_reported() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.transport.abort()

    async with await asyncio.start_server(serve, HOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with sender(ShortSource(2000, step_ticks=90), "tcp-passive", port) as camera:
            with pytest.raises(SourceLost):
                await camera.run()


async def test_a_platform_that_is_not_there_is_tried_three_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stream_relay.simulator.CONNECT_REST_S", 0.0)
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        async with sender(ShortSource(), "tcp-passive", probe.getsockname()[1]) as camera:
            with pytest.raises(SourceLost):
                await camera.run()

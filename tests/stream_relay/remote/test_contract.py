"""The same demands on a relay in this process and on one behind HTTP."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from stream_relay.errors import Overload, StreamClosed
from stream_relay.events import (
    EndReason,
    FirstKeyFrame,
    FirstPacket,
    SourceRejected,
    StreamEnded,
    StreamResumed,
    StreamStalled,
    TracksChanged,
)
from stream_relay.formats.rtp import parse_packet
from stream_relay.relay import Relay
from tests.ports import free_ports
from tests.stream_relay.media import SSRC, VIDEO, Camera, Clock, pictures, udp_socket
from tests.stream_relay.remote.stage import Desk, remote_stage
from tests.stream_relay.test_relay import HOST, config, framed, shown, until

OpenDesk = Callable[..., AbstractAsyncContextManager[Desk]]
NEW_SSRC = 300000002


@asynccontextmanager
async def in_process(**relay_config: object) -> AsyncIterator[Desk]:
    async with Relay(config(**relay_config), Clock().wall) as relay:
        yield Desk(relay)


@asynccontextmanager
async def remote(**relay_config: object) -> AsyncIterator[Desk]:
    async with remote_stage(**relay_config) as stage:
        yield stage.desk


@pytest.fixture(params=[in_process, remote], ids=["in-process", "remote"])
def open_desk(request: pytest.FixtureRequest) -> OpenDesk:
    return request.param


def send(sender: socket.socket, packets: list[bytes], port: int) -> None:
    for packet in packets:
        sender.sendto(packet, (HOST, port))


async def test_pictures_reach_a_reader_unchanged_and_are_told_in_order(open_desk):
    async with open_desk() as desk:
        receiver, sent = await desk.open(), pictures(20, gop=100)
        assert receiver.port % 2 == 0
        assert desk.relay.stream("s") is receiver.stream
        assert desk.relay.streams() == (receiver.stream,)
        with udp_socket() as sender:
            send(sender, Camera().packets(sent), receiver.port)
            assert await shown(receiver, 20) == [unit.data for unit in sent]
            key = await desk.event(FirstKeyFrame)
            assert key.after_s >= 0
            peer = sender.getsockname()
        assert desk.events.index(FirstPacket("s", peer, SSRC)) < desk.events.index(key)
        tracks = [event.tracks for event in desk.events if isinstance(event, TracksChanged)]
        assert [(t[0].codec, t[0].parameter_sets) for t in tracks] == [
            (VIDEO.codec, VIDEO.parameter_sets)
        ]
        assert receiver.stream.tracks == tracks[0]


async def test_device_connects_and_the_times_of_the_pictures_stay(open_desk):
    async with open_desk() as desk:
        receiver, sent = await desk.open("tcp-passive"), pictures(10, gop=100)
        _, writer = await asyncio.open_connection(HOST, receiver.port)
        writer.write(framed(Camera().packets(sent)))
        stamps = []
        async with asyncio.timeout(60), receiver.stream.open_reader("access-units") as reader:
            async for chunk in reader:
                stamps += [chunk.pts_ticks] if chunk.unit else []
                if len(stamps) == 10:
                    break
        assert stamps == [unit.pts_ticks for unit in sent]
        writer.close()


async def test_relay_connects_to_the_device_after_its_answer(open_desk):
    async with open_desk() as desk:
        receiver, sent = await desk.open("tcp-active"), pictures(5, gop=100)
        assert receiver.port == 9
        devices: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
        server = await asyncio.start_server(lambda _, writer: devices.put_nowait(writer), HOST, 0)
        async with server, asyncio.timeout(60):
            receiver.answered(HOST, server.sockets[0].getsockname()[1], SSRC)
            writer = await devices.get()
            writer.write(framed(Camera().packets(sent)))
            assert await shown(receiver, 5) == [unit.data for unit in sent]
            await receiver.close()
            writer.close()


async def test_answer_with_another_ssrc_counts(open_desk):
    async with open_desk() as desk:
        receiver = await desk.open()
        receiver.answered(HOST, 9, SSRC + 1)
        camera, count = Camera(ssrc=SSRC + 1), itertools.count(step=5)
        with udp_socket() as sender:

            def has_picture() -> bool:
                """Send until the answer has arrived."""
                send(sender, camera.packets(pictures(5, gop=5, start=next(count))), receiver.port)
                return bool(receiver.stream.tracks)

            await until(has_picture)
        assert (await desk.event(FirstPacket)).ssrc == SSRC + 1


async def test_closing_ends_readers_and_frees_the_port(open_desk):
    async with open_desk() as desk:
        receiver = await desk.open()
        reader = receiver.stream.open_reader("flv")
        await receiver.close()
        await receiver.close()
        assert await desk.event(StreamEnded) == StreamEnded("s", EndReason.CLOSED)
        with pytest.raises(StreamClosed):
            await anext(reader)
        assert desk.relay.streams() == ()
        await until(lambda: is_free(receiver.port))
        receiver.answered(HOST, 9, None)


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((HOST, port))
        except OSError:
            return False
    return True


async def test_no_media_in_time_is_told(open_desk):
    async with open_desk(first_packet_timeout_s=0.2) as desk:
        receiver = await desk.open()
        assert await desk.event(StreamEnded) == StreamEnded("s", EndReason.NO_MEDIA)
        assert receiver.stream.end_reason is EndReason.NO_MEDIA
        assert desk.relay.stream("s") is None


async def test_nobody_at_the_devices_port_is_a_lost_source(open_desk):
    async with open_desk() as desk:
        receiver = await desk.open("tcp-active")
        with socket.socket() as unused:
            unused.bind((HOST, 0))
            receiver.answered(HOST, unused.getsockname()[1], None)
            assert await desk.event(StreamEnded) == StreamEnded("s", EndReason.SOURCE_LOST)


async def test_silence_and_its_end_are_told(open_desk):
    async with open_desk(stall_timeout_s=0.3) as desk:
        receiver, camera = await desk.open(), Camera()
        with udp_socket() as sender:
            send(sender, camera.packets(pictures(3)), receiver.port)
            stalled = await desk.event(StreamStalled)
            assert stalled.silent_s >= 0.3
            send(sender, camera.packets(pictures(3, start=3)), receiver.port)
            await desk.event(StreamResumed)
        assert desk.relay.stream("s") is receiver.stream


async def test_strangers_are_told_and_change_nothing(open_desk):
    async with open_desk() as desk:
        receiver, sent = await desk.open(), pictures(30, gop=100)
        with udp_socket() as device, udp_socket("127.0.0.2") as stranger:
            camera = Camera()
            send(device, camera.packets(sent[:5]), receiver.port)
            await desk.event(FirstPacket)
            send(stranger, Camera(sequence=9).packets(pictures(20, start=90_000)), receiver.port)
            rejected = await desk.event(SourceRejected)
            assert rejected.peer == stranger.getsockname()
            send(device, camera.packets(sent[5:]), receiver.port)
            assert await shown(receiver, 30) == [unit.data for unit in sent]


async def test_second_receiver_of_one_id_takes_the_place_of_the_first(open_desk):
    async with open_desk() as desk:
        first = await desk.open()
        second = await desk.open()
        assert first.stream.end_reason is EndReason.CLOSED
        assert desk.relay.stream("s") is second.stream
        assert desk.relay.streams() == (second.stream,)


async def test_ports_that_are_used_up_are_told_and_nothing_is_left(open_desk):
    async with open_desk(ports=free_ports(4)) as desk:
        await desk.open(name="a")
        await desk.open(name="b")
        with pytest.raises(Overload):
            await desk.open(name="c")
        assert desk.relay.stream("c") is None
        assert len(desk.relay.streams()) == 2


async def test_counters_are_those_of_the_port(open_desk):
    async with open_desk() as desk:
        receiver = await desk.open()
        packets = Camera().packets(pictures(30, gop=10))
        kept = packets[:10] + packets[12:]
        with udp_socket() as sender:
            send(sender, kept, receiver.port)
            await until(lambda: receiver.stream.statistics.packets == len(kept))
            await until(lambda: receiver.stream.statistics.lost == 2)
            statistics = receiver.stream.statistics
            assert statistics.bytes == sum(len(packet) for packet in kept)
            assert (statistics.ssrc, statistics.source) == (SSRC, sender.getsockname())


@pytest.mark.parametrize(
    ("form", "magic"), [("flv", b"FLV\x01"), ("fmp4", b"\0\0\0\x18ftyp")], ids=["flv", "fmp4"]
)
async def test_viewers_are_written_to(open_desk, form, magic):
    async with open_desk() as desk:
        receiver, camera = await desk.open(), Camera()
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        viewer = desk.relay.adopt(ours, "http")
        viewer.attach(receiver.stream, form)
        with udp_socket() as sender, theirs:
            send(sender, camera.packets(pictures(10)), receiver.port)
            async with asyncio.timeout(60):
                got = await asyncio.get_running_loop().sock_recv(theirs, 65536)
            assert got.startswith(magic)
            await receiver.close()
            async with asyncio.timeout(60):
                while await asyncio.get_running_loop().sock_recv(theirs, 65536):
                    pass
            theirs.close()
            assert (await viewer.wait_closed()).reason == "stream"


async def test_stream_is_sent_on_with_another_ssrc_until_it_ends(open_desk):
    async with open_desk() as desk:
        receiver, camera = await desk.open(), Camera()
        loop = asyncio.get_running_loop()
        with udp_socket() as sender, udp_socket() as platform:
            platform.setblocking(False)
            host, port = platform.getsockname()
            send(sender, camera.packets(pictures(3)), receiver.port)
            await desk.event(FirstPacket)
            forwarder = await desk.relay.forward(
                receiver.stream, "udp", ssrc=NEW_SSRC, host=host, port=port
            )
            assert forwarder.port > 0
            packets = camera.packets(pictures(5, start=3))
            send(sender, packets, receiver.port)
            async with asyncio.timeout(60):
                got = [await loop.sock_recv(platform, 2048) for _ in packets]
            assert [parse_packet(data).ssrc for data in got] == [NEW_SSRC] * len(packets)
            assert [data[12:] for data in got] == [data[12:] for data in packets]
            await until(lambda: forwarder.statistics.packets == len(packets))
            assert forwarder.is_connected
            await receiver.close()
            async with asyncio.timeout(60):
                await forwarder.wait_closed()
            assert not forwarder.is_connected
            with pytest.raises(StreamClosed):
                await desk.relay.forward(receiver.stream, "udp", ssrc=1, host=host, port=port)


@pytest.mark.parametrize("content", ["source", "all"])
async def test_what_is_held_back_is_sent_from_the_start_on(open_desk, content):
    async with open_desk() as desk:
        receiver, camera = await desk.open(), Camera()
        loop = asyncio.get_running_loop()
        with udp_socket() as sender, udp_socket() as platform:
            platform.setblocking(False)
            host, port = platform.getsockname()
            send(sender, camera.packets(pictures(3)), receiver.port)
            await desk.event(FirstPacket)
            forwarder = await desk.relay.forward(
                receiver.stream,
                "udp",
                ssrc=NEW_SSRC,
                host=host,
                port=port,
                content=content,
                is_held=True,
            )
            assert forwarder.port > 0
            held = camera.packets(pictures(2, start=3))
            send(sender, held, receiver.port)
            await until(lambda: receiver.stream.statistics.packets >= len(held))
            assert forwarder.statistics.packets == 0
            await forwarder.start()
            await forwarder.start()
            send(sender, camera.packets(pictures(5, start=5)), receiver.port)
            async with asyncio.timeout(60):
                first = await loop.sock_recv(platform, 2048)
            assert parse_packet(first).ssrc == NEW_SSRC
            await until(lambda: forwarder.statistics.packets > 0)
            forwarder.close()
            await forwarder.start()


async def test_forwarder_ends_alone_when_it_is_closed(open_desk):
    async with open_desk() as desk:
        receiver = await desk.open()
        forwarder = await desk.relay.forward(
            receiver.stream, "tcp-passive", ssrc=NEW_SSRC, host=HOST, port=0
        )
        assert not forwarder.is_connected
        _, writer = await asyncio.open_connection(HOST, forwarder.port)
        await until(lambda: forwarder.is_connected)
        forwarder.close()
        forwarder.close()
        await forwarder.wait_closed()
        await until(lambda: not listens(forwarder.port))
        writer.close()
        assert desk.relay.stream("s") is receiver.stream


def listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((HOST, port)) == 0


async def test_target_that_hangs_up_ends_the_forwarder(open_desk):
    async with open_desk() as desk:
        receiver = await desk.open()
        targets: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
        server = await asyncio.start_server(lambda _, writer: targets.put_nowait(writer), HOST, 0)
        async with server, asyncio.timeout(60):
            forwarder = await desk.relay.forward(
                receiver.stream,
                "tcp-active",
                ssrc=NEW_SSRC,
                host=HOST,
                port=server.sockets[0].getsockname()[1],
            )
            assert forwarder.is_connected
            (await targets.get()).close()
            await forwarder.wait_closed()


async def test_target_that_is_not_there_is_an_error_of_the_system(open_desk):
    async with open_desk() as desk:
        receiver = await desk.open()
        with socket.socket() as unused:
            unused.bind((HOST, 0))
            with pytest.raises(OSError, match=r"refused|errno 111|Connect"):
                await desk.relay.forward(
                    receiver.stream,
                    "tcp-active",
                    ssrc=NEW_SSRC,
                    host=HOST,
                    port=unused.getsockname()[1],
                )
        assert desk.relay.stream("s") is receiver.stream


async def test_leaving_the_relay_stops_what_runs(open_desk):
    async with open_desk() as desk:
        receiver = await desk.open()
        reader = receiver.stream.open_reader("flv")
    assert receiver.stream.end_reason is EndReason.STOPPED
    with pytest.raises(StreamClosed):
        await anext(reader)
    await until(lambda: is_free(receiver.port))

"""Real sockets on loopback; 127.0.0.2 and others stand for other hosts."""

import asyncio
import contextlib
import errno
import gc
import os
import random
import socket
import struct
from collections.abc import AsyncIterator, Callable

import pytest

from stream_relay.errors import Overload, StreamClosed
from stream_relay.events import (
    EndReason,
    FirstKeyFrame,
    FirstPacket,
    SourceRejected,
    StreamEnded,
    StreamEvent,
    StreamResumed,
    StreamStalled,
)
from stream_relay.formats.rfc4571 import build_frame
from stream_relay.receiver import Receiver, Transport
from stream_relay.relay import Relay, RelayConfig
from stream_relay.sources import gb28181
from stream_relay.sources.sockets import bind_pair
from tests.ports import free_ports
from tests.stream_relay.media import SSRC, Camera, Clock, pictures, udp_socket

HOST = "127.0.0.1"


class Desk:
    """An open relay that collects its events."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.events: list[StreamEvent] = []

    async def open(
        self, transport: Transport = "udp", *, name: str = "s", ssrc_check: bool = True
    ) -> Receiver:
        return await self.relay.open_receiver(
            name, transport, SSRC, ssrc_check=ssrc_check, signalling_host=HOST
        )

    async def event(self, kind: type[StreamEvent], timeout_s: float = 60) -> StreamEvent:
        """The next event of this kind; the ones before it are dropped."""
        async with asyncio.timeout(timeout_s):
            async for event in self.relay.events():
                self.events.append(event)
                if isinstance(event, kind):
                    return event
        raise AssertionError("events end never")


def config(**changes: object) -> RelayConfig:
    values = {"host": HOST, "ports": range(0), "connect_pause_s": 0.01, **changes}
    return RelayConfig(**values)  # type: ignore[arg-type]  # names are checked by RelayConfig


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with Relay(config(), Clock().wall) as relay:
        yield Desk(relay)


async def shown(receiver: Receiver, count: int) -> list[bytes]:
    """The data of the next `count` pictures."""
    got = []
    async with asyncio.timeout(60), receiver.stream.open_reader("access-units") as reader:
        async for chunk in reader:
            if chunk.unit is not None:
                got.append(chunk.data)
            if len(got) == count:
                break
    return got


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until something has happened."""
    for _ in range(6000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


def framed(packets: list[bytes]) -> bytes:
    return b"".join(build_frame(packet) for packet in packets)


async def test_udp_pictures_reach_a_reader_unchanged(desk):
    receiver, sent = await desk.open(), pictures(20, gop=100)
    assert receiver.port % 2 == 0
    with udp_socket() as sender:
        for packet in Camera().packets(sent):
            sender.sendto(packet, (HOST, receiver.port))
        assert await shown(receiver, 20) == [unit.data for unit in sent]
        assert await desk.event(FirstPacket) == FirstPacket("s", sender.getsockname(), SSRC)


async def test_tcp_passive_accepts_the_device_and_one_that_replaces_it(desk):
    receiver, camera = await desk.open("tcp-passive"), Camera()
    for start in (0, 100, 200):
        reader = receiver.stream.open_reader("access-units")
        reader.take_all()
        sent = pictures(5, gop=100, start=start)
        stream, writer = await asyncio.open_connection(HOST, receiver.port)
        writer.write(framed(camera.packets(sent)))
        got = []
        async with asyncio.timeout(60), reader:
            async for chunk in reader:
                got += [chunk.data] if chunk.unit else []
                if len(got) == 5:
                    break
        assert got == [unit.data for unit in sent]
        writer.close()
        await writer.wait_closed()
        assert await stream.read() == b""
    assert receiver.stream.counters.malformed == 0


@pytest.mark.parametrize("transport", ["udp", "tcp-passive"])
async def test_source_is_told_before_the_pictures_it_brings(desk, transport):
    """Whoever waits for the one and then for the other must not miss the other."""
    receiver = await desk.open(transport)
    packets = Camera(payload_bytes=8192).packets(pictures(2, gop=1))
    with udp_socket() as device:
        if transport == "udp":
            for packet in packets:
                device.sendto(packet, (HOST, receiver.port))
        else:
            _, writer = await asyncio.open_connection(HOST, receiver.port)
            writer.write(framed(packets))
            writer.close()
            await writer.wait_closed()
        await desk.event(FirstKeyFrame)
    assert [type(event) for event in desk.events][0] is FirstPacket


async def test_tcp_active_connects_after_the_answer_and_again_after_a_break(desk):
    receiver = await desk.open("tcp-active")
    assert receiver.port == 9
    connections: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    server = await asyncio.start_server(lambda _, writer: connections.put_nowait(writer), HOST, 0)
    async with server, asyncio.timeout(60):
        receiver.answered(HOST, server.sockets[0].getsockname()[1], SSRC)
        camera = Camera()
        for start in (0, 100):
            writer = await connections.get()
            writer.write(framed(camera.packets(pictures(3, start=start, gop=100))))
            await writer.drain()
            expected = camera.sequence - 100
            await until(lambda n=expected: receiver.stream.counters.packets >= n)
            writer.close()
        await receiver.close()
    assert receiver.stream.counters.lost == 0


async def test_tcp_active_that_nobody_answers_ends_as_lost_source(desk):
    receiver = await desk.open("tcp-active")
    with socket.socket() as unused:
        unused.bind((HOST, 0))
        receiver.answered(HOST, unused.getsockname()[1], None)
        assert await desk.event(StreamEnded) == StreamEnded("s", EndReason.SOURCE_LOST)
    assert desk.relay.stream("s") is None


@pytest.mark.parametrize("ssrc_check", [True, False])
async def test_attacker_with_the_right_ssrc_does_not_disturb_the_device(desk, ssrc_check):
    receiver = await desk.open(ssrc_check=ssrc_check)
    sent, forged = pictures(30, gop=100), pictures(30, gop=100, start=90_000)
    with udp_socket() as device, udp_socket("127.0.0.2") as attacker:
        for mine, his in zip(
            Camera().packets(sent), Camera(sequence=9000).packets(forged), strict=False
        ):
            device.sendto(mine, (HOST, receiver.port))
            attacker.sendto(his, (HOST, receiver.port))
        assert await shown(receiver, 30) == [unit.data for unit in sent]
        rejected = await desk.event(SourceRejected)
        assert rejected.peer == attacker.getsockname()
    assert receiver.stream.counters.rejected > 20


async def test_attacker_who_sprays_the_port_first_is_never_shown(desk):
    receiver, sent = await desk.open(ssrc_check=False), pictures(10, gop=100)
    with udp_socket() as device, udp_socket("127.0.0.2") as attacker:
        for packet in Camera(ssrc=66).packets(pictures(5, start=90_000)):
            attacker.sendto(packet, (HOST, receiver.port))
        for packet in Camera().packets(sent):
            device.sendto(packet, (HOST, receiver.port))
        assert await shown(receiver, 10) == [unit.data for unit in sent]


async def test_freed_port_rests_so_that_an_old_sender_meets_nobody():
    async with Relay(config(ports=free_ports(4)), Clock().wall) as relay:
        desk = Desk(relay)
        first = await desk.open(name="a")
        await first.close()
        second = await desk.open(name="b")
        assert second.port != first.port
        with pytest.raises(Overload):
            await desk.open(name="c")


async def test_nothing_is_sent_to_unknown_sources(desk, monkeypatch):
    monkeypatch.setattr(gb28181, "REPORT_INTERVAL_S", 0.05)
    receiver = await desk.open()
    with udp_socket("127.0.0.2") as stranger:
        stranger.setblocking(False)
        for packet in (*Camera(ssrc=5).packets(pictures(5)), b"", b"\x80\xc8\0\1aaaa"):
            stranger.sendto(packet, (HOST, receiver.port))
            stranger.sendto(packet, (HOST, receiver.port + 1))
        await desk.event(SourceRejected)
        await asyncio.sleep(0.3)
        with pytest.raises(BlockingIOError):
            stranger.recv(100)


async def test_locked_source_gets_receiver_reports_beside_its_media_port(desk, monkeypatch):
    monkeypatch.setattr(gb28181, "REPORT_INTERVAL_S", 0.05)
    receiver = await desk.open()
    rtp, rtcp = bind_pair(HOST, 0, 0)
    with rtp, rtcp:
        sender_report = struct.pack("!BBHIIIIII", 0x80, 200, 6, SSRC, 1, 2 << 16, 0, 0, 0)
        for packet in Camera().packets(pictures(3)):
            rtp.sendto(packet, (HOST, receiver.port))
        await desk.event(FirstPacket)
        rtcp.sendto(sender_report, (HOST, receiver.port + 1))
        async with asyncio.timeout(60):
            loop = asyncio.get_running_loop()
            while struct.unpack_from("!I", data := await loop.sock_recv(rtcp, 200), 24)[0] == 0:
                pass
        assert data[1] == 201
        assert struct.unpack_from("!II", data, 4) == (~SSRC & 0xFFFFFFFF, SSRC)
        assert struct.unpack_from("!I", data, 24)[0] == 1 << 16 | 2


def is_bound(sock: socket.socket, port: int) -> bool:
    """Take a port, unless another test run on this machine has it just now."""
    with contextlib.suppress(OSError):
        sock.bind((HOST, port))
    return sock.getsockname()[1] == port


async def test_device_that_sends_from_the_last_port_keeps_its_stream(desk, monkeypatch):
    monkeypatch.setattr(gb28181, "REPORT_INTERVAL_S", 0.05)
    receiver = await desk.open()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        await until(lambda: is_bound(device, 65_535))
        for packet in Camera().packets(pictures(3)):
            device.sendto(packet, (HOST, receiver.port))
        await desk.event(FirstPacket)
        await asyncio.sleep(0.3)
    assert desk.relay.stream("s") is receiver.stream


async def test_no_media_in_time_ends_the_stream_and_frees_the_port():
    async with Relay(config(first_packet_timeout_s=0.2), Clock().wall) as relay:
        desk = Desk(relay)
        receiver = await desk.open()
        reader = receiver.stream.open_reader("flv")
        assert await desk.event(StreamEnded) == StreamEnded("s", EndReason.NO_MEDIA)
        with pytest.raises(StreamClosed):
            await anext(reader)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((HOST, receiver.port))
        await receiver.close()


async def test_silence_is_told_as_stall_and_its_end_as_resumption():
    async with Relay(config(stall_timeout_s=0.3), Clock().wall) as relay:
        desk, camera = Desk(relay), Camera()
        receiver = await desk.open()
        loop = asyncio.get_running_loop()
        begin = loop.time()
        with udp_socket() as sender:
            for packet in camera.packets(pictures(3)):
                sender.sendto(packet, (HOST, receiver.port))
            stalled = await desk.event(StreamStalled)
            assert isinstance(stalled, StreamStalled)
            assert 0.3 <= stalled.silent_s <= loop.time() - begin
            for packet in camera.packets(pictures(3, start=3)):
                sender.sendto(packet, (HOST, receiver.port))
            await desk.event(StreamResumed)
        assert relay.stream("s") is receiver.stream


async def test_tcp_connection_that_is_not_rtp_is_closed(desk):
    receiver = await desk.open("tcp-passive")
    stream, writer = await asyncio.open_connection(HOST, receiver.port)
    async with asyncio.timeout(60):
        try:
            for _ in range(200):
                writer.write(b"GET / HTTP/1.1\r\n\r\n" * 1000)
                await writer.drain()
            assert await stream.read() == b""
        except ConnectionError:
            pass
    writer.close()
    assert receiver.stream.counters.malformed >= 1


async def test_tcp_stranger_is_closed_and_the_device_stays(desk):
    receiver, sent = await desk.open("tcp-passive"), pictures(30, gop=100)
    _, device = await asyncio.open_connection(HOST, receiver.port)
    camera = Camera()
    device.write(framed(camera.packets(sent[:5])))
    await desk.event(FirstPacket)
    stream, stranger = await asyncio.open_connection(
        HOST, receiver.port, local_addr=("127.0.0.2", 0)
    )
    stranger.write(framed(Camera(sequence=9).packets(pictures(60, start=9000))))
    async with asyncio.timeout(60):
        with pytest.raises(ConnectionError):
            while await stream.read(100):
                pass
            raise ConnectionResetError
    device.write(framed(camera.packets(sent[5:])))
    assert await shown(receiver, 30) == [unit.data for unit in sent]
    for writer in (device, stranger):
        writer.close()


async def test_connections_beyond_what_a_port_needs_are_refused(desk):
    receiver = await desk.open("tcp-passive")
    opened = [await asyncio.open_connection(HOST, receiver.port) for _ in range(6)]
    await until(lambda: len(receiver.source.connections) <= gb28181.MAX_CONNECTIONS)
    for _, writer in opened:
        writer.close()


async def test_port_of_another_program_is_passed_over(caplog):
    ports = free_ports(4)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind((HOST, ports[1]))
        async with Relay(config(ports=ports), Clock().wall) as relay:
            receiver = await Desk(relay).open()
            assert receiver.port == ports[2]
    assert "taken by another program" in caplog.text


async def test_second_receiver_of_a_stream_replaces_the_first(desk):
    first = await desk.open()
    second = await desk.open()
    assert await desk.event(StreamEnded) == StreamEnded("s", EndReason.CLOSED)
    assert desk.relay.stream("s") is second.stream
    await first.close()
    assert desk.relay.streams() == (second.stream,)


async def test_answer_with_another_ssrc_is_expected_from_then_on(desk):
    receiver, sent = await desk.open(), pictures(5, gop=100)
    receiver.answered("127.0.0.3", 6000, 4242)
    with udp_socket("127.0.0.3") as device:
        for packet in Camera(ssrc=4242).packets(sent):
            device.sendto(packet, (HOST, receiver.port))
        assert await shown(receiver, 5) == [unit.data for unit in sent]


async def test_leaving_the_relay_ends_every_stream():
    async with Relay(config(), Clock().wall) as relay:
        readers = []
        for number, transport in enumerate(("udp", "tcp-passive", "tcp-active")):
            receiver = await Desk(relay).open(transport, name=str(number))
            readers.append(receiver.stream.open_reader("fmp4"))
    for reader in readers:
        with pytest.raises(StreamClosed) as caught:
            await anext(reader)
        assert caught.value.reason == "stopped"
    assert relay.streams() == ()


async def open_files() -> int:
    """How many are left once those that are being closed are closed."""
    count, same = -1, 0
    while same < 20:
        gc.collect()
        await asyncio.sleep(0.01)
        count, last = len(os.listdir("/proc/self/fd")), count
        same = same + 1 if count == last else 0
    return count


async def test_streams_opened_and_closed_leave_nothing_behind(desk):
    async def once(number: int) -> None:
        transport: Transport = ("udp", "tcp-passive", "tcp-active")[number % 3]
        receiver = await desk.open(transport, name=f"n{number}")
        receiver.answered(HOST, 9, None)
        if transport == "tcp-passive":
            _, writer = await asyncio.open_connection(HOST, receiver.port)
            writer.close()
        await receiver.close()

    before = len(asyncio.all_tasks())
    for number in range(6):
        await once(number)
    await until(lambda: len(asyncio.all_tasks()) == before)
    sockets = await open_files()
    for number in range(60):
        await once(number)
    await until(lambda: len(asyncio.all_tasks()) == before)
    assert await open_files() <= sockets


async def test_events_nobody_takes_are_bounded(desk, monkeypatch):
    monkeypatch.setattr("stream_relay.event_queue.MAX_EVENTS", 3)
    for _ in range(6):
        await desk.open()
    assert desk.relay.news.dropped == 2


async def test_taken_ports_are_told_as_overload(monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EADDRINUSE, "taken")

    monkeypatch.setattr("stream_relay.relay.bind_pair", refuse)
    async with Relay(config(ports=range(28_000, 28_100)), Clock().wall) as relay:
        with pytest.raises(Overload):
            await Desk(relay).open()


async def test_tcp_bytes_of_any_kind_raise_nothing(desk, caplog):
    receiver, rolls = await desk.open("tcp-passive", ssrc_check=False), random.Random(7)
    packets = framed(Camera().packets(pictures(20)))
    for round_number in range(20):
        broken = bytearray(packets)
        for _ in range(40):
            broken[rolls.randrange(len(broken))] = rolls.randrange(256)
        _, writer = await asyncio.open_connection(HOST, receiver.port)
        writer.write(bytes(broken[round_number:]))
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        await asyncio.sleep(0)
        writer.close()
    await asyncio.sleep(0.05)
    assert [record for record in caplog.records if record.name == "asyncio"] == []


@pytest.mark.parametrize("host", ["a..b", "x" * 70])
async def test_answer_that_names_no_host_ends_its_own_stream_only(desk, host):
    receiver, other = await desk.open("tcp-active"), await desk.open(name="other")
    receiver.answered(host, 5000, None)
    assert await desk.event(StreamEnded) == StreamEnded("s", EndReason.SOURCE_LOST)
    assert desk.relay.stream("other") is other.stream


async def test_fault_of_one_stream_leaves_the_others_running(desk, caplog):
    receiver, other = await desk.open(), await desk.open(name="other")

    def fail(_: float) -> None:
        raise RuntimeError("a parser's mistake")

    receiver.source.tick = fail
    assert await desk.event(StreamEnded) == StreamEnded("s", EndReason.SOURCE_LOST)
    assert desk.relay.stream("other") is other.stream
    assert "a stream failed and is closed" in caplog.text

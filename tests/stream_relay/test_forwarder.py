"""A stream sent on: what arrives at the other platform, over real sockets on loopback."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from stream_relay.errors import Overload, StreamClosed
from stream_relay.formats.rfc4571 import build_frame
from stream_relay.formats.rtp import RtpPacket, build_packet, parse_packet
from stream_relay.forwarder import Content, Forwarder
from stream_relay.receiver import Receiver, Transport
from stream_relay.relay import Relay
from tests.ports import free_ports
from tests.stream_relay.media import SSRC, Camera, Clock, pictures, udp_socket
from tests.stream_relay.test_relay import HOST, config, shown, until

NEW_SSRC = 300000002
OTHER_SSRC = 0xFFFF0003
TRANSPORTS: tuple[Transport, ...] = ("udp", "tcp-active", "tcp-passive")


@dataclass
class Platform:
    """The other platform: one socket that takes the stream."""

    forwarder: Forwarder
    sock: socket.socket
    rest: bytes = b""
    packets: list[bytes] = field(default_factory=list)

    async def take(self, count: int) -> list[bytes]:
        """The next `count` packets."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(30):
            while len(self.packets) < count:
                data = await loop.sock_recv(self.sock, 1 << 20)
                if self.sock.type == socket.SOCK_DGRAM:
                    self.packets.append(data)
                    continue
                if not data:
                    raise EOFError(len(self.packets))
                self._unframe(data)
        taken, self.packets = self.packets[:count], self.packets[count:]
        return taken

    def _unframe(self, data: bytes) -> None:
        self.rest += data
        while len(self.rest) >= 2:
            end = 2 + int.from_bytes(self.rest[:2], "big")
            if len(self.rest) < end:
                return
            self.packets.append(self.rest[2:end])
            self.rest = self.rest[end:]


class Desk:
    """A relay with one stream over UDP, its device, and platforms that get it."""

    def __init__(self, relay: Relay, receiver: Receiver, stack: contextlib.ExitStack) -> None:
        self.relay = relay
        self.receiver = receiver
        self.device = stack.enter_context(udp_socket())
        self._stack = stack

    def send(self, packets: Sequence[bytes]) -> None:
        for packet in packets:
            self.device.sendto(packet, (HOST, self.receiver.port))

    async def forward(
        self, transport: Transport, ssrc: int = NEW_SSRC, content: Content = "source"
    ) -> Platform:
        stream = self.receiver.stream
        if transport == "tcp-passive":
            forwarder = await self.relay.forward(
                stream, transport, ssrc=ssrc, host=HOST, port=0, content=content
            )
            return Platform(forwarder, await self.connect(forwarder))
        sock = self._stack.enter_context(self.listener(transport))
        port = sock.getsockname()[1]
        forwarder = await self.relay.forward(
            stream, transport, ssrc=ssrc, host=HOST, port=port, content=content
        )
        if transport == "tcp-active":
            sock, _ = sock.accept()
            self._stack.enter_context(sock)
        sock.setblocking(False)
        return Platform(forwarder, sock)

    async def connect(self, forwarder: Forwarder) -> socket.socket:
        """To a forwarder that listens."""
        sock = self._stack.enter_context(socket.create_connection((HOST, forwarder.port)))
        sock.setblocking(False)
        await until(lambda: forwarder.is_connected)
        return sock

    @staticmethod
    def listener(transport: Transport) -> socket.socket:
        if transport == "udp":
            sock = udp_socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            return sock
        return socket.create_server((HOST, 0))


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    with contextlib.ExitStack() as stack:
        async with Relay(config(), Clock().wall) as relay:
            receiver = await relay.open_receiver(
                "s", "udp", SSRC, ssrc_check=True, signalling_host=HOST
            )
            yield Desk(relay, receiver, stack)


def packet(sequence: int, payload: bytes = b"payload", marker: bool = False) -> bytes:
    return build_packet(96, marker, sequence, 1000 + sequence * 40, SSRC, payload)


def facts(read: RtpPacket) -> tuple[int, bool, int, bytes]:
    return read.payload_type, read.marker, read.timestamp, read.payload


def assert_forwarded(came: Sequence[bytes], sent: Sequence[bytes], ssrc: int = NEW_SSRC) -> None:
    """Everything is as sent, but for the SSRC and a numbering of its own without a gap."""
    came_read, sent_read = [parse_packet(one) for one in came], [parse_packet(one) for one in sent]
    assert [facts(one) for one in came_read] == [facts(one) for one in sent_read]
    assert {one.ssrc for one in came_read} == {ssrc}
    assert steps(came) == steps(sent)


def steps(packets: Sequence[bytes]) -> list[int]:
    numbers = [parse_packet(one).sequence for one in packets]
    return [(after - before) & 0xFFFF for before, after in zip(numbers, numbers[1:], strict=False)]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_packets_arrive_with_the_new_ssrc_and_are_else_unchanged(
    desk: Desk, transport: Transport
) -> None:
    platform = await desk.forward(transport)
    sent = Camera(sequence=65_500).packets(pictures(30))
    desk.send(sent)
    assert_forwarded(await platform.take(len(sent)), sent)
    framing = 0 if transport == "udp" else 2
    size = sum(len(one) + framing for one in sent)
    # The engine counts what it has sent; the other side may have read it before.
    await until(lambda: platform.forwarder.statistics.bytes >= size)
    figures = platform.forwarder.statistics
    assert (figures.packets, figures.bytes, figures.dropped) == (len(sent), size, 0)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_stream_itself_goes_on_beside(desk: Desk, transport: Transport) -> None:
    await desk.forward(transport)
    sent = pictures(10, gop=100)
    desk.send(Camera().packets(sent))
    assert await shown(desk.receiver, 10) == [unit.data for unit in sent]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_gap_stays_a_gap(desk: Desk, transport: Transport) -> None:
    platform = await desk.forward(transport)
    sent = [packet(number) for number in (*range(10), *range(13, 20))]
    desk.send(sent)
    came = await platform.take(len(sent))
    assert steps(came) == [1] * 9 + [4] + [1] * 6
    assert_forwarded(came, sent)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_what_came_out_of_order_leaves_in_order_and_once(
    desk: Desk, transport: Transport
) -> None:
    platform = await desk.forward(transport)
    in_order = [packet(number, b"%d" % number) for number in range(20)]
    mixed = in_order[:5] + [in_order[at] for at in (7, 5, 6, 7, 6, 9, 8)] + in_order[10:]
    desk.send(mixed)
    assert_forwarded(await platform.take(20), in_order)


async def test_each_forwarder_has_its_ssrc_and_its_numbers(desk: Desk) -> None:
    first, second = await desk.forward("udp"), await desk.forward("udp", OTHER_SSRC)
    third = await desk.forward("tcp-passive", 0)
    sent = Camera().packets(pictures(5))
    desk.send(sent)
    for platform, ssrc in ((first, NEW_SSRC), (second, OTHER_SSRC), (third, 0)):
        assert_forwarded(await platform.take(len(sent)), sent, ssrc)
    second.forwarder.close()
    more = Camera(sequence=100 + len(sent)).packets(pictures(5, start=5))
    desk.send(more)
    for platform, ssrc in ((first, NEW_SSRC), (third, 0)):
        assert_forwarded(await platform.take(len(more)), more, ssrc)
    with pytest.raises(BlockingIOError):
        second.sock.recv(1)


async def test_a_stream_has_so_many_forwarders_and_no_more(desk: Desk) -> None:
    platforms = [await desk.forward("udp", ssrc) for ssrc in range(8)]
    with pytest.raises(Overload):
        await desk.forward("udp", 8)
    late = await desk.relay.forward(desk.receiver.stream, "tcp-passive", ssrc=9, host="", port=0)
    with socket.create_connection((HOST, late.port)) as refused:
        refused.setblocking(False)
        async with asyncio.timeout(30):
            assert await asyncio.get_running_loop().sock_recv(refused, 1) == b""
    assert not late.is_connected
    sent = [packet(number) for number in range(10)]
    desk.send(sent)
    for ssrc, platform in enumerate(platforms):
        assert_forwarded(await platform.take(10), sent, ssrc)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_packets_of_any_size_arrive_whole(desk: Desk, transport: Transport) -> None:
    platform = await desk.forward(transport)
    sizes = [1, 1, 400, 400, 399, 400, 401, 1, 0, 1400, 1400, 1400, 7, 1400, 65_000 - 12, 20]
    sizes += [1400] * 100 + [60_000, 60_000, 3] + [1] * 50
    sent = [packet(number, bytes([number & 0xFF]) * size) for number, size in enumerate(sizes)]
    for start in range(0, len(sent), 20):
        desk.send(sent[start : start + 20])
        assert_forwarded(
            await platform.take(len(sent[start : start + 20])), sent[start : start + 20]
        )
    assert platform.forwarder.statistics.dropped == 0


async def test_padding_sources_and_extension_stay(desk: Desk) -> None:
    platform = await desk.forward("udp")
    plain = packet(3, b"")
    sent = [packet(number) for number in range(3)]
    sent.append(bytes([0x80 | 0x20]) + plain[1:] + b"data\0\0\0\4")
    sent.append(bytes([0x80 | 2]) + packet(4, b"")[1:] + b"aaaabbbb" + b"data")
    sent.append(bytes([0x80 | 0x10]) + packet(5, b"")[1:] + b"\xbe\xde\0\1ext!" + b"data")
    desk.send(sent)
    came = await platform.take(len(sent))
    assert [one[12:] for one in came] == [one[12:] for one in sent]
    assert [one[:2] + one[4:8] for one in came] == [one[:2] + one[4:8] for one in sent]


async def test_what_is_no_packet_of_the_source_is_not_sent_on(desk: Desk) -> None:
    platform = await desk.forward("udp")
    sent = [packet(number) for number in range(10)]
    stray = [b"", b"\x80", b"no rtp at all, sorry", b"\x80\xc8\0\1aaaa", sent[0][:11]]
    desk.send(sent[:5])
    with udp_socket("127.0.0.2") as stranger:
        for one in [*stray, build_packet(96, False, 5, 0, SSRC, b"forged")]:
            stranger.sendto(one, (HOST, desk.receiver.port))
    desk.send([*stray, *sent[5:]])
    assert_forwarded(await platform.take(10), sent)
    with pytest.raises(BlockingIOError):
        platform.sock.recv(1)


async def test_a_target_that_is_gone_ends_nothing(desk: Desk) -> None:
    platform = await desk.forward("udp")
    port = platform.sock.getsockname()[1]
    sent = [packet(number) for number in range(60)]
    desk.send(sent[:10])
    await platform.take(10)
    platform.sock.close()
    for start in range(10, 40, 10):
        desk.send(sent[start : start + 10])
        await until(lambda n=start + 10: desk.receiver.stream.counters.packets >= n)
    with udp_socket() as again:
        again.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind((HOST, port))
        again.setblocking(False)
        desk.send(sent[40:])
        back = Platform(platform.forwarder, again)
        assert facts(parse_packet((await back.take(1))[0])) == facts(parse_packet(sent[40]))
    assert platform.forwarder.is_connected


async def test_packets_that_the_kernel_does_not_cut_leave_one_by_one(desk: Desk) -> None:
    """As on a network whose packets are smaller than the source's, or without offloads."""
    platform = await desk.forward("udp")
    own = platform.forwarder._sock
    assert own is not None
    own.setsockopt(socket.SOL_SOCKET, 11, 1)  # SO_NO_CHECK: Linux then refuses UDP_SEGMENT
    sent = [packet(number, b"x" * 1000) for number in range(100)]
    desk.send(sent)
    assert_forwarded(await platform.take(len(sent)), sent)
    assert platform.forwarder.statistics.dropped == 0


@pytest.mark.parametrize("transport", ["tcp-active", "tcp-passive"])
async def test_a_slow_receiver_loses_whole_packets_and_that_is_counted(
    desk: Desk, transport: Transport
) -> None:
    platform = await desk.forward(transport)
    count, payload = 1000, bytes(20_000)
    for start in range(0, count, 20):
        desk.send([packet(number, payload) for number in range(start, start + 20)])
        await until(lambda n=start + 20: desk.receiver.stream.counters.packets >= n)
    figures = platform.forwarder.statistics
    assert figures.dropped > 0
    assert figures.packets + figures.dropped == count
    came = await platform.take(figures.packets)
    assert sum(step - 1 for step in steps(came)) <= figures.dropped
    assert all(parse_packet(one).payload == payload for one in came)
    desk.send([packet(number, b"after") for number in range(count, count + 5)])
    assert [parse_packet(one).payload for one in await platform.take(5)] == [b"after"] * 5


async def test_a_passive_target_may_come_back_and_only_from_its_host(desk: Desk) -> None:
    platform = await desk.forward("tcp-passive")
    camera = Camera()
    sent = camera.packets(pictures(5))
    desk.send(sent)
    assert_forwarded(await platform.take(len(sent)), sent)
    with socket.create_connection((HOST, platform.forwarder.port)) as second:
        second.setblocking(False)
        async with asyncio.timeout(30):
            assert await asyncio.get_running_loop().sock_recv(second, 1) == b""
    platform.sock.close()
    await until(lambda: not platform.forwarder.is_connected)
    address = ("127.0.0.2", 0)
    with socket.create_connection(
        (HOST, platform.forwarder.port), source_address=address
    ) as stranger:
        stranger.setblocking(False)
        async with asyncio.timeout(30):
            assert await asyncio.get_running_loop().sock_recv(stranger, 1) == b""
    again = Platform(platform.forwarder, await desk.connect(platform.forwarder))
    more = camera.packets(pictures(5, start=5))
    desk.send(more)
    assert_forwarded(await again.take(len(more)), more)
    await until(lambda: platform.forwarder.statistics.packets == len(sent) + len(more))


async def test_an_active_connection_that_breaks_ends_the_forwarder(desk: Desk) -> None:
    platform = await desk.forward("tcp-active")
    platform.sock.close()
    async with asyncio.timeout(30):
        await platform.forwarder.wait_closed()
    assert not platform.forwarder.is_connected
    desk.send(Camera().packets(pictures(3)))
    assert len(await shown(desk.receiver, 1)) == 1


async def test_who_floods_the_way_back_is_let_go_and_holds_nothing_up(desk: Desk) -> None:
    platform = await desk.forward("tcp-active")
    flood = bytes(1 << 20)
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(30):
            while platform.forwarder.is_connected:
                await asyncio.get_running_loop().sock_sendall(platform.sock, flood)
    async with asyncio.timeout(30):
        await platform.forwarder.wait_closed()


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_end_of_the_stream_is_the_end_of_its_forwarders(
    desk: Desk, transport: Transport
) -> None:
    platform = await desk.forward(transport)
    sent = Camera().packets(pictures(3))
    desk.send(sent)
    await platform.take(len(sent))
    await desk.receiver.close()
    async with asyncio.timeout(30):
        await platform.forwarder.wait_closed()
    if transport != "udp":
        with pytest.raises(EOFError):
            await platform.take(1)
    platform.forwarder.close()
    with pytest.raises(StreamClosed):
        await desk.forward(transport)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_another_receiver_reads_what_is_forwarded_without_loss(
    transport: Transport,
) -> None:
    async with Relay(config(ports=free_ports(8), port_quarantine_s=0.0), Clock().wall) as relay:
        free = relay._ports.free_count
        first = await relay.open_receiver("a", "udp", SSRC, ssrc_check=True, signalling_host=HOST)
        kind: Transport = {"udp": "udp", "tcp-active": "tcp-passive", "tcp-passive": "tcp-active"}[
            transport
        ]  # type: ignore[assignment]  # a dictionary of literals is one of str
        second = await relay.open_receiver(
            "b", kind, NEW_SSRC, ssrc_check=True, signalling_host=HOST
        )
        forwarder = await relay.forward(
            first.stream, transport, ssrc=NEW_SSRC, host=HOST, port=second.port
        )
        if kind == "tcp-active":
            second.answered(HOST, forwarder.port, NEW_SSRC)
            await until(lambda: forwarder.is_connected)
        sent = pictures(100, gop=1000)
        packets = Camera().packets(sent)
        assert len(packets) >= 200
        with udp_socket() as device:
            for start in range(0, len(packets), 50):
                for one in packets[start : start + 50]:
                    device.sendto(one, (HOST, first.port))
                await asyncio.sleep(0.005)
            assert await shown(second, 100) == [unit.data for unit in sent]
        counters = second.stream.counters
        assert (counters.lost, counters.malformed, counters.ssrc) == (0, 0, NEW_SSRC)
        assert counters.packets == len(packets)
        await first.close()
        await second.close()
        assert relay._ports.free_count == free - len(relay._ports._resting)
        relay._ports.give_back(relay._ports.take(asyncio.get_running_loop().time()), 0.0)
        assert relay._ports.free_count + len(relay._ports._resting) == free


async def test_framed_media_are_forwarded_as_well() -> None:
    """From TCP to UDP and TCP; packets that lie together in one read leave unharmed."""
    with contextlib.ExitStack() as stack:
        async with Relay(config(), Clock().wall) as relay:
            receiver = await relay.open_receiver(
                "s", "tcp-passive", SSRC, ssrc_check=True, signalling_host=HOST
            )
            desk = Desk(relay, receiver, stack)
            platforms = [await desk.forward("udp"), await desk.forward("tcp-passive")]
            sizes = [100] * 80 + [65_000, 3, 1400, 1400]
            sent = [packet(number, bytes([number]) * size) for number, size in enumerate(sizes)]
            stream = b"".join(build_frame(one) for one in sent)
            device = stack.enter_context(socket.create_connection((HOST, receiver.port)))
            for start in range(0, len(stream), 5000):
                device.sendall(stream[start : start + 5000])
                await asyncio.sleep(0.001)
            for platform in platforms:
                assert_forwarded(await platform.take(len(sent)), sent)


async def test_a_name_is_looked_up_while_the_others_go_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()
    with desk.listener("udp") as sock:
        sock.setblocking(False)
        port = sock.getsockname()[1]

        async def look_up(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
            assert host == "platform.example"
            asked.set()
            await answered.wait()
            return [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (HOST, port))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
        async with asyncio.TaskGroup() as group:
            opening = group.create_task(
                desk.relay.forward(
                    desk.receiver.stream, "udp", ssrc=NEW_SSRC, host="platform.example", port=port
                )
            )
            await asked.wait()
            assert not opening.done()
            answered.set()
        platform = Platform(opening.result(), sock)
        sent = [packet(number) for number in range(3)]
        desk.send(sent)
        assert_forwarded(await platform.take(3), sent)

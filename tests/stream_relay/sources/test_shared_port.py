"""One port for many streams: whose packets are whose, and what strangers can do there."""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import AsyncIterator

import pytest

from stream_relay.errors import SsrcTaken
from stream_relay.events import EndReason, FirstPacket, SourceRejected, StreamEnded
from stream_relay.receiver import Receiver, Transport
from stream_relay.relay import Relay, RelayConfig
from stream_relay.sources import gb28181, shared_port
from stream_relay.sources.rtcp import sender_of
from stream_relay.sources.sockets import bind_pair
from tests.ports import free_ports
from tests.stream_relay.media import SSRC, Camera, Clock, pictures, udp_socket
from tests.stream_relay.threat import HOST, STRANGER, Desk, Screen, framed, until

PICTURES = 20


class Site(Desk):
    """A desk whose relay has a shared port, and the connections that devices have to it."""

    def __init__(self, relay: Relay) -> None:
        super().__init__(relay)
        assert relay.shared_port is not None
        self.shared = relay.shared_port
        self._writers: list[asyncio.StreamWriter] = []

    async def open_many(self, transport: Transport, ssrcs: range) -> list[Receiver]:
        return [await self.open(transport, name=f"s{ssrc}", ssrc=ssrc) for ssrc in ssrcs]

    async def connect(self, host: str = HOST) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(HOST, self.shared.port, local_addr=(host, 0))
        self._writers.append(writer)
        return reader, writer

    async def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@pytest.fixture
async def desk() -> AsyncIterator[Site]:
    config = RelayConfig(host=HOST, ports=range(0), shared_port=free_ports(2)[0])
    async with Relay(config, Clock().wall) as relay:
        site = Site(relay)
        yield site
        await site.hang_up()


async def connect(
    desk: Site, host: str = HOST
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(HOST, desk.shared.port, local_addr=(host, 0))


async def is_closed(reader: asyncio.StreamReader) -> bool:
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    return True


def sent_by(ssrc: int) -> list[bytes]:
    """Pictures that no other stream has."""
    return [unit.data for unit in pictures(PICTURES, gop=100, start=ssrc % 1000 * 100)]


def packets_of(ssrc: int) -> list[bytes]:
    return Camera(ssrc=ssrc).packets(pictures(PICTURES, gop=100, start=ssrc % 1000 * 100))


async def see(screen: Screen, ssrc: int) -> None:
    await screen.until(lambda shown: len(shown.data) >= PICTURES)
    assert screen.data == sent_by(ssrc)


# Whose is whose


async def test_streams_of_both_transports_share_one_port_and_are_not_mixed(desk: Site):
    over_udp = await desk.open_many("udp", range(SSRC, SSRC + 4))
    over_tcp = await desk.open_many("tcp-passive", range(SSRC + 10, SSRC + 14))
    receivers = over_udp + over_tcp
    assert {receiver.port for receiver in receivers} == {desk.shared.port}
    screens = [Screen(receiver) for receiver in receivers]
    writers = [(await desk.connect())[1] for _ in over_tcp]
    device = udp_socket()
    cut = [packets_of(SSRC + n) for n in range(4)], [packets_of(SSRC + 10 + n) for n in range(4)]
    for number in range(len(cut[0][0])):
        for packets in cut[0]:
            device.sendto(packets[number], (HOST, desk.shared.port))
        for writer, packets in zip(writers, cut[1], strict=True):
            writer.write(framed([packets[number]]))
        await asyncio.sleep(0)
    for screen, ssrc in zip(
        screens, (*range(SSRC, SSRC + 4), *range(SSRC + 10, SSRC + 14)), strict=True
    ):
        await see(screen, ssrc)
    assert desk.shared.unrouted == 0
    device.close()


async def test_fifty_streams_at_one_port(desk: Site):
    ssrcs = range(SSRC, SSRC + 50)
    receivers = await desk.open_many("udp", ssrcs[:25]) + await desk.open_many(
        "tcp-passive", ssrcs[25:]
    )
    screens = [Screen(receiver) for receiver in receivers]
    writers = []
    with udp_socket() as device:
        for ssrc in ssrcs[:25]:
            for packet in packets_of(ssrc):
                device.sendto(packet, (HOST, desk.shared.port))
            await asyncio.sleep(0.002)
    for ssrc in ssrcs[25:]:
        writers.append((await desk.connect())[1])
        writers[-1].write(framed(packets_of(ssrc)))
    for screen, ssrc in zip(screens, ssrcs, strict=True):
        await see(screen, ssrc)
    assert desk.shared.unrouted == 0
    assert desk.shared.connections == 25
    assert sum(receiver.stream.counters.lost for receiver in receivers) == 0


async def test_one_connection_may_bring_several_streams(desk: Site):
    receivers = await desk.open_many("tcp-passive", range(SSRC, SSRC + 3))
    screens = [Screen(receiver) for receiver in receivers]
    reader, writer = await desk.connect()
    writer.write(b"".join(framed(packets_of(SSRC + n)) for n in range(3)))
    for number, screen in enumerate(screens):
        await see(screen, SSRC + number)
    await receivers[0].close()
    writer.write(framed(packets_of(SSRC + 1)))
    await until(lambda: receivers[1].stream.counters.packets == 2 * len(packets_of(SSRC + 1)))
    for receiver in receivers[1:]:
        await receiver.close()
    assert await is_closed(reader)


async def test_a_stream_over_tcp_takes_no_datagrams(desk: Site):
    receiver = await desk.open("tcp-passive")
    packets = packets_of(SSRC)
    with udp_socket() as forger:
        for packet in packets:
            forger.sendto(packet, (HOST, desk.shared.port))
        await until(lambda: desk.shared.unrouted == len(packets))
    assert receiver.stream.counters.packets == 0


async def test_two_streams_with_one_ssrc_are_an_error_that_says_so(desk: Site):
    first = await desk.open("udp", name="a")
    with pytest.raises(SsrcTaken, match=f"{SSRC:010d} is another stream's"):
        await desk.open("tcp-passive", name="b")
    assert desk.relay.stream("b") is None
    await first.close()
    again = await desk.open("tcp-passive", name="b")
    assert desk.relay.stream("b") is again.stream


async def test_a_stream_that_is_opened_again_keeps_its_ssrc(desk: Site):
    older = await desk.open()
    newer = await desk.open()
    screen = Screen(newer)
    await older.close()
    with udp_socket() as device:
        for packet in packets_of(SSRC):
            device.sendto(packet, (HOST, newer.port))
        await see(screen, SSRC)


@pytest.mark.parametrize("transport", ["udp", "tcp-passive"])
async def test_an_answer_with_another_ssrc_moves_the_stream(desk: Site, transport: Transport):
    receiver = await desk.open(transport)
    screen, port = Screen(receiver), receiver.port
    receiver.answered(HOST, 9, SSRC + 5)
    old, new = packets_of(SSRC), packets_of(SSRC + 5)
    _, writer = await desk.connect()
    with udp_socket() as device:
        for packet in old + new:
            if transport == "udp":
                device.sendto(packet, (HOST, port))
            else:
                writer.write(framed([packet]))
        await see(screen, SSRC + 5)
    assert desk.shared.unrouted == len(old)
    other = await desk.open(transport, name="other", ssrc=SSRC)
    assert other.port == port


async def test_an_answer_with_another_streams_ssrc_ends_the_one_that_was_answered(desk: Site):
    victim, thief = await desk.open(name="victim"), await desk.open(name="thief", ssrc=SSRC + 1)
    screen = Screen(victim)
    thief.answered(STRANGER, 9, SSRC)
    assert await desk.event(StreamEnded) == StreamEnded("thief", EndReason.SSRC_TAKEN)
    with udp_socket() as device:
        for packet in packets_of(SSRC):
            device.sendto(packet, (HOST, victim.port))
        await see(screen, SSRC)


async def test_a_closed_stream_has_no_route_and_no_connection(desk: Site):
    over_udp = await desk.open("udp", name="u")
    over_tcp = await desk.open("tcp-passive", name="t", ssrc=SSRC + 1)
    await desk.open("tcp-passive", name="other", ssrc=SSRC + 2)
    reader, writer = await desk.connect()
    port = desk.shared
    with udp_socket() as device:
        device.sendto(packets_of(SSRC)[0], (HOST, port.port))
        writer.write(framed(packets_of(SSRC + 1)))
        await desk.event(FirstPacket)
        await over_udp.close()
        await over_tcp.close()
        assert await is_closed(reader)
        for packet in packets_of(SSRC):
            device.sendto(packet, (HOST, port.port))
        await until(lambda: port.unrouted == len(packets_of(SSRC)))
    assert port.connections == 0


async def test_a_connection_outlives_its_stream_without_harm(desk: Site):
    """Half a frame lies in the framer when the stream goes; the other half comes for nobody."""
    await desk.open("tcp-passive", name="other", ssrc=SSRC + 2)
    for _ in range(20):
        receiver = await desk.open("tcp-passive")
        reader, writer = await desk.connect()
        data = framed(packets_of(SSRC)[:1])  # on probation: the port does not know whose it is
        writer.write(data + data[:20])
        await asyncio.sleep(0.01)
        await receiver.close()
        writer.write(data[20:] + framed(packets_of(SSRC) * 3))
        assert await is_closed(reader)
    assert desk.shared.unrouted > 0


async def test_a_device_may_connect_again_after_its_connection_broke(desk: Site):
    receiver, camera = await desk.open("tcp-passive"), Camera()
    for start in range(3):
        _, writer = await desk.connect()
        cut = camera.packets(pictures(3, gop=100, start=start * 10))
        writer.write(framed(cut))
        expected = camera.sequence - 100
        await until(lambda n=expected: receiver.stream.counters.packets == n)  # type: ignore[misc]
        writer.close()
        await writer.wait_closed()
    assert receiver.stream.counters.rejected == 0


# Reports


async def test_reports_go_to_each_source_and_its_own_are_taken(desk: Site, monkeypatch):
    monkeypatch.setattr(gb28181, "REPORT_INTERVAL_S", 0.05)
    await desk.open_many("udp", range(SSRC, SSRC + 2))
    port, loop = desk.shared.port, asyncio.get_running_loop()
    for ssrc in (SSRC, SSRC + 1):
        rtp, rtcp = bind_pair(HOST, 0, 0)
        with rtp, rtcp:
            for packet in packets_of(ssrc):
                rtp.sendto(packet, (HOST, port))
            await desk.event(FirstPacket)
            middle = ssrc & 0xFFFF
            report = struct.pack("!BBHIIIIII", 0x80, 200, 6, ssrc, 1, middle << 16, 0, 0, 0)
            rtcp.sendto(report, (HOST, port + 1))
            async with asyncio.timeout(60):
                while struct.unpack_from("!I", data := await loop.sock_recv(rtcp, 200), 24)[0] == 0:
                    assert struct.unpack_from("!I", data, 8)[0] == ssrc
            assert struct.unpack_from("!I", data, 24)[0] == 1 << 16 | middle


async def test_a_report_of_a_stranger_counts_for_nobody(desk: Site, monkeypatch):
    monkeypatch.setattr(gb28181, "REPORT_INTERVAL_S", 0.05)
    receiver = await desk.open()
    rtp, rtcp = bind_pair(HOST, 0, 0)
    with rtp, rtcp, udp_socket(STRANGER) as stranger:
        stranger.setblocking(False)
        for packet in packets_of(SSRC):
            rtp.sendto(packet, (HOST, receiver.port))
        await desk.event(FirstPacket)
        for ssrc in (SSRC, SSRC + 1):
            report = struct.pack("!BBHIIIIII", 0x80, 200, 6, ssrc, 1, 7 << 16, 0, 0, 0)
            stranger.sendto(report, (HOST, receiver.port + 1))
        stranger.sendto(b"\x80\xc8", (HOST, receiver.port + 1))
        async with asyncio.timeout(60):
            for _ in range(5):
                data = await asyncio.get_running_loop().sock_recv(rtcp, 200)
                assert struct.unpack_from("!I", data, 24)[0] == 0
        with pytest.raises(BlockingIOError):
            stranger.recv(100)


def test_the_sender_of_a_report_is_read_and_nothing_else():
    assert sender_of(struct.pack("!BBHI", 0x80, 201, 1, SSRC)) == SSRC
    for other in (b"", b"\x80\xc9\0\1abc", b"\x80\x60\0\1abcd", b"\x40\xc9\0\1abcd"):
        assert sender_of(other) == -1


async def test_reports_on_the_media_port_are_their_streams(desk: Site):
    receiver = await desk.open()
    report = struct.pack("!BBHIIIIII", 0x80, 200, 6, SSRC, 1, 0, 0, 0, 0)
    with udp_socket() as device:
        device.sendto(report, (HOST, receiver.port))
        await until(lambda: receiver.stream.counters.rtcp == 1)
    assert desk.shared.unrouted == 0


# Strangers


async def test_packets_for_nobody_are_counted_and_never_answered(desk: Site, monkeypatch):
    monkeypatch.setattr(gb28181, "REPORT_INTERVAL_S", 0.05)
    receiver = await desk.open()
    port = desk.shared
    spray = (*packets_of(SSRC + 7), b"", b"x", b"\x80\xc8\0\1aaaa", bytes(1400))
    with udp_socket(STRANGER) as stranger:
        stranger.setblocking(False)
        for packet in spray:
            stranger.sendto(packet, (HOST, port.port))
            stranger.sendto(packet, (HOST, port.port + 1))
        await until(lambda: port.unrouted == len(spray))
        await asyncio.sleep(0.3)
        with pytest.raises(BlockingIOError):
            stranger.recv(100)
    assert receiver.stream.counters.packets == 0


@pytest.mark.parametrize("host", [STRANGER, HOST], ids=["other host", "other port"])
async def test_hijacker_with_the_right_ssrc_is_refused(desk: Site, host: str):
    receiver = await desk.open()
    screen, port = Screen(receiver), desk.shared.port
    mine = packets_of(SSRC)
    forged = Camera(sequence=9000).packets(pictures(PICTURES, gop=100, start=90_000))
    with udp_socket() as device, udp_socket(host) as attacker:
        for packet in mine[:4]:
            device.sendto(packet, (HOST, port))
        await desk.event(FirstPacket)
        for ours, his in zip(mine[4:], forged, strict=False):
            device.sendto(ours, (HOST, port))
            attacker.sendto(his, (HOST, port))
        await see(screen, SSRC)
        rejected = await desk.event(SourceRejected)
        assert isinstance(rejected, SourceRejected)
        assert rejected.peer == attacker.getsockname()
    await until(lambda: receiver.stream.counters.rejected == len(mine) - 4)


async def test_hijacker_over_tcp_is_closed_and_the_device_stays(desk: Site):
    receiver = await desk.open("tcp-passive")
    screen, mine = Screen(receiver), packets_of(SSRC)
    _, device = await desk.connect()
    device.write(framed(mine[:4]))
    await desk.event(FirstPacket)
    reader, attacker = await desk.connect(STRANGER)
    attacker.write(framed(Camera(sequence=9).packets(pictures(60, start=9000))))
    assert await is_closed(reader)
    device.write(framed(mine[4:]))
    await see(screen, SSRC)
    assert desk.shared.strangers_closed == 1


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n" * 50_000, framed(Camera(ssrc=5).packets(pictures(100)))],
    ids=["no RTP", "unknown SSRC"],
)
async def test_connection_that_brings_nothing_for_us_is_closed(desk: Site, garbage: bytes):
    await desk.open("tcp-passive")
    reader, writer = await desk.connect(STRANGER)
    writer.write(garbage)
    assert await is_closed(reader)
    await until(lambda: desk.shared.strangers_closed == 1)
    assert desk.shared.connections == 0


async def test_damaged_bytes_of_the_locked_source_are_counted_for_its_stream(desk: Site):
    receiver = await desk.open("tcp-passive")
    _, writer = await desk.connect()
    writer.write(framed(packets_of(SSRC)) + bytes(600_000))
    with contextlib.suppress(ConnectionError):
        await writer.drain()
    await until(lambda: receiver.stream.counters.malformed == 1)
    assert desk.shared.strangers_closed == 0


async def test_tcp_bytes_of_any_kind_raise_nothing(desk: Site, caplog):
    await desk.open_many("tcp-passive", range(SSRC, SSRC + 3))
    rolls = random.Random(11)
    whole = b"".join(framed(packets_of(SSRC + n)) for n in range(3))
    for number in range(30):
        broken = bytearray(whole)
        for _ in range(60):
            broken[rolls.randrange(len(broken))] = rolls.randrange(256)
        _, writer = await desk.connect()
        writer.write(bytes(broken[number:]))
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()
    await until(lambda: desk.shared.connections == 0)
    assert not [r for r in caplog.records if r.levelname == "ERROR"]


async def test_nobody_may_connect_where_no_stream_expects_it(desk: Site):
    await desk.open("udp")
    reader, writer = await desk.connect()
    assert await is_closed(reader)
    assert desk.shared.strangers_closed == 1


async def test_idle_strangers_are_closed_and_a_silent_source_is_not(desk: Site, monkeypatch):
    monkeypatch.setattr(shared_port, "IDLE_CONNECTION_S", 1.5)
    await desk.open("tcp-passive")
    _, device = await desk.connect()
    device.write(framed(packets_of(SSRC)))
    await desk.event(FirstPacket)
    reader, stranger = await desk.connect(STRANGER)
    assert await is_closed(reader)
    assert desk.shared.connections == 1


async def test_a_crowd_of_strangers_does_not_keep_a_device_out(desk: Site):
    """Their number is bounded, and neither a known host nor a lone one is closed for a crowd."""
    (receiver, waiting) = await desk.open_many("tcp-passive", range(SSRC, SSRC + 2))
    room = 2 * gb28181.MAX_CONNECTIONS
    crowd = [await desk.connect(STRANGER) for _ in range(3 * room)]
    await until(lambda: desk.shared.strangers_closed == 2 * room)
    assert desk.shared.connections == room
    screens = [Screen(receiver), Screen(waiting)]
    devices = [await desk.connect(), await desk.connect("127.0.0.3")]
    for number, (_, writer) in enumerate(devices):
        for ssrc_packets in (packets_of(SSRC + number),):
            writer.write(framed(ssrc_packets[:-4]))
    crowd += [await desk.connect(STRANGER) for _ in range(room)]
    await asyncio.sleep(0.6)  # a host that nobody named is on probation for half a second
    for number, (_, writer) in enumerate(devices):
        writer.write(framed(packets_of(SSRC + number)[-4:]))
    for number, screen in enumerate(screens):
        await see(screen, SSRC + number)
    assert desk.shared.connections <= room + 2


async def test_the_port_is_free_again_when_the_relay_is_left():
    port = free_ports(2)[0]
    for _ in range(2):
        config = RelayConfig(host=HOST, ports=range(0), shared_port=port)
        async with Relay(config, Clock().wall) as relay:
            receiver = await Desk(relay).open("tcp-passive")
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(framed(packets_of(SSRC)))
            await until(lambda got=receiver: got.stream.counters.packets > 0)  # type: ignore[misc]
        assert await is_closed(reader)
        writer.close()
        await writer.wait_closed()


async def test_a_taken_port_is_told_at_the_start():
    port = free_ports(2)[0]
    with socket.socket() as holder:
        holder.bind((HOST, port))
        holder.listen()
        with pytest.raises(OSError, match="in use"):
            async with Relay(RelayConfig(host=HOST, shared_port=port), Clock().wall):
                pass
    rtp, rtcp = bind_pair(HOST, port, 0)
    rtp.close()
    rtcp.close()


async def test_where_we_connect_a_stream_needs_no_port(desk: Site):
    receiver = await desk.open("tcp-active")
    assert receiver.port == 9
    writers: list[asyncio.StreamWriter] = []

    def bring(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(framed(packets_of(SSRC)))

    server = await asyncio.start_server(bring, HOST, 0)
    screen = Screen(receiver)
    async with server:
        receiver.answered(HOST, server.sockets[0].getsockname()[1], None)
        await see(screen, SSRC)
        for writer in writers:
            writer.close()

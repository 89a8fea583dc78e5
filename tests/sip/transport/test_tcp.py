import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

from sip.message import Peer
from sip.transport import Driver, Listener, TcpLimits, TcpTransport


def message(body: bytes = b"hello", length: str | None = None) -> bytes:
    declared = f"Content-Length: {len(body)}\r\n" if length is None else length
    return b"MESSAGE sip:a@b SIP/2.0\r\nCall-ID: 1\r\n" + declared.encode() + b"\r\n" + body


class Client:
    """A device's side of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read(self, count: int) -> bytes:
        async with asyncio.timeout(60):
            return await self.reader.readexactly(count)

    async def is_closed(self) -> bool:
        """Wait for the other side to close."""
        async with asyncio.timeout(60):
            with contextlib.suppress(ConnectionError):
                await self.reader.read()
            return self.reader.at_eof() or self.reader.exception() is not None

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.writer.get_extra_info("sockname")[:2]
        return host, port


@contextlib.asynccontextmanager
async def connect(port: int) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_messages_are_framed_and_answered_on_their_connection(echo: Any) -> None:
    async with TcpTransport(Driver(echo), "127.0.0.1", 0) as tcp, connect(tcp.port) as client:
        client.writer.write(message(b"one") + message(b"two!"))
        both = message(b"one") + message(b"two!")
        assert await client.read(len(both)) == both
        (_, first), (_, second) = echo.received
        assert first == second
        assert (first.transport, first.host, first.port) == ("tcp", *client.address)
        assert first.connection is not None


async def test_one_octet_per_segment(echo: Any) -> None:
    async with TcpTransport(Driver(echo), "127.0.0.1", 0) as tcp, connect(tcp.port) as client:
        client.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in message():
            client.writer.write(bytes([octet]))
            await client.writer.drain()
        assert await client.read(len(message())) == message()


async def test_a_request_goes_over_the_connection_the_device_opened(echo: Any) -> None:
    driver = Driver(echo)
    async with TcpTransport(driver, "127.0.0.1", 0) as tcp, connect(tcp.port) as client:
        client.writer.write(message())
        await client.read(len(message()))
        _, peer = echo.received[0]
        for target in (peer, peer._replace(connection=None)):
            echo.outbox.append((b"query", target))
            driver.flush()
            assert await client.read(5) == b"query"
        assert tcp.connection_count == 1


async def test_pings_are_answered(echo: Any) -> None:
    async with TcpTransport(Driver(echo), "127.0.0.1", 0) as tcp, connect(tcp.port) as client:
        client.writer.write(b"\r\n\r\n")
        assert await client.read(2) == b"\r\n"
        client.writer.write(b"\r\n\r\n" * 1000 + message())
        assert (await client.read(4 * 2 + len(message()))).strip() == message()
    assert len(echo.received) == 1


async def test_a_head_that_cannot_be_framed_is_shown_to_the_endpoint_and_closes(echo: Any) -> None:
    driver = Driver(echo)
    async with TcpTransport(driver, "127.0.0.1", 0) as tcp:
        for length in ("", "Content-Length: -1\r\n", "Content-Length: 2147483648\r\n"):
            async with connect(tcp.port) as client:
                head = message(b"", length)
                client.writer.write(head + b"rest")
                assert await client.read(len(head)) == head
                assert await client.is_closed()
    assert driver.counters["tcp.framing_errors"] == 3
    assert len(echo.received) == 3


async def test_a_head_without_end_closes_and_shows_its_beginning(echo: Any) -> None:
    driver = Driver(echo)
    async with TcpTransport(driver, "127.0.0.1", 0) as tcp, connect(tcp.port) as client:
        client.writer.write(b"MESSAGE sip:a@b SIP/2.0\r\n" + b"X: y\r\n" * 30_000)
        assert await client.is_closed()
    ((shown, _),) = echo.received
    assert (shown[:7], len(shown)) == (b"MESSAGE", 1024)


async def test_a_catalog_of_a_thousand_channels_may_come_as_one_message(echo: Any) -> None:
    whole = message(b"x" * 1_000_000)
    async with TcpTransport(Driver(echo), "127.0.0.1", 0) as tcp, connect(tcp.port) as client:
        for start in range(0, len(whole), 50_000):
            client.writer.write(whole[start : start + 50_000])
            await client.writer.drain()
        assert await client.read(len(whole)) == whole
        assert tcp.held_bytes == 0


async def test_what_a_source_begins_on_many_connections_is_bounded(echo: Any) -> None:
    driver = Driver(echo)
    limits = TcpLimits(held_bytes_per_source=100_000)
    part = message(b"x" * 60_000, "Content-Length: 4000000\r\n")
    async with TcpTransport(driver, "127.0.0.1", 0, limits) as tcp, connect(tcp.port) as first:
        first.writer.write(message() + part)
        await first.read(len(message()))
        async with connect(tcp.port) as second:
            second.writer.write(message() + part)
            assert await second.is_closed()
        assert driver.counters["tcp.held_too_much"] == 1
        async with connect(tcp.port) as third:
            third.writer.write(message())
            assert await third.read(len(message())) == message()
        assert 0 < tcp.held_bytes <= 100_000
        first.writer.close()
        await echo.until(lambda: tcp.connection_count == 0)
        assert tcp.held_bytes == 0


async def test_one_broken_peer_leaves_the_others_alone(echo: Any) -> None:
    async with (
        TcpTransport(Driver(echo), "127.0.0.1", 0) as tcp,
        connect(tcp.port) as good,
        connect(tcp.port) as bad,
    ):
        bad.writer.write(message(b"", "Content-Length: x\r\n"))
        assert await bad.is_closed()
        good.writer.write(message())
        assert await good.read(len(message())) == message()


async def test_a_source_may_open_only_so_many_connections(echo: Any) -> None:
    driver = Driver(echo)
    limits = TcpLimits(connections_per_source=2)
    async with TcpTransport(driver, "127.0.0.1", 0, limits) as tcp:
        async with connect(tcp.port) as one, connect(tcp.port) as two:
            for client in (one, two):
                client.writer.write(message())
                await client.read(len(message()))
            async with connect(tcp.port) as three:
                assert await three.is_closed()
            assert tcp.connection_count == 2
        await echo.until(lambda: len(echo.lost) == 2)
        async with connect(tcp.port) as again:
            again.writer.write(message())
            assert await again.read(len(message())) == message()
    assert driver.counters["tcp.refused"] == 1


async def test_a_lost_connection_is_told_and_later_packets_fail(echo: Any) -> None:
    driver = Driver(echo)
    async with TcpTransport(driver, "127.0.0.1", 0) as tcp:
        async with connect(tcp.port) as client:
            client.writer.write(message())
            await client.read(len(message()))
        _, peer = echo.received[0]
        await echo.until(lambda: echo.lost == [peer])
        echo.outbox.append((b"query", peer))
        driver.flush()
        assert echo.lost == [peer, peer]
        assert tcp.connection_count == 0


async def test_connections_that_only_cost_are_closed(echo: Any) -> None:
    driver = Driver(echo)
    now = asyncio.get_running_loop().time()
    async with TcpTransport(driver, "127.0.0.1", 0) as tcp:
        async with connect(tcp.port) as silent, connect(tcp.port) as slow:
            slow.writer.write(message() + b"MESSAGE sip")
            await slow.read(len(message()))
            tcp.close_useless(now + 29)
            assert tcp.connection_count == 2
            tcp.close_useless(now + 40)
            assert await silent.is_closed()
            assert await slow.is_closed()
        async with connect(tcp.port) as idle:
            idle.writer.write(message())
            await idle.read(len(message()))
            tcp.close_useless(now + 500)
            assert tcp.connection_count == 1
            tcp.close_useless(now + 700)
            assert await idle.is_closed()
    assert (driver.counters["tcp.stuck"], driver.counters["tcp.idle"]) == (2, 1)


async def test_a_peer_that_does_not_read_is_dropped(echo: Any) -> None:
    driver = Driver(echo)
    async with TcpTransport(driver, "127.0.0.1", 0) as tcp, connect(tcp.port) as client:
        client.writer.write(message())
        await client.read(len(message()))
        _, peer = echo.received[0]
        for _ in range(200):
            echo.outbox.append((b"x" * 60_000, peer))
        driver.flush()
        await echo.until(lambda: tcp.connection_count == 0)
    assert driver.counters["tcp.slow_readers"] == 1


async def test_two_endpoints_talk_over_a_connection_opened_once(echo: Any) -> None:
    device = type(echo)()
    device.answers = False
    device_driver = Driver(device)
    async with (
        TcpTransport(Driver(echo), "127.0.0.1", 0) as server,
        TcpTransport(device_driver, "127.0.0.1", None) as client,
    ):
        platform = Peer("tcp", "127.0.0.1", server.port)
        device.outbox += [(message(b"one"), platform), (message(b"two"), platform)]
        device_driver.flush()
        await device.until(lambda: len(device.received) == 2)
        device.outbox.append((message(b"three"), platform))
        device_driver.flush()
        await device.until(lambda: len(device.received) == 3)
        assert server.connection_count == client.connection_count == 1
        assert client.port == 0
    assert [data for data, _ in device.received] == [message(b) for b in (b"one", b"two", b"three")]


async def test_a_refused_connection_is_told(echo: Any) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        nobody = Peer("tcp", "127.0.0.1", sock.getsockname()[1])
        driver = Driver(echo)
        async with TcpTransport(driver, "127.0.0.1", None):
            echo.outbox += [(b"x", nobody), (b"y", Peer("tcp", "camera.example", 5060))]
            driver.flush()
            await echo.until(lambda: len(echo.lost) == 2)
    assert set(echo.lost) == {nobody, Peer("tcp", "camera.example", 5060)}
    assert driver.counters["tcp.connect_failed"] == 1


async def test_leaving_closes_everything_and_sends_what_waits(echo: Any) -> None:
    driver = Driver(echo)
    async with contextlib.AsyncExitStack() as stack:
        tcp = await stack.enter_async_context(TcpTransport(driver, "127.0.0.1", 0))
        client = await stack.enter_async_context(connect(tcp.port))
        client.writer.write(message())
        await client.read(len(message()))
        echo.outbox.append((b"last words", echo.received[0][1]))
        driver.flush()
        await tcp.__aexit__(None, None, None)
        assert await client.read(10) == b"last words"
        assert await client.is_closed()
        stack.pop_all()
        client.writer.close()
        await client.writer.wait_closed()


async def test_udp_and_tcp_listen_on_one_port(echo: Any) -> None:
    async with Listener(echo, "127.0.0.1", 0) as listener:
        async with connect(listener.port) as client:
            client.writer.write(message())
            assert await client.read(len(message())) == message()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
            device.sendto(b"datagram", ("127.0.0.1", listener.port))
            await echo.until(lambda: any(data == b"datagram" for data, _ in echo.received))
    assert {peer.transport for _, peer in echo.received} == {"tcp", "udp"}

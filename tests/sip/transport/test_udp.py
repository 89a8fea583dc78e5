import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from sip.message import Peer
from sip.transport import Driver, UdpTransport


@pytest.fixture
def device() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        sock.setblocking(False)
        yield sock


async def receive(sock: socket.socket) -> bytes:
    async with asyncio.timeout(60):
        return await asyncio.get_running_loop().sock_recv(sock, 65_535)


async def test_a_datagram_is_answered_to_its_source(echo: Any, device: socket.socket) -> None:
    async with UdpTransport(Driver(echo), "127.0.0.1", 0) as udp:
        device.sendto(b"hello", ("127.0.0.1", udp.port))
        assert await receive(device) == b"hello"
    assert echo.received == [(b"hello", Peer("udp", *device.getsockname()))]


async def test_datagrams_of_almost_64_kib_pass(echo: Any, device: socket.socket) -> None:
    data = bytes(range(256)) * 255
    async with UdpTransport(Driver(echo), "127.0.0.1", 0) as udp:
        device.sendto(data, ("127.0.0.1", udp.port))
        assert await receive(device) == data


async def test_a_burst_longer_than_one_drain_is_taken_whole(
    echo: Any, device: socket.socket
) -> None:
    echo.answers = False
    async with UdpTransport(Driver(echo), "127.0.0.1", 0) as udp:
        for number in range(150):
            device.sendto(b"%d" % number, ("127.0.0.1", udp.port))
        await echo.until(lambda: len(echo.received) == 150)
    assert [data for data, _ in echo.received] == [b"%d" % number for number in range(150)]


async def test_an_error_over_one_message_leaves_the_listener_alive(
    echo: Any, device: socket.socket
) -> None:
    driver = Driver(echo)
    async with UdpTransport(driver, "127.0.0.1", 0) as udp:
        device.sendto(b"raise", ("127.0.0.1", udp.port))
        device.sendto(b"next", ("127.0.0.1", udp.port))
        assert await receive(device) == b"next"
    assert driver.counters["escaped_errors"] == 1


@pytest.mark.parametrize(
    "peer",
    [Peer("udp", "camera.example", 5060), Peer("udp", "127.0.0.1", 0), Peer("udp", "::1", 5060),
     Peer("udp", "127.0.0.1", 70_000)],
)  # fmt: skip
async def test_a_peer_that_cannot_be_reached_is_told_and_not_raised(echo: Any, peer: Peer) -> None:
    driver = Driver(echo)
    async with UdpTransport(driver, "127.0.0.1", 0):
        echo.outbox.append((b"x", peer))
        driver.flush()
    assert echo.lost == [peer]


async def test_a_datagram_that_is_too_long_is_told(echo: Any) -> None:
    driver = Driver(echo)
    peer = Peer("udp", "127.0.0.1", 9)
    async with UdpTransport(driver, "127.0.0.1", 0):
        echo.outbox.append((b"x" * 70_000, peer))
        driver.flush()
    assert echo.lost == [peer]


async def test_without_its_transport_a_packet_is_lost_and_told(echo: Any) -> None:
    driver = Driver(echo)
    echo.outbox.append((b"x", Peer("tcp", "127.0.0.1", 9)))
    driver.flush()
    assert echo.lost == [Peer("tcp", "127.0.0.1", 9)]


async def test_a_taken_port_is_an_error_on_entry(echo: Any, device: socket.socket) -> None:
    with pytest.raises(OSError, match="in use"):
        async with UdpTransport(Driver(echo), *device.getsockname()):
            pass


async def test_the_endpoint_is_woken_when_it_asked_for(echo: Any) -> None:
    driver = Driver(echo)
    when = echo.timer = asyncio.get_running_loop().time() + 0.01
    driver.flush()
    await echo.until(lambda: bool(echo.woken))
    assert echo.woken[0] >= when
    driver.close()


async def test_a_timer_can_be_moved_and_dropped(echo: Any) -> None:
    driver = Driver(echo)
    now = asyncio.get_running_loop().time()
    for timer in (now + 1000, now + 0.01):
        echo.timer = timer
        driver.flush()
    await echo.until(lambda: bool(echo.woken))
    driver.flush()
    assert len(echo.woken) == 1
    driver.close()


async def test_progress_is_told_and_may_send(echo: Any, device: socket.socket) -> None:
    def speak() -> None:
        if echo.received:
            echo.outbox.append((b"more", echo.received.pop()[1]))
            driver.flush()

    driver = Driver(echo, speak)
    async with UdpTransport(driver, "127.0.0.1", 0) as udp:
        device.sendto(b"hello", ("127.0.0.1", udp.port))
        assert await receive(device) == b"hello"
        assert await receive(device) == b"more"


async def test_a_closed_driver_says_nothing_more(echo: Any) -> None:
    driver = Driver(echo)
    driver.close()
    driver.receive(b"x", Peer("udp", "127.0.0.1", 9))
    driver.lost(Peer("udp", "127.0.0.1", 9))
    echo.outbox.append((b"x", Peer("udp", "127.0.0.1", 9)))
    driver.flush()
    assert (echo.received, echo.lost) == ([], [])

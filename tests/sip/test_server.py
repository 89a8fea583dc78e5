"""The facade over real sockets of the loopback interface."""

import asyncio
import random
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import pytest

from sip.events import DeviceDisconnected, DeviceRegistered, DeviceUnregistered, InvitationEnded
from sip.message import Peer
from sip.server import (
    Credential,
    InvitationFailed,
    MediaOffer,
    PeerUnreachable,
    SipConfig,
    SipServer,
)
from sip.simulator.device import SimulatedDevice
from sip.simulator.profile import (
    DeviceProfile,
    Faults,
    MediaRequested,
    MediaStarted,
    MediaStopped,
    RegistrationChanged,
)
from sip.transport import Driver, TcpTransport, UdpTransport

DEVICE = "34020000001180000001"
PASSWORD = "12345678"
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


def make_server(**config):
    values = {
        "server_id": "34020000002000000001",
        "domain": "3402000000",
        "host": "127.0.0.1",
        "port": 0,
        "advertised_host": "127.0.0.1",
    } | config
    return SipServer(
        SipConfig(**values),
        {DEVICE: Credential(PASSWORD)}.get,
        lambda: datetime.now(UTC),
        random.Random(3).randbytes,
    )


class Shell:
    """Drives one simulated device over real sockets and accepts every invitation."""

    def __init__(self, device, transport):
        self.device = device
        self.told = []
        self.changed = asyncio.Event()
        self.driver = Driver(device, self._progress)
        if transport == "udp":
            self.carrier = UdpTransport(self.driver, "127.0.0.1", 0)
        else:
            self.carrier = TcpTransport(self.driver, "127.0.0.1", None)

    def _progress(self):
        now = asyncio.get_running_loop().time()
        while (event := self.device.next_event()) is not None:
            self.told.append(event)
            if isinstance(event, MediaRequested):
                self.device.accept_media(event.call_id, "127.0.0.1", 15060, now)
            self.changed.set()

    async def wait_for(self, kind):
        async with asyncio.timeout(60):
            while not self.heard(kind):
                self.changed.clear()
                await self.changed.wait()
        return self.heard(kind)

    def heard(self, kind):
        return [event for event in self.told if isinstance(event, kind)]


@asynccontextmanager
async def running_device(server, parts, transport, faults=None, count=20):
    profile = DeviceProfile(
        device_id=DEVICE,
        password=PASSWORD,
        server_id="34020000002000000001",
        domain="3402000000",
        server=Peer(transport, "127.0.0.1", server.port),
        local_host="127.0.0.1",
        channels=tuple(parts.camera(number) for number in range(1, count + 1)),
    )
    shell = Shell(SimulatedDevice(profile, random.Random(5).randbytes, faults), transport)
    async with shell.carrier:
        shell.device.start(asyncio.get_running_loop().time())
        shell.driver.flush()
        yield shell
        shell.driver.close()


async def next_of(events, kind):
    async with asyncio.timeout(60):
        async for event in events:
            if isinstance(event, kind):
                return event
    raise AssertionError("events ended")


@TRANSPORTS
async def test_register_query_invite_bye_unregister(parts, transport):
    async with make_server() as server, running_device(server, parts, transport) as shell:
        events = server.events()
        registered = await next_of(events, DeviceRegistered)
        assert (registered.device_id, registered.peer.transport) == (DEVICE, transport)
        assert server.is_registered(DEVICE)
        catalog, info = await asyncio.gather(
            server.query_catalog(DEVICE), server.query_device_info(DEVICE)
        )
        assert (catalog.complete, len(catalog.items)) == (True, 20)
        assert info.channel_count == 20
        assert (await server.query_device_status(DEVICE)).is_online
        offer = MediaOffer("127.0.0.1", 30000, "udp", server.new_ssrc())
        invitation = await server.invite(DEVICE, parts.camera(1).code, offer)
        assert invitation.ssrc == offer.ssrc
        assert invitation.remote.port == 15060
        await shell.wait_for(MediaStarted)
        await server.bye(invitation.id, "no viewer")
        assert (await next_of(events, InvitationEnded)).reason == "local"
        assert [event.reason for event in await shell.wait_for(MediaStopped)] == ["bye"]
        shell.device.stop(asyncio.get_running_loop().time())
        shell.driver.flush()
        await next_of(events, DeviceUnregistered)
        assert server.registrations() == []


async def test_udp_and_tcp_share_one_port():
    async with make_server() as server:
        assert server.port > 0
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.close()
        await writer.wait_closed()


async def test_a_closed_tcp_connection_is_offline_at_once(parts):
    async with make_server() as server:
        events = server.events()
        async with running_device(server, parts, "tcp"):
            await next_of(events, DeviceRegistered)
        await next_of(events, DeviceDisconnected)
        assert not server.is_registered(DEVICE)


async def test_an_unknown_device_is_unreachable():
    async with make_server() as server:
        with pytest.raises(PeerUnreachable):
            await server.query_catalog("34020000001180000009")
        with pytest.raises(PeerUnreachable):
            await server.invite("x", "y", MediaOffer("127.0.0.1", 1, "udp", 1))
        await server.bye("nothing")


async def test_a_refused_invitation_says_why(parts):
    async with (
        make_server() as server,
        running_device(server, parts, "udp", Faults(answer_status=486)),
    ):
        await next_of(server.events(), DeviceRegistered)
        with pytest.raises(InvitationFailed) as caught:
            await server.invite(DEVICE, parts.camera(1).code, MediaOffer("127.0.0.1", 1, "udp", 1))
        assert (caught.value.status, caught.value.reason) == (486, "refused")


async def test_a_silent_device_fails_within_the_time(parts):
    async with (
        make_server(invite_timeout_s=0.2) as server,
        running_device(server, parts, "udp", Faults(no_answer=True)),
    ):
        await next_of(server.events(), DeviceRegistered)
        with pytest.raises(InvitationFailed) as caught:
            await server.invite(DEVICE, parts.camera(1).code, MediaOffer("127.0.0.1", 1, "udp", 1))
        assert caught.value.reason == "timeout"


async def test_a_caller_that_gives_up_takes_the_invite_back(parts):
    faults = Faults(answer_delay_s=30.0)
    async with make_server() as server, running_device(server, parts, "udp", faults) as shell:
        await next_of(server.events(), DeviceRegistered)
        offer = MediaOffer("127.0.0.1", 1, "udp", 1)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(server.invite(DEVICE, parts.camera(1).code, offer))
            await shell.wait_for(MediaRequested)
            task.cancel()
        assert task.cancelled()
        stopped = await shell.wait_for(MediaStopped)
        assert [event.reason for event in stopped] == ["cancelled"]


async def test_closing_ends_sessions_and_wakes_waiting_callers(parts):
    faults = Faults(query_silent=True)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(make_server())
        shell = await stack.enter_async_context(running_device(server, parts, "udp", faults))
        await next_of(server.events(), DeviceRegistered)
        await server.invite(DEVICE, parts.camera(1).code, MediaOffer("127.0.0.1", 1, "udp", 1))

        async def ask():
            with pytest.raises(PeerUnreachable, match="stops"):
                await server.query_catalog(DEVICE)

        async with asyncio.TaskGroup() as group:
            group.create_task(ask())
            await asyncio.sleep(0)
            await server.__aexit__(None, None, None)
        assert [event.reason for event in await shell.wait_for(MediaStopped)] == ["bye"]


async def test_registrations_survive_a_restart_of_the_server(parts):
    async with AsyncExitStack() as stack:
        async with make_server() as server:
            shell = await stack.enter_async_context(running_device(server, parts, "udp"))
            await next_of(server.events(), DeviceRegistered)
            port, saved = server.port, server.registrations()
        async with make_server(port=port) as second:
            second.restore(saved)
            assert second.is_registered(DEVICE)
            assert (await second.query_device_info(DEVICE)).device_id == DEVICE
        registers = [event for event in shell.told if isinstance(event, RegistrationChanged)]
        assert len(registers) == 2


async def test_garbage_on_both_transports_leaves_the_server_serving(parts):
    async with make_server() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + b"\x00" * 1000)
        await writer.drain()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=("127.0.0.1", server.port)
        )
        for size in (0, 1, 100, 60_000):
            transport.sendto(random.Random(size).randbytes(size))
        async with running_device(server, parts, "tcp"):
            await next_of(server.events(), DeviceRegistered)
        transport.close()
        writer.close()

"""A pretend box against the real signalling server, media on real sockets."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from sip.message import Peer
from sip.message.sdp import MediaOffer
from sip.roles.authentication import Credential
from sip.roles.call import InvitationFailed
from sip.server import SipConfig, SipServer
from sip.simulator.profile import DeviceProfile, Faults
from stream_relay.access_unit import AccessUnit, Codec
from stream_relay.formats import parse_packet
from stream_relay.simulator import MediaFaults, MediaSource
from tests.stream_relay.media import pictures
from vms.simulation.box import BoxFaults, SimulatedBox
from vms.simulation.mine import build_mines

HOST = "127.0.0.1"
SERVER_ID, DOMAIN, PASSWORD = "14040000002000000001", "1404000000", "beacon-12345"
[MINE] = build_mines(1, 6)
CAMERA = MINE.channels[0].code
SSRC = 400000001


class Loop:
    """A source that never ends."""

    codec = Codec.H264
    audio: Codec | None = None

    def prepare(self) -> None:
        """Nothing to read."""

    def units(self) -> Iterator[AccessUnit]:
        yield from pictures(100_000)


def source(code: str) -> MediaSource | None:
    return Loop() if code == CAMERA else None


@pytest.fixture
async def server() -> AsyncIterator[SipServer]:
    config = SipConfig(
        server_id=SERVER_ID, domain=DOMAIN, host=HOST, port=0, advertised_host=HOST,
        invite_timeout_s=60.0,
    )  # fmt: skip
    credentials = {MINE.device_id: Credential(PASSWORD)}
    randomness = random.Random(3).randbytes
    async with SipServer(config, credentials.get, lambda: datetime.now(UTC), randomness) as opened:
        yield opened


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind((HOST, 0))
        receiver.setblocking(False)
        yield receiver


def profile(server: SipServer, transport: str = "udp") -> DeviceProfile:
    return DeviceProfile(
        device_id=MINE.device_id, password=PASSWORD, server_id=SERVER_ID, domain=DOMAIN,
        server=Peer("tcp" if transport == "tcp" else "udp", HOST, server.port),
        local_host=HOST, local_port=0,
        channels=MINE.channels, organisations=MINE.organisations, name=MINE.name,
    )  # fmt: skip


@asynccontextmanager
async def running(
    server: SipServer, transport: str = "udp", faults: BoxFaults | None = None
) -> AsyncIterator[SimulatedBox]:
    """A box that has registered."""
    box = SimulatedBox(profile(server, transport), source, faults)
    async with asyncio.timeout(90), asyncio.TaskGroup() as group:
        task = group.create_task(box.run())
        await box.registered.wait()
        yield box
        task.cancel()


async def first_packet(receiver: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(receiver, 2048)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_it_registers_lists_its_cameras_and_unregisters(
    server: SipServer, transport: str
) -> None:
    async with running(server, transport):
        assert server.is_registered(MINE.device_id)
        info = await server.query_device_info(MINE.device_id)
        assert info.name == MINE.name
        catalog = await server.query_catalog(MINE.device_id)
        assert catalog.complete
        names = {item.name for item in catalog.items}
        assert {channel.name for channel in MINE.channels} <= names
    assert not server.is_registered(MINE.device_id)


async def test_an_invitation_brings_media_until_bye(server: SipServer, udp: socket.socket) -> None:
    async with running(server) as box:
        offer = MediaOffer(HOST, udp.getsockname()[1], "udp", SSRC)
        invitation = await server.invite(MINE.device_id, CAMERA, offer)
        packet = parse_packet(await first_packet(udp))
        assert (packet.ssrc, packet.payload[:4]) == (SSRC, b"\x00\x00\x01\xba")
        assert box.sending == 1
        await server.bye(invitation.id)
        await box.quiet.wait()


async def test_a_passive_platform_is_connected_to(server: SipServer) -> None:
    arrived: asyncio.Queue[bytes] = asyncio.Queue(1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await arrived.put(await reader.readexactly(18))
        writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as listener, running(server, "tcp"):
        port = listener.sockets[0].getsockname()[1]
        offer = MediaOffer(HOST, port, "tcp-passive", SSRC)
        await server.invite(MINE.device_id, CAMERA, offer)
        assert (await arrived.get())[14:18] == b"\x00\x00\x01\xba"


async def test_an_active_platform_connects_to_the_answered_port(server: SipServer) -> None:
    async with running(server):
        offer = MediaOffer(HOST, 9, "tcp-active", SSRC)
        invitation = await server.invite(MINE.device_id, CAMERA, offer)
        reader, writer = await asyncio.open_connection(HOST, invitation.remote.port)
        assert (await reader.readexactly(18))[14:18] == b"\x00\x00\x01\xba"
        writer.close()


async def test_a_camera_without_pictures_is_not_found(server: SipServer) -> None:
    async with running(server):
        offer = MediaOffer(HOST, 9, "udp", SSRC)
        with pytest.raises(InvitationFailed) as refused:
            await server.invite(MINE.device_id, MINE.channels[1].code, offer)
        assert refused.value.status == 404


async def test_media_faults_reach_the_sender(server: SipServer, udp: socket.socket) -> None:
    async with running(server, faults=BoxFaults(media=MediaFaults(wrong_ssrc=True))):
        offer = MediaOffer(HOST, udp.getsockname()[1], "udp", SSRC)
        await server.invite(MINE.device_id, CAMERA, offer)
        assert parse_packet(await first_packet(udp)).ssrc != SSRC


async def test_signalling_faults_reach_the_device(server: SipServer) -> None:
    async with running(server, faults=BoxFaults(signalling=Faults(answer_status=486))):
        with pytest.raises(InvitationFailed) as refused:
            await server.invite(MINE.device_id, CAMERA, MediaOffer(HOST, 9, "udp", SSRC))
        assert refused.value.status == 486


async def test_a_box_that_dies_says_nothing(server: SipServer) -> None:
    box = SimulatedBox(profile(server), source, BoxFaults(die_after_s=3.0))
    async with asyncio.timeout(90):
        await box.run()
    assert box.registered.is_set()
    assert server.is_registered(MINE.device_id)

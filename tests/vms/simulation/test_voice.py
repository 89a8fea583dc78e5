"""A pretend box hears the platform over real sockets, and keeps it."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from sip.message import Peer
from sip.message.sdp import MediaTransport
from sip.roles.authentication import Credential
from sip.server import (
    BroadcastFailed,
    BroadcastFault,
    SipConfig,
    SipServer,
    VoiceEnded,
    VoiceRequested,
    VoiceStarted,
)
from sip.simulator.profile import DeviceProfile, Faults
from stream_relay.sources.ports import PortPool
from stream_relay.voice.decode import decode_file
from stream_relay.voice.sender import VoiceSender, VoiceTarget
from stream_relay.voice.sources import Recorded
from stream_relay.voice.studio import Studio
from tests.stream_relay.voice.tones import melody, sine
from vms.simulation.box import BoxFaults, SimulatedBox
from vms.simulation.mine import build_mines

HOST = "127.0.0.1"
SERVER_ID, DOMAIN, PASSWORD = "14040000002000000001", "1404000000", "beacon-12345"
[MINE] = build_mines(1, 1, 2)
SAID = np.concatenate([sine(hz, 0.3) for hz in (440, 660, 880)])


@pytest.fixture
async def server() -> AsyncIterator[SipServer]:
    config = SipConfig(server_id=SERVER_ID, domain=DOMAIN, host=HOST, port=0, advertised_host=HOST)
    credentials = {MINE.device_id: Credential(PASSWORD)}
    randomness = random.Random(3).randbytes
    async with SipServer(config, credentials.get, lambda: datetime.now(UTC), randomness) as opened:
        yield opened


@asynccontextmanager
async def running(
    server: SipServer,
    folder: Path,
    way: MediaTransport,
    transport: str = "udp",
    faults: Faults | None = None,
) -> AsyncIterator[SimulatedBox]:
    profile = DeviceProfile(
        device_id=MINE.device_id, password=PASSWORD, server_id=SERVER_ID, domain=DOMAIN,
        server=Peer("tcp" if transport == "tcp" else "udp", HOST, server.port),
        local_host=HOST, local_port=0, channels=MINE.channels, voice_transport=way,
    )  # fmt: skip
    box = SimulatedBox(
        profile, lambda code: None, BoxFaults(faults or Faults()), voice_folder=folder
    )
    async with asyncio.timeout(90), asyncio.TaskGroup() as group:
        task = group.create_task(box.run())
        await box.registered.wait()
        yield box
        task.cancel()


async def speak(server: SipServer, target: str, hearers: int = 1) -> int:
    """Say the melody to all who call; returns how many calls have ended."""
    studio = Studio(Recorded(SAID))
    senders: dict[str, tuple[VoiceSender, int]] = {}
    ended = 0
    opened = server.open_broadcast(MINE.device_id, target)
    started = 0
    async for event in server.voice_events():
        match event:
            case VoiceRequested(call_id=call_id, offer=offer):
                aim = VoiceTarget(offer.host, offer.port, offer.transport, event.signalling_host)
                sender = VoiceSender(aim, PortPool(range(0), 0), HOST)
                sender.open()
                ssrc = server.accept_voice(call_id, HOST, sender.port)
                assert ssrc is not None
                senders[call_id] = (sender, ssrc)
            case VoiceStarted(call_id=call_id):
                sender, ssrc = senders[call_id]
                await sender.start(ssrc)
                studio.admit(sender)
                started += 1
                if started == hearers:
                    await studio.run()
                    server.end_broadcast(opened)
            case VoiceEnded():
                ended += 1
                if ended == hearers:
                    break
            case BroadcastFailed():
                raise AssertionError(event)
    for sender, _ in senders.values():
        sender.close()
    return ended


def kept_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.wav"))


async def files(folder: Path, count: int) -> list[Path]:
    while True:
        if len(found := kept_in(folder)) >= count:
            return found
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("way", ["udp", "tcp-passive", "tcp-active"])
async def test_the_kept_file_has_what_was_said(
    server: SipServer, tmp_path: Path, way: MediaTransport, transport: str
) -> None:
    async with running(server, tmp_path, way, transport):
        target = MINE.speakers[0].code
        assert await speak(server, target) == 1
        [kept] = await files(tmp_path, 1)
        assert kept.name.startswith(target)
        assert melody(decode_file(kept.read_bytes())) == [440, 660, 880]


async def test_all_speakers_of_a_box_hear_the_same(server: SipServer, tmp_path: Path) -> None:
    async with running(server, tmp_path, "udp"):
        await speak(server, MINE.device_id, hearers=2)
        kept = await files(tmp_path, 2)
        assert {path.name[:20] for path in kept} == {speaker.code for speaker in MINE.speakers}
        assert all(melody(decode_file(path.read_bytes())) == [440, 660, 880] for path in kept)


async def test_a_device_that_refuses_says_so(server: SipServer, tmp_path: Path) -> None:
    async with running(server, tmp_path, "udp", faults=Faults(voice_refused=True)):
        server.open_broadcast(MINE.device_id, MINE.speakers[0].code)
        async for event in server.voice_events():
            assert isinstance(event, BroadcastFailed)
            assert event.fault is BroadcastFault.REFUSED
            break

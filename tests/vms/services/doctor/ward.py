"""A platform's live side on real sockets, and one pretend box with the faults that a test wants."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sip.events import InvitationEnded
from sip.message import Peer
from sip.roles.authentication import Credential
from sip.server import SipConfig, SipServer
from sip.simulator.profile import DeviceProfile
from stream_relay.access_unit import AccessUnit, Codec
from stream_relay.relay import Relay, RelayConfig
from stream_relay.simulator import MediaSource
from tests.stream_relay.media import pictures
from tests.vms.bench import eventually
from vms.bus import Bus
from vms.clock import SystemClock
from vms.config_sections import MediaSection
from vms.config_values import Transport
from vms.records import Diagnosis
from vms.services.live import LiveService
from vms.services.live.ports import Target
from vms.simulation.box import BoxFaults, SimulatedBox
from vms.simulation.mine import build_mines

HOST = "127.0.0.1"
SERVER_ID, DOMAIN, PASSWORD = "14040000002000000001", "1404000000", "beacon-12345"
[MINE] = build_mines(1, 6)
CAMERA = MINE.channels[0].code
PATIENCE_S = 90.0


class Loop:
    """A source that outlasts every test."""

    codec = Codec.H264
    audio: Codec | None = None

    def prepare(self) -> None:
        """Nothing to read."""

    def units(self) -> Iterator[AccessUnit]:
        for unit in pictures(3000):
            yield replace(unit, data=unit.data + b"\x5a" * 1500)


def source(code: str) -> MediaSource | None:
    return Loop() if code == CAMERA else None


@dataclass
class OneRoute:
    """The camera of the pretend box."""

    transport: Transport = Transport.UDP
    says_on: bool = True
    device_id: str = MINE.device_id
    proven: list[Transport] = field(default_factory=list)

    async def find(self, code: str) -> Target:
        return Target(self.device_id, HOST, HOST, self.transport, self.says_on)

    async def prove(self, code: str, device_id: str, transport: Transport) -> None:
        self.proven.append(transport)


@dataclass
class Ward:
    """The live service, the box, and what the doctor says."""

    live: LiveService
    box: SimulatedBox
    route: OneRoute

    @property
    def diagnosis(self) -> Diagnosis:
        return self.live.casebook.case(CAMERA).diagnosis

    async def until(self, cause: str) -> Diagnosis:
        """Wait for a verdict."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await eventually(lambda: self.diagnosis.cause.value == cause, PATIENCE_S)
        except (AssertionError, TimeoutError):
            raise AssertionError(f"{cause} never came: {self.diagnosis}") from None
        return self.diagnosis


@asynccontextmanager
async def open_ward(
    faults: BoxFaults, settings: MediaSection, route: OneRoute, *, shared_port: int = 0
) -> AsyncIterator[Ward]:
    """A registered box and somebody who looks at its camera."""
    config = SipConfig(
        server_id=SERVER_ID, domain=DOMAIN, host=HOST, port=0, advertised_host=HOST,
        invite_timeout_s=settings.invite_timeout_s,
    )  # fmt: skip
    relay_config = RelayConfig(
        host=HOST,
        ports=range(0),
        shared_port=shared_port,
        first_packet_timeout_s=settings.first_packet_timeout_s,
        stall_timeout_s=settings.stall_timeout_s,
        connect_pause_s=0.05,
    )
    credentials = {MINE.device_id: Credential(PASSWORD)}
    async with (
        SipServer(config, credentials.get, _wall, random.Random(3).randbytes) as server,
        Relay(relay_config, _wall) as relay,
        asyncio.TaskGroup() as group,
    ):
        live = LiveService(server, relay, route, settings, SystemClock(), Bus())
        box = SimulatedBox(_profile(server), source, faults)
        tasks = [group.create_task(work) for work in (live.run(), box.run(), _pass(server, live))]
        async with asyncio.timeout(PATIENCE_S):
            await box.registered.wait()
        async with live.watch(CAMERA, "fmp4", "somebody"):
            yield Ward(live, box, route)
        for task in tasks:
            task.cancel()


async def _pass(server: SipServer, live: LiveService) -> None:
    async for event in server.events():
        if isinstance(event, InvitationEnded):
            live.invitation_ended(event.invitation_id, event.reason)


def _wall() -> datetime:
    return datetime.now(UTC)


def _profile(server: SipServer) -> DeviceProfile:
    return DeviceProfile(
        device_id=MINE.device_id, password=PASSWORD, server_id=SERVER_ID, domain=DOMAIN,
        server=Peer("udp", HOST, server.port), local_host=HOST, local_port=0,
        channels=MINE.channels, organisations=MINE.organisations, name=MINE.name,
    )  # fmt: skip

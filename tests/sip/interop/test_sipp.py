"""SIPp, which other people wrote, as a device: its own SIP, its own digest, its own timers."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from sip.events import (
    AttemptOutcome,
    DeviceRefreshed,
    DeviceRegistered,
    DeviceUnregistered,
    InvitationEnded,
    KeepaliveReceived,
    RegistrationAttempted,
)
from sip.server import MediaOffer
from tests.ports import free_port
from tests.sip.interop.peers import CROWD, HOST, MANY, PASSWORD, SERVER_ID, SIPP, Scene
from tests.sip.interop.sipp import Sipp, run_sipp

SCENARIOS = Path(__file__).parents[2] / "data" / "sipp"
CAMERA = "34020000001320000001"
KEEPALIVES = 3
"""As many as `keepalive.xml` sends."""
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


@pytest.fixture
async def scene(patient_scene: Scene) -> Scene:
    """SIPp sends its catalog in two packets, and a busy machine may leave it waiting in between."""
    return patient_scene


@pytest.fixture
def run(scene: Scene, tmp_path: Path):
    """Start a scenario against the server of the scene."""

    def start(
        scenario: Path, transport: str, *options: str | bytes, port: int = 0, fields: str = "-"
    ) -> contextlib.AbstractAsyncContextManager[Sipp]:
        own = ("-key", "server_id", SERVER_ID, "-key", "device", SIPP, "-au", SIPP, "-ap", PASSWORD)
        target = f"{HOST}:{scene.server.port}"
        return run_sipp(
            scenario, tmp_path, transport, *own, *options, port=port, fields=fields, target=target
        )

    return start


def credentials(device: str, password: str = PASSWORD) -> str:
    """One line of input fields of `register.xml`: id, a line of its keepalive, how it answers."""
    proof = f"[authentication username={device} password={password}]"
    return f"{device};<Name>矿井东门</Name>;{proof}"


@contextlib.asynccontextmanager
async def device(scene: Scene, run, transport: str, scenario: Path, *options: str | bytes):
    """A device of SIPp that is registered and plays `scenario` whenever it is asked something."""
    more = ("-d", "10000", "-oocsf", str(scenario), *options)
    async with run(SCENARIOS / "login.xml", transport, *more) as sipp:
        await scene.until(lambda: scene.server.is_registered(SIPP))
        yield sipp


@TRANSPORTS
async def test_register_refresh_keepalive_and_goodbye(scene: Scene, run, transport):
    async with run(SCENARIOS / "register.xml", transport, fields=credentials(SIPP)) as sipp:
        assert await sipp.result() == (0, "")
    for kind in (DeviceRegistered, KeepaliveReceived, DeviceRefreshed, DeviceUnregistered):
        (event,) = [event for event in await scene.heard(kind) if event.device_id == SIPP]
        assert event.peer.transport == transport
    assert not scene.server.is_registered(SIPP)


@TRANSPORTS
@pytest.mark.parametrize("server_settings", [{"offers_qop": True}])
async def test_register_refresh_keepalive_and_goodbye_with_qop(scene: Scene, run, transport):
    async with run(SCENARIOS / "register.xml", transport, fields=credentials(SIPP)) as sipp:
        assert await sipp.result() == (0, "")
        assert sipp.has_said('qop="auth"') and sipp.has_said("nc=00000001")
    for kind in (DeviceRegistered, KeepaliveReceived, DeviceRefreshed, DeviceUnregistered):
        assert [e.device_id for e in await scene.heard(kind) if e.device_id == SIPP] == [SIPP]


@TRANSPORTS
async def test_keepalives_of_a_registered_device_are_answered(scene: Scene, run, transport):
    async with run(SCENARIOS / "keepalive.xml", transport, fields=credentials(SIPP)) as sipp:
        assert await sipp.result() == (0, "")
    heard = [event for event in await scene.heard(KeepaliveReceived) if event.device_id == SIPP]
    assert len(heard) == KEEPALIVES
    assert {event.status for event in heard} == {"OK", "ERROR"}
    assert [event.faulty for event in heard] == [(), (), (CAMERA,)]


@TRANSPORTS
async def test_a_keepalive_of_a_stranger_gets_403(scene: Scene, run, transport):
    async with run(SCENARIOS / "stranger.xml", transport, fields=credentials(SIPP)) as sipp:
        assert await sipp.result() == (0, "")
    assert SIPP not in {event.device_id for event in await scene.heard(KeepaliveReceived)}


@TRANSPORTS
async def test_a_wrong_password_gets_nowhere(scene: Scene, run, transport):
    fields = credentials(SIPP, "wrong")
    async with run(SCENARIOS / "refused.xml", transport, fields=fields) as sipp:
        assert await sipp.result() == (0, "")
    outcomes = {e.outcome for e in await scene.heard(RegistrationAttempted) if e.device_id == SIPP}
    assert outcomes == {AttemptOutcome.CHALLENGED, AttemptOutcome.REFUSED_PASSWORD}
    assert not scene.server.is_registered(SIPP)


async def test_twenty_devices_with_loss_all_arrive(scene: Scene, run, tmp_path: Path):
    """A repeated REGISTER gets another 401, which may come when the first has been answered."""
    hasty = tmp_path / "hasty.xml"
    scenario = (SCENARIOS / "register.xml").read_text()
    again = '<recv response="401" optional="true" />\n  <recv response="200"'
    scenario = scenario.replace('<recv response="200"', again)
    hasty.write_text(scenario.replace('retrans="10000"', 'retrans="1000"'))
    fields = "\n".join(credentials(device) for device in MANY)
    options = ("-lost", "5", "-r", "40", "-l", "20")
    async with run(hasty, "udp", *options, fields=fields) as sipp:
        assert await sipp.result() == (0, "")
    assert len([e for e in await scene.heard(DeviceUnregistered) if e.device_id in MANY]) == 20


async def test_a_crowd_registers_keeps_alive_and_leaves(scene: Scene, run):
    """Two hundred devices in one or two seconds, each with MD5, refresh, keepalive and goodbye."""
    fields = "\n".join(credentials(device) for device in CROWD)
    options = ("-r", "150", "-l", "200")
    async with run(SCENARIOS / "register.xml", "udp", *options, fields=fields) as sipp:
        assert await sipp.result() == (0, "")
    for kind in (DeviceRegistered, KeepaliveReceived, DeviceRefreshed, DeviceUnregistered):
        assert {e.device_id for e in await scene.heard(kind)} >= set(CROWD)


@TRANSPORTS
async def test_a_catalog_query_is_answered_by_sipp(scene: Scene, run, transport):
    names = ("-key", "name1", "一号井".encode("gb2312"), "-key", "name2", "绞车房".encode("gb2312"))
    async with device(scene, run, transport, SCENARIOS / "catalog.xml", *names) as sipp:
        catalog = await scene.server.query_catalog(SIPP, timeout_s=60.0)
        assert sipp.complaints == ""
    assert (catalog.complete, catalog.sum_num) == (True, 2)
    assert [item.name for item in catalog.items] == ["一号井", "绞车房"]


@TRANSPORTS
async def test_an_invitation_is_answered_by_sipp(scene: Scene, run, transport):
    async with device(scene, run, transport, SCENARIOS / "camera.xml") as sipp:
        offer = MediaOffer(HOST, 30000, "udp", scene.server.new_ssrc())
        invitation = await scene.server.invite(SIPP, CAMERA, offer)
        answer = invitation.remote
        assert (answer.host, answer.port, answer.ssrc) == (HOST, 15060, offer.ssrc)
        assert answer.payloads == {96: "PS"}
        await scene.server.bye(invitation.id)
        await scene.until(lambda: sipp.has_seen("ACK ") and sipp.has_seen("BYE "))
        assert sipp.complaints == ""
    assert [event.reason for event in await scene.heard(InvitationEnded)] == ["local"]


async def test_a_slow_camera_gets_repetitions_and_ends_well(scene: Scene, run, tmp_path: Path):
    """A plain UAS run, whose exit code says that INVITE, ACK and BYE came in order."""
    slow = tmp_path / "slow.xml"
    scenario = (SCENARIOS / "camera.xml").read_text()
    for wait_before in ("<send retrans", "<send>\n    <![CDATA[\nSIP/2.0 100"):
        scenario = scenario.replace(wait_before, '<pause milliseconds="600" />\n  ' + wait_before)
    slow.write_text(scenario)
    port = free_port()
    async with run(SCENARIOS / "login.xml", "udp", "-d", "1", port=port) as sipp:
        assert await sipp.result() == (0, "")
    offer = MediaOffer(HOST, 30000, "udp", scene.server.new_ssrc())
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(scene.server.invite(SIPP, CAMERA, offer))
        # Nobody listens until SIPp runs again: the first INVITE is lost.
        async with run(slow, "udp", port=port) as sipp:
            invitation = await asked
            await scene.until(lambda: sipp.has_seen("ACK "))
            await scene.server.bye(invitation.id)
            assert await sipp.result() == (0, "")

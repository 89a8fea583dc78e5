from tests.web.conftest import Client
from tests.web.fake_live import FakeChunk
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL, OTHER, UNKNOWN


async def test_starting_answers_at_once_with_state_and_addresses(viewer: Client) -> None:
    answer = await viewer.post(f"/api/v1/channels/{CHANNEL}/live")
    live = await answer.json()
    assert (answer.status, live["state"], live["code"]) == (200, "connecting", CHANNEL)
    host = f"{viewer.host}:{viewer.port}/live/{CHANNEL}"
    assert live["urls"] == {
        "ws_fmp4": f"ws://{host}.ws?token=media-0",
        "ws_flv": f"ws://{host}.flv?token=media-0",
        "http_flv": f"http://{host}.flv?token=media-0",
        "http_fmp4": f"http://{host}.mp4?token=media-0",
    }
    assert live["token_expires_at"] == "2026-11-20T05:00:00Z"


async def test_the_addresses_work_without_any_other_credential(
    viewer: Client, anyone: Client, services: FakeServices
) -> None:
    live = await (await viewer.post(f"/api/v1/channels/{CHANNEL}/live")).json()
    services.live.prepare(CHANNEL, FakeChunk("init", b"FLV"), None)
    async with anyone.session.get(live["urls"]["http_flv"]) as answer:
        assert (answer.status, await answer.read()) == (200, b"FLV")


async def test_an_address_is_good_for_its_own_channel_only(viewer: Client, anyone: Client) -> None:
    live = await (await viewer.post(f"/api/v1/channels/{CHANNEL}/live")).json()
    stolen = live["urls"]["http_flv"].replace(CHANNEL, OTHER)
    async with anyone.session.get(stolen) as answer:
        assert answer.status == 401


async def test_looking_starts_nothing_and_knows_unknown_channels(viewer: Client) -> None:
    live = await (await viewer.get(f"/api/v1/channels/{CHANNEL}/live")).json()
    assert live["state"] == "idle"
    assert (await viewer.get(f"/api/v1/channels/{UNKNOWN}/live")).status == 404
    assert (await viewer.post(f"/api/v1/channels/{UNKNOWN}/live")).status == 404


async def test_ending_needs_an_operator(viewer: Client, operator: Client) -> None:
    assert (await viewer.delete(f"/api/v1/channels/{CHANNEL}/live")).status == 403
    answer = await operator.delete(f"/api/v1/channels/{CHANNEL}/live")
    assert (answer.status, (await answer.json())["state"]) == (200, "idle")

import pytest

from tests.web.conftest import Client
from tests.web.fake_playback import PLAYBACK, playback
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL, NOON, UNKNOWN
from vms.errors import Conflict
from vms.records import PlaybackState

PATH = f"/api/v1/playbacks/{PLAYBACK}"
BODY = {
    "channel": CHANNEL,
    "start": "2026-11-20T12:00:00+08:00",
    "end": "2026-11-20T13:00:00+08:00",
}


async def test_a_playback_begins_with_its_addresses(viewer: Client, services: FakeServices) -> None:
    answer = await viewer.post("/api/v1/playbacks", json=BODY | {"speed": 2})
    body = await answer.json()
    assert answer.status == 200
    assert (body["channel"], body["owner"], body["speed"]) == (CHANNEL, "viewer", 2.0)
    assert body["start"] == "2026-11-20T12:00:00+08:00"
    assert f"/live/playbacks/{PLAYBACK}.ws?token=" in body["urls"]["ws_fmp4"]
    assert services.users.log[0][:2] == ("viewer", "start_playback")


@pytest.mark.parametrize(
    "change",
    [
        {"channel": "1"},
        {"start": "2026-11-20T12:00:00"},
        {"end": None},
        {"speed": 99},
        {"speed": "fast"},
        {"colour": "red"},
    ],
)
async def test_a_senseless_wish_is_refused(viewer: Client, change: dict[str, object]) -> None:
    assert (await viewer.post("/api/v1/playbacks", json=BODY | change)).status == 400


async def test_refusals_of_the_device_are_problems_with_advice(
    viewer: Client, services: FakeServices
) -> None:
    unknown = await viewer.post("/api/v1/playbacks", json=BODY | {"channel": UNKNOWN})
    assert unknown.status == 404
    for code in ("playback_limit", "reverse_refused", "playback_refused", "playback_over"):
        services.playback.refusal = Conflict(code)
        answer = await viewer.patch(PATH, json={"speed": -1})
        problem = await answer.json()
        assert (answer.status, problem["code"]) == (409, code)
        assert problem["detail"]


async def test_it_is_sought_held_and_sped_up(viewer: Client, services: FakeServices) -> None:
    answer = await viewer.patch(PATH, json={"position": "2026-11-20T12:10:00+08:00"})
    assert (await answer.json())["position"] == "2026-11-20T12:10:00+08:00"
    body = await (await viewer.patch(PATH, json={"speed": 0.25, "paused": True})).json()
    assert (body["state"], body["paused"], body["speed"]) == ("paused", True, 0.25)
    first, second = services.playback.changes
    assert first["position"] is not None and first["speed"] is first["paused"] is None
    assert second == {"position": None, "speed": 0.25, "paused": True}


@pytest.mark.parametrize("change", [{"position": "now"}, {"speed": "x"}, {"paused": "x"}, {"x": 1}])
async def test_a_senseless_change_is_refused(viewer: Client, change: dict[str, object]) -> None:
    assert (await viewer.patch(PATH, json=change)).status == 400


async def test_the_running_ones_are_listed_and_one_is_shown(viewer: Client) -> None:
    listed = (await (await viewer.get("/api/v1/playbacks")).json())["items"]
    shown = await (await viewer.get(PATH)).json()
    assert [each["id"] for each in listed] == [PLAYBACK] == [shown["id"]]
    assert listed[0]["urls"] is None and shown["urls"] is not None
    assert shown["position"] == "2026-11-20T04:00:00Z"


async def test_the_end_is_told_in_words(viewer: Client, services: FakeServices) -> None:
    failed = playback(state=PlaybackState.FAILED, reason="device_busy", detail="486 Busy Here")
    services.playback.known[PLAYBACK] = failed
    body = await (await viewer.get(PATH, headers={"Accept-Language": "en"})).json()
    assert (body["state"], body["reason"], body["urls"]) == ("failed", "device_busy", None)
    assert body["title"] == "The device sends as many streams as it can" and body["hint"]
    services.playback.known[PLAYBACK] = playback(state=PlaybackState.ENDED, reason="finished")
    assert (await (await viewer.get(PATH)).json())["title"] is None


async def test_ending_it_is_fine_twice_and_unknown_ones_are_told(viewer: Client) -> None:
    for _ in range(2):
        body = await (await viewer.delete(PATH)).json()
        assert (body["state"], body["reason"]) == ("ended", "stopped")
    for method in ("get", "delete"):
        answer = await getattr(viewer, method)("/api/v1/playbacks/playback-9")
        assert (answer.status, (await answer.json())["code"]) == (404, "playback_not_found")


async def test_everything_needs_a_login(anyone: Client) -> None:
    assert (await anyone.get("/api/v1/playbacks")).status == 401
    assert (await anyone.get(f"/live/playbacks/{PLAYBACK}.flv")).status == 401
    assert NOON

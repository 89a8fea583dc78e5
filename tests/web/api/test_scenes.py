import pytest

from tests.web.conftest import Client, Connect
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL, OTHER

DRAFT = {
    "channel": CHANNEL,
    "plugin": "intrusion",
    "name": "井口",
    "sample_fps": 4,
    "region": [[0, 0], [1, 0], [1, 1]],
    "params": {"min_s": 2, "deep": {"list": [1, None]}},
    "level": 1,
}


async def test_a_scene_is_made_shown_replaced_and_removed(
    operator: Client, services: FakeServices
) -> None:
    answer = await operator.post("/api/v1/scenes", json=DRAFT)
    made = await answer.json()
    assert answer.status == 201
    assert made == {**DRAFT, "id": "1", "enabled": True, "sample_fps": 4.0}
    assert await (await operator.get("/api/v1/scenes/1")).json() == made
    answer = await operator.put("/api/v1/scenes/1", json={**DRAFT, "enabled": False, "region": []})
    assert (await answer.json())["enabled"] is False
    assert services.analysis.known[1].region == ()
    assert (await operator.delete("/api/v1/scenes/1")).status == 204
    assert (await (await operator.get("/api/v1/scenes")).json()) == {"items": []}


async def test_scenes_are_listed_by_channel(operator: Client) -> None:
    await operator.post("/api/v1/scenes", json=DRAFT)
    for channel, count in ((CHANNEL, 1), (OTHER, 0)):
        found = await (await operator.get(f"/api/v1/scenes?channel={channel}")).json()
        assert len(found["items"]) == count


@pytest.mark.parametrize(
    "change",
    [
        {"region": [[0, 0], [1, 2]]},
        {"region": [[0]]},
        {"region": [[0, 0]] * 65},
        {"sample_fps": 0},
        {"sample_fps": 31},
        {"sample_fps": "NaN"},
        {"level": 5},
        {"name": ""},
        {"plugin": "../x"},
        {"channel": "1"},
        {"params": []},
    ],
    ids=str,
)
async def test_a_scene_that_cannot_be_is_refused(
    operator: Client, change: dict[str, object]
) -> None:
    assert (await operator.post("/api/v1/scenes", json={**DRAFT, **change})).status == 400


async def test_an_unknown_plugin_or_scene_is_told(operator: Client) -> None:
    answer = await operator.post("/api/v1/scenes", json={**DRAFT, "plugin": "weather"})
    assert (answer.status, (await answer.json())["code"]) == (400, "plugin_not_found")
    for method in ("GET", "PUT", "DELETE"):
        answer = await operator.request(method, "/api/v1/scenes/7", json=DRAFT)
        assert (answer.status, (await answer.json())["code"]) == (404, "scene_not_found")


async def test_a_viewer_sees_scenes_and_changes_none(viewer: Client) -> None:
    assert (await viewer.get("/api/v1/scenes")).status == 200
    assert (await viewer.post("/api/v1/scenes", json=DRAFT)).status == 403


async def test_plugins_are_named_in_the_readers_language(viewer: Client, connect: Connect) -> None:
    found = (await (await viewer.get("/api/v1/plugins")).json())["items"]
    assert found[0]["name"] == "区域入侵" and found[0]["params_schema"] == {"type": "object"}
    english = await connect("viewer", **{"Accept-Language": "en"})
    found = (await (await english.get("/api/v1/plugins")).json())["items"]
    assert found[0]["name"] == "Intrusion"

import pytest

from tests.web.conftest import Client
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL, NOON, alarm
from vms.records import AlarmFilter, AlarmLevel, AlarmState, Box


async def test_a_list_is_filtered_as_asked(viewer: Client, services: FakeServices) -> None:
    query = f"state=raised&level=2&channel={CHANNEL}&kind=intrusion&start=2026-11-20T04:00:00Z"
    page = await (await viewer.get(f"/api/v1/alarms?{query}")).json()
    assert page["total"] == 2
    assert services.alarms.asked == AlarmFilter(
        state=AlarmState.RAISED,
        level=AlarmLevel.ORANGE,
        channel=CHANNEL,
        kind="intrusion",
        start=NOON,
    )


@pytest.mark.parametrize("query", ["level=5", "state=gone", "channel=1", "start=noon"])
async def test_a_filter_that_cannot_be_is_refused(viewer: Client, query: str) -> None:
    assert (await viewer.get(f"/api/v1/alarms?{query}")).status == 400


async def test_an_alarm_tells_all_but_its_path(viewer: Client, services: FakeServices) -> None:
    box = Box("person", 0.9, (0.1, 0.2, 0.3, 0.4))
    services.alarms.known[1] = alarm(boxes=(box,))
    found = await (await viewer.get("/api/v1/alarms/1")).json()
    assert (found["id"], found["level"], found["state"], found["count"]) == ("1", 2, "raised", 1)
    assert found["snapshot_url"] == "/api/v1/alarms/1/snapshot"
    assert found["boxes"] == [
        {"label": "person", "score": 0.9, "box": [0.1, 0.2, 0.3, 0.4], "track": None}
    ]
    assert found["detail"] == {"label": "person"} and found["note"] is None
    assert "snapshot" not in found and "dedupe_key" not in found


async def test_an_alarm_goes_from_raised_to_acknowledged_to_cleared(operator: Client) -> None:
    answer = await (await operator.post("/api/v1/alarms/1/acknowledge", json={})).json()
    assert (answer["state"], answer["acknowledged_by"]) == ("acknowledged", "operator")
    answer = await (await operator.post("/api/v1/alarms/1/clear", json={"note": "误报"})).json()
    assert (answer["state"], answer["cleared_by"], answer["note"]) == (
        "cleared",
        "operator",
        "误报",
    )
    again = await operator.post("/api/v1/alarms/1/clear", json={})
    assert (again.status, (await again.json())["code"]) == (409, "conflict")


async def test_an_unknown_alarm_is_not_found(operator: Client) -> None:
    for method, path in (
        ("GET", ""),
        ("POST", "/acknowledge"),
        ("POST", "/clear"),
        ("GET", "/snapshot"),
    ):
        answer = await operator.request(method, f"/api/v1/alarms/9{path}", json={})
        assert (answer.status, (await answer.json())["code"]) == (404, "alarm_not_found")


async def test_the_picture_is_a_jpeg_or_a_problem(viewer: Client) -> None:
    answer = await viewer.get("/api/v1/alarms/1/snapshot")
    assert (answer.status, answer.content_type) == (200, "image/jpeg")
    assert await answer.read() == b"\xff\xd8picture"
    answer = await viewer.get("/api/v1/alarms/2/snapshot")
    assert (answer.status, (await answer.json())["code"]) == (404, "snapshot_not_found")


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", "9223372036854775808", "%00"])
async def test_a_number_that_cannot_be_is_refused(viewer: Client, number: str) -> None:
    assert (await viewer.get(f"/api/v1/alarms/{number}")).status == 400

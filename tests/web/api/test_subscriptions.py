from datetime import timedelta

from tests.web.conftest import Client
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL, DEVICE, NOON, OTHER, alarm

SUBSCRIPTIONS = f"/api/v1/devices/{DEVICE}/subscriptions"


async def test_a_device_tells_what_it_reports(viewer: Client) -> None:
    items = (await (await viewer.get(SUBSCRIPTIONS)).json())["items"]
    assert [item["topic"] for item in items] == ["catalog", "alarm", "position"]
    assert items[0] == {
        "topic": "catalog",
        "wanted": True,
        "given": None,
        "state": "active",
        "since": NOON.isoformat().replace("+00:00", "Z"),
        "expires_s": 600,
        "reason": None,
        "notified_at": NOON.isoformat().replace("+00:00", "Z"),
        "notifications": 3,
    }


async def test_an_operator_chooses_and_a_viewer_may_not(viewer: Client, operator: Client) -> None:
    path = f"{SUBSCRIPTIONS}/position"
    assert (await viewer.put(path, json={"wanted": False})).status == 403
    items = (await (await operator.put(path, json={"wanted": False})).json())["items"]
    assert (items[2]["state"], items[2]["given"], items[2]["wanted"]) == ("none", False, False)
    items = (await (await operator.put(path, json={"wanted": None})).json())["items"]
    assert (items[2]["given"], items[2]["wanted"]) == (None, True)


async def test_what_cannot_be_subscribed_to_is_refused(operator: Client) -> None:
    assert (await operator.put(f"{SUBSCRIPTIONS}/weather", json={"wanted": True})).status == 400
    assert (await operator.put(f"{SUBSCRIPTIONS}/alarm", json={})).status == 400
    unknown = f"/api/v1/devices/{OTHER[:-1]}9/subscriptions"
    assert (await operator.get(unknown)).status == 404


async def test_a_channel_tells_where_it_is_and_was(viewer: Client, services: FakeServices) -> None:
    answer = await (await viewer.get(f"/api/v1/channels/{CHANNEL}/position")).json()
    place = answer["position"]
    assert (place["longitude"], place["latitude"], place["speed"]) == (112.5, 36.25, 20.0)
    assert place["altitude"] is None
    items = (await (await viewer.get(f"/api/v1/channels/{CHANNEL}/track")).json())["items"]
    assert [item["longitude"] for item in items] == [112.5, 112.75]
    assert services.positions.asked is not None
    start, end = services.positions.asked
    assert end - start == timedelta(days=1)
    still = await viewer.get("/api/v1/channels/14040000001320000099/position")
    assert await still.json() == {"position": None}


async def test_a_track_is_a_table_that_holds_no_formula(viewer: Client) -> None:
    query = "start=2026-11-20T04:00:00Z&end=2026-11-21T04:00:00Z"
    answer = await viewer.get(f"/api/v1/channels/{CHANNEL}/track.csv?{query}")
    assert answer.content_type == "text/csv"
    assert CHANNEL in answer.headers["Content-Disposition"]
    head, first, second = (await answer.text(encoding="utf-8-sig")).splitlines()
    assert head.startswith("channel,at,time_text,longitude,latitude")
    assert f"{CHANNEL},{NOON.isoformat()},'=1+1,112.5,36.25,20.0,90.0,," == first
    assert "112.75" in second


async def test_only_an_alarm_of_a_device_is_reset(
    viewer: Client, operator: Client, services: FakeServices
) -> None:
    path = "/api/v1/alarms/1/reset"
    refused = await operator.post(path, json={})
    assert (refused.status, (await refused.json())["code"]) == (409, "not_a_device_alarm")
    services.alarms.known[1] = alarm(kind="device_alarm")
    assert (await viewer.post(path, json={})).status == 403
    assert (await operator.post(path, json={})).status == 200
    assert services.alarm_commands.reset_ids == [1]


async def test_a_device_is_asked_for_its_alarms(operator: Client, services: FakeServices) -> None:
    path = f"/api/v1/devices/{DEVICE}/alarm-query"
    assert (await operator.post(path, json={"methods": ["2", "5"]})).status == 204
    assert services.alarm_commands.queried == [(DEVICE, ("2", "5"))]
    away = await operator.post(f"/api/v1/devices/{OTHER}/alarm-query", json={})
    assert (await away.json())["code"] == "device_offline"

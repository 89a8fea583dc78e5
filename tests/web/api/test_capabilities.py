from tests.web.conftest import Client
from tests.web.records import DEVICE, UNKNOWN

MATRIX = f"/api/v1/devices/{DEVICE}/capabilities"


async def test_what_was_tried_is_listed_with_time_and_verdict(viewer: Client) -> None:
    answer = await (await viewer.get(MATRIX)).json()
    assert [(item["name"], item["verdict"]) for item in answer["items"]] == [("ptz", "taken")]
    assert answer["items"][0]["at"].startswith("2026-")
    assert answer["test"] is None


async def test_a_test_is_begun_once_and_tells_how_far_it_is(operator: Client) -> None:
    begun = await operator.post(f"{MATRIX}/test")
    assert (begun.status, (await begun.json())["test"]) == (202, {"total": 20, "done": 3})
    again = await operator.post(f"{MATRIX}/test")
    assert (again.status, (await again.json())["code"]) == (409, "test_runs")


async def test_an_unknown_device_has_no_matrix(viewer: Client) -> None:
    answer = await viewer.get(f"/api/v1/devices/{UNKNOWN}/capabilities")
    assert answer.status == 404

from dataclasses import replace

import pytest

from tests.web.conftest import Client
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL, UNKNOWN
from vms.records import SearchState

LIST = f"/api/v1/channels/{CHANNEL}/recordings"
HOUR = "start=2026-11-20T12:00:00%2B08:00&end=2026-11-20T13:00:00%2B08:00"


async def test_the_switch_goes_on_and_off_and_says_who(
    operator: Client, services: FakeServices
) -> None:
    path = f"/api/v1/channels/{CHANNEL}/recording"
    answer = await operator.put(path, json={"on": True})
    assert await answer.json() == {"code": CHANNEL, "on": True, "state": "waiting"}
    assert services.recording.on == {CHANNEL: "operator"}
    assert await (await operator.get(path)).json() == await answer.json()
    answer = await operator.put(path, json={"on": False})
    assert await answer.json() == {"code": CHANNEL, "on": False, "state": "off"}
    assert services.users.log[0] == ("operator", "switch_recording", CHANNEL, "ok")


@pytest.mark.parametrize("body", [{}, {"on": "perhaps"}, {"on": None}])
async def test_a_switch_is_on_or_off(operator: Client, body: dict[str, object]) -> None:
    answer = await operator.put(f"/api/v1/channels/{CHANNEL}/recording", json=body)
    assert answer.status == 400


async def test_files_are_listed_with_their_address_and_without_their_path(viewer: Client) -> None:
    answer = await viewer.get(f"{LIST}?{HOUR}")
    assert (await answer.json())["items"] == [
        {
            "id": "1",
            "channel": CHANNEL,
            "source": "local",
            "record_type": None,
            "start": "2026-11-20T04:00:00Z",
            "end": "2026-11-20T04:01:00Z",
            "duration_s": 60.0,
            "bytes": 1000,
            "codec": "h264",
            "width": 1280,
            "height": 720,
            "has_audio": False,
            "locked": False,
            "url": "/api/v1/recordings/1/file",
        }
    ]


@pytest.mark.parametrize(
    "query",
    [
        "start=2026-11-20T12:00:00&end=2026-11-20T13:00:00",
        "start=2026-11-20T13:00:00Z&end=2026-11-20T12:00:00Z",
        "start=yesterday&end=today",
    ],
)
async def test_a_stretch_of_time_has_zone_and_direction(viewer: Client, query: str) -> None:
    assert (await viewer.get(f"{LIST}?{query}")).status == 400


async def test_an_unknown_channel_has_no_recordings(viewer: Client, operator: Client) -> None:
    assert (await viewer.get(f"/api/v1/channels/{UNKNOWN}/recordings?{HOUR}")).status == 404
    assert (await viewer.get(f"/api/v1/channels/{UNKNOWN}/recording")).status == 404
    answer = await operator.put(f"/api/v1/channels/{UNKNOWN}/recording", json={"on": True})
    assert answer.status == 404


async def test_a_file_is_downloaded_whole_or_in_part_and_written_down(
    viewer: Client, services: FakeServices
) -> None:
    answer = await viewer.get("/api/v1/recordings/1/file")
    assert (answer.status, answer.content_type) == (200, "video/mp4")
    assert await answer.read() == b"recorded"
    name = f'attachment; filename="{CHANNEL}_20261120T040000Z.mp4"'
    assert answer.headers["Content-Disposition"] == name
    part = await viewer.get("/api/v1/recordings/1/file", headers={"Range": "bytes=2-4"})
    assert (part.status, await part.read()) == (206, b"cor")
    assert services.users.log[0] == ("viewer", "download_recording", "1", "ok")


@pytest.mark.parametrize("status", [404])
async def test_a_file_that_is_gone_is_a_problem(
    viewer: Client, services: FakeServices, status: int
) -> None:
    assert (await viewer.get("/api/v1/recordings/2/file")).status == status
    (services.recording.data / "1.mp4").unlink()
    assert (await viewer.get("/api/v1/recordings/1/file")).status == status


async def test_recordings_of_the_device_have_no_file_here(
    viewer: Client, services: FakeServices
) -> None:
    body = await (await viewer.get(f"{LIST}?{HOUR}&source=device&wait_s=1")).json()
    (item,) = body["items"]
    assert (item["source"], item["record_type"], item["url"]) == ("device", "time", None)
    assert (item["start"], item["bytes"]) == ("2026-11-20T04:00:00Z", 4096)
    assert (body["search"]["state"], body["search"]["found"]) == ("complete", 1)
    (asked,) = services.device_recordings.asked
    assert asked[2:] == (1.0, False)


async def test_both_places_make_one_list_by_time(viewer: Client) -> None:
    body = await (await viewer.get(f"{LIST}?{HOUR}&source=all")).json()
    assert [each["source"] for each in body["items"]] == ["local", "device"]
    local = await (await viewer.get(f"{LIST}?{HOUR}")).json()
    assert local["search"] is None


async def test_a_device_that_does_not_answer_is_explained(
    viewer: Client, services: FakeServices
) -> None:
    found = services.device_recordings.answer
    services.device_recordings.answer = replace(
        found, state=SearchState.FAILED, items=(), reason="device_offline"
    )
    body = await (await viewer.get(f"{LIST}?{HOUR}&source=device")).json()
    assert body["items"] == []
    assert (body["search"]["title"], body["search"]["reason"]) == ("设备离线", "device_offline")


@pytest.mark.parametrize("query", ["source=moon", "source=device&wait_s=-1", "source=all&anew=x"])
async def test_senseless_places_are_refused(viewer: Client, query: str) -> None:
    assert (await viewer.get(f"{LIST}?{HOUR}&{query}")).status == 400

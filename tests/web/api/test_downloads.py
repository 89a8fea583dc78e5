import pytest

from tests.web.conftest import Client
from tests.web.fake_playback import DOWNLOAD, download
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL, UNKNOWN
from vms.records import DownloadState

PATH = f"/api/v1/downloads/{DOWNLOAD}"
BODY = {
    "channel": CHANNEL,
    "start": "2026-11-20T12:00:00+08:00",
    "end": "2026-11-20T13:00:00+08:00",
}


async def test_a_download_begins_and_shows_its_progress(viewer: Client) -> None:
    body = await (await viewer.post("/api/v1/downloads", json=BODY | {"speed": 8})).json()
    assert (body["state"], body["speed"], body["owner"]) == ("running", 8, "viewer")
    shown = await (await viewer.get(PATH)).json()
    assert (shown["progress"], shown["bytes"], shown["urls"]) == (0.25, 1000, [])
    listed = (await (await viewer.get("/api/v1/downloads")).json())["items"]
    assert [each["id"] for each in listed] == [DOWNLOAD]


@pytest.mark.parametrize("change", [{"speed": 33}, {"speed": -1}, {"end": "x"}, {"channel": "x"}])
async def test_a_senseless_wish_is_refused(viewer: Client, change: dict[str, object]) -> None:
    assert (await viewer.post("/api/v1/downloads", json=BODY | change)).status == 400


async def test_an_unknown_channel_is_told_at_once(viewer: Client) -> None:
    answer = await viewer.post("/api/v1/downloads", json=BODY | {"channel": UNKNOWN})
    assert answer.status == 404


async def test_the_file_is_taken_by_its_address_alone(
    viewer: Client, anyone: Client, services: FakeServices
) -> None:
    done = download(state=DownloadState.DONE, progress=1.0, files=("1.mp4",))
    services.downloads.known[DOWNLOAD] = done
    (url,) = (await (await viewer.get(PATH)).json())["urls"]
    answer = await anyone.get(url)
    assert (answer.status, answer.content_type) == (200, "video/mp4")
    assert await answer.read() == b"recorded"
    name = f'attachment; filename="{CHANNEL}_20261120T040000Z_1.mp4"'
    assert answer.headers["Content-Disposition"] == name
    assert (await anyone.get(url.partition("&")[0])).status == 401
    other = "1" * 32
    services.downloads.known[other] = done
    assert (await anyone.get(url.replace(DOWNLOAD, other))).status == 401
    assert ("viewer", "take_download", DOWNLOAD, "ok") in services.users.log


async def test_a_file_that_is_not_there_yet_is_a_problem(viewer: Client) -> None:
    answer = await viewer.get(f"{PATH}/file")
    assert (answer.status, (await answer.json())["code"]) == (404, "download_file_not_found")


async def test_it_is_cancelled_tried_again_and_deleted(
    viewer: Client, operator: Client, services: FakeServices
) -> None:
    assert (await viewer.post(f"{PATH}/retry", json={})).status == 409
    assert (await (await viewer.post(f"{PATH}/cancel", json={})).json())["state"] == "cancelled"
    assert (await (await viewer.post(f"{PATH}/retry", json={})).json())["state"] == "waiting"
    assert (await viewer.delete(PATH)).status == 403
    assert (await operator.delete(PATH)).status == 204
    assert services.downloads.known == {}
    assert (await viewer.get(PATH)).status == 404


async def test_a_failure_is_told_in_words(viewer: Client, services: FakeServices) -> None:
    failed = download(state=DownloadState.FAILED, reason="disk_full", detail="no space left")
    services.downloads.known[DOWNLOAD] = failed
    body = await (await viewer.get(PATH)).json()
    assert body["title"] == "磁盘空间不足" and body["hint"]

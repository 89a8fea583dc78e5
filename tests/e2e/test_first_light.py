"""A simulated mine, seen in a browser, recorded and analysed: what `make run` shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.e2e.media import probe
from tests.e2e.platform import Platform, Program
from tests.e2e.viewer import Viewer, browser

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

SEGMENT_S = 3
PICTURES_PER_MINE = 39


@dataclass
class Mine:
    """A platform, the mine beside it, a person before the wall, and the mine's channels."""

    platform: Platform
    simulator: Program
    viewer: Viewer
    channels: list[dict[str, Any]]

    def place(self, category: str) -> dict[str, Any]:
        return next(c for c in self.channels if c["category_code"].startswith(category))


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mine]:
    settings = {"VMS_RECORDING__SEGMENT_S": str(SEGMENT_S), "VMS_MEDIA__LINGER_S": "1"}
    platform = Platform(tmp_path_factory.mktemp("mine") / "data", **settings)
    with platform.run(), platform.simulate("--boxes", "1") as simulator, browser() as chromium:
        channels = platform.channels_online(PICTURES_PER_MINE)
        viewer = Viewer(chromium, platform)
        viewer.log_in()
        yield Mine(platform, simulator, viewer, channels)


def test_the_tree_shows_the_mine_by_organisation_and_by_all_36_categories(mine: Mine) -> None:
    page = mine.viewer.page
    page.fill("#search", "")
    page.locator(".tree [data-kind=device]").first.wait_for()
    page.click("[data-by=category]")
    page.locator(".tree [data-kind=category]").nth(35).wait_for()
    assert page.locator(".tree [data-kind=category]").count() == 36
    page.click("[data-by=organisation]")
    assert {c["category_code"][:2] for c in mine.channels} == {f"{n:02}" for n in range(1, 37)}


def test_a_channel_dragged_onto_a_tile_plays_and_its_picture_moves(mine: Mine) -> None:
    viewer, channel = mine.viewer, mine.place("01")
    viewer.drag_to_tile(channel["code"], 1)
    viewer.wait_state(1, "live")
    viewer.wait_frames(3)
    before = viewer.picture()
    viewer.wait_frames(25)
    after = viewer.picture()
    assert before.std() > 20
    assert np.abs(before.astype(int) - after).mean() > 0.3
    assert viewer.faults == []


def test_the_three_marks_tell_registered_says_on_and_proven_apart(mine: Mine) -> None:
    channel = mine.place("01")
    seen = mine.platform.eventually(f"/api/v1/channels/{channel['code']}", lambda c: c["proven"])
    assert (seen["registered"], seen["says_on"], seen["proven"]) == (True, True, True)
    other = mine.platform.get(f"/api/v1/channels/{mine.place('36')['code']}").json()
    assert (other["registered"], other["says_on"], other["proven"]) == (True, True, False)


def test_outside_players_read_http_flv_and_http_fmp4(mine: Mine) -> None:
    code = mine.place("02")["code"]
    live = mine.platform.post(f"/api/v1/channels/{code}/live", {}).json()
    for url in (live["urls"]["http_flv"], live["urls"]["http_fmp4"]):
        found = probe(url, seconds=3)
        assert (found.codec, found.width, found.height) == ("h264", 640, 360)
        assert found.audio == "pcm_alaw"
        assert found.frames > 20
        assert found.errors == ""


def test_a_stream_ends_at_the_device_after_its_last_viewer_left(mine: Mine) -> None:
    code = mine.place("03")["code"]
    live = mine.platform.post(f"/api/v1/channels/{code}/live", {}).json()
    probe(live["urls"]["http_flv"], seconds=1)
    mine.platform.eventually(
        f"/api/v1/channels/{code}/live", lambda status: status["state"] == "idle"
    )


def test_a_recording_is_cut_at_key_frames_and_every_file_plays(mine: Mine) -> None:
    code = mine.place("10")["code"]
    mine.platform.request("PUT", f"/api/v1/channels/{code}/recording", {"on": True})
    path = f"/api/v1/channels/{code}/recordings"
    mine.platform.eventually(path, lambda answer: len(answer["items"]) >= 2)
    mine.platform.request("PUT", f"/api/v1/channels/{code}/recording", {"on": False})
    folder = mine.platform.data / "recordings" / code
    listed = mine.platform.get(path).json()["items"]
    for segment in listed:
        answer = mine.platform.get(f"/api/v1/recordings/{segment['id']}/file")
        file = folder / "downloaded.mp4"
        file.write_bytes(answer.body)
        found = probe(str(file))
        assert (found.codec, found.width, found.errors) == ("h264", 640, "")
        assert abs(found.duration_s - segment["duration_s"]) < 0.5
        assert found.frames > 0
        file.unlink()
    # The last one is what was there when the switch went off.
    assert all(segment["duration_s"] > SEGMENT_S - 1 for segment in listed[:-1])
    assert [p for p in folder.rglob("*.mp4")] != []


def test_motion_in_a_region_raises_an_alarm_that_is_drawn_and_listed(mine: Mine) -> None:
    viewer, channel = mine.viewer, mine.place("01")
    draft = {
        "channel": channel["code"],
        "plugin": "intrusion",
        "name": "广场入侵",
        "sample_fps": 2,
        "region": [[0, 0.3], [1, 0.3], [1, 1], [0, 1]],
        "params": {"detector": "motion", "min_area": 0.001, "clear_after_s": 3600},
        "level": 2,
    }
    scene = mine.platform.post("/api/v1/scenes", draft)
    assert scene.status == 201, scene.body
    alarms = mine.platform.eventually(
        f"/api/v1/alarms?channel={channel['code']}",
        lambda answer: any(alarm["snapshot_url"] for alarm in answer["items"]),
    )["items"]
    assert [alarm["kind"] for alarm in alarms] == ["intrusion"]
    snapshot = mine.platform.get(alarms[0]["snapshot_url"])
    assert snapshot.headers["Content-Type"] == "image/jpeg"
    picture = cv2.imdecode(np.frombuffer(snapshot.body, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (360, 640, 3)
    viewer.page.wait_for_selector(".tile[data-tile='1'][data-alarm-level='2']")
    viewer.page.wait_for_selector(".tile[data-tile='1'] canvas.overlay:not([data-boxes='0'])")
    viewer.page.locator(f".alarm-item[data-channel='{channel['code']}']").first.wait_for()


def test_an_alarm_is_acknowledged_and_cleared_by_a_person(mine: Mine) -> None:
    (alarm, *_) = mine.platform.get("/api/v1/alarms").json()["items"]
    mine.viewer.open("/alarms")
    page = mine.viewer.page
    page.locator(f"[data-alarm='{alarm['id']}']").first.click()
    page.locator(f"[data-alarm='{alarm['id']}'] [data-action=acknowledge]").first.click()
    seen = mine.platform.eventually(
        f"/api/v1/alarms/{alarm['id']}", lambda a: a["state"] == "acknowledged"
    )
    assert seen["acknowledged_by"] == "admin"
    cleared = mine.platform.post(f"/api/v1/alarms/{alarm['id']}/clear", {"note": "车辆经过"})
    assert cleared.json()["state"] == "cleared"


def test_every_page_opens_without_a_fault(mine: Mine) -> None:
    for path in ("/", "/alarms", "/devices", "/access", "/system"):
        mine.viewer.open(path)
    assert mine.viewer.faults == []


def test_ctrl_c_hangs_up_unregisters_and_closes_everything(mine: Mine) -> None:
    assert mine.simulator.stop() == 0
    running = mine.platform.running
    assert running is not None
    running.wait_for(r"device offline .*cause=unregistered")
    assert running.stop() == 0
    assert "Traceback" not in running.log
    assert "Traceback" not in mine.simulator.log
    unfinished = [p for p in Path(mine.platform.data).rglob("*.part")]
    assert unfinished == []

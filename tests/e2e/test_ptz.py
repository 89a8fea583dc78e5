"""Steering a simulated dome from the browser: its picture turns, it stops, it remembers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.platform import Platform
from tests.e2e.viewer import Viewer, browser

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CAMERAS = 4
THUMBNAIL = """() => {
  const video = document.querySelector(".tile[data-tile='1'] video");
  const canvas = document.createElement("canvas");
  canvas.width = 64; canvas.height = 36;
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 64, 36);
  return Array.from(context.getImageData(0, 0, 64, 36).data);
}"""
SHOTS = Path(__file__).resolve().parents[2] / "build" / "shots"


@dataclass
class Stage:
    """A platform, a mine of four cameras, a person before the wall."""

    platform: Platform
    viewer: Viewer
    channels: list[dict[str, Any]]

    @property
    def dome(self) -> dict[str, Any]:
        return next(c for c in self.channels if c["ptz_type"] == 1)

    @property
    def fixed(self) -> dict[str, Any]:
        return next(c for c in self.channels if c["ptz_type"] == 3)

    def url(self, path: str) -> str:
        return f"/api/v1/channels/{self.dome['code']}/{path}"

    def position(self) -> dict[str, float]:
        answer = self.platform.get(self.url("ptz/position"))
        assert answer.status == 200, answer.body
        return answer.json()

    def thumbnail(self) -> np.ndarray:
        return np.asarray(self.viewer.page.evaluate(THUMBNAIL), dtype=int)

    def wait_turned(self, before: np.ndarray) -> None:
        """Until the picture in the tile is another one."""
        for _ in range(600):
            if np.abs(self.thumbnail() - before).mean() > 8:
                return
            self.viewer.page.wait_for_timeout(100)
        raise AssertionError("the picture never turned")

    def wait_at_rest(self) -> dict[str, float]:
        """Until the head stands still; answers where."""
        last = self.position()
        for _ in range(300):
            self.viewer.page.wait_for_timeout(200)
            now = self.position()
            if now == last:
                return now
            last = now
        raise AssertionError("the head never stopped")

    def wait_position(self, wanted: dict[str, float]) -> None:
        self.platform.eventually(self.url("ptz/position"), lambda found: found == wanted)

    def open_panel(self) -> None:
        tile = self.viewer.tile(1)
        tile.locator("[data-action=ptz]").click()
        tile.locator("[data-ptz=panel]").wait_for()

    def shoot(self, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.viewer.page.screenshot(path=SHOTS / f"{name}.png")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    platform = Platform(tmp_path_factory.mktemp("ptz") / "data")
    arguments = ("--boxes", "1", "--channels", str(CAMERAS))
    with platform.run(), platform.simulate(*arguments), browser() as chromium:
        channels = platform.channels_online(CAMERAS)
        viewer = Viewer(chromium, platform)
        viewer.log_in()
        yield Stage(platform, viewer, channels)


def test_the_picture_turns_while_the_pad_is_held_and_stops_on_release(stage: Stage) -> None:
    viewer, page = stage.viewer, stage.viewer.page
    viewer.drag_to_tile(stage.dome["code"], 1)
    viewer.wait_state(1, "live")
    viewer.wait_frames(3)
    stage.open_panel()
    before = stage.thumbnail()
    page.locator("[data-ptz=right]").hover()
    page.mouse.down()
    stage.wait_turned(before)
    stage.shoot("ptz-turning")
    page.mouse.up()
    stopped = stage.wait_at_rest()
    assert stopped["pan"] != 0 and stopped["tilt"] == 0
    log = stage.platform.get("/api/v1/channels/" + stage.dome["code"] + "/ptz").json()
    assert (log["is_moving"], log["holder"]) == (False, "admin")


def test_keys_turn_and_zoom(stage: Stage) -> None:
    page = stage.viewer.page
    before = stage.wait_at_rest()
    stage.viewer.tile(1).focus()
    page.keyboard.down("ArrowDown")
    stage.platform.eventually(stage.url("ptz/position"), lambda p: p["tilt"] > before["tilt"])
    page.keyboard.up("ArrowDown")
    page.keyboard.down("+")
    stage.platform.eventually(stage.url("ptz/position"), lambda p: p["zoom"] > 1)
    page.keyboard.up("+")
    stopped = stage.wait_at_rest()
    assert stopped["pan"] == before["pan"]


def test_a_preset_is_saved_called_and_there_after_a_reload(stage: Stage) -> None:
    page = stage.viewer.page
    kept = stage.wait_at_rest()
    page.click("[data-action=save-preset]")
    page.fill("[data-dialog=save-preset] [name=name]", "井口东")
    page.click("[data-dialog=save-preset] [data-action=confirm]")
    page.locator("[data-preset='1']", has_text="井口东").wait_for()
    page.locator("[data-ptz=left]").hover()
    page.mouse.down()
    stage.platform.eventually(stage.url("ptz/position"), lambda p: p["pan"] != kept["pan"])
    page.mouse.up()
    assert stage.wait_at_rest() != kept
    page.locator("[data-preset='1'] [data-action=call-preset]").click()
    stage.wait_position(kept)
    page.reload()
    page.wait_for_selector("body.page-wall[data-ready=true]")
    stage.viewer.wait_state(1, "live")
    stage.open_panel()
    page.locator("[data-preset='1']", has_text="井口东").wait_for()
    stage.shoot("ptz-panel")


def test_a_line_that_is_cut_stops_the_camera(stage: Stage) -> None:
    page = stage.viewer.page
    before = stage.wait_at_rest()
    page.locator("[data-ptz=right]").hover()
    page.mouse.down()
    stage.platform.eventually(stage.url("ptz/position"), lambda p: p["pan"] != before["pan"])
    page.context.set_offline(True)
    stage.wait_at_rest()
    page.mouse.up()
    page.context.set_offline(False)
    stage.viewer.faults.clear()  # the browser tells requests that could not leave
    page.reload()
    page.wait_for_selector("body.page-wall[data-ready=true]")
    stage.viewer.wait_state(1, "live")


def test_the_camera_takes_a_picture(stage: Stage) -> None:
    page = stage.viewer.page
    stage.open_panel()
    page.click("[data-action=ptz-snapshot]")
    page.wait_for_function(
        "() => document.querySelector('[data-dialog=snapshot] img')?.naturalWidth === 640"
    )
    stage.shoot("ptz-snapshot")
    page.keyboard.press("Escape")
    listed = stage.platform.get(stage.url("snapshots")).json()["items"]
    assert len(listed) == 1


def test_a_fixed_camera_is_not_offered_to_steer(stage: Stage) -> None:
    stage.viewer.drag_to_tile(stage.fixed["code"], 2)
    button = stage.viewer.tile(2).locator("[data-action=ptz]")
    button.wait_for()
    assert button.is_disabled()
    assert "云台" in (button.get_attribute("title") or "")
    refused = stage.platform.post(f"/api/v1/channels/{stage.fixed['code']}/ptz", {"pan": 1})
    assert (refused.status, refused.json()["code"]) == (409, "ptz_missing")


def test_configuration_is_read_changed_and_checked(stage: Stage) -> None:
    page = stage.viewer.page
    stage.viewer.tile(1).locator("[data-action=info]").click()
    page.click("[data-section=config] > summary")
    page.click("[data-action=read-config]")
    form = page.locator("[data-config=FrameMirror]")
    form.locator("summary").click()
    form.locator("[data-field=mode] input").fill("2")
    form.locator("[data-action=write-config]").click()
    page.locator(".toast-ok", has_text="已写入").wait_for()
    stage.shoot("device-config")
    read = stage.platform.get(stage.url("config?types=FrameMirror")).json()
    assert read["configs"][0]["values"]["mode"] == 2
    assert stage.viewer.faults == []


def test_an_upgraded_device_comes_back_and_tells(stage: Stage) -> None:
    device = f"/api/v1/devices/{stage.dome['device_id']}"
    firmware = {"firmware": "V9.0.0", "url": stage.platform.url + "/healthz"}
    assert stage.platform.post(f"{device}/upgrade", firmware).json()["state"] == "running"
    stage.platform.eventually(
        f"{device}/upgrade", lambda found: found["upgrade"]["state"] == "done"
    )
    stage.platform.channels_online(CAMERAS)

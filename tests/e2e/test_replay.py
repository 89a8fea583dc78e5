"""A device's recordings in the viewer: searched, played, sought, held, sped up, fetched."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.media import probe
from tests.e2e.platform import Platform, Program
from tests.e2e.viewer import PATIENCE_MS, Viewer, browser

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

POSITION = "document.querySelector('[data-role=position]')"
DATE = "document.querySelector('.replay input[type=date]')"


@dataclass
class Recorder:
    platform: Platform
    simulator: Program
    viewer: Viewer
    code: str

    def evaluate(self, script: str) -> Any:
        return self.viewer.page.evaluate(script)

    @property
    def at(self) -> float:
        """The recorded time that the bar shows, seconds since 1970."""
        return (
            float(self.evaluate("document.querySelector('[data-role=position]').dataset.at")) / 1e3
        )

    def wait(self, condition: str, argument: object = None) -> None:
        self.viewer.page.wait_for_function(condition, arg=argument, timeout=PATIENCE_MS)

    def wait_past(self, at: float) -> None:
        """Wait until the bar shows a time later than this."""
        self.wait(
            "at => Number(document.querySelector('[data-role=position]').dataset.at) > at", at * 1e3
        )

    def click_timeline(self, at: float) -> None:
        """Click the device's lane where this moment is; the view is the whole day."""
        box = self.viewer.page.locator(".timeline-track").bounding_box()
        assert box is not None
        day = self.evaluate(f"{DATE}.value")
        start = datetime.fromisoformat(f"{day}T00:00:00+08:00").timestamp()
        share = (at - start) / 86_400
        self.viewer.page.mouse.click(box["x"] + share * box["width"], box["y"] + 8)

    def clock_picture(self) -> np.ndarray:
        """The burnt-in clock as the video element has it."""
        data = self.evaluate(
            """() => { const video = document.querySelector(".tile[data-tile='1'] video");
            const canvas = document.createElement("canvas");
            canvas.width = video.videoWidth; canvas.height = video.videoHeight;
            const context = canvas.getContext("2d"); context.drawImage(video, 0, 0);
            return Array.from(context.getImageData(0, 0, 300, 40).data); }"""
        )
        return np.asarray(data, np.uint8).reshape(40, 300, 4)[..., :3]


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    platform = Platform(tmp_path_factory.mktemp("replay") / "data")
    with platform.run(), platform.simulate("--boxes", "1", "--channels", "1") as simulator:
        [channel] = platform.channels_online(1)
        with browser() as chromium:
            viewer = Viewer(chromium, platform)
            viewer.log_in()
            yield Recorder(platform, simulator, viewer, channel["code"])


def longest_stretch(recorder: Recorder, day: str) -> tuple[float, float]:
    """Begin and end of a long recorded stretch of that day (Beijing), seconds since 1970."""
    query = f"start={day}T00:00:00%2B08:00&end={day}T23:59:59%2B08:00&source=device"
    body = recorder.platform.eventually(
        f"/api/v1/channels/{recorder.code}/recordings?{query}",
        lambda found: found["search"]["state"] == "complete",
    )
    found: list[tuple[float, float]] = []
    for item in body["items"]:
        start, end = (datetime.fromisoformat(item[name]).timestamp() for name in ("start", "end"))
        if found and start - found[-1][1] < 2:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return max(found, key=lambda each: each[1] - each[0])


def test_a_recording_is_found_played_sought_held_and_sped_up(recorder: Recorder) -> None:
    viewer, page = recorder.viewer, recorder.viewer.page
    viewer.drag_to_tile(recorder.code)
    viewer.wait_state(1, "live")
    viewer.tile().focus()
    page.keyboard.press("p")
    page.wait_for_selector(".replay[data-search=complete]")
    # Yesterday's recordings are there whatever the hour is.
    page.click(".replay-head .icon-button >> nth=0")
    yesterday = (datetime.now(UTC) + timedelta(hours=8) - timedelta(days=1)).date().isoformat()
    recorder.wait(
        "day => document.querySelector('.replay input[type=date]').value === day", yesterday
    )
    page.wait_for_selector(".timeline-device .timeline-block")
    page.wait_for_selector(".replay[data-search=complete]")
    play_and_seek(recorder, *longest_stretch(recorder, yesterday))
    speed_up_and_hold(recorder)

    page.click("[data-speed='1']")
    page.wait_for_selector(".replay[data-speed='1']")
    here = recorder.at
    page.click("[data-action=file-after]")
    recorder.wait_past(here + 5)
    page.click("[data-action=to-live]")
    page.wait_for_selector(".tile[data-tile='1'][data-state=live]:not([data-replay])")
    assert page.locator(".replay").is_hidden()
    recorder.platform.eventually("/api/v1/playbacks", lambda body: body["items"] == [])
    assert viewer.faults == []


def play_and_seek(recorder: Recorder, start: float, end: float) -> None:
    """Two places of a stretch, and the clock in the picture is another one."""
    viewer, page = recorder.viewer, recorder.viewer.page
    recorder.click_timeline(start + 600)
    page.wait_for_selector(".tile[data-tile='1'][data-replay=playing][data-state=live]")
    viewer.wait_frames(12)
    first = recorder.at
    assert abs(first - (start + 600)) < 300  # a pixel of the bar is a minute and a half
    before = recorder.clock_picture()

    recorder.click_timeline((start + end) / 2)
    recorder.wait_past(first + 300)
    page.wait_for_selector(".tile[data-tile='1'][data-replay=playing][data-state=live]")
    viewer.wait_frames(24)
    after = recorder.clock_picture()
    assert np.abs(before.astype(int) - after).max() > 100, "the burnt-in clock stayed"


def speed_up_and_hold(recorder: Recorder) -> None:
    """Four times as fast, then nothing moves, then it goes on."""
    viewer, page = recorder.viewer, recorder.viewer.page
    page.click("[data-speed='4']")
    page.wait_for_selector(".replay[data-speed='4']")
    began = recorder.at
    recorder.wait_past(began + 20)
    recorder.wait("() => document.querySelector(\".tile[data-tile='1'] video\").playbackRate > 2")
    viewer.wait_frames(24)

    page.click("[data-action=hold]")
    page.wait_for_selector(".tile[data-tile='1'][data-replay=paused]")
    # What is on its way still arrives; then nothing moves any more.
    held = [recorder.at]
    for _ in range(100):
        page.wait_for_timeout(700)  # longer than the bar's own half second
        held.append(recorder.at)
        if held[-1] == held[-2]:
            break
    assert held[-1] == held[-2]
    assert viewer.tile().get_attribute("data-state") == "live"
    page.click("[data-action=hold]")
    recorder.wait_past(held[-1] + 4)


def test_a_download_reaches_100_percent_and_plays(recorder: Recorder, tmp_path: Path) -> None:
    yesterday = (datetime.now(UTC) + timedelta(hours=8) - timedelta(days=1)).date().isoformat()
    start, _ = longest_stretch(recorder, yesterday)
    begin = datetime.fromtimestamp(start + 30, UTC)
    body = {
        "channel": recorder.code,
        "start": begin.isoformat(),
        "end": (begin + timedelta(seconds=12)).isoformat(),
        "speed": 4,
    }
    made = recorder.platform.post("/api/v1/downloads", body).json()
    done = recorder.platform.eventually(
        f"/api/v1/downloads/{made['id']}", lambda found: found["state"] in ("done", "failed")
    )
    assert (done["state"], done["progress"]) == ("done", 1.0), json.dumps(done)
    file = tmp_path / "recording.mp4"
    file.write_bytes(recorder.platform.get(done["urls"][0]).body)
    shown = probe(str(file))
    assert (shown.codec, shown.errors) == ("h264", "")
    assert shown.audio is not None
    # A loaded machine may lose a datagram, hence a picture; the recording's length stays.
    assert 11 <= shown.duration_s <= 13
    assert shown.frames > 100


def test_a_device_without_recordings_says_so(recorder: Recorder) -> None:
    page = recorder.viewer.page
    recorder.viewer.tile().focus()
    page.keyboard.press("p")
    page.wait_for_selector(".replay[data-search=complete]")
    page.fill(".replay input[type=date]", "2020-01-01")
    page.locator(".replay-words", has_text="设备上没有录像").wait_for()
    assert page.locator(".timeline-block").count() == 0
    page.click("[data-action=close-replay]")

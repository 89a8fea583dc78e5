"""Real clips through the whole line: UDP and TCP, H.264 and H.265, and a person in a region."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import ffmpeg
import numpy as np
import pytest

from tests.e2e.media import probe
from tests.e2e.platform import Platform
from tests.e2e.viewer import Viewer, browser

pytestmark = [pytest.mark.field, pytest.mark.e2e, pytest.mark.timeout(600)]

CLIP = "worker_zone_1080p_osd.mp4"
SOURCE = {"width": 1920, "height": 1080, "frame_rate": 25.0}


@dataclass
class Line:
    platform: Platform
    channels: list[dict[str, Any]]

    def urls(self, code: str) -> dict[str, str]:
        answer = self.platform.post(f"/api/v1/channels/{code}/live", {})
        assert answer.status == 200, answer.body
        urls: dict[str, str] = answer.json()["urls"]
        return urls


@contextmanager
def line(data: Path, clip: Path, *options: str, **settings: str) -> Iterator[Line]:
    platform = Platform(data, VMS_MEDIA__LINGER_S="2", **settings)
    arguments = ["--boxes", "1", "--channels", "4", "--clip", str(clip), *options]
    with platform.run(), platform.simulate(*arguments):
        yield Line(platform, platform.channels_online(4))


@pytest.fixture(scope="module")
def clips(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The clip as it is, and eight seconds of it in H.265 (made once: encoding 1080p is slow)."""
    original = shared / "footage" / CLIP
    h265 = tmp_path_factory.mktemp("clips") / "h265.mp4"
    encoding = {"vcodec": "libx265", "preset": "ultrafast", "g": 50, "x265-params": "log-level=1"}
    ffmpeg.input(str(original), t=8).output(str(h265), **encoding).run(quiet=True)
    return {"h264": original, "h265": h265}


@pytest.mark.parametrize("transport", ["udp", "tcp-passive", "tcp-active"])
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_players_see_the_source_as_it_is(
    clips: dict[str, Path], tmp_path: Path, transport: str, codec: str
) -> None:
    signalling = "udp" if transport == "udp" else "tcp"
    data, clip = tmp_path / "data", clips[codec]
    with line(data, clip, "--transport", signalling, VMS_MEDIA__TRANSPORTS=transport) as running:
        urls = running.urls(running.channels[0]["code"])
        found = probe(urls["http_fmp4"], seconds=4)
        assert found.codec == {"h264": "h264", "h265": "hevc"}[codec]
        assert (found.width, found.height) == (SOURCE["width"], SOURCE["height"])
        assert abs(found.frame_rate - SOURCE["frame_rate"]) < 0.5
        assert found.errors == ""
        # Debian's ffprobe is older than H.265 in FLV; PyAV brings a younger reader.
        with av.open(urls["http_flv"], timeout=90) as container:
            pictures = container.streams.video[0]
            assert pictures.codec_context.name == found.codec
            decoded = [next(container.decode(pictures)) for _ in range(20)]
        assert {(p.width, p.height) for p in decoded} == {(SOURCE["width"], SOURCE["height"])}


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_the_recorded_file_has_the_size_rate_and_duration_of_the_source(
    clips: dict[str, Path], tmp_path: Path, codec: str
) -> None:
    with line(tmp_path / "data", clips[codec], VMS_RECORDING__SEGMENT_S="4") as running:
        code = running.channels[0]["code"]
        switch = f"/api/v1/channels/{code}/recording"
        running.platform.request("PUT", switch, {"on": True})
        path = f"/api/v1/channels/{code}/recordings"
        listed = running.platform.eventually(path, lambda answer: len(answer["items"]) >= 1)
        (segment, *_) = listed["items"]
        file = tmp_path / "segment.mp4"
        file.write_bytes(running.platform.get(segment["url"]).body)
    found = probe(str(file))
    assert (found.width, found.height) == (SOURCE["width"], SOURCE["height"])
    assert abs(found.frame_rate - SOURCE["frame_rate"]) < 0.5
    assert found.duration_s == pytest.approx(segment["duration_s"], abs=0.1)
    assert found.errors == ""


def test_the_browser_shows_h264_moving_and_says_that_it_cannot_play_h265(
    clips: dict[str, Path], tmp_path: Path
) -> None:
    with browser() as chromium:
        with line(tmp_path / "first", clips["h264"]) as running:
            viewer = Viewer(chromium, running.platform)
            viewer.log_in()
            viewer.drag_to_tile(running.channels[0]["code"])
            viewer.wait_state(1, "live")
            viewer.wait_frames(5)
            before = viewer.picture()
            viewer.wait_frames(50)
            assert abs(before.astype(int) - viewer.picture()).mean() > 0.5
        with line(tmp_path / "second", clips["h265"]) as running:
            viewer = Viewer(chromium, running.platform)
            viewer.log_in()
            viewer.drag_to_tile(running.channels[0]["code"])
            viewer.wait_words("H.265", state="unplayable")


def test_a_person_raises_the_alarm_and_the_box_sits_on_the_person(
    shared: Path, tmp_path: Path
) -> None:
    model = shared / "models" / "nanodet_m_coco_416.onnx"
    clip = shared / "footage" / CLIP
    with line(tmp_path / "data", clip, VMS_ANALYTICS__PERSON_MODEL=str(model)) as running:
        code = running.channels[0]["code"]
        draft = {
            "channel": code,
            "plugin": "intrusion",
            "name": "作业区入侵",
            "sample_fps": 4,
            "region": [[0.05, 0.2], [0.95, 0.2], [0.95, 1], [0.05, 1]],
            "params": {"detector": "person"},
            "level": 1,
        }
        assert running.platform.post("/api/v1/scenes", draft).status == 201
        (alarm,) = running.platform.eventually(
            f"/api/v1/alarms?channel={code}",
            lambda answer: any(alarm["snapshot_url"] for alarm in answer["items"]),
        )["items"]
        snapshot = running.platform.get(alarm["snapshot_url"]).body
        assert alarm["kind"] == "intrusion"
        assert alarm["boxes"][0]["label"] == "person"
    share = orange_share(snapshot, alarm["boxes"][0]["box"])
    assert share > 0.05, "the box does not hold the worker's orange vest"


def orange_share(jpeg: bytes, box: list[float]) -> float:
    """How much of the box is the colour of the worker's vest; nothing else in the hall has it."""

    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    height, width = picture.shape[:2]
    x1, y1, x2, y2 = box
    inside = picture[int(y1 * height) : int(y2 * height), int(x1 * width) : int(x2 * width)]
    hue, saturation, value = cv2.split(cv2.cvtColor(inside, cv2.COLOR_BGR2HSV))
    return float(((hue < 14) & (saturation > 150) & (value > 120)).mean())

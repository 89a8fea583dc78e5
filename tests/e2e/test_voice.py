"""Voice as a person uses it: a fake microphone, a pretend camera that keeps what it hears."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from stream_relay.voice.decode import build_wav, decode_file
from tests.e2e.platform import Platform
from tests.e2e.viewer import ARGUMENTS, PATIENCE_MS, Viewer
from tests.stream_relay.voice.tones import melody, sine

pytestmark = pytest.mark.e2e

TONES = [500, 1000, 1500]


@contextmanager
def browser_that_hums(folder: Path) -> Iterator[Browser]:
    """Chromium whose microphone plays three tones over and over."""
    sound = folder / "tone.wav"
    pieces = [piece for hz in TONES for piece in (sine(hz, 0.4, 0.6), np.zeros(800, np.int16))]
    sound.write_bytes(build_wav(np.concatenate(pieces)))
    arguments = [
        *ARGUMENTS,
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={sound}",
    ]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=arguments, timeout=PATIENCE_MS
        )
        yield chromium
        chromium.close()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with Platform(tmp_path / "data").run() as running:
        yield running


def heard(folder: Path) -> list[int]:
    """The tones in what the pretend camera kept, each once."""
    [kept] = folder.glob("*.wav")
    samples = decode_file(kept.read_bytes())
    found = melody(samples, piece_s=0.2)
    return sorted({hz for hz in found for tone in TONES if abs(hz - tone) <= 40})


def test_hold_to_talk_is_heard_by_the_camera(platform: Platform, tmp_path: Path) -> None:
    kept = tmp_path / "heard"
    clip = ["--boxes", "1", "--channels", "1", "--store-voice", str(kept)]
    with platform.simulate(*clip) as mine, browser_that_hums(tmp_path) as chromium:
        [camera] = platform.channels_online(1)
        viewer = Viewer(chromium, platform)
        viewer.log_in()
        tile = viewer.drag_to_tile(camera["code"])
        button = tile.locator("[data-action=talk]")
        button.hover()
        viewer.page.mouse.down()
        expect(tile.locator("[data-talk=speaking]")).to_be_visible(timeout=PATIENCE_MS)
        expect(tile.locator(".level-meter")).not_to_have_attribute("aria-valuenow", "0")
        other = platform.post(f"/api/v1/channels/{camera['code']}/talk", {})
        assert (other.status, other.json()["code"]) == (409, "talk_busy")
        platform.eventually(
            f"/api/v1/channels/{camera['code']}/talk",
            lambda body: body["talk"]["played_s"] > 4,
        )
        viewer.page.mouse.up()
        expect(tile.locator("[data-talk=idle]")).to_be_visible(timeout=PATIENCE_MS)
        mine.wait_for("pretend loudspeaker heard")
        platform.eventually(
            f"/api/v1/channels/{camera['code']}/talk", lambda body: body["talk"] is None
        )
        assert viewer.faults == []
    assert heard(kept) == TONES


def test_a_recording_is_broadcast_from_the_page(platform: Platform, tmp_path: Path) -> None:
    kept = tmp_path / "heard"
    sound = tmp_path / "班前会.wav"
    sound.write_bytes(build_wav(np.concatenate([sine(hz, 0.5, 0.4) for hz in TONES])))
    options = ["--boxes", "1", "--channels", "1", "--speakers", "2", "--store-voice", str(kept)]
    with platform.simulate(*options) as mine, browser_that_hums(tmp_path) as chromium:
        channels = platform.channels_online(3)
        viewer = Viewer(chromium, platform)
        viewer.log_in()
        viewer.open("/broadcasts")
        page = viewer.page
        page.set_input_files("[name=announcement-file]", str(sound))
        page.wait_for_selector("[data-announcement]")
        for channel in channels:
            page.fill("[name=target]", channel["code"])
            page.click(f"[data-found='{channel['code']}']")
        page.fill("[data-form=broadcast] [name=name]", "班前会通知")
        page.click("[data-form=broadcast] [data-source=file]")
        page.click("[data-action=broadcast]")
        page.wait_for_selector("[data-broadcast][data-state=done]")
        assert page.locator("[data-state=done] .target-done").count() == 3
        mine.wait_for(r"(?s)(pretend loudspeaker heard.*){3}")
        assert viewer.faults == []
    assert len(list(kept.glob("*.wav"))) == 3
    for path in kept.glob("*.wav"):
        assert melody(decode_file(path.read_bytes()), piece_s=0.25) == TONES

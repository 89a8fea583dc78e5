"""End to end: from the simulator's burnt-in clock to the screen, by MSE in headless Chromium.

Every picture that the page presents is cut out where the clock stands and read here, by comparing
it with the clock drawn for each second in question. The clock shows seconds, so the moment that
counts is when a new second is presented first; what is said is that moment less that second. It
includes what the camera needs: up to a picture's time (83 ms) until the next one is drawn.
"""

import argparse
import base64
import statistics
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from stream_relay.scene import MARGIN_PIXELS, clock_image
from tests.e2e.platform import Platform
from tests.e2e.viewer import Viewer, browser

SETTLE_FRAMES = 60
"""Pictures after which the player has found its distance from the live edge."""
OLDEST_S = 20
"""How late a picture may be and still be read."""
LEAST_LIKENESS = 0.5

COLLECT = """
async ([tile, left, top, width, height, milliseconds]) => {
  const video = document.querySelector(`.tile[data-tile="${tile}"] video`);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const pictures = [];
  const end = performance.now() + milliseconds;
  while (performance.now() < end) {
    const shown = await new Promise((next) =>
      video.requestVideoFrameCallback((_, metadata) => next(metadata)));
    context.drawImage(video, left, top, width, height, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    let green = "";
    for (let at = 1; at < data.length; at += 4) green += String.fromCharCode(data[at]);
    const at = performance.timeOrigin + shown.expectedDisplayTime;
    pictures.push([at / 1000, btoa(green)]);
  }
  return pictures;
}
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture on the screen: when, and what clock was burnt into it, seconds since 1970."""

    at_s: float
    clock_s: int


class ClockReader:
    """Reads the simulator's clock out of the place where it stands."""

    def __init__(self) -> None:
        now = clock_image(datetime.now(UTC))
        # Digits are not equally wide: leave room for the widest clock.
        self.width, self.height = now.width + 12, now.height + 4
        self._drawn: dict[int, np.ndarray] = {}

    def read(self, cut: np.ndarray, newest_s: int) -> int | None:
        """The second that the picture shows; None when nothing looks like a clock."""
        seconds = range(newest_s - OLDEST_S, newest_s + 2)
        likeness = {second: _likeness(cut, self._clock(second)) for second in seconds}
        best = max(likeness, key=lambda second: likeness[second])
        return best if likeness[best] > LEAST_LIKENESS else None

    def _clock(self, second: int) -> np.ndarray:
        """Red: brightness, alpha: where the clock covers the picture."""
        if second not in self._drawn:
            drawn = np.asarray(clock_image(datetime.fromtimestamp(second, UTC)))
            self._drawn[second] = drawn[:, :, (0, 3)].astype(float)
        return self._drawn[second]


def _likeness(cut: np.ndarray, clock: np.ndarray) -> float:
    """Correlation between picture and clock where the clock covers the picture."""
    brightness, cover = clock[:, :, 0], clock[:, :, 1] > 128
    there = cut[: cover.shape[0], : cover.shape[1]][cover]
    return float(np.corrcoef(there, brightness[cover])[0, 1])


def read_all(pictures: list[Any], reader: ClockReader) -> list[Shown]:
    """What the page collected, read; raises ValueError when hardly a clock can be read."""
    shown = []
    for at_s, encoded in pictures:
        cut = np.frombuffer(base64.b64decode(encoded), np.uint8).astype(float)
        clock_s = reader.read(cut.reshape(reader.height, reader.width), int(at_s))
        if clock_s is not None:
            shown.append(Shown(at_s, clock_s))
    if len(shown) < 0.9 * len(pictures) or not shown:
        raise ValueError(f"a clock was read in {len(shown)} of {len(pictures)} pictures only")
    return shown


def latencies(shown: list[Shown]) -> list[float]:
    """Seconds from each new second of the camera's clock to its first picture on the screen."""
    return [
        after.at_s - after.clock_s
        for before, after in zip(shown, shown[1:], strict=False)
        if after.clock_s > before.clock_s
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    reader = ClockReader()
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        platform = Platform(Path(folder) / "data")
        with platform.run(), platform.simulate("--boxes", "1"):
            code = platform.channels_online(1)[0]["code"]
            viewer = Viewer(chromium, platform)
            viewer.log_in()
            viewer.find(code).dblclick()
            viewer.wait_frames(SETTLE_FRAMES)
            place = [MARGIN_PIXELS, MARGIN_PIXELS - 4, reader.width, reader.height]
            pictures = viewer.page.evaluate(COLLECT, [1, *place, 1000 * arguments.seconds])
    try:
        figures = latencies(read_all(pictures, reader))
    except ValueError as error:
        sys.exit(str(error))
    print(
        f"burnt-in clock to screen by MSE: median {statistics.median(figures):.2f} s, "
        f"max {max(figures):.2f} s (limit 1 s), {len(figures)} seconds, {len(pictures)} pictures"
    )


if __name__ == "__main__":
    main()

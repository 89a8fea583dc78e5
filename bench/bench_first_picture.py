"""From the click to the first picture in headless Chromium: cold (INVITE included) and warm.

The reference, taken in the same run, is the same page showing a picture that is already decoded:
a full round through the page's own event loop and compositor. Uses the real platform, the
simulated mine and the viewer; nothing is mocked.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from tests.e2e.platform import Platform
from tests.e2e.viewer import Viewer, browser

ROUNDS = 5

OPEN_AND_WAIT = """
async ([code, tile]) => {
  const row = document.querySelector(`.tree [data-channel="${code}"]`);
  const target = document.querySelector(`.tile[data-tile="${tile}"]`);
  target.focus();
  const begun = performance.now();
  row.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
  const shows = () => [...document.querySelectorAll(`.tile[data-code="${code}"]`)]
    .some((each) => Number(each.dataset.frames) > 0);
  while (!shows() && performance.now() - begun < 20000) {
    await new Promise((next) => requestAnimationFrame(next));
  }
  return performance.now() - begun;
}
"""

ONE_FRAME = """
async () => {
  const begun = performance.now();
  await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
  return performance.now() - begun;
}
"""


def measure(viewer: Viewer, codes: list[str]) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds per round: cold, warm (stream still flows), and the page's own round."""
    cold, warm, page = [], [], []
    for code in codes:
        for figures in (cold, warm):
            viewer.find(code)
            figures.append(viewer.page.evaluate(OPEN_AND_WAIT, [code, 1]))
            viewer.wait_frames(5)
            viewer.tile().locator("[data-action=close]").click()
        page.append(viewer.page.evaluate(ONE_FRAME))
    return cold, warm, page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        platform = Platform(Path(folder) / "data", VMS_MEDIA__LINGER_S="30")
        with platform.run(), platform.simulate("--boxes", "1"):
            channels = platform.channels_online(arguments.rounds + 1)
            viewer = Viewer(chromium, platform)
            viewer.log_in()
            codes = [channel["code"] for channel in channels[1 : arguments.rounds + 1]]
            cold, warm, page = measure(viewer, codes)
    reference = statistics.median(page)
    print(f"page's own round: {reference:.0f} ms (reference)")
    for name, figures in (("cold, INVITE included", cold), ("warm, stream flows", warm)):
        middle = statistics.median(figures)
        listed = " ".join(f"{figure:.0f}" for figure in figures)
        print(f"{name}: median {middle:.0f} ms, {middle / reference:.1f} x reference [{listed}]")


if __name__ == "__main__":
    main()

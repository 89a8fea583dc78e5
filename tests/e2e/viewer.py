"""The viewer as a person uses it: headless Chromium, driven through what is on the page."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from tests.e2e.platform import PASSWORD, Platform

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 90_000


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=ARGUMENTS, timeout=PATIENCE_MS
        )
        yield chromium
        chromium.close()


class Viewer:
    """A logged-in person before the wall."""

    def __init__(self, chromium: Browser, platform: Platform) -> None:
        self.faults: list[str] = []
        self._platform = platform
        self.url = platform.url
        self.page: Page = chromium.new_page(viewport={"width": 1600, "height": 900})
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))

    def _hear(self, message: Any) -> None:
        if message.type == "error":
            self.faults.append(message.text)

    def log_in(self) -> None:
        self.page.goto(self._platform.url + "/")
        self.page.fill("[name=username]", "admin")
        self.page.fill("[name=password]", PASSWORD)
        self.page.click("#login button[type=submit]")
        self.page.wait_for_selector("body.page-wall[data-ready=true]")

    def open(self, path: str) -> None:
        self.page.goto(self._platform.url + path)
        self.page.wait_for_selector("body[data-ready=true]")

    def tile(self, number: int = 1) -> Locator:
        return self.page.locator(f".tile[data-tile='{number}']")

    def find(self, code: str) -> Locator:
        """The channel's row in the tree, found by typing its code."""
        self.page.fill("#search", code)
        row = self.page.locator(f".tree [data-channel='{code}']").first
        row.wait_for()
        return row

    def drag_to_tile(self, code: str, number: int = 1) -> Locator:
        tile = self.tile(number)
        self.find(code).drag_to(tile)
        return tile

    def wait_state(self, number: int, state: str) -> None:
        self.page.wait_for_selector(f".tile[data-tile='{number}'][data-state='{state}']")

    def wait_words(self, *words: str, state: str = "", number: int = 1) -> None:
        """Wait until the tile says all of this at one time, in this state if one is named."""
        in_state = f"[data-state='{state}']" if state else ""
        tile = self.page.locator(f".tile[data-tile='{number}']{in_state}")
        for word in words:
            tile = tile.filter(has_text=word)
        tile.wait_for()

    def frames(self, number: int = 1) -> int:
        return int(self.tile(number).get_attribute("data-frames") or 0)

    def wait_frames(self, more: int, number: int = 1) -> None:
        """Wait until so many more pictures were presented."""
        target = self.frames(number) + more
        self.page.wait_for_function(
            "([number, target]) => Number(document.querySelector("
            "`.tile[data-tile='${number}']`).dataset.frames) >= target",
            arg=[number, target],
        )

    def picture(self, number: int = 1) -> np.ndarray:
        """What the video element shows, decoded, as (height, width, 3) uint8."""
        shot = self.tile(number).locator("video").screenshot()
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))

"""The stream doctor's card in Chromium: from a failed tile and in the drawers."""

import pytest
from playwright.async_api import expect

from tests.web.test_viewer_in_browser import CODES, Open, clip, open_viewer

__all__ = ["clip", "open_viewer"]
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


async def test_failed_tile_says_why_with_the_ladder(open_viewer: Open) -> None:
    viewer = await open_viewer()
    await viewer.show(CODES["fail"])
    await viewer.reaches("failed")
    await viewer.page.click(".tile[data-tile='1'] [data-action=why]")
    card = viewer.page.locator("[data-dialog=doctor]")
    await expect(card.locator(".verdict-title")).to_contain_text("SSRC")
    await expect(card.locator("[data-rung=ssrc]")).to_have_attribute("data-mark", "failed")
    await expect(card.locator("[data-rung=ssrc]")).to_contain_text("0400000017")
    await expect(card.locator("[data-rung=ssrc]")).to_contain_text("0400000003")
    await expect(card.locator("[data-rung=sip]")).to_have_attribute("data-mark", "ok")
    await expect(card.locator(".doctor-tried li")).to_have_count(2)
    await viewer.page.keyboard.press("Escape")
    await expect(card).to_have_count(0)
    assert viewer.faults == []


async def test_findings_can_be_copied_as_text(open_viewer: Open) -> None:
    viewer = await open_viewer()
    await viewer.page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', {value: "
        "{writeText: async (text) => { window.copied = text; }}})"
    )
    await viewer.page.add_init_script(
        "Object.defineProperty(navigator, 'clipboard', {value: "
        "{writeText: async (text) => { window.copied = text; }}})"
    )
    await viewer.show(CODES["fail"])
    await viewer.reaches("failed")
    await viewer.page.click(".tile[data-tile='1'] [data-action=why]")
    await viewer.page.locator(".doctor-ladder").wait_for()
    await viewer.page.click("[data-dialog=doctor] [data-action=copy-report]")
    copied = await viewer.page.wait_for_function("window.copied")
    text = str(await copied.json_value())
    assert CODES["fail"] in text and "wrong_ssrc" in text
    assert "✗ SSRC" in text and "10.20.3.99:15060" in text and "30000-30999" in text


async def test_channel_drawer_examines_and_device_drawer_forgets(open_viewer: Open) -> None:
    viewer = await open_viewer()
    await viewer.show(CODES["fail"])
    await viewer.reaches("failed")
    await viewer.page.dispatch_event(".tile[data-tile='1'] [data-action=info]", "click")
    await viewer.page.click(".drawer [data-section=doctor] summary")
    await viewer.page.click(".drawer [data-action=examine]")
    await expect(viewer.page.locator(".drawer .doctor")).to_have_attribute(
        "data-cause", "wrong_ssrc"
    )
    await viewer.page.goto(f"{viewer.base}/devices?device=14040000001110000001")
    memory = viewer.page.locator("[data-role=transport]")
    await expect(memory).to_have_attribute("data-transport", "tcp-passive")
    await viewer.page.click("[data-action=forget-transport]")
    await expect(memory).to_have_attribute("data-transport", "")
    assert viewer.faults == []

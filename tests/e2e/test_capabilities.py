"""What a device can do, tested from its drawer; and the table of makers' quirks."""

from pathlib import Path

import pytest

from tests.e2e.platform import Platform
from tests.e2e.viewer import Viewer, browser
from vms.simulation.mine import build_mines

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

MINE = build_mines(1, 3)[0]


def test_a_device_is_tested_from_its_drawer_and_a_quirk_is_added(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "data", VMS_SIP__QUERY_TIMEOUT_S="5")
    boxes = ("--boxes", "1", "--channels", "3")
    with platform.run(), platform.simulate(*boxes), browser() as chromium:
        platform.channels_online(3)
        viewer = Viewer(chromium, platform)
        viewer.log_in()
        page = viewer.page
        viewer.open(f"/devices?device={MINE.device_id}")
        page.click("[data-section=capabilities] > summary")
        page.click("[data-action=test-capabilities]")
        matrix = page.locator("[data-section=capabilities]")
        matrix.locator("[data-capability=presets][data-verdict=works]").wait_for()
        matrix.locator("[data-capability='config.OSDConfig'][data-verdict=works]").wait_for()
        page.locator("[data-action=test-capabilities]:enabled").wait_for()
        assert "预置位" in matrix.inner_text()
        page.screenshot(path=tmp_path / "matrix.png")

        viewer.open("/system")
        panel = page.locator("[data-panel=quirks]")
        panel.locator("tr[data-builtin=true]").nth(10).wait_for()
        page.click("[data-action=add-quirk]")
        page.select_option("[name=quirk]", "playback_form")
        page.fill("[name=maker]", "acme")
        page.fill("[name=value]", "many")
        page.fill("[name=evidence]", "our capture")
        page.click("[data-action=confirm]")
        page.locator(".dialog-fault", has_text="差异").wait_for()
        page.fill("[name=value]", "mansrtsp")
        page.click("[data-action=confirm]")
        panel.locator("tr[data-builtin=false]", has_text="acme").wait_for()
        page.screenshot(path=tmp_path / "quirks.png")
        assert platform.get("/api/v1/quirks").json()["items"][-1]["value"] == "mansrtsp"

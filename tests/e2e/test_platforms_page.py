"""An upper platform is described, shared with and enabled in the viewer, and then really used."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.platform import SERVER_ID, Platform, Program, program
from tests.e2e.viewer import Viewer, browser
from tests.ports import free_port
from vms.simulation.mine import build_mines

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

UPPER = "14000000002000000001"
SECRET = "Mountain-Pass-9"
MINE = build_mines(1, 3)[0]


@contextmanager
def pretend_upper(platform: Platform, port: int) -> Iterator[Program]:
    """A pretend upper platform that takes orders."""
    command = [sys.executable, "-m", "vms", "simulate", "upper", "--data", str(platform.data)]
    listen = ["--listen", f"127.0.0.1:{port}", "--id", UPPER, "--lower-id", SERVER_ID]
    with program([*command, *listen, "--password", SECRET, "--commands"], platform.env) as upper:
        upper.wait_for("upper platform")
        yield upper


def test_a_platform_is_added_enabled_and_watches(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "data")
    boxes = ("--boxes", "1", "--channels", "3")
    with platform.run(), platform.simulate(*boxes), browser() as chromium:
        channels = platform.channels_online(3)
        viewer = Viewer(chromium, platform)
        viewer.log_in()
        port = free_port()
        with pretend_upper(platform, port) as upper:
            describe(viewer, port)
            share_and_enable(viewer, platform)
            follow(viewer, upper, channels[0]["code"])
        assert viewer.faults == []


def describe(viewer: Viewer, port: int) -> None:
    page = viewer.page
    viewer.open("/platforms")
    page.locator(".upper-list", has_text="vms simulate upper").wait_for()
    page.click(".upper-list [data-action=add-platform]")
    page.fill("dialog [name=id]", UPPER)
    page.fill("dialog [name=name]", "山西省监管平台")
    page.fill("dialog [name=host]", "127.0.0.1")
    page.fill("dialog [name=port]", str(port))
    page.fill("dialog [name=password]", SECRET)
    page.click("dialog [data-action=confirm]")
    page.wait_for_selector(f"[data-platform='{UPPER}'][data-enabled=false]")


def share_and_enable(viewer: Viewer, platform: Platform) -> None:
    page = viewer.page
    page.check("[name=everything]")
    page.click("[data-action=save-share]")
    page.locator(".toast-ok", has_text="现在共享 3 个通道").wait_for()
    page.click("[data-tab=preview]")
    page.wait_for_selector(f".preview[data-seen='{stamp(platform)}']")
    unfold_to_a_channel(viewer)
    page.locator("[data-action=enable]").click()
    # The mine's names are real, so there may be findings to be asked about.
    enabled = page.locator(f"[data-platform='{UPPER}'][data-enabled=true]")
    asked = page.locator("dialog[data-dialog=enable]")
    enabled.or_(asked).first.wait_for()
    if asked.count() > 0:
        page.click("dialog [data-action=confirm]")
    enabled.wait_for()


def stamp(platform: Platform) -> str:
    """What the page remembers of the catalogue that was looked at."""
    path = f"/api/v1/platforms/{UPPER}"
    seen, lint = platform.get(f"{path}/preview").json(), platform.get(f"{path}/lint").json()
    counts = (seen["items_total"], seen["channels_total"], lint["errors"], lint["warnings"])
    return "/".join(map(str, counts))


def unfold_to_a_channel(viewer: Viewer) -> None:
    """Regions, systems, devices: however deep the catalogue is."""
    page = viewer.page
    while page.locator(".preview [data-kind=channel]").count() == 0:
        page.locator(".preview [aria-expanded=false] [data-action=unfold]").first.click()
        page.wait_for_selector(".preview .tree:not(:has([aria-busy]))")


def follow(viewer: Viewer, upper: Program, code: str) -> None:
    """What happens shows by itself."""
    page = viewer.page
    page.locator(".upper-title [data-state=registered]").wait_for()
    page.wait_for_selector(".status-uppers[data-tone=ok]")
    page.click("[data-tab=overview]")
    upper.type("catalog")
    page.locator("[data-score=catalog]", has_text="与上级一致").wait_for()
    upper.type(f"live {code}")
    page.locator("[data-score=now]", has_text="1 路码流").wait_for()
    page.locator("[data-score=calls]", has_text="100%").wait_for()
    upper.type(f"stop {code}")
    page.locator("[data-score=now]", has_text="0 路码流").wait_for()

"""Signalling as a person sees it: the ladder of a device, of a stranger, and the capture file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.cascade import CITY, COUNTY, join, make_platforms
from tests.e2e.cascade import SECRET as SECRET_ABOVE
from tests.e2e.platform import Platform
from tests.e2e.viewer import PATIENCE_MS, Viewer, browser
from tests.sip.wireshark import tshark
from vms.simulation.mine import build_mines

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

expect.set_options(timeout=PATIENCE_MS)
SECRET = "Box-Secret-2026"
MINE = build_mines(1, 4)[0]
BOX = MINE.device_id
CHANNEL = MINE.cameras[0].channel.code
ONE_BOX = ("--boxes", "1", "--channels", "4", "--keepalive", "2", "--password", SECRET)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    platform = Platform(tmp_path / "data", VMS_MEDIA__TRANSPORTS="udp")
    with platform.run():
        yield platform


@pytest.fixture
def viewer(platform: Platform) -> Iterator[Viewer]:
    with browser() as chromium:
        viewer = Viewer(chromium, platform)
        viewer.page.set_viewport_size({"width": 1366, "height": 768})
        viewer.log_in()
        yield viewer


def rung(viewer: Viewer, method: str, status: str = "", words: str = "") -> Locator:
    row = f".sip-row[data-method='{method}'][data-status='{status}']"
    return viewer.page.locator(row).filter(has_text=words).first


def test_the_ladder_shows_registration_and_live_view_without_the_password(
    platform: Platform, viewer: Viewer, tmp_path: Path
) -> None:
    page = viewer.page
    with platform.simulate(*ONE_BOX):
        platform.channels_online(4)
        viewer.open(f"/devices?device={BOX}")
        page.click(f".drawer[data-device='{BOX}'] [data-section=signalling] summary")
        rung(viewer, "REGISTER", words="注册").wait_for()
        rung(viewer, "REGISTER", "401", "要求口令").wait_for()
        rung(viewer, "REGISTER", "200", "成功").wait_for()
        rung(viewer, "MESSAGE", words="目录 查询").wait_for()
        expect(page.locator(".sip-row", has_text="心跳")).to_have_count(0)
        page.uncheck("[name=sip-hide-keepalives]")
        rung(viewer, "MESSAGE", words="心跳").wait_for()
        page.check("[name=sip-hide-keepalives]")

        # What happens while somebody looks appears by itself.
        assert platform.post(f"/api/v1/channels/{CHANNEL}/live", {}).status == 200
        rung(viewer, "INVITE", words="点播实时视频").wait_for()
        rung(viewer, "ACK", words="确认").wait_for()

        page.click("[data-action=widen-sip]")
        page.locator(".sip-list").focus()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        text = page.locator(".sip-text")
        expect(text).to_contain_text('response="***"')
        expect(text).to_contain_text(f"REGISTER sip:{platform_id(platform)}")
        page.click("[data-action=one-dialogue]")
        expect(page.locator(".sip-row[data-method=INVITE]")).to_have_count(0)
        page.click("[data-action=all-dialogues]")
        rung(viewer, "INVITE", words="点播实时视频").click()
        expect(page.locator(".sip-detail")).to_contain_text(CHANNEL)
        expect(text).to_contain_text("s=Play")
        assert SECRET not in page.content()

        with page.expect_download() as begun:
            page.click("[data-action=take-sip]")
        path = tmp_path / "device.pcap"
        begun.value.save_as(path)
    seen = tshark(path, "sip.Method")
    assert seen.complaints == []
    assert {"REGISTER", "INVITE", "ACK"} <= {packet["sip.Method"] for packet in seen.of("sip")}
    assert SECRET.encode() not in path.read_bytes()
    log = platform.get("/api/v1/devices/" + BOX + "/sip?limit=1000").body
    assert SECRET.encode() not in log
    assert viewer.faults == []


def platform_id(platform: Platform) -> str:
    answer: str = platform.get("/api/v1/access").json()["server_id"]
    return answer


def test_who_does_not_get_in_is_seen_by_its_address(platform: Platform, viewer: Viewer) -> None:
    page = viewer.page
    with platform.simulate(*ONE_BOX, provision=False):
        viewer.open("/access")
        page.click(f"[data-attempt='{BOX}'] [data-action=signalling]")
        rung(viewer, "REGISTER", words="注册").wait_for()
        refused = rung(viewer, "REGISTER", "403", "拒绝")
        refused.wait_for()
        refused.click()
        expect(page.locator(".sip-text")).to_contain_text("SIP/2.0 403")
        assert SECRET not in page.content()
    assert viewer.faults == []


def test_an_upper_platform_has_its_ladder_without_its_password(tmp_path: Path) -> None:
    county, city = make_platforms(tmp_path, COUNTY, CITY)
    with city.run(), county.run(), browser() as chromium:
        join(county, city)
        viewer = Viewer(chromium, county)
        viewer.log_in()
        viewer.page.set_viewport_size({"width": 1366, "height": 768})
        viewer.open("/platforms")
        viewer.page.click(f"[data-upper='{CITY}']")
        viewer.page.click("[data-tab=signalling]")
        rung(viewer, "REGISTER", words="注册").wait_for()
        rung(viewer, "REGISTER", "401", "要求口令").wait_for()
        accepted = rung(viewer, "REGISTER", "200", "成功")
        accepted.click()
        text = viewer.page.locator(".sip-text")
        expect(text).to_contain_text("SIP/2.0 200")
        viewer.page.locator(".sip-list").focus()
        viewer.page.keyboard.press("ArrowUp")
        expect(text).to_contain_text('response="***"')
        assert SECRET_ABOVE not in viewer.page.content()
        taken = county.get(f"/api/v1/platforms/{CITY}/sip.pcap")
        assert taken.status == 200 and SECRET_ABOVE.encode() not in taken.body
        assert viewer.faults == []

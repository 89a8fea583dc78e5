"""What the drawers of a device and a channel tell a device, and what it does."""

from collections.abc import Iterator

import pytest

from tests.e2e.platform import Platform
from tests.e2e.viewer import Viewer, browser
from vms.simulation.mine import build_mines

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

MINE = build_mines(1, 3)[0]
TURNED = """() => {
  const isThere = document.querySelector("[name=pan]")?.value === "90";
  if (!isThere) document.querySelector("[data-action=read-aim]")?.click();
  return isThere;
}"""
"""A head takes its time: read the angles until it is there."""


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    platform = Platform(tmp_path_factory.mktemp("control") / "data")
    boxes = ("--boxes", "1", "--channels", "3")
    with platform.run(), platform.simulate(*boxes), browser() as chromium:
        platform.channels_online(3)
        seen = Viewer(chromium, platform)
        seen.log_in()
        yield seen


def test_a_device_is_armed_its_card_formatted_and_its_firmware_upgraded(viewer: Viewer) -> None:
    page = viewer.page
    viewer.open(f"/devices?device={MINE.device_id}")
    page.click("[data-action=guard-on]")
    page.locator(".toast-ok", has_text="已布防").wait_for()
    page.click("[data-action=reset-alarms]")
    page.locator(".toast-ok", has_text="已复位").wait_for()
    page.click("[data-section=cards] > summary")
    card = page.locator("[data-card='1']")
    card.filter(has_text="正常").wait_for()
    card.locator("[data-action=format-card]").click()
    page.locator(".loss-list", has_text="全部录像").wait_for()
    page.click("dialog [data-action=confirm]")
    page.locator("[data-card='1'][data-status=ok]").wait_for()
    page.click("[data-section=upgrade] > summary")
    page.click("[data-action=order-upgrade]")
    page.fill("dialog [name=url]", f"{viewer.url}/static/dist/icons.svg")
    page.fill("dialog [name=firmware]", "V2.0.0")
    page.click("dialog [data-action=confirm]")
    page.locator("[data-upgrade=done]", has_text="升级成功").wait_for()


def test_a_registration_rule_is_kept(viewer: Viewer) -> None:
    page = viewer.page
    viewer.open(f"/devices?device={MINE.device_id}")
    page.click("[data-section=rule] > summary")
    page.select_option("[name=digest-0]", "SHA-256")
    page.select_option("[name=digest-1]", "MD5")
    page.select_option("[name=send-date]", "false")
    page.click("[data-action=save-rule]")
    page.locator(".toast-ok", has_text="注册规则已保存").wait_for()
    viewer.open("/access")
    page.locator("[data-rule=all] [name=send-date]").wait_for()
    assert page.locator("[data-rule=all] [name=send-date]").input_value() == ""
    viewer.open(f"/devices?device={MINE.device_id}")
    page.click("[data-section=rule] > summary")
    page.locator("[name=digest-1]").wait_for()
    chosen = [page.locator(f"[name={name}]").input_value() for name in ("digest-0", "digest-1")]
    assert chosen == ["SHA-256", "MD5"]
    assert page.locator("[name=send-date]").input_value() == "false"


def test_a_camera_records_turns_to_angles_and_takes_a_picture(viewer: Viewer) -> None:
    page = viewer.page
    code = MINE.channels[0].code
    viewer.open("/")
    viewer.find(code).locator("[data-action=info]").click()
    page.click("[data-action=device-recording-on]")
    page.locator(".toast-ok", has_text="设备已开始录像").wait_for()
    page.click("[data-action=key-frame]")
    page.locator(".toast-ok", has_text="关键帧").wait_for()
    page.click("[data-section=head] > summary")
    page.fill("[name=pan]", "90")
    page.click("[data-action=aim]")
    page.locator(".toast-ok", has_text="转动").wait_for()
    page.wait_for_function(TURNED, polling=500)
    page.click("[data-section=pictures] > summary")
    page.click("[data-action=take-picture]")
    page.locator("dialog[data-dialog=snapshot] img").wait_for()
    page.click("dialog[data-dialog=snapshot] footer button")
    page.locator("[data-section=pictures] [data-picture] img").first.wait_for()

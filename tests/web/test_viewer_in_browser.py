"""The built viewer in Chromium against the stand-in server: what a tile shows is what is true."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.vms.bench import eventually
from tests.web.mock import data
from tests.web.mock.clip import TICKS, Clip, make_clip
from tests.web.mock.routes import State
from tests.web.mock.server import running
from web.pages.assets import Manifest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

PATIENCE_MS = 90_000
"""How long anything may take on a busy machine."""
expect.set_options(timeout=PATIENCE_MS)

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CODES = {behaviour: code for code, behaviour in data.BEHAVIOUR.items()}
FIRST = "14040000001320000001"
ROW = f".tree [data-channel='{FIRST}']"


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in browser and the server behind it."""

    page: Page
    base: str
    state: State
    faults: list[str]

    async def show(self, *codes: str, layout: int = 4) -> None:
        """Open the wall with these channels."""
        wall = {"layout": layout, "focus": 0, "codes": [*codes, *[None] * (9 - len(codes))]}
        await self.page.goto(f"{self.base}/login")
        await self.page.evaluate("w => localStorage.setItem('fengsui.wall', w)", json.dumps(wall))
        await self.page.goto(self.base)
        # What is published before the page listens reaches nobody.
        await self.page.wait_for_selector("body[data-ready=true][data-link=up]")

    async def reaches(self, state: str, tile: int = 1) -> None:
        """Wait until a tile says this."""
        shown = self.page.locator(f".tile[data-tile='{tile}']")
        await expect(shown).to_have_attribute("data-state", state)


Open = Callable[..., Awaitable[Viewer]]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    assert CHROMIUM.exists(), "the browser tests need Debian's package chromium"
    assert Manifest.read().is_built, "run `npm run build` in web/frontend first"
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture
async def open_viewer(clip: Clip) -> AsyncIterator[Open]:
    """A browser; `await open_viewer(is_signed_in=False)` for the login page."""
    async with running(clip) as (base, state), async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=FLAGS, timeout=PATIENCE_MS
        )

        async def open_page(*, is_signed_in: bool = True, width: int = 1366) -> Viewer:
            page = await browser.new_page(viewport={"width": width, "height": 768})
            page.set_default_timeout(PATIENCE_MS)
            faults: list[str] = []
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on(
                "console", lambda line: faults.append(line.text) if is_violation(line) else None
            )
            if is_signed_in:
                who = {"username": "admin", "password": data.ADMIN_PASSWORD}
                await page.request.post(f"{base}/api/v1/session", data=who)
            return Viewer(page, base, state, faults)

        yield open_page
        await browser.close()


def is_violation(line: Any) -> bool:
    """A breach of the content security policy."""
    return "Content Security Policy" in line.text


async def test_login_refuses_in_words_and_then_leads_where_one_was_going(open_viewer: Open) -> None:
    viewer = await open_viewer(is_signed_in=False)
    page = viewer.page
    await page.goto(f"{viewer.base}/devices")
    await page.fill("[name=username]", "admin")
    await page.fill("[name=password]", "wrong")
    await page.click("button[type=submit]")
    await expect(page.locator("#login-fault")).to_contain_text("用户名或密码不正确")
    await page.fill("[name=password]", data.ADMIN_PASSWORD)
    await page.click("button[type=submit]")
    await page.wait_for_selector("body.page-devices[data-ready=true]")
    await expect(page.locator("[data-table=devices] tbody tr")).to_have_count(3)


async def test_channel_dragged_from_the_tree_plays_and_moves(open_viewer: Open) -> None:
    viewer = await open_viewer()
    await viewer.show()
    await viewer.page.click("[data-node='org-1']")
    await viewer.page.locator(ROW).drag_to(viewer.page.locator(".tile[data-tile='2']"))
    await viewer.reaches("live", tile=2)
    before = await frames(viewer.page, 2)
    await viewer.page.wait_for_function(
        "n => Number(document.querySelector(`.tile[data-tile='2']`).dataset.frames) > n + 25",
        arg=before,
    )
    assert not viewer.faults


async def frames(page: Page, tile: int) -> int:
    return int(await page.locator(f".tile[data-tile='{tile}']").get_attribute("data-frames") or 0)


async def test_sub_stream_is_chosen_in_its_tile_and_remembered(open_viewer: Open) -> None:
    viewer = await open_viewer()
    await viewer.show(FIRST)
    await viewer.reaches("live")
    assert viewer.state.streams == [(FIRST, "main")]
    button = viewer.page.locator(".tile[data-tile='1'] [data-action=stream]")
    await button.click()
    await expect(button).to_have_attribute("data-stream", "sub")
    await eventually(lambda: viewer.state.streams[-1] == (FIRST, "sub"))
    await viewer.reaches("live")
    # Boxes are in the time of the main stream.
    await expect(viewer.page.locator("canvas.overlay")).to_have_attribute("data-boxes", "0")
    await viewer.page.reload()
    await viewer.reaches("live")
    assert viewer.state.streams[-1] == (FIRST, "sub")
    await button.click()
    await eventually(lambda: viewer.state.streams[-1] == (FIRST, "main"))
    assert not viewer.faults


async def test_picture_keeps_within_a_second_of_the_newest(open_viewer: Open) -> None:
    viewer = await open_viewer()
    await viewer.show(FIRST)
    await viewer.reaches("live")
    await viewer.page.wait_for_function(
        "() => Number(document.querySelector('.tile').dataset.delayMs ?? 9999) < 1000"
    )


async def test_boxes_are_of_the_picture_on_screen_or_shortly_before(open_viewer: Open) -> None:
    viewer = await open_viewer()
    await viewer.show(FIRST)
    await viewer.reaches("live")
    await viewer.page.wait_for_selector("canvas.overlay[data-boxes='1']", state="attached")
    lags = await viewer.page.evaluate(
        """() => new Promise((done) => {
          const video = document.querySelector("video");
          const canvas = document.querySelector("canvas.overlay");
          const lags = [];
          const look = (_, frame) => {
            if (canvas.dataset.pts) lags.push(frame.mediaTime - Number(canvas.dataset.pts) / 90000);
            if (lags.length === 40) done(lags);
            else video.requestVideoFrameCallback(look);
          };
          video.requestVideoFrameCallback(look);
        })"""
    )
    assert max(lags) <= 0.5 + 1 / TICKS
    assert min(lags) > -0.001


async def test_key_b_takes_boxes_away_and_brings_them_back(open_viewer: Open) -> None:
    viewer = await open_viewer()
    await viewer.show(FIRST)
    overlay = viewer.page.locator("canvas.overlay")
    await expect(overlay).to_have_attribute("data-boxes", "1")
    await viewer.page.keyboard.press("b")
    await expect(overlay).to_have_attribute("data-boxes", "0")
    await viewer.page.keyboard.press("b")
    await expect(overlay).to_have_attribute("data-boxes", "1")


async def test_every_state_is_told_honestly(open_viewer: Open) -> None:
    viewer = await open_viewer()
    wanted = {
        "stall": "stalled",
        "h265": "unplayable",
        "connect": "connecting",
        "fail": "failed",
        "offline": "offline",
        "denied": "denied",
        "live": "live",
    }
    await viewer.show(*(CODES[behaviour] for behaviour in wanted), layout=9)
    for number, state in enumerate(wanted.values(), start=1):
        await viewer.reaches(state, tile=number)
    await expect(viewer.page.locator(".tile[data-state=stalled] .tile-veil")).to_contain_text(
        "画面停滞"
    )
    filters = await viewer.page.locator(".tile[data-state=stalled] video").evaluate(
        "video => getComputedStyle(video).filter"
    )
    assert "brightness" in filters


async def test_interrupted_stream_comes_back_by_itself(open_viewer: Open) -> None:
    viewer = await open_viewer()
    await viewer.show(CODES["flap"])
    # One connection of this channel carries four seconds.
    await eventually(lambda: viewer.state.watched[CODES["flap"]] > 1)
    await viewer.reaches("live")
    seen = await frames(viewer.page, 1)
    await viewer.page.wait_for_function(
        "n => Number(document.querySelector('.tile').dataset.frames) > n", arg=seen
    )


async def test_channel_that_comes_on_is_opened_and_its_dot_filled(open_viewer: Open) -> None:
    viewer = await open_viewer()
    await viewer.show(CODES["offline"])
    await viewer.reaches("offline")
    row = next(one for one in viewer.state.channels if one["code"] == CODES["offline"])
    row.update(online=True, says_on=True, cause="reported_on")
    viewer.state.publish("channel_status", row)
    await viewer.reaches("live")


async def test_alarm_marks_its_tile_until_it_is_acknowledged_by_key(open_viewer: Open) -> None:
    viewer = await open_viewer()
    viewer.state.alarms.clear()
    await viewer.show(FIRST)
    await viewer.reaches("live")
    alarm = data.build_alarm(77, 1, 2, "raised", 0)
    viewer.state.alarms.append(alarm)
    viewer.state.publish("alarm_raised", alarm)
    tile = viewer.page.locator(".tile[data-tile='1']")
    await expect(tile).to_have_attribute("data-alarm-level", "2")
    await expect(viewer.page.locator("#alarm-count")).to_have_text("1")
    await viewer.page.keyboard.press("j")
    await viewer.page.keyboard.press("a")
    await expect(viewer.page.locator("[data-alarm='77']")).to_have_attribute(
        "data-alarm-state", "acknowledged"
    )
    await expect(tile).not_to_have_attribute("data-alarm-level", "2")


async def test_gravest_alarm_pops_up_but_never_over_another(open_viewer: Open) -> None:
    viewer = await open_viewer()
    await viewer.show()
    for number in (81, 82):
        viewer.state.publish("alarm_raised", data.build_alarm(number, 1, 1, "raised", 0))
    await expect(viewer.page.locator("dialog[data-dialog=alarm]")).to_have_count(1)


async def test_stranger_is_allowed_in_and_its_password_shown_once(open_viewer: Open) -> None:
    viewer = await open_viewer()
    page = viewer.page
    await page.goto(f"{viewer.base}/access")
    await page.click(f"[data-attempt='{data.STRANGER}'] [data-action=allow]")
    await expect(page.locator("dialog [name=id]")).to_have_value(data.STRANGER)
    await page.click("dialog [data-action=confirm]")
    secret = page.locator("dialog[data-dialog=secret]")
    await expect(secret).to_contain_text("k7Fq-9mWx-2RtB")
    await secret.locator(".dialog-foot button").click()
    await expect(secret).to_have_count(0)
    assert "k7Fq-9mWx-2RtB" not in await page.content()
    await expect(page.locator("[data-action=allow]")).to_have_count(0)


async def test_region_is_drawn_on_the_live_picture_and_saved(open_viewer: Open) -> None:
    viewer = await open_viewer()
    page = viewer.page
    await viewer.show(FIRST)
    await viewer.reaches("live")
    await page.locator(".tile[data-tile='1'] [data-action=info]").click()
    await page.click("[data-action=add-scene]")
    await page.wait_for_selector("[data-role=scene-stage][data-state=live]")
    canvas = page.locator(".region-canvas")
    box = await canvas.bounding_box()
    assert box is not None
    for x, y in ((0.25, 0.25), (0.75, 0.25), (0.5, 0.75)):
        # Waits until the canvas moves no more, so that the corner is where it was meant.
        await canvas.click(position={"x": x * box["width"], "y": y * box["height"]})
    await expect(canvas).to_have_attribute("data-corners", "3")
    await page.click("dialog [data-action=confirm]")
    await expect(page.locator("[data-scene='1']")).to_be_visible()
    saved = viewer.state.scenes[0]
    assert saved["params"]["detector"] == "auto"
    corners = [share for corner in saved["region"] for share in corner]
    assert corners == pytest.approx([0.25, 0.25, 0.75, 0.25, 0.5, 0.75], abs=0.01)


async def test_deleting_a_device_names_what_is_lost(open_viewer: Open) -> None:
    viewer = await open_viewer()
    page = viewer.page
    await page.goto(f"{viewer.base}/devices?device={data.BOX}")
    await page.click("[data-action=delete-device]")
    await expect(page.locator(".loss-list")).to_contain_text("8 个通道")
    await page.click("dialog [data-action=confirm]")
    await expect(page.locator(f"[data-row='{data.BOX}']")).to_have_count(0)


async def test_channel_of_a_device_opens_on_top_of_it(open_viewer: Open) -> None:
    viewer = await open_viewer()
    page = viewer.page
    await page.goto(f"{viewer.base}/devices?device={data.BOX}")
    await page.click(f"[data-section=channels] [data-channel='{FIRST}'] button")
    await page.wait_for_selector(f".drawer[data-channel='{FIRST}']")
    await page.locator("[data-action=recording]").uncheck()
    await expect(page.locator("#toasts")).to_contain_text("录像已关闭")
    assert viewer.state.channels[0]["recording"] is False


async def test_device_is_told_what_its_drawer_offers(open_viewer: Open) -> None:
    viewer = await open_viewer()
    page, told = viewer.page, viewer.state.told
    await page.goto(f"{viewer.base}/devices?device={data.BOX}")
    await page.click("[data-action=guard-on]")
    await expect(page.locator("#toasts")).to_contain_text("已布防")
    await page.click("[data-action=reboot]")
    await expect(page.locator(".loss-list")).to_contain_text("8 个通道")
    await page.click("dialog [data-action=confirm]")
    await expect(page.locator("dialog")).to_have_count(0)
    assert told.orders == [("guard", {"on": True}), ("reboot", {})]
    await page.click("[data-section=cards] > summary")
    await expect(page.locator("[data-card='2'][data-status=ok]")).to_be_visible()
    await page.click("[data-card='1'] [data-action=format-card]")
    await page.click("dialog [data-action=confirm]")
    await expect(page.locator("[data-card='1'] progress")).to_have_attribute("value", "5")
    await expect(page.locator("[data-card='1'][data-status=ok]")).to_be_visible()
    await page.click("[data-section=upgrade] > summary")
    await page.click("[data-action=order-upgrade]")
    await page.fill("dialog [name=url]", "http://192.0.2.1/v2.bin")
    await page.fill("dialog [name=firmware]", "V2")
    await page.click("dialog [data-action=confirm]")
    await expect(page.locator("[data-upgrade=failed]")).to_contain_text("升级包损坏")


async def test_device_is_asked_for_the_alarms_it_has(open_viewer: Open) -> None:
    viewer = await open_viewer()
    page, told = viewer.page, viewer.state.told
    await page.goto(f"{viewer.base}/devices?device={data.BOX}")
    await page.click("[data-action=query-alarms]")
    await page.uncheck("dialog [name=method-1]")
    await page.uncheck("dialog [name=method-3]")
    await page.click("dialog [data-action=confirm]")
    await expect(page.locator("#toasts")).to_contain_text("已向设备查询报警")
    assert told.orders == [("alarm-query", {"methods": ["2", "4", "5", "6", "7"]})]


async def test_configuration_that_restarts_a_device_is_read_when_somebody_says_so(
    open_viewer: Open,
) -> None:
    viewer = await open_viewer()
    page = viewer.page
    await page.goto(f"{viewer.base}/devices?device={data.BOX}")
    await page.click("[data-section=config] > summary")
    await page.click("[data-action=read-config]")
    part = page.locator("[data-restarting=BasicParam]")
    await expect(part).to_contain_text("没有读取：基本参数")
    assert viewer.state.told.forced == 0
    await part.locator("[data-action=force-config]").click()
    await expect(page.locator(".loss-list")).to_contain_text("全部通道的画面")
    await page.click("dialog [data-action=confirm]")
    await expect(page.locator("[data-config=BasicParam]")).to_be_visible()
    assert viewer.state.told.forced == 1


async def test_a_recorded_file_plays_in_its_tile_and_gives_way_to_live(open_viewer: Open) -> None:
    viewer = await open_viewer()
    page = viewer.page
    await viewer.show(FIRST)
    await viewer.reaches("live")
    await page.locator(".tile[data-tile='1'] [data-action=replay]").click()
    block = ".replay[data-search=complete] .timeline-local .timeline-block"
    await page.wait_for_selector(block, state="attached")
    await page.click("[data-action=hold]")
    await page.wait_for_selector(".tile[data-replay=playing][data-state=live]")
    assert await page.locator(".tile video").evaluate(
        "video => video.currentSrc.split('#')[0]"
    ) == (f"{viewer.base}/api/v1/recordings/1/file")
    start = await shown_at(page)
    await page.wait_for_function(f"at => {POSITION} > at + 1500", arg=start)
    await page.click("[data-action=hold]")
    await page.wait_for_selector(".tile[data-replay=paused]")
    await page.wait_for_function("() => document.querySelector('.tile video').paused")
    await page.click("[data-action=to-live]")
    await page.wait_for_selector(".tile[data-tile='1'][data-state=live]:not([data-replay])")
    assert not viewer.faults


POSITION = "Number(document.querySelector('[data-role=position]').dataset.at)"


async def shown_at(page: Page) -> float:
    """The recorded time that the bar shows, milliseconds since 1970."""
    return float(await page.evaluate(POSITION))


async def test_comma_looks_back_half_a_minute_and_the_button_as_far_again(
    open_viewer: Open,
) -> None:
    viewer = await open_viewer()
    page = viewer.page
    await viewer.show(FIRST)
    await viewer.reaches("live")
    await page.locator(".tile[data-tile='1']").focus()
    before = float(await page.evaluate("Date.now()"))
    await page.keyboard.press(",")
    await page.wait_for_selector(".tile[data-replay=playing][data-state=live]")
    # The browser knows the server's clock to a second; a busy machine shows the picture later.
    behind = await page.evaluate(f"Date.now() - {POSITION}")
    assert behind > 0 and before - 32_000 < await shown_at(page)
    await page.click("[data-action=hold]")
    await page.wait_for_selector(".tile[data-replay=paused]")
    held = await shown_at(page)
    jumped = await page.evaluate(
        """async () => {
          const position = document.querySelector("[data-role=position]");
          const before = Number(position.dataset.at);
          document.querySelector("[data-action=back]").click();
          for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
          return Number(position.dataset.at) - before;
        }"""
    )
    assert jumped == pytest.approx(-30_000, abs=50)
    await page.wait_for_selector(".tile[data-replay=playing][data-state=live]")
    assert await shown_at(page) < held


async def test_typed_rule_outlasts_a_reading_of_the_device(open_viewer: Open) -> None:
    viewer = await open_viewer()
    page, row = viewer.page, viewer.state.devices[0]
    await page.goto(f"{viewer.base}/devices?device={row['id']}")
    await page.click("[data-section=rule] > summary")
    await page.select_option("[name=digest-0]", "SM3")
    row["name"] = "改名后的汇聚箱"
    viewer.state.publish("device_status", row)
    await expect(page.locator(".drawer-title")).to_have_text("改名后的汇聚箱")
    await page.click("[data-action=save-rule]")
    await expect(page.locator("#toasts")).to_contain_text("注册规则已保存")
    assert viewer.state.told.rules[row["id"]]["digest_algorithms"] == ["SM3"]


async def test_typed_text_survives_the_end_of_the_session(open_viewer: Open) -> None:
    viewer = await open_viewer()
    page = viewer.page
    await page.goto(f"{viewer.base}/devices")
    await page.click("[data-action=add-device]")
    await page.fill("dialog [name=name]", "三号井")
    await page.context.clear_cookies()
    await page.fill("dialog [name=id]", data.STRANGER)
    await page.click("dialog [data-action=confirm]")
    await expect(page.locator("#toasts")).to_contain_text("登录已过期")
    await expect(page.locator("dialog [name=name]")).to_have_value("三号井")


async def test_names_from_devices_are_text_never_markup(open_viewer: Open) -> None:
    viewer = await open_viewer()
    evil = '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>'
    viewer.state.channels[0]["name"] = evil
    viewer.state.alarms[0]["channel_name"] = evil
    await viewer.show(FIRST)
    await viewer.page.click("[data-node='org-1']")
    await expect(viewer.page.locator(ROW)).to_contain_text(evil)
    assert await viewer.page.evaluate("window.hurt") is None


async def test_phone_shows_one_tile_and_the_tree_as_a_sheet(open_viewer: Open) -> None:
    viewer = await open_viewer(width=390)
    await viewer.show(FIRST)
    await expect(viewer.page.locator(".tile")).to_have_count(1)
    await expect(viewer.page.locator("#tree")).not_to_be_visible()
    await viewer.page.click("#tree-sheet")
    await expect(viewer.page.locator("#tree")).to_be_visible()
    assert await viewer.page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("path", ["/", "/alarms", "/devices", "/access", "/system"])
async def test_every_control_has_a_name(open_viewer: Open, path: str) -> None:
    viewer = await open_viewer()
    await viewer.page.goto(viewer.base + path)
    await viewer.page.wait_for_selector("body[data-ready=true]")
    nameless = await viewer.page.evaluate(
        """() => [...document.querySelectorAll("button, a, input, select, [role=treeitem]")]
          .filter((e) => !(e.ariaLabel || e.title || e.textContent.trim() || e.labels?.length))
          .map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
    assert not viewer.faults

"""The page of upper platforms in Chromium against the stand-in server."""

import pytest
from playwright.async_api import Page, expect

from tests.web import test_viewer_in_browser as viewer_tests
from tests.web.mock import data
from tests.web.mock.platforms import CITY, COUNTY, PROVINCE
from tests.web.test_viewer_in_browser import Open, Viewer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
clip = viewer_tests.clip
open_viewer = viewer_tests.open_viewer

NEW = "14040000002000000077"
FIRST = "14040000001320000001"
FAULTY = "14040000001320000006"
"""A channel with an error in what the upper platform sees."""


async def open_page(open_viewer: Open, path: str = "", *, width: int = 1366) -> Viewer:
    """The page with three platforms."""
    viewer = await open_viewer(width=width)
    viewer.state.uppers.fill()
    await viewer.page.goto(f"{viewer.base}/platforms{path}")
    await viewer.page.wait_for_selector("body[data-platforms='3'][data-link=up]")
    return viewer


def node(kind: str, name: str) -> str:
    return f".share-tree [data-node='{kind}:{name}']"


async def test_platform_is_added_shared_with_looked_at_and_enabled(open_viewer: Open) -> None:
    viewer = await open_viewer()
    page, uppers = viewer.page, viewer.state.uppers
    await page.goto(f"{viewer.base}/platforms")
    await expect(page.locator(".upper-list")).to_contain_text("vms simulate upper")
    await describe(page)
    made = page.locator(f"[data-platform='{NEW}']")
    await expect(made).to_have_attribute("data-enabled", "false")
    assert uppers.rows[0]["is_enabled"] is False
    assert uppers.rows[0]["own_id"] == data.ACCESS["server_id"]
    assert "ptz" not in uppers.rows[0]["rights"]

    await expect(made.locator("[data-tab=share]")).to_have_attribute("aria-selected", "true")
    await page.click(node("organisation", "org-1"))
    await page.click("[data-action=save-share]")
    await expect(page.locator("#toasts")).to_contain_text("现在共享 4 个通道")
    assert uppers.shares[NEW]["organisations"] == ["org-1"]

    # Before anybody looked the switch leads to the preview.
    await page.locator("[data-action=enable]").click()
    await expect(made.locator("[data-tab=preview]")).to_have_attribute("aria-selected", "true")
    await page.click(".preview [data-node='1404'] [data-action=unfold]")
    await page.click(f".preview [data-node='{data.ACCESS['server_id']}'] [data-action=unfold]")
    await expect(page.locator(f".preview [data-node='{FIRST}']")).to_contain_text("工业广场")
    await expect(page.locator(".finding[data-severity=note]")).to_contain_text("没有行政区划")
    await page.wait_for_selector(".preview[data-seen]")
    await page.click("[data-action=next-step]")
    await expect(made).to_have_attribute("data-enabled", "true")
    await expect(made.locator(".upper-title [data-state=registering]")).to_be_visible()
    assert not viewer.faults


async def describe(page: Page) -> None:
    """Fill in the form; the code is judged while it is typed."""
    await page.click(".upper-list [data-action=add-platform]")
    code = page.locator("[data-code-field=id]")
    await page.fill("dialog [name=id]", "1404")
    await expect(code).to_contain_text("还差 16 位")
    await expect(code.locator("[data-part=centre]")).to_contain_text("山西省")
    await page.fill("dialog [name=id]", FIRST)
    await expect(code).to_contain_text("网络摄像机")
    await page.fill("dialog [name=id]", "14040000 00 200 0 000077")
    await expect(code).to_have_attribute("data-verdict", "good")
    await page.fill("dialog [name=name]", "市局")
    await page.fill("dialog [name=host]", "10.1.2.3")
    await page.uncheck("dialog [name=right-ptz]")
    await page.click("dialog [data-action=confirm]")
    await expect(page.locator("dialog")).to_have_count(0)


async def test_errors_in_what_it_sees_are_shown_and_asked_about_once(open_viewer: Open) -> None:
    viewer = await open_page(open_viewer, f"?platform={COUNTY}&tab=preview")
    page = viewer.page
    viewer.state.uppers.shares[COUNTY]["categories"] = ["15"]
    viewer.state.publish("shares_changed", {"platform_ids": [COUNTY]})
    finding = page.locator(".finding[data-severity=error]")
    await expect(finding).to_contain_text("两项的编码相同")
    await finding.locator("[data-action=to-channel]").click()
    await page.wait_for_selector(f".drawer[data-channel='{FAULTY}']")
    await page.click("[data-action=close-drawer]")
    await page.wait_for_selector(".preview[data-seen='3/1/1/0']")
    await page.locator("[data-action=enable]").click()
    await expect(page.locator("dialog[data-dialog=enable]")).to_contain_text("1 个错误")
    await page.click("dialog [data-action=confirm]")
    await expect(page.locator("dialog")).to_have_count(0)
    await expect(page.locator(f"[data-platform='{COUNTY}']")).to_have_attribute(
        "data-enabled", "true"
    )


async def test_another_share_has_to_be_looked_at_again(open_viewer: Open) -> None:
    viewer = await open_page(open_viewer, f"?platform={COUNTY}&tab=share")
    page = viewer.page
    one = page.locator(f"[data-platform='{COUNTY}']")
    await page.click(node("organisation", "org-1"))
    await page.click("[data-action=save-share]")
    await expect(page.locator("#toasts")).to_contain_text("现在共享 4 个通道")
    await page.click("[data-tab=preview]")
    await page.wait_for_selector(".preview[data-seen='6/4/0/0']")
    await page.click("[data-tab=share]")
    await page.click(node("organisation", "org-2"))
    await page.click("[data-action=save-share]")
    await expect(page.locator("#toasts")).to_contain_text("现在共享 12 个通道")
    await page.locator("[data-action=enable]").click()
    await expect(page.locator("#toasts")).to_contain_text("请先看一遍")
    await expect(one.locator("[data-tab=preview]")).to_have_attribute("aria-selected", "true")
    await expect(one).to_have_attribute("data-enabled", "false")


async def test_states_and_figures_follow_without_a_reload(open_viewer: Open) -> None:
    viewer = await open_page(open_viewer, f"?platform={PROVINCE}")
    page = viewer.page
    await expect(page.locator("[data-failure=wrong_password]")).to_contain_text("核对认证用户名")
    await expect(page.locator(f"[data-upper='{PROVINCE}'] [data-state=waiting]")).to_be_visible()
    await expect(page.locator(f"[data-upper='{CITY}']")).to_contain_text("4 路码流")
    await expect(page.locator(".status-uppers")).to_have_attribute("data-tone", "warn")
    row = next(one for one in viewer.state.uppers.rows if one["id"] == PROVINCE)
    fresh = {"state": "registered", "failure": None, "failure_text": None, "next_attempt_at": None}
    row["scorecard"].update(fresh, registered_since=data.ago(seconds=1), streams=7)
    viewer.state.publish("platform_state", {"platform_ids": [PROVINCE]})
    await expect(page.locator("[data-score=now]")).to_contain_text("7 路码流")
    await expect(page.locator("[data-failure]")).to_have_count(0)
    await expect(page.locator(".status-uppers")).to_have_attribute("data-tone", "ok")
    await expect(page.locator(".status-uppers")).to_contain_text("2/2")


async def test_channels_are_chosen_by_keys_kept_back_and_found(open_viewer: Open) -> None:
    viewer = await open_page(open_viewer, f"?platform={COUNTY}&tab=share")
    page, shares = viewer.page, viewer.state.uppers.shares
    mine = page.locator(node("organisation", "org-1"))
    await mine.focus()
    await page.keyboard.press("ArrowRight")
    second = page.locator(node("channel", "14040000001320000002"))
    await expect(second).to_be_visible()
    await page.keyboard.press("Space")
    await expect(mine).to_have_attribute("aria-checked", "true")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Space")
    await expect(second).to_have_attribute("aria-checked", "false")
    await expect(mine).to_have_attribute("aria-checked", "mixed")
    await page.fill("[name=share-search]", "水泵")
    await page.check("[data-found] input")
    await page.click("[data-action=save-share]")
    await expect(page.locator("#toasts")).to_contain_text("现在共享 4 个通道")
    assert shares[COUNTY] == {
        "everything": False,
        "organisations": ["org-1"],
        "categories": [],
        "channels": ["14040000001320000010"],
        "excluded": ["14040000001320000002"],
    }


async def test_what_is_chosen_but_not_saved_outlasts_fresh_figures(open_viewer: Open) -> None:
    viewer = await open_page(open_viewer, f"?platform={COUNTY}&tab=share")
    page = viewer.page
    await page.click(node("organisation", "org-2"))
    await expect(page.locator(".share")).to_have_attribute("data-changed", "true")
    row = next(one for one in viewer.state.uppers.rows if one["id"] == COUNTY)
    row["name"] = "屯留区监管平台"
    viewer.state.publish("shares_changed", {"platform_ids": [COUNTY]})
    await expect(page.locator(".upper-title h2")).to_have_text("屯留区监管平台")
    await expect(page.locator(node("organisation", "org-2"))).to_have_attribute(
        "aria-checked", "true"
    )


async def test_codes_are_given_by_rule_one_by_one_and_by_table(open_viewer: Open) -> None:
    viewer = await open_page(open_viewer, f"?platform={CITY}&tab=codes")
    page, uppers = viewer.page, viewer.state.uppers
    line = page.locator(f"[data-code='{FIRST}']")
    await expect(line).to_contain_text("14990000001320000001")
    await page.fill("[name=rule-theirs]", "149")
    await expect(page.locator(".code-rule")).to_contain_text("位数不同")
    await page.fill("[name=rule-theirs]", "1488")
    await page.click("[data-action=save-rules]")
    await expect(line).to_contain_text("14880000001320000001")
    await line.locator("button").click()
    await page.fill("dialog [name=theirs]", "14040000001320000777")
    await page.click("dialog [data-action=confirm]")
    await expect(line).to_contain_text("单独指定")
    assert uppers.given[CITY] == {FIRST: "14040000001320000777"}
    await send_table(page, "ours,theirs\nnonsense\n")
    await expect(page.locator(".import-result")).to_contain_text("第 2 行 缺少一列")
    assert uppers.imported == []
    await send_table(page, f"ours,theirs\n{FIRST},14040000001320000778\n")
    await expect(page.locator("#toasts")).to_contain_text("已导入 1 行")
    await expect(page.locator(".import-result")).to_be_empty()
    assert len(uppers.imported) == 1


async def send_table(page: Page, text: str) -> None:
    table = {"name": "codes.csv", "mimeType": "text/csv", "buffer": text.encode()}
    await page.locator("[data-action=codes-file]").set_input_files(files=[table])  # type: ignore[list-item]


async def test_deleting_names_what_is_lost_and_asks_once(open_viewer: Open) -> None:
    viewer = await open_page(open_viewer, f"?platform={CITY}")
    page = viewer.page
    await page.click("[data-action=delete-platform]")
    losses = page.locator(".loss-list")
    await expect(losses).to_contain_text("共享范围（5 个通道）")
    await expect(losses).to_contain_text("4 路码流")
    await page.click("dialog [data-action=confirm]")
    await page.wait_for_selector("body[data-platforms='2']")
    await expect(page.locator(f"[data-upper='{CITY}']")).to_have_count(0)


async def test_tabs_move_by_arrows_and_the_address_shows_the_same_view(open_viewer: Open) -> None:
    viewer = await open_page(open_viewer, f"?platform={CITY}")
    page = viewer.page
    await page.locator("[data-tab=overview]").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("[data-tab=share]")).to_be_focused()
    assert page.url.endswith(f"?platform={CITY}&tab=share")
    await page.keyboard.press("End")
    await page.reload()
    await expect(page.locator("[data-panel=signalling]")).to_be_visible()


@pytest.mark.parametrize("tab", ["overview", "share", "codes", "preview", "signalling"])
async def test_phone_needs_no_sideways_scrolling_and_controls_have_names(
    open_viewer: Open, tab: str
) -> None:
    viewer = await open_page(open_viewer, f"?platform={CITY}&tab={tab}", width=390)
    page = viewer.page
    await page.wait_for_selector(f"[data-panel={tab}]")
    assert await page.evaluate("document.querySelector('#main').scrollWidth") <= 390
    nameless = await page.evaluate(
        """() => [...document.querySelectorAll("button, a, input, select, [role=treeitem]")]
          .filter((e) => !(e.ariaLabel || e.title || e.textContent.trim() || e.labels?.length))
          .map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
    assert not viewer.faults

"""What devices report, seen in a browser as it happens: no page is loaded anew."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.platform import Platform, Program
from tests.e2e.viewer import Viewer, browser

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

PICTURES = 6
SHOTS = Path(__file__).resolve().parents[2] / "build" / "shots"


@dataclass
class Mine:
    platform: Platform
    simulator: Program
    viewer: Viewer
    channels: list[dict[str, Any]]

    @property
    def device(self) -> str:
        return str(self.channels[0]["device_id"])

    def subscriptions(self, topic: str, state: str) -> None:
        """Wait until a subscription is in a state."""
        self.platform.eventually(
            f"/api/v1/devices/{self.device}/subscriptions",
            lambda answer: (topic, state) in [(i["topic"], i["state"]) for i in answer["items"]],
        )

    def shoot(self, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.viewer.page.screenshot(path=SHOTS / f"{name}.png")


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mine]:
    platform = Platform(
        tmp_path_factory.mktemp("reports") / "data",
        VMS_SUBSCRIPTIONS__POSITION="always",
        VMS_SUBSCRIPTIONS__POSITION_INTERVAL_S="1",
    )
    options = ("--boxes", "1", "--channels", str(PICTURES), "--commands")
    with platform.run(), platform.simulate(*options) as simulator, browser() as chromium:
        channels = platform.channels_online(PICTURES)
        viewer = Viewer(chromium, platform)
        viewer.log_in()
        yield Mine(platform, simulator, viewer, channels)


def test_a_channel_that_goes_off_by_notify_shows_in_the_tree_and_comes_on_again(
    mine: Mine,
) -> None:
    mine.subscriptions("catalog", "active")
    code = mine.channels[0]["code"]
    mine.viewer.find(code)
    page = mine.viewer.page
    page.evaluate("window.sameDocument = true")
    page.locator(f".tree [data-channel='{code}'][data-online='true']").first.wait_for()
    mine.simulator.type(f"vlost {code}")
    page.locator(f".tree [data-channel='{code}'][data-online='false']").first.wait_for()
    mine.shoot("tree-channel-off")
    channel = mine.platform.get(f"/api/v1/channels/{code}").json()
    assert (channel["online"], channel["cause"]) == (False, "video_lost")
    mine.simulator.type(f"on {code}")
    page.locator(f".tree [data-channel='{code}'][data-online='true']").first.wait_for()
    assert page.evaluate("window.sameDocument") is True
    assert mine.viewer.faults == []


def test_a_deleted_channel_is_kept_as_missing(mine: Mine) -> None:
    code = mine.channels[1]["code"]
    mine.simulator.type(f"del {code}")
    seen = mine.platform.eventually(f"/api/v1/channels/{code}", lambda c: c["missing_since"])
    assert seen["cause"] == "missing"


def test_the_drawer_of_a_device_shows_and_changes_what_is_subscribed_to(mine: Mine) -> None:
    mine.subscriptions("alarm", "active")
    mine.subscriptions("position", "active")
    mine.viewer.open(f"/devices?device={mine.device}")
    page = mine.viewer.page
    page.locator("[data-topic='catalog'][data-state='active']").wait_for()
    page.locator("[data-topic='catalog']").scroll_into_view_if_needed()
    mine.shoot("device-subscriptions")
    page.locator("[data-topic='alarm'] [data-action=subscribe]").click()
    page.locator("[data-topic='alarm'][data-state='none']").wait_for()
    page.locator("[data-topic='alarm'] [data-action=subscribe]").click()
    page.locator("[data-topic='alarm'][data-state='active']").wait_for()
    assert mine.viewer.faults == []


def test_a_channel_that_moves_shows_where_it_is_and_its_track_downloads(mine: Mine) -> None:
    code = mine.channels[2]["code"]
    mine.simulator.type(f"move {code} 112.500000 36.250000")
    mine.platform.eventually(f"/api/v1/channels/{code}/track", lambda t: len(t["items"]) >= 2)
    mine.viewer.open("/")
    page = mine.viewer.page
    mine.viewer.find(code).locator("[data-action=info]").click()
    page.locator(
        "[data-section=position] [data-role=position]", has_text="112.500000, 36.250000"
    ).wait_for()
    mine.simulator.type(f"move {code} 112.750000 36.250000")
    page.locator(
        "[data-section=position] [data-role=position]", has_text="112.750000, 36.250000"
    ).first.wait_for()
    page.locator("[data-section=position] [data-role=position]").scroll_into_view_if_needed()
    mine.shoot("channel-position")
    table = mine.platform.get(f"/api/v1/channels/{code}/track.csv")
    assert table.headers["Content-Type"].startswith("text/csv")
    assert b"112.75" in table.body


def test_an_alarm_has_the_name_of_the_standard_and_is_reset_at_the_device(mine: Mine) -> None:
    code = mine.channels[3]["code"]
    mine.viewer.open("/alarms")
    page = mine.viewer.page
    # An alarm of the highest level pops up over the page, whenever it comes.
    popup = page.locator("dialog[data-dialog=alarm]")
    page.add_locator_handler(popup, lambda shown: shown.locator("footer [type=button]").click())
    mine.simulator.type(f"alarm {code} 2 2")
    item = page.locator(f".alarm-item[data-channel='{code}']", has_text="设备防拆报警").first
    item.wait_for()
    mine.simulator.type(f"alarm {code} 2 2")
    mine.simulator.wait_for("does not report it again before its reset")
    item.click()
    mine.shoot("alarm-reset")
    page.locator("[data-action=reset-alarm]").click()
    page.locator(".toast", has_text="设备已复位").first.wait_for()
    mine.simulator.type(f"alarm {code} 2 2")
    mine.platform.eventually(
        f"/api/v1/alarms?channel={code}", lambda page: page["items"][0]["count"] == 2
    )
    assert mine.viewer.faults == []

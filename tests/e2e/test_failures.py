"""What a person sees of each failure in `docs/failures.md`: real programs and a browser."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator

from tests.e2e.media import probe
from tests.e2e.platform import PASSWORD, READY_S, Answer, Platform
from tests.e2e.trouble import SmallDisk, TileWatch, drops, media_ports_in_use, small_disk
from tests.e2e.viewer import Viewer, browser
from vms.simulation.mine import build_mines
from web.words.doctor import VERDICTS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

DEVICE_PASSWORD = "Box-Secret-2026"
MINE = build_mines(1, 6)[0]
BOX = MINE.device_id
CHANNELS = [camera.channel.code for camera in MINE.cameras]
CHANNEL = CHANNELS[0]
ONE_BOX = ("--boxes", "1", "--channels", "6", "--keepalive", "2")
HASTE = {
    "VMS_MEDIA__TRANSPORTS": "udp",
    "VMS_MEDIA__INVITE_TIMEOUT_S": "4",
    "VMS_MEDIA__FIRST_PACKET_TIMEOUT_S": "4",
    "VMS_MEDIA__STALL_TIMEOUT_S": "5",
    "VMS_MEDIA__RETRY_FIRST_S": "2",
    "VMS_MEDIA__RETRY_MAX_S": "2",
    "VMS_MEDIA__LINGER_S": "0.5",
    "VMS_SIP__KEEPALIVE_INTERVAL_S": "10",
    "VMS_SIP__KEEPALIVE_COUNT": "2",
    "VMS_SIP__CATALOG_TIMEOUT_S": "4",
    "VMS_SIP__CATALOG_ATTEMPTS": "2",
    "VMS_RECORDING__SEGMENT_S": "2",
    "VMS_RECORDING__RETRY_FIRST_S": "0.5",
    "VMS_USERS__ACCOUNT_FAILURES": "3",
    "VMS_USERS__LOCK_S": "10",
}
"""Short limits: every failure is over in seconds, yet none strikes because the machine is busy."""
MOST_FROZEN_S = 3.75
"""Three seconds, the tile's own step, and some looks."""


@dataclass
class Site:
    """A platform with short limits and a small disk, and a browser before it."""

    platform: Platform
    disk: SmallDisk
    chromium: Browser

    def mark(self) -> int:
        """How much the platform has logged."""
        assert self.platform.running is not None
        return len(self.platform.running.lines)

    def wait_log(self, pattern: str, after: int) -> None:
        assert self.platform.running is not None
        self.platform.running.wait_for(pattern, after=after)

    def wait_box(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        device: dict[str, Any] = self.platform.eventually(f"/api/v1/devices/{BOX}", holds)
        return device

    def wait_channels(self, count: int) -> None:
        self.platform.channels_online(count)

    def wait_nothing_runs(self) -> None:
        """Every picture has ended and every media port is free again."""
        self.platform.eventually("/api/v1/system", lambda facts: facts["streams"] == 0)
        wait_until(lambda: media_ports_in_use(self.platform) == [])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("failures") / "data"
    with small_disk(data) as disk:
        platform = Platform(data, **HASTE, **disk.settings)
        with platform.run(), browser() as chromium:
            yield Site(platform, disk, chromium)


@pytest.fixture
def viewer(site: Site) -> Iterator[Viewer]:
    viewer = Viewer(site.chromium, site.platform)
    viewer.log_in()
    yield viewer
    viewer.page.context.close()


def wait_until(holds: Callable[[], bool], timeout_s: float = READY_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)


def watch(viewer: Viewer) -> TileWatch:
    """Open the box's first channel in tile 1, as a link from an alarm does."""
    viewer.open(f"/?open={CHANNEL}")
    return TileWatch.begin(viewer)


def attempt_row(viewer: Viewer, outcome: str, address: str = "127.0.0.1") -> Locator:
    """A line of the access page, once it is there."""
    selector = f"[data-attempt='{BOX}'][data-outcome='{outcome}']"
    row = viewer.page.locator(selector).filter(has_text=f"{address} UDP")
    row.wait_for()
    return row


def alarms(platform: Platform, kind: str) -> list[dict[str, Any]]:
    items = platform.get("/api/v1/alarms?size=500").json()["items"]
    return [alarm for alarm in items if alarm["kind"] == kind]


# Who may come in


def test_unknown_device_is_listed_with_advice_and_one_click_lets_it_in(
    site: Site, viewer: Viewer
) -> None:
    viewer.open("/access")
    with site.platform.simulate(*ONE_BOX, "--password", DEVICE_PASSWORD, provision=False):
        row = attempt_row(viewer, "refused_unknown")
        assert "未知设备" in row.inner_text()
        assert "一键允许" in row.inner_text()
        row.locator("[data-action=allow]").click()
        dialog = viewer.page.locator("[data-dialog=add-device]")
        assert dialog.locator("[name=id]").input_value() == BOX
        dialog.locator("[name=password]").fill(DEVICE_PASSWORD)
        dialog.locator("[data-action=confirm]").click()
        site.wait_box(lambda device: device["online"])
        viewer.open("/access")
        assert "已注册" in attempt_row(viewer, "accepted").inner_text()
        assert viewer.page.locator("[data-action=allow]").count() == 0


def test_wrong_device_password_is_told_with_advice_and_the_device_stays_offline(
    site: Site, viewer: Viewer
) -> None:
    viewer.open("/access")
    with site.platform.simulate(*ONE_BOX, "--fault", "wrong_password"):
        row = attempt_row(viewer, "refused_password")
        assert "密码错误" in row.inner_text()
        assert "请核对设备里的接入密码" in row.inner_text()
        assert row.locator("[data-action=allow]").count() == 0
        assert not site.wait_box(lambda device: True)["online"]


def test_second_address_of_a_living_device_is_one_alarm_with_both_addresses(
    site: Site, viewer: Viewer
) -> None:
    simulate = site.platform.simulate
    with simulate(*ONE_BOX):
        site.wait_box(lambda device: device["online"])
        with simulate(*ONE_BOX, "--local-host", "127.0.0.2"):
            viewer.open("/alarms")
            page = viewer.page
            item = page.locator(f".alarm-item[data-channel='{BOX}']", has_text="另一个地址注册")
            item.click()
            facts = page.locator("[data-role=alarm-detail]")
            facts.get_by_text("127.0.0.2").first.wait_for()
            assert "127.0.0.1" in facts.inner_text()
            viewer.open("/access")
            attempt_row(viewer, "accepted", "127.0.0.2")
    assert len(alarms(site.platform, "device_moved")) == 1


# Pictures that do not come


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ("no_media", "no_packets"),
        ("answer_status=486", "sip_busy"),
        ("answer_status=404", "sip_not_found"),
        ("omit_sdp", "sdp_missing"),
        ("no_answer", "sip_silent"),
    ],
)
def test_picture_that_does_not_come_is_a_failed_tile_with_reason_and_advice(
    site: Site, viewer: Viewer, fault: str, verdict: str
) -> None:
    with site.platform.simulate(*ONE_BOX, "--fault", fault):
        site.wait_channels(1)
        seen = watch(viewer)
        title, _, advice, _ = VERDICTS[verdict]
        viewer.wait_words(title, advice, state="failed")
        assert len(media_ports_in_use(site.platform)) <= 1
        assert "live" not in seen.states
        viewer.page.close()
        site.wait_nothing_runs()


def test_lying_ssrc_is_refused_visibly_where_it_is_checked(site: Site, tmp_path: Path) -> None:
    platform = Platform(tmp_path / "data", **HASTE, VMS_MEDIA__SSRC_CHECK="true")
    with platform.run(), platform.simulate(*ONE_BOX, "--fault", "wrong_ssrc"):
        platform.channels_online(1)
        viewer = Viewer(site.chromium, platform)
        viewer.log_in()
        seen = watch(viewer)
        viewer.wait_words(VERDICTS["wrong_ssrc"][0], state="failed")
        assert "live" not in seen.states
        viewer.page.context.close()


@pytest.mark.parametrize(
    ("faults", "frames", "counted"),
    [
        (("wrong_ssrc",), 50, ()),
        (("reorder=0.05", "duplicate=0.02"), 50, ("reordered",)),
        (("loss=0.01", "reorder=0.05"), 15, ("lost", "reordered")),
    ],
    ids=["a wrong SSRC", "reordering", "loss"],
)
def test_picture_plays_in_spite_of(
    site: Site, viewer: Viewer, faults: tuple[str, ...], frames: int, counted: tuple[str, ...]
) -> None:
    """After a loss the rest of its group of pictures is not shown: fewer frames, none broken.

    Which packets are lost is chance, hence also how long the picture stands still meanwhile, and
    whether the first key frame came whole in time: a tile that had to try again is no fault.
    """
    words = [word for fault in faults for word in ("--fault", fault)]
    with site.platform.simulate(*ONE_BOX, *words):
        site.wait_channels(1)
        seen = watch(viewer)
        viewer.wait_state(1, "live")
        viewer.wait_frames(frames)
        status = site.platform.eventually(
            f"/api/v1/channels/{CHANNEL}/live", lambda live: all(live[name] for name in counted)
        )
        assert status["state"] == "live"
        seen_on_the_way = {name for name in ("lost", "reordered") if status[name]}
        if drops(site.platform):
            # This machine lost packets of its own, which a busy one does: that is to be told too.
            assert seen_on_the_way == {"lost", *counted}
        else:
            assert seen_on_the_way == set(counted)
        if not status["lost"]:
            assert "failed" not in seen.states
            assert seen.frozen_s < MOST_FROZEN_S


def test_picture_the_browser_cannot_decode_is_told_and_not_pulled(
    site: Site, viewer: Viewer
) -> None:
    with site.platform.simulate(*ONE_BOX, "--codec", "h265"):
        site.wait_channels(1)
        watch(viewer)
        viewer.wait_words("H.265", state="unplayable")
        viewer.page.locator(".tile[data-tile='1'] [data-action=copy-url]").wait_for()
        site.wait_nothing_runs()


# Pictures that stop


def test_silent_camera_never_looks_live_and_is_hung_up_and_invited_again(
    site: Site, viewer: Viewer
) -> None:
    with site.platform.simulate(*ONE_BOX, "--fault", "silence_after_s=6") as simulator:
        site.wait_channels(1)
        begin = site.mark()
        seen = watch(viewer)
        viewer.wait_state(1, "live")
        viewer.wait_words("画面停滞", state="stalled")
        site.wait_log(rf"no picture .*{CHANNEL}.*reason=media_stalled", begin)
        simulator.wait_for(r"(?s)pretend camera sends.*pretend camera sends")
        viewer.wait_state(1, "live")
        begin = seen.states.index("live")
        assert seen.states[begin : begin + 3] == ["live", "stalled", "live"]
        assert seen.frozen_s < MOST_FROZEN_S
        assert len(alarms(site.platform, "stream_lost")) == 1
        viewer.page.locator(".alarm-item", has_text="视频中断").first.wait_for()


def test_hung_device_never_looks_live_and_its_picture_comes_back_with_it(
    site: Site, viewer: Viewer
) -> None:
    with site.platform.simulate(*ONE_BOX) as simulator:
        site.wait_channels(1)
        begin = site.mark()
        seen = watch(viewer)
        viewer.wait_state(1, "live")
        viewer.wait_frames(25)
        simulator.process.send_signal(signal.SIGSTOP)
        try:
            viewer.wait_state(1, "stalled")
            stalled = len(seen.states)
            site.wait_log(rf"no picture .*{CHANNEL}.*reason=device_unreachable", begin)
            viewer.wait_state(1, "failed")
            assert "live" not in seen.states[stalled:]
            assert seen.frozen_s < MOST_FROZEN_S
        finally:
            simulator.process.send_signal(signal.SIGCONT)
        viewer.wait_state(1, "live")
        viewer.wait_frames(25)


def test_dead_device_goes_offline_frees_everything_and_comes_back_by_itself(
    site: Site, viewer: Viewer
) -> None:
    with site.platform.simulate(*ONE_BOX) as simulator:
        site.wait_channels(1)
        seen = watch(viewer)
        viewer.wait_state(1, "live")
        simulator.kill()
        offline = site.wait_box(lambda device: not device["online"])
        assert offline["cause"] == "keepalive_lost"
        viewer.page.locator(
            ".tile[data-tile='1']:is([data-state=failed],[data-state=offline])", has_text="离线"
        ).wait_for()
        assert seen.frozen_s < MOST_FROZEN_S
        site.wait_nothing_runs()
    with site.platform.simulate(*ONE_BOX):
        viewer.wait_state(1, "live")


# What must not be lost


def test_short_catalogue_deletes_nothing_and_a_complete_one_only_marks(site: Site) -> None:
    simulate, listed = site.platform.simulate, "/api/v1/channels?size=100"
    with simulate(*ONE_BOX):
        site.wait_channels(6)
    begin = site.mark()
    with simulate(*ONE_BOX, "--fault", "catalog_short_by=3"):
        site.wait_log(rf"catalog incomplete .*{BOX}", begin)
        site.wait_channels(6)
        items = site.platform.get(listed).json()["items"]
        assert [item["missing_since"] for item in items if item["code"] in CHANNELS] == [None] * 6
    with simulate(*ONE_BOX, "--channels", "4"):
        gone = f"/api/v1/channels/{CHANNELS[5]}"
        assert site.platform.eventually(gone, lambda channel: channel["missing_since"])
    with simulate(*ONE_BOX):
        site.platform.eventually(gone, lambda channel: channel["missing_since"] is None)
        site.wait_channels(6)


def test_full_disk_is_one_alarm_the_picture_goes_on_and_recording_comes_back(
    site: Site, viewer: Viewer
) -> None:
    platform, files = site.platform, f"/api/v1/channels/{CHANNEL}/recordings"
    with platform.simulate(*ONE_BOX), ExitStack() as stack:
        site.wait_channels(1)
        switch(platform, on=True)
        stack.callback(switch, platform, on=False)
        platform.eventually(files, lambda answer: len(answer["items"]) >= 1)
        seen = watch(viewer)
        viewer.wait_state(1, "live")
        begin = site.mark()
        stack.callback(site.disk.free)
        site.disk.fill()
        viewer.page.locator(".alarm-item", has_text="磁盘已满").first.wait_for()
        viewer.wait_frames(75)
        assert len(alarms(platform, "disk_full")) == 1
        site.disk.free()
        site.wait_log(rf"recording goes on .*{CHANNEL}", begin)
        known = len(platform.get(files).json()["items"])
        platform.eventually(files, lambda answer: len(answer["items"]) > known)
        assert (seen.states[-1], len(alarms(platform, "disk_full"))) == ("live", 1)
        assert "stalled" not in seen.states


def switch(platform: Platform, *, on: bool) -> Answer:
    return platform.request("PUT", f"/api/v1/channels/{CHANNEL}/recording", {"on": on})


def test_killed_platform_comes_back_with_its_devices_pictures_and_recordings(
    tmp_path: Path,
) -> None:
    platform = Platform(tmp_path / "data", **{**HASTE, "VMS_RECORDING__SEGMENT_S": "3600"})
    with ExitStack() as stack:
        with platform.run() as first:
            simulator = stack.enter_context(platform.simulate(*ONE_BOX))
            platform.channels_online(1)
            switch(platform, on=True)
            folder = platform.data / "recordings" / CHANNEL
            wait_until(lambda: any(p.stat().st_size > 200_000 for p in folder.rglob("*.part")))
            assert first.running is not None
            first.running.kill()
        with platform.run():
            platform.channels_online(1)
            assert simulator.log.count("pretend box registered") == 1
            path = f"/api/v1/channels/{CHANNEL}/recordings"
            (segment, *_) = platform.eventually(path, lambda answer: answer["items"])["items"]
            saved = tmp_path / "saved.mp4"
            saved.write_bytes(platform.get(segment["url"]).body)
            found = probe(str(saved))
            assert found.errors == ""
            assert found.duration_s == pytest.approx(segment["duration_s"], abs=0.5)
            live = f"/api/v1/channels/{CHANNEL}/live"
            platform.eventually(live, lambda status: status["state"] == "live")


# People and the program itself


def test_wrong_passwords_lock_the_login_page_with_a_countdown_that_ends(site: Site) -> None:
    page = site.chromium.new_page()
    page.goto(f"{site.platform.url}/login")
    fault, button = page.locator("#login-fault"), page.locator("#login button[type=submit]")
    page.fill("[name=username]", "admin")
    for code in ("wrong_credentials", "wrong_credentials", "wrong_credentials", "locked_out"):
        page.fill("[name=password]", "not the password")
        with page.expect_response("**/api/v1/session"):
            button.click()
        page.locator(f"#login-fault[data-code={code}]:not([hidden])").wait_for()
    assert "已暂时锁定" in fault.inner_text()
    assert re.search(r"请等待 \d+ 秒", button.inner_text())
    assert button.is_disabled()
    page.locator("#login button[type=submit]:enabled").wait_for()
    page.fill("[name=password]", PASSWORD)
    button.click()
    page.wait_for_selector("body.page-wall[data-ready=true]")
    page.context.close()


def vms_run(platform: Platform, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vms", "run", "--data", str(platform.data)]
    env = {**platform.env, **settings}
    return subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=READY_S, check=False
    )


@pytest.mark.parametrize(
    ("key", "variable", "value"),
    [
        ("sip.server_id", "VMS_SIP__SERVER_ID", "1234"),
        ("media.ports", "VMS_MEDIA__PORTS", "40000"),
        ("sip.prot", "VMS_SIP__PROT", "5060"),
    ],
)
def test_bad_configuration_stops_the_start_with_key_and_example(
    tmp_path: Path, key: str, variable: str, value: str
) -> None:
    ended = vms_run(Platform(tmp_path / "data"), **{variable: value})
    assert ended.returncode == 78
    assert key in ended.stderr
    assert "for example" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("key", ["sip.port", "http.port"])
def test_port_in_use_stops_the_start_and_says_so(tmp_path: Path, key: str) -> None:
    platform = Platform(tmp_path / "data")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        variable = f"VMS_{key.upper().replace('.', '__')}"
        ended = vms_run(platform, **{variable: port})
    assert ended.returncode == 78
    assert f"{key}: port {port} cannot be taken" in ended.stderr
    assert "for example" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_nothing_of_all_this_was_an_error_inside_the_platform(site: Site) -> None:
    assert site.platform.running is not None
    assert "Traceback" not in site.platform.running.log

"""`vms simulate upper` above a running platform with a mine, as `docs/guide/cascade.md` has it."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cascade import CITY, PROVINCE, SECRET, make_platforms
from tests.e2e.platform import Platform, program
from tests.ports import free_port

pytestmark = pytest.mark.e2e

LONGEST_S = 150.0
CAMERAS = 2


@pytest.fixture(scope="module")
def lower(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform with a mine."""
    [platform] = make_platforms(tmp_path_factory.mktemp("lower"), CITY)
    with platform.run(), platform.simulate("--boxes", "1", "--channels", str(CAMERAS)):
        platform.channels_online(CAMERAS)
        yield platform


def play(lower: Platform, folder: Path, orders: list[str], *words: str) -> list[dict[str, Any]]:
    """Let a pretend upper platform obey orders; answers what it wrote down."""
    port, log, script = free_port(), folder / "upper.jsonl", folder / "orders.txt"
    script.write_text("\n".join(["wait registered", *orders, "quit"]), encoding="utf-8")
    command = [sys.executable, "-m", "vms", "simulate", "upper", "--data", str(folder)]
    command += ["--listen", f"127.0.0.1:{port}", "--password", SECRET, "--lower-id", CITY]
    command += ["--script", str(script), "--log", str(log), "--save", str(folder), *words]
    above = {
        "id": PROVINCE, "name": "省局", "host": "127.0.0.1", "port": port, "password": SECRET,
        "edition": "2016" if "2016" in words else "2022",
        "rights": ["live", "playback", "download", "ptz"], "is_enabled": False,
    }  # fmt: skip
    with program(command, {}, folder) as upper:
        upper.wait_for("upper platform")
        assert lower.post("/api/v1/platforms", above).status == 201
        path = f"/api/v1/platforms/{PROVINCE}"
        try:
            # Shared before it registers: what is asked first is there already.
            assert lower.request("PUT", f"{path}/share", {"everything": True}).status == 200
            assert lower.request("PATCH", path, {"is_enabled": True}).status == 200
            assert upper.process.wait(LONGEST_S) == 0, upper.log
        finally:
            lower.request("DELETE", path)
    lines = log.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def named(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == name]


@pytest.mark.parametrize(
    "words",
    [
        ("--transport", "udp"),
        ("--transport", "tcp-passive", "--edition", "2016", "--charset", "GB2312"),
        ("--transport", "tcp-active", "--fault", "omit_ssrc", "--fault", "wrong_realm"),
    ],
    ids=["udp-2022", "tcp-passive-2016", "tcp-active-without-y"],
)
def test_the_five_steps_of_the_guide(lower: Platform, tmp_path: Path, words: tuple[str, ...]):
    code = lower.channels_online(CAMERAS)[0]["code"]
    orders = ["catalog", f"live {code}", "wait media", f"playback {code} -90m -80m"]
    orders += ["wait media", "pause", "play", "stop", f"ptz {code} left", f"ptz {code} stop"]
    events = play(lower, tmp_path, orders, *words)
    assert named(events, "failed") == []
    [catalog] = named(events, "catalog")
    assert catalog["complete"]
    assert {code, CITY} <= {item["id"] for item in catalog["items"]}
    assert {event["kind"] for event in named(events, "media")} == {"live", "playback"}
    ended = named(events, "ended")
    assert len(ended) == 2
    assert all(event["is_expected_ssrc"] and event["is_program_stream"] for event in ended)
    assert [event["method"] for event in named(events, "controlled")] == ["PAUSE", "PLAY"]


def test_what_nobody_shares_is_refused_and_nothing_else_happens(lower: Platform, tmp_path: Path):
    code = lower.channels_online(CAMERAS)[0]["code"]
    events = play(lower, tmp_path, [f"live {code}"], "--fault", "unshared")
    [failed] = named(events, "failed")
    assert (failed["order"], failed["status"]) == ("live", 404)
    assert named(events, "media") == []

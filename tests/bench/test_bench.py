"""The bench works: its programs build and count right, its short forms run to their end.

No figure is asserted: what the relay costs is for `make bench` on a quiet machine.
"""

import io
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from bench.relay.native import ROOT, Program, build, free_ports
from bench.relay.report import rewrite
from bench.relay.rows import ALL, BY_NAME, chosen
from bench.relay.runs import Load, Run
from bench.relay.table import figures, take_all
from bench.soak import problems
from stream_relay.formats.ps import PsDemuxer

DRAIN_S = 0.3
Start = Callable[..., Program]
NAMES = {
    "ingest_udp",
    "ingest_udp_mux",
    "ingest_tcp",
    "forward",
    "forward_mux",
    "forward_200_lost",
    "fanout_http_100",
    "fanout_http_200",
    "fanout_ws_100",
    "fanout_http_50",
    "fanout_tls_50",
    "api_p99",
    "first_byte_after_key",
    "idle",
    "memory_per_stream",
}


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("native"))


@pytest.fixture
def start(programs: Path) -> Any:
    running: list[Program] = []

    def begin(name: str, *arguments: object) -> Program:
        running.append(Program([programs / name, *arguments]))
        return running[-1]

    yield begin
    for each in running:
        each.kill()


def dumped(programs: Path, target: Path, *arguments: object) -> bytes:
    command = [programs / "generate", "-o", target, *arguments]
    subprocess.run([str(each) for each in command], check=True)
    return target.read_bytes()


# --- the generator --------------------------------------------------------------------------------


def test_the_made_pictures_can_be_decoded(programs: Path, tmp_path: Path) -> None:
    stream = dumped(programs, tmp_path / "made.ps")
    with av.open(io.BytesIO(stream), format="mpeg") as container:
        pictures = list(container.decode(video=0))
    assert len(pictures) == 50
    assert {(picture.width, picture.height) for picture in pictures} == {(256, 192)}


def test_the_product_takes_the_made_stream_apart(programs: Path, tmp_path: Path) -> None:
    demuxer = PsDemuxer()
    units = demuxer.push(dumped(programs, tmp_path / "made.ps")) + demuxer.flush()
    assert [unit.is_key for unit in units] == [True] + 49 * [False]
    assert len({unit.dts_ticks for unit in units}) == 50
    assert sum(len(unit.data) for unit in units) * 8 / 2 == pytest.approx(4e6, rel=0.02)


def test_a_file_in_annex_b_gives_the_same_stream(programs: Path, tmp_path: Path) -> None:
    made = dumped(programs, tmp_path / "made.ps")
    demuxer = PsDemuxer()
    units = demuxer.push(made) + demuxer.flush()
    (tmp_path / "file.h264").write_bytes(b"".join(unit.data for unit in units))
    assert dumped(programs, tmp_path / "file.ps", "-i", tmp_path / "file.h264") == made


@pytest.mark.parametrize("mode", ["udp", "gso", "tcp"])
def test_all_that_is_sent_is_counted_by_the_sink(start: Start, mode: str) -> None:
    port = free_ports(6)
    sink = start("sink", "-n", 3, "-p", port, "-v", *(["-T"] if mode == "tcp" else []))
    load = ["-n", 3, "-p", port, "-S", 7_000, "-t", 0.5, "-d", 0.2, "-m", mode]
    sent = start("generate", *load).finish()
    time.sleep(DRAIN_S)
    came = sink.finish()
    assert sent["packets"] > 0
    assert sent["errors"] == 0
    assert (came["packets"], came["bytes"]) == (sent["packets"], sent["bytes"])
    assert {each["ssrc"] for each in came["each"]} == {7_000, 7_001, 7_002}
    assert (came["lost"], came["out_of_order"], came["malformed"]) == (0, 0, 0)


def test_the_sink_counts_what_is_missing(start: Start) -> None:
    port = free_ports(2)
    sink = start("sink", "-p", port, "-v")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for sequence in (65_534, 65_535, 1, 0, 4):  # 2 and 3 are lost, 1 and 0 in wrong order
            head = bytes([0x80, 96]) + sequence.to_bytes(2, "big") + bytes(4)
            sender.sendto(head + (9).to_bytes(4, "big") + b"payload", ("127.0.0.1", port))
        sender.sendto(b"not RTP", ("127.0.0.1", port))
    time.sleep(DRAIN_S)
    came = sink.finish()
    assert came["each"] == [{"ssrc": 9, "packets": 5, "lost": 2}]
    assert (came["out_of_order"], came["malformed"]) == (1, 1)


# --- floors and viewers ---------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [(), ("-g",)], ids=["plain", "gro"])
def test_the_forwarding_floor_loses_nothing(start: Start, arguments: tuple[str, ...]) -> None:
    port = free_ports(8)
    sink = start("sink", "-n", 2, "-p", port + 4)
    floor = start("floor", "-n", 2, "-p", port, "-f", port + 4, *arguments)
    mode = "gso" if arguments else "udp"
    sent = start("generate", "-n", 2, "-p", port, "-t", 0.5, "-d", 0, "-m", mode).finish()
    time.sleep(DRAIN_S)
    passed, came = floor.finish(), sink.finish()
    assert passed["packets"] == came["packets"] == sent["packets"]
    assert passed["bytes"] == came["bytes"] == sent["bytes"]
    assert passed["sends"] < passed["packets"]
    assert came["lost"] == passed["errors"] == 0


def test_viewers_get_what_the_floor_writes(start: Start) -> None:
    port = free_ports(2)
    floor = start("write_floor", "-p", port)
    viewers = start("viewers", "-k", 3, "-p", port, "/")
    time.sleep(0.5)
    written = floor.finish()
    time.sleep(DRAIN_S)
    got = viewers.finish()
    assert (got["answered"], got["refused"], written["viewers"]) == (3, 0, 3)
    assert got["bytes"] == written["bytes"] > 0
    assert all(got["first_ns"])


# --- the whole ------------------------------------------------------------------------------------


def run_short(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "bench" / script, *arguments]
    return subprocess.run(
        [str(each) for each in command],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.timeout(600)
def test_the_short_form_takes_every_figure(programs: Path, tmp_path: Path) -> None:
    target = tmp_path / "bench.json"
    ended = run_short("bench_relay.py", "--smoke", "--json", target, "--build", programs)
    assert ended.returncode == 0, ended.stderr
    taken = {figure["name"]: figure for figure in json.loads(target.read_text())}
    assert set(taken) >= NAMES
    for figure in taken.values():
        assert {"name", "value", "unit", "reference", "ratio"} <= figure.keys()
        assert figure["value"] is not None or "not_available" in figure, ended.stderr


@pytest.mark.timeout(600)
def test_a_short_soak_leaves_nothing_behind(programs: Path, tmp_path: Path) -> None:
    target = tmp_path / "soak.json"
    options = ["--minutes", 0.33, "--rests", 3, "--streams", 10, "--sample", 1, "--seed", 1]
    ended = run_short("soak.py", *options, "--json", target, "--build", programs)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    kept = json.loads(target.read_text())
    assert len(kept["rests"]) == 4
    assert kept["done"]["opened"] == kept["done"]["closed"] > 0
    assert all(rest["streams"] == rest["ports"] == 0 for rest in kept["rests"])
    assert any(sample["streams"] for sample in kept["samples"])


def test_rows_bring_what_they_are_compared_with() -> None:
    assert [row.name for row in chosen(["ingest_tcp"])] == [
        "floor_receive",
        "ingest_udp",
        "ingest_tcp",
    ]
    assert {row.name for row in chosen([])} >= NAMES
    assert len({row.name for row in ALL}) == len(ALL)


@pytest.mark.parametrize(
    ("last", "value", "is_doubtful"), [(Run(1.0), 1.0, False), (Run(7.0, doubt="late"), 8.0, True)]
)
def test_a_late_run_counts_only_where_there_is_no_better_one(
    last: Run, value: float, is_doubtful: bool
) -> None:
    runs = iter([Run(9.0, doubt="late"), Run(5.0, "5 packets did not arrive"), last])
    row = replace(BY_NAME["ingest_udp"], take=lambda load: next(runs))
    (figure,) = figures(take_all([row], Load(Path()), 1, budget_s=60))
    assert (figure["value"], figure["is_doubtful"]) == (value, is_doubtful)
    assert len(figure["discarded"]) == (3 if is_doubtful else 2)


def test_the_soak_tells_what_grew() -> None:
    rest = dict.fromkeys(("fds", "threads", "tasks", "ports", "streams", "readers"), 4)
    first, last = {**rest, "rss_bytes": 100 << 20}, {**rest, "fds": 5, "rss_bytes": 120 << 20}
    assert problems([first, first]) == []
    assert problems([first, last]) == [
        "fds was 4 at the first rest and is 5 at the last",
        "memory grew from 100.0 to 120.0 MiB",
    ]


def test_the_report_replaces_the_figures_only() -> None:
    figure = {
        "name": "ingest_udp",
        "value": 1.0,
        "reference": 0.8,
        "reference_is": "floor_receive",
        "ratio": 1.25,
        "limit": 1.3,
        "is_doubtful": False,
    }
    page = "# Speed\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nafter\n"
    new = rewrite(page, [figure], "a machine")
    assert new.startswith("# Speed\n")
    assert new.endswith("<!-- figures: end -->\nafter\n")
    assert "old" not in new
    row = next(line for line in new.splitlines() if line.startswith("| `ingest_udp`"))
    assert row.endswith("| 1 ms/stream-s | 0.8 (floor_receive) | 1.25 | 1.3 |")
    assert rewrite(new, [figure], "a machine") == new

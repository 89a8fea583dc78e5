"""`vms simulate upper`: its options, and one whole run as a program."""

import json
import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest

from sip.simulator.upper import WRONG_REALM, UpperFaults
from tests.ports import free_port
from vms.cli import main, simulate_upper
from vms.config import Config, load
from vms.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
LOWER_ID = "14040000002000000001"


def parsed(*words: str) -> Namespace:
    parser = ArgumentParser()
    simulate_upper.add_arguments(parser)
    return parser.parse_args(["--password", "secret", *words])


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load(None, {"data": tmp_path})


def test_the_options_make_a_platform(config: Config, tmp_path: Path) -> None:
    words = ["--listen", "0.0.0.0:5080", "--advertise", "10.1.2.3", "--lower-id", LOWER_ID]
    words += ["--edition", "2016", "--charset", "UTF-8", "--transport", "tcp-active"]
    words += ["--save", str(tmp_path), "--fault", "wrong_realm", "--fault", "lost-keepalives=3"]
    plan = simulate_upper.plan_of(parsed(*words), config)
    assert (plan.config.host, plan.config.port) == ("0.0.0.0", 5080)
    assert (plan.config.advertised_host, plan.config.domain) == ("10.1.2.3", "1400000000")
    assert (plan.config.edition, plan.config.charset) == ("2016", "UTF-8")
    assert (plan.transport, plan.lower_id, plan.config.realm) == (
        "tcp-active",
        LOWER_ID,
        WRONG_REALM,
    )
    assert plan.faults == UpperFaults(wrong_realm=True, lost_keepalives=3)


def test_the_lower_platform_is_ours_by_default(config: Config) -> None:
    assert simulate_upper.plan_of(parsed(), config).lower_id == config.sip.server_id


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["--listen", "127.0.0.1"], "--listen"),
        (["--listen", "127.0.0.1:99999"], "--listen"),
        (["--listen", "0.0.0.0:5070"], "--advertise"),
        (["--id", "12"], "--id"),
        (["--lower-id", "x" * 20], "--lower-id"),
        (["--save", "/no/such/folder"], "--save"),
        (["--fault", "nonsense"], "--fault"),
        (["--fault", "lost_keepalives"], "--fault"),
    ],
)
def test_an_option_that_cannot_work_says_what_would(
    words: list[str], key: str, config: Config
) -> None:
    with pytest.raises(ConfigError) as raised:
        simulate_upper.plan_of(parsed(*words), config)
    assert raised.value.key == key
    assert raised.value.example


def test_two_words_are_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["simulate", "upper", "--data", str(tmp_path), "--password", "x", "--id", "1"]
    assert main(words) == 78
    assert "--id" in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    answer = play(tmp_path, "--listen", "203.0.113.1:5070", orders="quit\n")
    assert answer.returncode == 78
    assert "--listen" in answer.stderr


def test_it_obeys_what_is_typed_and_writes_what_happens(tmp_path: Path) -> None:
    log = tmp_path / "upper.jsonl"
    listen = f"127.0.0.1:{free_port()}"
    answer = play(
        tmp_path, "--listen", listen, "--commands", "--log", str(log),
        orders="dance\ncatalog\nquit\n",
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert "上级平台 upper platform 14000000002000000001" in answer.stdout
    events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [event["event"] for event in events] == ["listening", "failed", "failed"]
    assert [event.get("order") for event in events] == [None, "dance", "catalog"]


def play(tmp_path: Path, *words: str, orders: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vms", "simulate", "upper", "--data", str(tmp_path)]
    return subprocess.run(
        [*command, "--password", "secret", *words],
        input=orders,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )

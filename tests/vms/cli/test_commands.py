"""The subcommands as people call them."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from vms.cli import COMMANDS, main
from vms.config import load
from vms.services.users import FIRST_USER

DEVICE = "14040000001180000001"


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("VMS_"):
            monkeypatch.delenv(name)


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(tmp_path / "kept")


def output(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "simulate"])
def test_each_command_has_help_in_both_languages(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    text = output(capsys)
    assert COMMANDS[command] in text


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    text = output(capsys)
    assert all(name in text for name in COMMANDS)


def test_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["fly"])
    assert left.value.code == 2


def test_device_is_added_listed_given_a_password_and_removed(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["device", "add", DEVICE, "--name", "一号矿", "--data", data]) == 0
    added = output(capsys)
    assert re.search(r"password +\S{16}", added)
    assert "14040000002000000001" in added
    assert main(["device", "list", "--data", data]) == 0
    assert f"○ {DEVICE}" in output(capsys)
    assert main(["device", "password", DEVICE, "--password", "abc12345", "--data", data]) == 0
    assert "abc12345" in output(capsys)
    assert main(["device", "remove", DEVICE, "--data", data]) == 0
    assert main(["device", "list", "--data", data]) == 0
    assert "共 0 台" in output(capsys)


def test_refusals_go_to_standard_error_with_their_code(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["device", "add", "123", "--data", data]) == 1
    assert "id" in capsys.readouterr().err
    assert main(["device", "remove", DEVICE, "--data", data]) == 1
    assert "device_not_found" in capsys.readouterr().err


def test_user_is_added_listed_and_given_a_password(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["user", "add", "zhang", "--role", "operator", "--data", data]) == 0
    assert re.search(r"password +\S{16}", output(capsys))
    assert main(["user", "password", "zhang", "--password", "short", "--data", data]) == 1
    assert "too_short" in capsys.readouterr().err
    assert main(["user", "password", "zhang", "--password", "long enough", "--data", data]) == 0
    assert main(["user", "list", "--data", data]) == 0
    assert "zhang" in output(capsys)


def test_check_accepts_the_example_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--example"]) == 0
    example = tmp_path / "example.toml"
    example.write_text(output(capsys), encoding="utf-8")
    assert load(example) is not None


def test_check_explains_every_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "vms.toml").write_text("[sip]\nprot = 1\n[http]\nport = 70000\n")
    assert main(["check"]) == 78
    told = capsys.readouterr().err
    assert "sip.prot" in told
    assert "sip.port" in told
    assert "http.port" in told
    assert "[http] port = 8080" in told


def test_check_finds_a_port_that_is_taken(
    data: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("VMS_HTTP__HOST", "127.0.0.1")
        monkeypatch.setenv("VMS_HTTP__PORT", str(taken.getsockname()[1]))
        monkeypatch.setenv("VMS_SIP__PORT", "0")
        assert main(["check", "--data", data]) == 78
    assert "http.port" in capsys.readouterr().err


def test_check_says_what_is_used_when_all_is_well(
    data: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("VMS_HTTP__PORT", "VMS_SIP__PORT"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setenv("VMS_UNKNOWN", "1")
    assert main(["check", "--data", data]) == 0
    told = output(capsys)
    assert "VMS_UNKNOWN" in told
    assert "14040000002000000001" in told


def test_bad_configuration_stops_the_start_with_key_and_example(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VMS_SIP__PORT", "many")
    assert main(["run"]) == 78
    told = capsys.readouterr().err
    assert "sip.port" in told
    assert "[sip] port = 5060" in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_prints_where_and_who_and_ends_with_zero_by_signal(
    number: signal.Signals, data: str, tmp_path: Path
) -> None:
    environment = {key: value for key, value in os.environ.items() if key[:4] != "VMS_"}
    environment |= {"VMS_SIP__PORT": "0", "VMS_HTTP__PORT": "0", "VMS_STORAGE__RESERVE_BYTES": "0"}
    program = [sys.executable, "-c", "import sys; from vms.cli import main; sys.exit(main())"]
    with subprocess.Popen(
        [*program, "run", "--data", data],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        process.send_signal(number)
        rest, errors = process.communicate(timeout=90)
    printed = "".join(lines) + rest
    assert process.returncode == 0, errors
    assert re.search(r"http://127\.0\.0\.1:\d+/", printed)
    assert FIRST_USER in printed
    assert re.search(r"密码 · password +\S{16}", printed)
    assert "Traceback" not in errors

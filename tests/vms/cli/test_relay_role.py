"""`vms run --role relay` and `vms check --role relay` as people call them."""

import os
import socket
import sys
from pathlib import Path

import pytest

from tests.e2e.platform import program
from tests.ports import free_port
from vms.cli import main

SECRET = "0123456789abcdef-relay-node-secret"


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("VMS_"):
            monkeypatch.delenv(name)


def write(text: str) -> None:
    Path("vms.toml").write_text(text, encoding="utf-8")


def write_node(port: int) -> None:
    write(
        f'[relay]\nhost = "127.0.0.1"\nport = {port}\nsecret = "{SECRET}"\n'
        '[media]\nhost = "127.0.0.1"\n'
    )


@pytest.mark.parametrize("command", ["run", "check"])
def test_node_without_a_secret_is_told_what_to_write(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--role", "relay"]) == 78
    told = capsys.readouterr().err
    assert "relay.secret" in told
    assert "openssl rand -hex 32" in told


@pytest.mark.parametrize("command", ["run", "check"])
def test_node_with_nodes_of_its_own_is_refused(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        f'[relay]\nsecret = "{SECRET}"\n'
        f'nodes = [{{ url = "http://10.1.2.9:8090", secret = "{SECRET}" }}]\n'
    )
    assert main([command, "--role", "relay"]) == 78
    assert "relay.nodes" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "check"])
def test_port_that_is_taken_is_told(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        write_node(taken.getsockname()[1])
        assert main([command, "--role", "relay"]) == 78
    assert "relay.port" in capsys.readouterr().err


def test_check_shows_what_a_node_uses(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    write_node(port)
    assert main(["check", "--role", "relay"]) == 0
    assert f"127.0.0.1:{port}" in capsys.readouterr().out
    assert not Path("data").exists()


def test_node_runs_until_its_signal_keeps_nothing_and_is_found_by_check(
    capsys: pytest.CaptureFixture[str],
) -> None:
    port = free_port()
    write_node(port)
    with program([sys.executable, "-m", "vms", "run", "--role", "relay"], {}) as node:
        node.wait_for("press Ctrl-C")
        assert f"http://127.0.0.1:{port}" in node.log
        assert SECRET not in node.log
        assert not Path("data").exists(), "a node has no data"
        sip, http = free_port(), free_port()
        for secret, words in ((SECRET, "answers"), (SECRET[::-1], "not the same secret")):
            write(
                f'[relay]\nnodes = [{{ url = "http://127.0.0.1:{port}", secret = "{secret}" }}]\n'
                f"[sip]\nport = {sip}\n[http]\nport = {http}\n"
            )
            assert main(["check"]) == 0
            assert words in capsys.readouterr().out
        assert node.stop() == 0
    assert main(["check"]) == 0
    assert f"http://127.0.0.1:{port}: " in capsys.readouterr().out

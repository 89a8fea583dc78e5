"""Starts the real programs (`vms run`, `vms simulate`) on free ports and speaks to them."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.ports import free_port, free_ports

PASSWORD = "Beacon-Tower-2026"
READY_S = 90
"""How long anything may take on a busy machine."""
SERVER_ID = "14040000002000000001"


def media_ports() -> str:
    """A range of a hundred ports that nobody uses at the moment."""
    ports = free_ports(100)
    return f"{ports[0]}-{ports[-1]}"


@dataclass
class Program:
    """A child process whose output is kept."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def read(self) -> None:
        stream: IO[str] | None = self.process.stdout
        assert stream is not None
        for line in stream:
            self.lines.append(line.rstrip())

    def type(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    @property
    def log(self) -> str:
        return "\n".join(self.lines)

    def wait_for(
        self, pattern: str, timeout_s: float = READY_S, *, after: int = 0
    ) -> re.Match[str]:
        """Wait for it in what was written after so many lines."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if found := re.search(pattern, "\n".join(self.lines[after:])):
                return found
            assert self.process.poll() is None, f"ended early:\n{self.log}"
            time.sleep(0.05)
        raise AssertionError(f"{pattern!r} never came:\n{self.log}")

    def kill(self) -> None:
        """Die without a word, as in a power cut."""
        self.process.kill()
        self.process.wait()

    def stop(self, timeout_s: float = READY_S) -> int:
        """Press Ctrl-C and wait."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"did not stop within {timeout_s} s:\n{self.log}") from None


@contextmanager
def program(
    arguments: list[str], env: dict[str, str], cwd: Path | None = None
) -> Iterator[Program]:
    process = subprocess.Popen(
        arguments,
        env={**os.environ, **env, "PYTHONUNBUFFERED": "1"},
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    running = Program(process)
    reader = threading.Thread(target=running.read)
    reader.start()
    try:
        yield running
    finally:
        if process.poll() is None:
            running.stop()
        reader.join()
        assert process.stdout is not None and process.stdin is not None
        process.stdout.close()
        process.stdin.close()


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Platform:
    """A running platform and how to talk to it."""

    def __init__(self, data: Path, **settings: str) -> None:
        self.data = data
        self.http_port = free_port()
        self.sip_port = free_port()
        self.env = {
            "VMS_SIP__PORT": str(self.sip_port),
            "VMS_SIP__HOST": "127.0.0.1",
            "VMS_HTTP__HOST": "127.0.0.1",
            "VMS_HTTP__PORT": str(self.http_port),
            "VMS_MEDIA__HOST": "127.0.0.1",
            "VMS_MEDIA__PORTS": media_ports(),
            "VMS_ADMIN_PASSWORD": PASSWORD,
            **settings,
        }
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.token = ""
        self.running: Program | None = None

    @contextmanager
    def run(self, python: str = sys.executable, cwd: Path | None = None) -> Iterator["Platform"]:
        command = [python, "-m", "vms", "run", "--data", str(self.data)]
        with program(command, self.env, cwd) as running:
            self.running = running
            self.wait_ready()
            self.login()
            yield self

    def wait_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        assert self.running is not None
        while time.monotonic() < deadline:
            assert self.running.process.poll() is None, self.running.log
            try:
                if self.get("/healthz").status == 200:
                    return
            except (ConnectionError, TimeoutError, urllib.error.URLError):
                time.sleep(0.05)
        raise AssertionError(f"not ready:\n{self.running.log}")

    def login(self) -> None:
        answer = self.post("/api/v1/session", {"username": "admin", "password": PASSWORD})
        assert answer.status == 200, answer.body
        self.token = answer.json()["token"]

    @contextmanager
    def simulate(self, *arguments: str, provision: bool = True) -> Iterator[Program]:
        """A simulated mine that registers; `provision` lets it in before."""
        command = [sys.executable, "-m", "vms", "simulate", "--data", str(self.data)]
        let_in = ["--provision"] if provision else []
        with program([*command, *let_in, *arguments], self.env) as running:
            yield running

    def request(
        self, method: str, path: str, body: object = None, timeout_s: float = READY_S
    ) -> Answer:
        request = urllib.request.Request(self.url + path, method=method)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        data = None
        if body is not None:
            request.add_header("Content-Type", "application/json")
            data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=timeout_s) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def post(self, path: str, body: object) -> Answer:
        return self.request("POST", path, body)

    def eventually(self, path: str, holds: Any, timeout_s: float = READY_S) -> Any:
        """Ask again and again until the answer is as wanted; return it."""
        deadline = time.monotonic() + timeout_s
        answer = None
        while time.monotonic() < deadline:
            answer = self.get(path)
            if answer.status == 200 and holds(answer.json()):
                return answer.json()
            time.sleep(0.1)
        raise AssertionError(
            f"{path} never became as wanted; last: {answer and answer.body[:2000]!r}"
        )

    def channels_online(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many channels are online and return them."""
        page = self.eventually(
            "/api/v1/channels?online=true&size=500", lambda body: body["total"] >= count
        )
        channels: list[dict[str, Any]] = page["items"]
        return channels

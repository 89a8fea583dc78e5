"""The C programs of `bench/native`: built when needed, and spoken to while they run."""

import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "bench" / "native"
HOST = "127.0.0.1"
PROGRAMS = {
    "generate": ("generate.c", "pictures.c", "program_stream.c"),
    "floor": ("floor.c",),
    "write_floor": ("write_floor.c", "pictures.c"),
    "sink": ("sink.c",),
    "viewers": ("viewers.c",),
}
FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror")
ANSWER_S = 90.0
"""A program that does not answer for so long has hung: it is killed, and the run fails."""
FIRST_PORT, LAST_PORT = 20_000, 32_000
"""Below what the kernel gives to outgoing connections."""


class BenchError(Exception):
    """A program could not be built, or ended before it had answered."""


def build(folder: Path) -> Path:
    """Compile what is missing or older than its sources into the folder; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    newest = max(path.stat().st_mtime for path in SOURCES.glob("*.[ch]"))
    for name, sources in PROGRAMS.items():
        target = folder / name
        if target.exists() and target.stat().st_mtime >= newest:
            continue
        made = target.with_suffix(f".{os.getpid()}")  # two runs at once must not meet
        files = [SOURCES / each for each in (*sources, "common.c")]
        built = subprocess.run(
            ["gcc", *FLAGS, "-o", made, *files], capture_output=True, text=True, check=False
        )
        if built.returncode:
            raise BenchError(f"gcc could not build {name}:\n{built.stderr}")
        made.rename(target)
    return folder


def free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody uses, an even one."""
    for _ in range(200):
        first = random.randrange(FIRST_PORT, LAST_PORT - count, 2)
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise BenchError(f"no {count} free ports in a row")


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True


class Program:
    """A child that prints a JSON line when ready, one per line it is given, and one at its end.

    Context manager: leaving it ends the child, whatever state it is in.
    """

    def __init__(
        self, command: list[object], env: dict[str, str] | None = None, *, is_quiet: bool = False
    ) -> None:
        self.name = Path(str(command[0])).name
        self.process = subprocess.Popen(
            [str(each) for each in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if is_quiet else None,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
        )
        self._last: dict[str, Any] | None = None
        try:
            self.ready = self._read()
        except BaseException:
            self.kill()
            raise

    @classmethod
    def python(cls, module: str, *arguments: object) -> Self:
        """A module of this project as a program."""
        return cls([sys.executable, "-m", module, *arguments], {"PYTHONPATH": str(ROOT)})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def ask(self, line: str = "snapshot") -> dict[str, Any]:
        """Write one line, read the answer."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise BenchError(f"{self.name} has ended") from None
        return self._read()

    def finish(self) -> dict[str, Any]:
        """Close its stdin, or wait for its own end where it does not read; its last words."""
        if self._last is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            self._last = self._read()
            self.process.wait(ANSWER_S)
        return self._last

    def kill(self) -> None:
        """End it without its last words."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # what was never flushed to a dead child

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        watchdog = threading.Timer(ANSWER_S, self.process.kill)
        watchdog.start()
        try:
            line = self.process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise BenchError(f"{self.name} ended with {self.process.wait()} and no answer")
        answer: dict[str, Any] = json.loads(line)
        return answer


def sleep_until(moment_ns: float) -> None:
    """Until CLOCK_MONOTONIC, the clock of all programs here, reads so many nanoseconds."""
    time.sleep(max(moment_ns / 1e9 - time.monotonic(), 0))

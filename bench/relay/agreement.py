"""Our generator and floors against those of the media rig: do both measure the same?

    python -m bench.relay.agreement --rig ../shared/rig

Builds the rig from its sources in a folder of its own (make, and ffmpeg for its input) and runs
every pair, ours and theirs mixed, round-robin. Each figure is scheduler run time of the floor
(/proc/PID/schedstat) over a whole run, in ms per stream-second or viewer-second.
"""

import argparse
import itertools
import json
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.relay.native import ROOT, build, free_ports

FPS = 25
Side = str
"""`ours` or `rig`."""


class Bench:
    """Starts either side's programs and reads what they used."""

    def __init__(self, ours: Path, rig: Path, options: argparse.Namespace) -> None:
        self.ours, self.rig = ours, rig
        self.streams: int = options.streams
        self.viewers: int = options.viewers
        self.seconds: float = options.seconds

    def receive(self, generator: Side, floor: Side) -> float:
        """ms per stream-second of receiving and discarding."""
        port = free_ports(2 * self.streams)
        return self._streams(generator, self._floor(floor, port), port)

    def forward(self, generator: Side, floor: Side) -> float:
        """ms per stream-second of receiving and sending on by GSO; the sink is always ours."""
        port = free_ports(4 * self.streams)
        target = port + 2 * self.streams
        sink = _start(self.ours / "sink", "-n", self.streams, "-p", target)
        try:
            return self._streams(generator, self._floor(floor, port, target), port)
        finally:
            _stop(sink)

    def write(self, viewers: Side, floor: Side) -> float:
        """ms per viewer-second of writing one buffer per picture."""
        port = free_ports(2)
        if floor == "ours":
            server = _start(self.ours / "write_floor", "-p", port)
        else:
            server = _start(self.rig / "netfloor", "-V", port, "-b", 20_000, "-t", 60)
        time.sleep(0.3)
        count = self.viewers
        if viewers == "ours":
            audience = _start(self.ours / "viewers", "-k", count, "-p", port, "/")
        else:
            audience = _start(self.rig / "viewers", "-k", count, "-p", port, "-t", 60, "/")
        time.sleep(1.0)
        before, began = _run_time_s(server), time.monotonic()
        time.sleep(self.seconds)
        used, lasted = _run_time_s(server) - before, time.monotonic() - began
        _stop(audience)
        _stop(server)
        return 1000 * used / (count * lasted)

    def _floor(self, side: Side, port: int, target: int = 0) -> "subprocess.Popen[bytes]":
        command: list[object] = ["-n", self.streams, "-p", port]
        command += ["-f", target] if target else []
        if side == "ours":
            return _start(self.ours / "floor", *command)
        return _start(self.rig / "netfloor", *command, "-t", 60, *(["-G"] if target else []))

    def _streams(self, generator: Side, floor: "subprocess.Popen[bytes]", port: int) -> float:
        time.sleep(0.3)
        load = ["-n", self.streams, "-p", port, "-t", self.seconds, "-d", 2]
        if generator == "ours":
            command: list[object] = [self.ours / "generate", *load]
        else:
            command = [self.rig / "psblast", *load, "-i", self.rig / "in.h264"]
        sent = json.loads(
            subprocess.run(
                [str(each) for each in command], stdout=subprocess.PIPE, check=True
            ).stdout.splitlines()[-1]
        )
        time.sleep(0.3)
        used = _run_time_s(floor)
        got = _stop(floor)
        if got["packets"] != sent["packets"]:
            print(f"discarded: {sent['packets'] - got['packets']} packets lost", flush=True)
            return float("nan")
        pictures: int = sent["pictures"] if generator == "ours" else sent["frames"]
        return 1000 * used / (pictures / FPS)


def _start(*command: object) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [str(each) for each in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def _stop(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    process.send_signal(signal.SIGTERM)
    last: dict[str, Any] = json.loads(process.communicate(timeout=10)[0].splitlines()[-1])
    return last


def _run_time_s(process: "subprocess.Popen[bytes]") -> float:
    """Time on a core of a process with one thread."""
    return int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) / 1e9


def built_rig(sources: Path, folder: Path) -> Path:
    """The rig's programs and input, made in a folder of our own."""
    for path in sources.glob("*"):
        if path.is_file():
            shutil.copy(path, folder)
    subprocess.run(["make", "-s"], cwd=folder, check=True)
    subprocess.run(["sh", "mkinput.sh", ".", "4"], cwd=folder, check=True)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rig", type=Path, required=True, help="folder of the rig's sources")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--viewers", type=int, default=100)
    options = parser.parse_args()
    ours = build(ROOT / "build" / "bench")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(ours, built_rig(options.rig, Path(folder)), options)
        kinds: list[Callable[[Side, Side], float]] = [bench.receive, bench.forward, bench.write]
        pairs = list(itertools.product(kinds, ("ours", "rig"), ("ours", "rig")))
        figures: dict[int, list[float]] = {index: [] for index in range(len(pairs))}
        for _ in range(options.repeats):
            for index, (kind, load, floor) in enumerate(pairs):
                figure = kind(load, floor)
                if figure == figure:  # not a number: a run with losses
                    figures[index].append(figure)
    print(f"{'floor of':<10}{'load from':<11}{'floor by':<10}{'median':>8}   lowest-highest")
    for index, (kind, load, floor) in enumerate(pairs):
        runs = figures[index]
        if runs:
            middle = statistics.median(runs)
            spread = f"{min(runs):.3f}-{max(runs):.3f}"
            print(f"{kind.__name__:<10}{load:<11}{floor:<10}{middle:>8.3f}   {spread}")


if __name__ == "__main__":
    main()

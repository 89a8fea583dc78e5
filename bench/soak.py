"""Streams opened and closed at random, viewers coming and going: does anything stay behind?

A relay process of its own with the product's web layer before it, 50 channels that send over UDP
and TCP, viewers over HTTP and WebSocket, some of which never read. From time to time everything is
closed: memory, descriptors, threads, tasks and ports at these rests must not grow.

    python bench/soak.py [--minutes 30] [--streams 50] [--seed N]
"""

import argparse
import contextlib
import json
import os
import random
import socket
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.relay.native import HOST, ROOT, Program, build, free_ports
from bench.relay.runs import live_path, relay
from bench.relay.subject import FIRST_SSRC

SETTLE_S = 10.0
"""Longest wait for a rest: sockets close, tasks end, ports leave their quarantine."""
ACTION_S = 0.15
"""Mean time between two things that happen."""
ALLOWED_BYTES, ALLOWED_SHARE = 8 << 20, 0.05
"""By how much memory at the last rests may be above the first ones, whichever is more."""
EXACT = ("fds", "threads", "tasks", "ports", "streams", "readers")
"""What must be at every rest as it was at the first."""
SHOWN = ("rss_bytes", *EXACT)


@dataclass(slots=True)
class Channel:
    """One stream that is open: its sender and who watches."""

    number: int
    port: int
    sender: Program | None
    viewers: list[Program] = field(default_factory=list)
    stuck: list[socket.socket] = field(default_factory=list)


class Soak:
    """Does random things to the relay; every one of them can be undone by `rest`."""

    def __init__(self, subject: Program, programs: Path, options: argparse.Namespace) -> None:
        self.subject = subject
        self.count: int = options.streams
        self.media_ports: range = options.ports
        self.random = random.Random(options.seed)
        self.channels: dict[int, Channel] = {}
        self.samples: list[dict[str, Any]] = []
        self.rests: list[dict[str, Any]] = []
        self.done = {"opened": 0, "closed": 0, "viewers": 0, "stuck": 0}
        self._programs = programs
        self._began = time.monotonic()

    # What happens

    def act(self) -> None:
        """One random thing. Opening and closing keep about half of the channels open."""
        chance = self.random.random()
        if chance < 0.5:
            number = self.random.randrange(self.count)
            self.close(number) if number in self.channels else self.open(number)
        elif self.channels:
            channel = self.random.choice(list(self.channels.values()))
            if chance < 0.8:
                self.watch(channel)
            elif channel.viewers:
                channel.viewers.pop(self.random.randrange(len(channel.viewers))).kill()

    def open(self, number: int) -> None:
        """A channel begins to send; some never do."""
        transport = self.random.choice(["udp", "udp", "tcp-passive"])
        port = self.subject.ask(f"open {number} {transport}")["port"]
        sender = None
        if self.random.random() < 0.9:
            mode = "tcp" if transport == "tcp-passive" else "udp"
            command = [self._programs / "generate", "-p", port, "-S", FIRST_SSRC + number]
            sender = Program([*command, "-m", mode, "-d", 0, "-t", 100_000])
        self.channels[number] = Channel(number, port, sender)
        self.done["opened"] += 1

    def close(self, number: int) -> None:
        """A channel is stopped; its camera falls silent before that, or sends on for a moment."""
        channel = self.channels.pop(number)
        is_silent_first = self.random.random() < 0.5
        if is_silent_first and channel.sender is not None:
            channel.sender.kill()
        self.subject.ask(f"close {number}")
        for program in (channel.sender, *channel.viewers):
            if program is not None:
                program.kill()
        for viewer in channel.stuck:
            viewer.close()
        self.done["closed"] += 1

    def watch(self, channel: Channel) -> None:
        """Viewers come: over HTTP, over WebSocket, or one that never reads what it asked for."""
        http_port, token = self.subject.ready["http_port"], self.subject.ready["token"]
        form = self.random.choice(["flv", "mp4", "ws"])
        path = live_path(channel.number, token, form)
        if form != "ws" and self.random.random() < 0.1:
            viewer = socket.create_connection((HOST, http_port))
            viewer.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            channel.stuck.append(viewer)
            self.done["stuck"] += 1
            return
        count = self.random.randint(1, 4)
        command = [self._programs / "viewers", "-k", count, "-p", http_port]
        arguments = [*command, *(["-w"] if form == "ws" else []), path]
        channel.viewers.append(Program(arguments, is_quiet=True))  # some are told that it ended
        self.done["viewers"] += count

    # What is looked at

    def sample(self) -> dict[str, Any]:
        """What the process holds now."""
        seen = self.subject.ask()
        seen["ports"] = bound_ports(self.subject.process.pid, self.media_ports)
        seen["at_s"] = round(time.monotonic() - self._began, 1)
        seen["channels"] = len(self.channels)
        self.samples.append(seen)
        return seen

    def rest(self) -> None:
        """Close everything and wait until what was held has been given back."""
        for number in list(self.channels):
            self.close(number)
        end = time.monotonic() + SETTLE_S
        while True:
            seen = self.sample()
            # The first rest has nothing to be compared with: it waits for standstill.
            like = self.rests[0] if self.rests else self.samples[-2] if self.samples[1:] else {}
            is_settled = all(seen[key] == like.get(key) for key in EXACT) and not seen["ports"]
            if is_settled or time.monotonic() > end:
                break
            time.sleep(0.5)
        self.rests.append(seen)
        print(
            f"{seen['at_s']:7.0f} s at rest: "
            + ", ".join(f"{key} {shown(key, seen[key])}" for key in SHOWN),
            flush=True,
        )

    def run(self, seconds: float, sample_s: float) -> None:
        """Things happen for so long."""
        end = time.monotonic() + seconds
        next_sample = time.monotonic() + sample_s
        while time.monotonic() < end:
            self.act()
            if time.monotonic() >= next_sample:
                self.sample()
                next_sample += sample_s
            time.sleep(self.random.expovariate(1 / ACTION_S))


def bound_ports(pid: int, ports: range) -> int:
    """How many of these ports the process has bound (UDP) or listens on (TCP), as the kernel says.

    The kernel's tables are those of the whole machine, so they are held against its descriptors.
    """
    own = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            own.add(os.readlink(entry))
    found = 0
    for table, states in (("udp", {"07"}), ("tcp", {"0A"})):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, _, _, _, _, _, inode, *_ = line.split()
            is_theirs = state in states and f"socket:[{inode}]" in own
            found += is_theirs and int(local.rsplit(":", 1)[1], 16) in ports
    return found


def shown(key: str, value: float) -> str:
    """A figure for people."""
    return f"{value / (1 << 20):.1f} MiB" if key.endswith("bytes") else str(value)


def problems(rests: list[dict[str, Any]]) -> list[str]:
    """What grew from the first rest to the last."""
    first, last = rests[0], rests[-1]
    found = [
        f"{key} was {first[key]} at the first rest and is {last[key]} at the last"
        for key in EXACT
        if last[key] > first[key]
    ]
    third = max(len(rests) // 3, 1)
    before, after = _middle(rests[:third]), _middle(rests[-third:])
    if after - before > max(ALLOWED_BYTES, ALLOWED_SHARE * before):
        found.append(f"memory grew from {before / 2**20:.1f} to {after / 2**20:.1f} MiB")
    return found


def _middle(rests: list[dict[str, Any]]) -> float:
    return float(statistics.median(each["rss_bytes"] for each in rests))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--rests", type=int, default=10, help="times that everything is closed")
    parser.add_argument("--sample", type=float, default=5.0, help="seconds between samples")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "soak.json")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "bench")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    programs = build(options.build)
    spare = 8 * options.streams  # closed ports are in quarantine for a second
    port = free_ports(2 * spare)
    options.ports = range(port, port + 2 * spare)
    print(f"seed {options.seed}", flush=True)
    with relay("serve", port, "--spare-streams", spare) as subject:
        soak = Soak(subject, programs, options)
        each_s = 60 * options.minutes / (options.rests + 1)
        try:
            for _ in range(options.rests + 1):  # what comes before the first rest is warming up
                soak.run(each_s, options.sample)
                soak.rest()
        finally:
            for channel in soak.channels.values():
                for program in (channel.sender, *channel.viewers):
                    if program is not None:
                        program.kill()
            options.json.parent.mkdir(parents=True, exist_ok=True)
            facts = {"seed": options.seed, "done": soak.done, "rests": soak.rests}
            options.json.write_text(json.dumps({**facts, "samples": soak.samples}, indent=1))
        subject.finish()
        found = problems(soak.rests)
        if subject.process.returncode:
            found.append(f"the relay ended with {subject.process.returncode}")
    print(", ".join(f"{key} {value}" for key, value in soak.done.items()))
    sys.exit("\n".join(found) if found else None)


if __name__ == "__main__":
    main()

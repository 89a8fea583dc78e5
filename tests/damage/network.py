"""Two network namespaces joined by a cable: one for the camera, one for the relay.

Loss is iptables' own (`-m statistic`), whose counter says exactly how many packets it took; the cut
is the relay's end of the cable taken down. Both are the kernel's, so sender and relay know nothing.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

CAMERA_HOST, RELAY_HOST = "10.91.0.1", "10.91.0.2"


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
    return done.stdout


@dataclass(frozen=True)
class Network:
    """The two namespaces and the cable between them."""

    camera: str
    relay: str

    @property
    def in_camera(self) -> list[str]:
        """What to write before a command that runs beside the camera."""
        return ["ip", "netns", "exec", self.camera]

    @property
    def in_relay(self) -> list[str]:
        """What to write before a command that runs beside the relay."""
        return ["ip", "netns", "exec", self.relay]

    def cut(self, seconds: float) -> None:
        """Pull the cable out at the relay for a while; the camera is not told."""
        _run("ip", "-n", self.relay, "link", "set", "cable", "down")
        time.sleep(seconds)
        _run("ip", "-n", self.relay, "link", "set", "cable", "up")

    @contextmanager
    def loss(self, port: int, share: float) -> Iterator["Loss"]:
        """Lose this share of the datagrams to the relay's port until the block is left."""
        match = ["-p", "udp", "--dport", str(port)]
        chance = ["-m", "statistic", "--mode", "random", "--probability", str(share)]
        loss = Loss(self, port)
        self._iptables("-A", "INPUT", *match, *chance, "-j", "DROP")
        try:
            yield loss
        finally:
            # The rule stays with its counter; nothing reaches it any more.
            self._iptables("-I", "INPUT", "1", *match, "-j", "ACCEPT")

    def receive_errors(self, beside: list[str]) -> int:
        """Datagrams that the kernel threw away there: full buffers, wrong checksums."""
        lines = _run(*beside, "cat", "/proc/net/snmp").splitlines()
        names, values = [line.split()[1:] for line in lines if line.startswith("Udp:")]
        return int(dict(zip(names, values, strict=True))["InErrors"])

    def _iptables(self, *arguments: str) -> str:
        return _run(*self.in_relay, "iptables", "-w", *arguments)


@dataclass
class Loss:
    """A rule that loses datagrams and counts them."""

    network: Network
    port: int

    @property
    def dropped(self) -> int:
        """Datagrams the rule has taken."""
        listed = self.network._iptables("-L", "INPUT", "-n", "-v", "-x")
        (line,) = [
            line
            for line in listed.splitlines()
            if " DROP " in line and f"dpt:{self.port} " in f"{line} "
        ]
        return int(line.split()[0])


@contextmanager
def two_namespaces() -> Iterator[Network]:
    """Make the network; root is needed, and without it the test fails."""
    if os.geteuid() != 0:
        pytest.fail(
            "the damage tests make network namespaces, which needs root: run them as root, "
            "or in a container of your own (unshare --map-root-user --net --mount)",
            pytrace=False,
        )
    network = Network(f"vms-{os.getpid()}-camera", f"vms-{os.getpid()}-relay")
    try:
        for name in (network.camera, network.relay):
            _run("ip", "netns", "add", name)
            _run("ip", "-n", name, "link", "set", "lo", "up")
        ends = ["cable", "netns", network.camera, "type", "veth"]
        _run("ip", "link", "add", *ends, "peer", "name", "cable", "netns", network.relay)
        for name, host in ((network.camera, CAMERA_HOST), (network.relay, RELAY_HOST)):
            _run("ip", "-n", name, "addr", "add", f"{host}/24", "dev", "cable")
            _run("ip", "-n", name, "link", "set", "cable", "up")
        yield network
    finally:
        for name in (network.camera, network.relay):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

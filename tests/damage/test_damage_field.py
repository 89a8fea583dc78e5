"""The same with the rig's proxy, which is not ours: `shared/rig/chaos_proxy.py`."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.damage.network import RELAY_HOST
from tests.damage.stage import PROXY_PORT, Stage, eventually

pytestmark = [pytest.mark.field, pytest.mark.e2e, pytest.mark.timeout(120)]

DAMAGED_PACKETS = 1500


@contextmanager
def chaos(stage: Stage, shared: Path, kind: str, port: int, *damage: str) -> Iterator[None]:
    """The rig's proxy beside the camera, where it listens once the block begins."""
    program = [sys.executable, str(shared / "rig" / "chaos_proxy.py"), kind, str(PROXY_PORT)]
    command = [*stage.network.in_camera, *program, f"{RELAY_HOST}:{port}", *damage]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as proxy:
        try:
            eventually(lambda: _listens(stage, kind), bool)
            yield
        finally:
            proxy.terminate()


def _listens(stage: Stage, kind: str) -> bool:
    table = [*stage.network.in_camera, "cat", f"/proc/net/{kind}"]
    shown = subprocess.run(table, capture_output=True, text=True, check=True).stdout
    return f":{PROXY_PORT:04X} " in shown


@pytest.mark.parametrize(
    ("damage", "counted"),
    [
        (("--reorder", "0.05"), {"reordered"}),
        (("--dup", "0.05"), {"duplicate"}),
        (("--delay", "40", "--jitter", "20"), {"reordered"}),
        (("--loss", "0.005", "--corrupt", "0.002", "--dup", "0.02"), {"lost", "duplicate"}),
    ],
    ids=["reorder", "duplicates", "jitter", "loss and corruption"],
)
def test_picture_goes_on_through_the_rigs_udp_proxy(
    stage: Stage, shared: Path, damage: tuple[str, ...], counted: set[str]
) -> None:
    # The proxy's own socket is small: what does not fit there is lost before the proxy saw it.
    network = stage.network
    overflown = network.receive_errors(network.in_camera)
    with stage.stream("udp", through=lambda port: chaos(stage, shared, "udp", port, *damage)) as s:
        s.wait_more_packets(DAMAGED_PACKETS)
        s.wait_picture_comes()
        s.stop_camera()
        # What the proxy holds back is not missing yet.
        s.wait_event("StreamStalled")
        figures = s.close()
    assert {name for name in counted if figures[name]} == counted
    if "lost" not in counted:
        assert figures["lost"] <= network.receive_errors(network.in_camera) - overflown


@pytest.mark.parametrize(
    "damage", [("--reset-after", "300000"), ("--chunk", "7"), ("--delay", "1", "--jitter", "1")]
)
def test_picture_goes_on_through_the_rigs_tcp_proxy(
    stage: Stage, shared: Path, damage: tuple[str, ...]
) -> None:
    with stage.stream(
        "tcp-passive", through=lambda port: chaos(stage, shared, "tcp", port, *damage)
    ) as scene:
        scene.wait_more_packets(200)
        scene.wait_picture_returns()
    scene.assert_only_whole_pictures()

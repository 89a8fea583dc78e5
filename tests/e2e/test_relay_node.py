"""Media received by a relay node in a process of its own: `vms run --role relay` and a platform."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.media import probe
from tests.e2e.platform import Platform, Program, media_ports, program
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

SECRET = "8b1f0f6dcb0e4a7f9d3b-e2e-relay-node"


class RelayNode:
    """Where a node is, and how it is started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.ports = media_ports()
        self.env = {
            "VMS_RELAY__HOST": "127.0.0.1",
            "VMS_RELAY__PORT": str(self.port),
            "VMS_RELAY__SECRET": SECRET,
            "VMS_RELAY__CONTROLLER_SILENCE_S": "4",
            "VMS_MEDIA__HOST": "127.0.0.1",
            "VMS_MEDIA__PORTS": self.ports,
        }

    @property
    def for_platform(self) -> dict[str, str]:
        nodes = [{"url": f"http://127.0.0.1:{self.port}", "secret": SECRET}]
        return {"VMS_RELAY__NODES": json.dumps(nodes), "VMS_MEDIA__RETRY_MAX_S": "2"}

    @contextmanager
    def run(self) -> Iterator[Program]:
        self.folder.mkdir(exist_ok=True)
        with program([sys.executable, "-m", "vms", "run", "--role", "relay"], self.env) as node:
            node.wait_for("relay node is running")
            yield node


def open_udp_ports(of: Program) -> list[str]:
    """What a program has open."""
    folder = Path(f"/proc/{of.process.pid}")
    sockets = {os.readlink(each) for each in (folder / "fd").iterdir()}
    lines = [line.split() for line in (folder / "net" / "udp").read_text().splitlines()[1:]]
    return [line[1] for line in lines if f"socket:[{line[9]}]" in sockets]


@pytest.fixture
def node(tmp_path: Path) -> RelayNode:
    return RelayNode(tmp_path / "node")


@pytest.mark.parametrize("transport", ["udp", "tcp-passive"])
def test_picture_received_by_the_node_plays_and_is_recorded_by_the_platform(
    tmp_path: Path, node: RelayNode, transport: str
) -> None:
    settings = {
        "VMS_MEDIA__TRANSPORTS": transport,
        "VMS_MEDIA__LINGER_S": "600",
        "VMS_RECORDING__SEGMENT_S": "2",
        **node.for_platform,
    }
    platform = Platform(tmp_path / "data", **settings)
    with node.run(), platform.run(), platform.simulate("--boxes", "1", "--channels", "2"):
        channels = platform.channels_online(2)
        for channel in channels:
            live = platform.post(f"/api/v1/channels/{channel['code']}/live", {}).json()
            for url in (live["urls"]["http_flv"], live["urls"]["http_fmp4"]):
                found = probe(url, seconds=2)
                assert (found.codec, found.width, found.height) == ("h264", 640, 360)
                assert found.frames > 10
                assert found.errors == ""
        metrics = platform.get("/metrics").body.decode()
        assert f'vms_relay_node_up{{node="http://127.0.0.1:{node.port}"}} 1\n' in metrics
        assert f'vms_relay_node_streams{{node="http://127.0.0.1:{node.port}"}} 2\n' in metrics
        code = channels[0]["code"]
        status = platform.eventually(
            f"/api/v1/channels/{code}/live", lambda body: body["received"] > 0
        )
        assert (status["transport"], status["codec"]) == (transport, "h264")
        answer = platform.request("PUT", f"/api/v1/channels/{code}/recording", {"on": True})
        assert answer.status == 200, answer.body
        platform.eventually(f"/api/v1/channels/{code}/recordings", lambda body: body["items"])


def test_node_that_dies_is_told_and_the_picture_comes_back_with_it(
    tmp_path: Path, node: RelayNode
) -> None:
    settings = {"VMS_MEDIA__LINGER_S": "600", **node.for_platform}
    platform = Platform(tmp_path / "data", **settings)
    with platform.run(), platform.simulate("--boxes", "1", "--channels", "1"):
        code = platform.channels_online(1)[0]["code"]
        live = f"/api/v1/channels/{code}/live"
        platform.post(live, {})
        failed = platform.eventually(live, lambda body: body["reason"] == "relay_unreachable")
        assert str(node.port) in failed["detail"]
        assert failed["title"]
        with node.run() as running:
            platform.post(live, {})
            platform.eventually(live, lambda body: body["state"] == "live")
            running.kill()
        platform.eventually(live, lambda body: body["reason"] == "relay_unreachable")
        with node.run():
            platform.post(live, {})
            platform.eventually(live, lambda body: body["state"] == "live")
            urls = platform.post(live, {}).json()["urls"]
            assert probe(urls["http_flv"], seconds=2).frames > 10


def test_platform_that_dies_leaves_no_port_open_at_the_node(
    tmp_path: Path, node: RelayNode
) -> None:
    settings = {
        "VMS_MEDIA__LINGER_S": "600",
        "VMS_MEDIA__TRANSPORTS": "udp",
        **node.for_platform,
    }
    platform = Platform(tmp_path / "data", **settings)
    with node.run() as running:
        with platform.run(), platform.simulate("--boxes", "1", "--channels", "1"):
            code = platform.channels_online(1)[0]["code"]
            live = f"/api/v1/channels/{code}/live"
            platform.post(live, {})
            platform.eventually(live, lambda body: body["state"] == "live")
            assert len(open_udp_ports(running)) == 2, "RTP and RTCP"
            assert platform.running is not None
            platform.running.kill()
        running.wait_for("a controller is silent")
        assert open_udp_ports(running) == []
        assert running.stop() == 0

"""All pictures at one port (`media.shared_port`): the real platform and a simulated mine."""

from pathlib import Path

import pytest

from tests.e2e.media import probe
from tests.e2e.platform import Platform
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CHANNELS = 3


@pytest.mark.parametrize("transport", ["udp", "tcp-passive"])
def test_pictures_of_several_cameras_play_from_one_port(tmp_path: Path, transport: str) -> None:
    settings = {
        "VMS_MEDIA__SHARED_PORT": str(free_port()),
        "VMS_MEDIA__TRANSPORTS": transport,
        "VMS_MEDIA__LINGER_S": "600",
    }
    platform = Platform(tmp_path / "data", **settings)
    mine = ("--boxes", "1", "--channels", str(CHANNELS))
    with platform.run(), platform.simulate(*mine):
        channels = platform.channels_online(CHANNELS)
        for channel in channels:
            live = platform.post(f"/api/v1/channels/{channel['code']}/live", {}).json()
            found = probe(live["urls"]["http_flv"], seconds=2)
            assert (found.codec, found.width, found.height) == ("h264", 640, 360)
            assert found.frames > 10
            assert found.errors == ""
        metrics = platform.get("/metrics").body.decode()
        assert f"vms_streams {CHANNELS}\n" in metrics
        assert "vms_shared_port_unrouted_total 0\n" in metrics
        connections = CHANNELS if transport == "tcp-passive" else 0
        assert f"vms_shared_port_connections {connections}\n" in metrics

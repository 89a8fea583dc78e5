"""Other people's players play every output: mpv (FFmpeg), GStreamer, ffprobe.

H.265 in FLV is left to ffprobe from FFmpeg 6.1 on, and to Chinese players for the older form: no
player of Debian 12 reads either. Its bytes are proved in `tests/stream_relay/formats/test_flv.py`.
"""

import asyncio
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.e2e.media import probe
from tests.e2e.platform import Platform

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

FRAMES = 20
PLAYER_S = 60
MPV = ["mpv", "--no-config", "--vo=null", "--ao=null", f"--frames={FRAMES}", "--msg-level=all=v"]
SIZE = (640, 360)


@dataclass(frozen=True)
class Played:
    """What a player said it decoded."""

    codec: str
    size: tuple[int, int]
    audio: str | None


def run(command: list[str]) -> str:
    """A player's log; it must end by itself and content."""
    ended = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PLAYER_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
    return ended.stdout


def found(pattern: str, log: str) -> re.Match[str]:
    match = re.search(pattern, log)
    assert match is not None, f"{pattern!r} is not in:\n{log[-4000:]}"
    return match


def mpv(url: str, _: str) -> Played:
    log = run([*MPV, url])
    size = found(r"VO: \[null\] (\d+)x(\d+)", log)
    audio = found(r"--aid=1 .*\((\w+) ", log)[1] if "--aid=1" in log else None
    return Played(found(r"--vid=1 .*\((\w+) ", log)[1], (int(size[1]), int(size[2])), audio)


GST_CODECS = {"video/x-h264": "h264", "video/x-h265": "hevc"}
GST_DECODERS = {"h264": ("h264parse", "avdec_h264"), "hevc": ("h265parse", "avdec_h265")}


def gstreamer(url: str, codec: str) -> Played:
    """Decode so many pictures and pieces of sound to the end; caps tell what they were.

    The elements are named: `decodebin` waits for ever now and then when streams begin unevenly.
    """
    end = ["!", "identity", f"eos-after={FRAMES + 1}", "!", "fakesink", "async=false"]
    demuxer = "flvdemux" if ".flv" in url else "qtdemux"
    source = ["souphttpsrc", f"location={url}", "is-live=true", "!", demuxer, "name=d"]
    parse, decode = GST_DECODERS[codec]
    pictures = ["d.", "!", "queue", "!", parse, "!", decode, *end]
    log = run(
        ["gst-launch-1.0", "-v", *source, *pictures, "d.", "!", "queue", "!", "alawdec", *end]
    )
    size = found(r"video/x-raw.*width=\(int\)(\d+), height=\(int\)(\d+)", log)
    (shown,) = [name for caps, name in GST_CODECS.items() if caps in log]
    found(r"audio/x-raw.*rate=\(int\)8000", log)
    return Played(shown, (int(size[1]), int(size[2])), "pcm_alaw")


def ffprobe(url: str, _: str) -> Played:
    seen = probe(url, seconds=2)
    assert seen.frames >= FRAMES
    assert seen.errors == ""
    return Played(seen.codec, (seen.width, seen.height), seen.audio)


PLAYERS: list[Callable[[str, str], Played]] = [mpv, gstreamer, ffprobe]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("players") / "data")
    with platform.run():
        yield platform


@pytest.fixture(scope="module", params=["h264", "h265"])
def live(request: pytest.FixtureRequest, platform: Platform) -> Iterator[dict[str, Any]]:
    """Where to watch a running channel of this codec, and the codec's name among players."""
    words = ("--boxes", "1", "--channels", "1", "--codec", request.param)
    with platform.simulate(*words):
        (channel, *_) = platform.channels_online(1)
        started = platform.post(f"/api/v1/channels/{channel['code']}/live", {}).json()
        yield {**started["urls"], "codec": {"h264": "h264", "h265": "hevc"}[request.param]}


@pytest.mark.parametrize("player", PLAYERS, ids=lambda player: player.__name__)
def test_fragmented_mp4_over_http_plays(
    live: dict[str, Any], player: Callable[[str, str], Played]
) -> None:
    assert player(live["http_fmp4"], live["codec"]) == Played(live["codec"], SIZE, "pcm_alaw")


@pytest.mark.parametrize("player", PLAYERS, ids=lambda player: player.__name__)
@pytest.mark.parametrize("live", ["h264"], indirect=True)
def test_flv_over_http_plays(live: dict[str, Any], player: Callable[[str, str], Played]) -> None:
    assert player(live["http_flv"], "h264") == Played("h264", SIZE, "pcm_alaw")


@pytest.mark.parametrize("live", ["h264"], indirect=True)
def test_flv_over_websocket_plays(live: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "live.flv"
    file.write_bytes(asyncio.run(websocket_bytes(live["http_flv"], count=400_000)))
    seen = probe(str(file))
    assert (seen.codec, (seen.width, seen.height), seen.audio) == ("h264", SIZE, "pcm_alaw")
    assert seen.frames >= FRAMES
    assert seen.duration_s > 1


async def websocket_bytes(url: str, count: int) -> bytes:
    """What a WebSocket brings: binary messages only, so many bytes or what comes in a while."""
    data = bytearray()
    async with ClientSession() as session, session.ws_connect(url) as socket:
        while len(data) < count:
            data += await socket.receive_bytes(timeout=PLAYER_S)
    return bytes(data)

"""FFmpeg as the camera: what it sends over RTP is shown, and sent on as PS without loss."""

import asyncio
import contextlib
import io
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from stream_relay.formats import split_nals
from stream_relay.forwarder import Forwarder
from stream_relay.outputs.chunk import Format
from stream_relay.reader import Reader
from stream_relay.receiver import Receiver, Transport
from stream_relay.relay import Relay
from tests.ports import free_ports
from tests.stream_relay.media import Clock
from tests.stream_relay.test_forward_mux import MIRRORED
from tests.stream_relay.test_relay import HOST, config, until

FRAMES = 50
SSRC, NEW_SSRC = 1234, 300000002
CODECS = {"h264": "libx264", "hevc": "libx265"}


@pytest.fixture(scope="module", params=["h264", "hevc"])
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, a key frame every ten pictures, B pictures in between."""
    path: Path = tmp_path_factory.mktemp("film") / f"{request.param}.mp4"
    make = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25"]
    make += ["-frames:v", str(FRAMES), "-c:v", CODECS[request.param], "-preset", "ultrafast"]
    make += ["-g", "10", "-bf", "0", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(make, check=True, capture_output=True)
    return path


def nals_of(path: Path) -> list[bytes]:
    """Everything that the encoder made, as sent: the muxer's own units and sets left out."""
    copy = ["ffmpeg", "-v", "error", "-i", str(path), "-c", "copy"]
    form = "h264" if path.stem == "h264" else "hevc"
    data = subprocess.run([*copy, "-f", form, "-"], check=True, capture_output=True).stdout
    return coded(split_nals(data), path.stem)


def coded(nals: list[bytes], codec: str) -> list[bytes]:
    """The coded slices only."""
    if codec == "h264":
        return [nal for nal in nals if 1 <= nal[0] & 0x1F <= 5]
    return [nal for nal in nals if nal[0] >> 1 & 0x3F < 32]


@dataclass
class Chain:
    """A relay that sends on to another of its streams, whose viewers look on."""

    relay: Relay
    first: Receiver
    second: Receiver
    forwarder: Forwarder

    async def play(self, path: Path, *form: str) -> None:
        """Let FFmpeg send the film in real time."""
        port = self.first.port
        inband = f"{path.stem}_mp4toannexb"
        command = ["-v", "error", "-re", "-i", str(path), "-c", "copy", "-bsf:v", inband, *form]
        target = f"rtp://{HOST}:{port}?pkt_size=1316&localrtcpport=0"
        sender = await asyncio.create_subprocess_exec(
            "ffmpeg", *command, "-ssrc", str(SSRC), target,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, complaint = await sender.communicate()
        assert (sender.returncode, complaint) == (0, b"")


@pytest.fixture
async def chain(request: pytest.FixtureRequest) -> AsyncIterator[Chain]:
    transport: Transport = request.param
    async with Relay(config(ports=free_ports(8)), Clock().wall) as relay:
        first = await relay.open_receiver("a", "udp", SSRC, ssrc_check=False, signalling_host=HOST)
        second = await relay.open_receiver(
            "b", MIRRORED[transport], NEW_SSRC, ssrc_check=True, signalling_host=HOST
        )
        forwarder = await relay.forward(
            first.stream, transport, ssrc=NEW_SSRC, host=HOST, port=second.port
        )
        if transport == "tcp-passive":
            second.answered(HOST, forwarder.port, NEW_SSRC)
            await until(lambda: forwarder.is_connected)
        yield Chain(relay, first, second, forwarder)


async def everything(reader: Reader, count: int) -> list[bytes]:
    """The chunks with the first `count` pictures."""
    got: list[bytes] = []
    pictures = 0
    async with asyncio.timeout(60):
        while pictures < count:
            chunk = await anext(reader)
            got.append(chunk.data)
            pictures += chunk.kind == "media"
    return got


def decoded(data: bytes, form: str) -> int:
    """How many pictures come out."""
    with av.open(io.BytesIO(data), format=form) as container:
        return sum(1 for _ in container.decode(video=0))


FORMS = {"es": ("-f", "rtp"), "ts": ("-f", "rtp_mpegts")}


@pytest.mark.parametrize("chain", ["udp", "tcp-active", "tcp-passive"], indirect=True)
@pytest.mark.parametrize("form", FORMS)
async def test_what_ffmpeg_sends_is_shown_and_sent_on_as_a_program_stream(
    chain: Chain, film: Path, form: str
) -> None:
    options = FORMS[form]
    if form == "es":
        options += ("-payload_type", "98" if film.stem == "h264" else "100")
    outputs: tuple[Format, ...] = ("access-units", "fmp4")
    async with contextlib.AsyncExitStack() as stack:
        readers = [
            await stack.enter_async_context(receiver.stream.open_reader(name, limit=1000))
            for receiver in (chain.first, chain.second)
            for name in outputs
        ]
        await chain.play(film, *options)
        # The end of the last picture is not told where nothing follows it.
        units, shown, far_units, far_shown = [
            await everything(reader, FRAMES - 1) for reader in readers
        ]
    assert far_units[: FRAMES - 1] == units[: FRAMES - 1]
    sent = nals_of(film)
    came = coded(split_nals(b"".join(far_units)), film.stem)
    assert came == sent[: len(came)]
    assert len(came) >= len(sent) * (FRAMES - 1) // FRAMES
    assert decoded(b"".join(shown), "mp4") == FRAMES - 1
    assert decoded(b"".join(far_shown), "mp4") == FRAMES - 1
    assert chain.forwarder.is_muxed
    counters = chain.second.stream.counters
    assert (counters.lost, counters.malformed, counters.rejected) == (0, 0, 0)
    await until(lambda: chain.second.stream.counters.packets == chain.forwarder.statistics.packets)

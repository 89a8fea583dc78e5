"""The rig's generator, which is not our own sender, into the relay."""

import asyncio
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stream_relay.errors import StreamClosed
from stream_relay.outputs.chunk import Format
from stream_relay.receiver import Receiver, Transport
from stream_relay.relay import Relay, RelayConfig
from tests.stream_relay.media import probe

pytestmark = pytest.mark.field

STREAMS = 20
SECONDS = 10
FIRST_SSRC = 200000001
HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def rig(shared, tmp_path_factory) -> Path:
    """The rig, built, with inputs."""
    folder = tmp_path_factory.mktemp("rig")
    for name in ("psblast.c", "Makefile", "mkinput.sh"):
        shutil.copy(shared / "rig" / name, folder)
    subprocess.run(["make", "-s", "psblast"], cwd=folder, check=True)
    subprocess.run(["sh", "mkinput.sh", ".", "4"], cwd=folder, check=True)
    return folder


async def keep(receiver: Receiver, output: Format, path: Path) -> None:
    """Everything a viewer gets."""
    with path.open("wb") as file:
        async with receiver.stream.open_reader(output) as reader:
            try:
                async for chunk in reader:
                    file.write(chunk.data)
            except StreamClosed:
                return


async def blast(rig: Path, name: str, ports: str, *options: str) -> dict[str, int]:
    command = ["-i", str(rig / name), "-p", ports, "-s", "2", "-S", str(FIRST_SSRC), *options]
    sender = await asyncio.create_subprocess_exec(
        rig / "psblast", *command, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await sender.communicate()
    return json.loads(output)


@pytest.mark.parametrize(
    ("name", "transport", "count", "first_port", "options"),
    [
        ("in.h264", "udp", STREAMS, 26_000, ()),
        ("in.h265", "udp", 4, 26_100, ("-5",)),
        ("in.h264", "tcp-passive", 4, 26_200, ("-T",)),
        ("in.h265", "tcp-passive", 4, 26_300, ("-T", "-5")),
    ],
)
async def test_generated_streams_arrive_without_loss_and_every_one_is_playable(
    rig, tmp_path, name, transport: Transport, count, first_port, options
):
    # FFmpeg reads H.265 in FLV from 6.1 on, Debian 12 has 5.1.
    output: Format = "flv" if name == "in.h264" else "fmp4"
    seconds = SECONDS if count == STREAMS else 4
    config = RelayConfig(host=HOST, ports=range(first_port, first_port + 2 * count))
    async with Relay(config, lambda: datetime.now(UTC)) as relay:
        receivers = [
            await relay.open_receiver(
                f"s{n}", transport, FIRST_SSRC + n, ssrc_check=True, signalling_host=HOST
            )
            for n in range(count)
        ]
        async with asyncio.TaskGroup() as group:
            for receiver in receivers:
                group.create_task(keep(receiver, output, tmp_path / receiver.stream.id))
            extra = ("-n", str(count), "-t", str(seconds), "-d", "2", *options)
            sent = await blast(rig, name, str(first_port), *extra)
            await asyncio.sleep(0.5)
            for receiver in receivers:
                await receiver.close()
    figures = [receiver.stream.statistics for receiver in receivers]
    assert sum(figure.packets for figure in figures) == sent["packets"]
    assert [figure.lost for figure in figures] == [0] * count
    assert [figure.malformed + figure.rejected for figure in figures] == [0] * count
    assert [figure.dropped_chunks for figure in figures] == [0] * count
    shown = [probe(tmp_path / f"s{n}") for n in range(count)]
    assert {(facts["width"], facts["height"]) for facts in shown} == {(1920, 1080)}
    assert sum(int(facts["nb_read_frames"]) for facts in shown) == sent["frames"]
    assert float(shown[0]["duration"]) == pytest.approx(seconds, abs=0.2)

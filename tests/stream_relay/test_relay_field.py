"""The rig's generator, which is not our own sender, into the relay, and its sink behind it."""

import asyncio
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stream_relay.errors import StreamClosed
from stream_relay.forwarder import Content, Forwarder
from stream_relay.outputs.chunk import Format
from stream_relay.receiver import Receiver, Transport
from stream_relay.relay import Relay, RelayConfig
from tests.ports import free_ports
from tests.stream_relay.media import probe
from tests.stream_relay.test_relay import until

pytestmark = pytest.mark.field

STREAMS = 20
SECONDS = 10
FIRST_SSRC = 200000001
HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def rig(shared, tmp_path_factory) -> Path:
    """The rig, built, with inputs."""
    folder = tmp_path_factory.mktemp("rig")
    for name in ("psblast.c", "rtpsink.c", "Makefile", "mkinput.sh"):
        shutil.copy(shared / "rig" / name, folder)
    subprocess.run(["make", "-s", "psblast", "rtpsink"], cwd=folder, check=True)
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


FORWARDED = 5


@pytest.mark.parametrize("transport", ["udp", "tcp-active"])
@pytest.mark.parametrize("content", ["source", "all"])
@pytest.mark.parametrize("name", ["in.h264", "in.h265"])
async def test_what_is_forwarded_arrives_at_a_sink_that_is_not_ours(
    rig, tmp_path, transport: Transport, content: Content, name
):
    """As it came and muxed anew: no packet lost, every frame with its marker, and readable."""
    ports = free_ports(6 * FORWARDED)
    first_port, target = ports.start, ports.start + 4 * FORWARDED
    dump = tmp_path / "first.ps"
    command = [
        "-n",
        str(FORWARDED),
        "-p",
        str(target),
        "-s",
        "2",
        "-t",
        "90",
        "-v",
        "-o",
        str(dump),
    ]
    command += ["-T"] if transport == "tcp-active" else []
    sink = await asyncio.create_subprocess_exec(
        rig / "rtpsink", *command, stdout=asyncio.subprocess.PIPE
    )
    config = RelayConfig(host=HOST, ports=range(first_port, first_port + 4 * FORWARDED))
    async with Relay(config, lambda: datetime.now(UTC)) as relay:
        receivers = [
            await relay.open_receiver(
                f"s{n}", "udp", FIRST_SSRC + n, ssrc_check=True, signalling_host=HOST
            )
            for n in range(FORWARDED)
        ]
        forwarders = [
            await listened_to(
                relay, receiver, transport, target + 2 * n, FIRST_SSRC + 1000 + n, content
            )
            for n, receiver in enumerate(receivers)
        ]
        options = ["-5"] if name == "in.h265" else []
        counts = ("-n", str(FORWARDED), "-t", "4", "-d", "1")
        sent = await blast(rig, name, str(first_port), *counts, *options)
        await until(
            lambda: sum(each.stream.counters.packets for each in receivers) == sent["packets"]
        )
        figures = [forwarder.statistics for forwarder in forwarders]
        await asyncio.sleep(0.5)  # the sink has nothing to ask: it tells at its end
        sink.terminate()
        output, _ = await sink.communicate()
    *each, came = map(json.loads, output.splitlines())
    assert [figure.dropped for figure in figures] == [0] * FORWARDED
    assert came["packets"] == sum(figure.packets for figure in figures)
    assert (came["ssrcs"], came["lost"], came["reordered"]) == (FORWARDED, 0, 0)
    assert came["frames"] == sent["frames"]
    assert int(probe(dump)["nb_read_frames"]) == each[0]["frames"] > 75


async def listened_to(
    relay: Relay,
    receiver: Receiver,
    transport: Transport,
    port: int,
    ssrc: int,
    content: Content,
) -> Forwarder:
    """A forwarder to the sink, which takes a moment to listen."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await relay.forward(
                    receiver.stream, transport, ssrc=ssrc, host=HOST, port=port, content=content
                )
            except OSError:
                await asyncio.sleep(0.05)

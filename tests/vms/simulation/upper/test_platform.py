"""A pretend upper platform above our own lower side, and above a pretend box: real sockets."""

import asyncio
import json
import random
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sip.gb28181.mansrtsp import PlaybackReply
from sip.message import Peer
from sip.roles.config import SipConfig
from sip.roles.upward.terms import (
    Uplink,
    UpperAcked,
    UpperCallEnded,
    UpperControlled,
    UpperInvited,
)
from sip.server import SipError, SipServer
from sip.simulator.profile import DeviceProfile
from sip.simulator.timetable import Timetable
from sip.simulator.upper import UpperFaults
from stream_relay.access_unit import AccessUnit, Codec
from stream_relay.simulator import MediaSender, MediaTarget
from tests.ports import free_port
from tests.stream_relay.media import clip, pictures
from vms.simulation.box import SimulatedBox
from vms.simulation.mine import build_mines
from vms.simulation.upper.journal import Journal
from vms.simulation.upper.orders import Order, parse_order
from vms.simulation.upper.platform import UpperPlan, UpperPlatform

HOST = "127.0.0.1"
UPPER_ID, LOWER_ID = "14000000002000000001", "14040000002000000001"
PASSWORD = "go-up-12345"
CAMERA = "14040000001320000001"
SIZE_BYTES = 123_456
[MINE] = build_mines(1, 3)


def wall() -> datetime:
    return datetime.now(UTC)


COMMANDS = ["PLAY", "PAUSE", "PLAY", "PLAY"]
"""What the one playback here is told, after which it ends."""


@dataclass
class Footage:
    """Two seconds of real pictures, or minutes of senseless ones."""

    is_long: bool = False

    codec = Codec.H264
    audio: Codec | None = None

    def prepare(self) -> None:
        """Encoded already."""

    def units(self) -> Iterator[AccessUnit]:
        yield from pictures(3000) if self.is_long else clip(2)


@dataclass
class Lower:
    """A lower platform whose service is this: it sends the footage to whoever is acknowledged."""

    server: SipServer
    invited: list[UpperInvited] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    ended: list[UpperCallEnded] = field(default_factory=list)
    shared: frozenset[str] = frozenset({CAMERA})
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self) -> None:
        senders: dict[str, MediaSender] = {}
        tasks: dict[str, asyncio.Task[None]] = {}
        uplinks = self.server.uplinks
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            async for event in uplinks.events():
                match event:
                    case UpperInvited():
                        self.invited.append(event)
                        if event.channel_id not in self.shared:
                            uplinks.refuse(event.call_id, 404)
                            continue
                        ssrc = event.ssrc or self.server.new_ssrc()
                        target = MediaTarget(event.host, event.port, event.transport, ssrc)
                        footage = Footage(is_long=event.kind == "playback")
                        sender = MediaSender(footage, target, chance=random.Random(1))
                        senders[event.call_id] = await stack.enter_async_context(sender)
                        uplinks.accept(
                            event.call_id, HOST, sender.port, ssrc, size_bytes=SIZE_BYTES
                        )
                    case UpperAcked():
                        tasks[event.call_id] = group.create_task(
                            self._send(event.call_id, senders[event.call_id])
                        )
                    case UpperControlled():
                        self.commands.append(str(event.command.method))
                        reply = PlaybackReply(scale=event.command.scale)
                        uplinks.reply_control(event.call_id, event.control_id, reply)
                        if self.commands == COMMANDS:
                            uplinks.file_ended(event.call_id)
                    case UpperCallEnded():
                        self.ended.append(event)
                        if event.call_id in tasks:
                            tasks[event.call_id].cancel()
                self.news.set()

    async def _send(self, call_id: str, sender: MediaSender) -> None:
        await sender.run()
        self.server.uplinks.file_ended(call_id)
        if next(each.kind for each in self.invited if each.call_id == call_id) == "live":
            self.server.uplinks.end_call(call_id)

    async def until(self, condition) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self.news.clear()
                await self.news.wait()


@dataclass
class Stage:
    """The pretend upper platform and what it wrote down."""

    platform: UpperPlatform
    path: Path
    lines: list[str]

    async def do(self, *texts: str) -> None:
        for text in texts:
            order = parse_order(text)
            assert order is not None
            await self.platform.obey(order)

    def told(self, event: str) -> list[dict]:
        read = [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]
        return [line for line in read if line["event"] == event]


@asynccontextmanager
async def stage(tmp_path: Path, lower_id: str, **changes) -> AsyncIterator[Stage]:
    """A pretend platform that listens."""
    config = SipConfig(
        server_id=UPPER_ID, domain=UPPER_ID[:10], host=HOST, port=free_port(),
        advertised_host=HOST, invite_timeout_s=60.0, query_timeout_s=60.0,
    )  # fmt: skip
    values = {
        "config": config, "lower_id": lower_id, "password": PASSWORD, "wall": wall,
    } | changes  # fmt: skip
    lines: list[str] = []
    listening = asyncio.Event()

    def out(line: str) -> None:
        lines.append(line)
        listening.set()

    stop = asyncio.Event()

    async def none() -> AsyncIterator[Order]:
        for order in ():
            yield order

    with Journal(out, wall, tmp_path / "upper.jsonl") as journal:
        platform = UpperPlatform(UpperPlan(**values), journal)
        async with asyncio.timeout(150), asyncio.TaskGroup() as group:
            task = group.create_task(platform.run(none(), stop))
            await listening.wait()
            try:
                yield Stage(platform, tmp_path / "upper.jsonl", lines)
            finally:
                stop.set()
                await asyncio.wait([task])


@asynccontextmanager
async def cascade(
    tmp_path: Path, signalling: str = "udp", **changes
) -> AsyncIterator[tuple[Stage, Lower]]:
    """The pretend platform, and a lower one of ours that has registered there."""
    async with stage(tmp_path, LOWER_ID, **changes) as upper:
        config = SipConfig(
            server_id=LOWER_ID, domain=LOWER_ID[:10], host=HOST, port=0, advertised_host=HOST
        )
        randomness = random.Random(5).randbytes
        async with SipServer(config, lambda _: None, wall, randomness) as server:
            lower = Lower(server)
            async with asyncio.TaskGroup() as group:
                task = group.create_task(lower.serve())
                server.uplinks.set(
                    Uplink(
                        platform_id=UPPER_ID, domain=UPPER_ID[:10], host=HOST,
                        port=upper.platform.port, own_id=LOWER_ID, password=PASSWORD,
                        transport="tcp" if signalling == "tcp" else "udp",
                    )
                )  # fmt: skip
                await upper.do("wait registered")
                yield upper, lower
                task.cancel()


def frames(folder: Path) -> tuple[int, str, int]:
    """Octets, codec and decodable pictures, as ffprobe finds them, of the one stream kept."""
    [path] = folder.glob("*.ps")
    command = ["ffprobe", "-v", "quiet", "-count_frames", "-select_streams", "v:0", "-show_entries"]
    command += ["stream=codec_name,nb_read_frames", "-of", "json", str(path)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    [stream] = json.loads(answer)["streams"]
    return path.stat().st_size, stream["codec_name"], int(stream["nb_read_frames"])


@pytest.mark.parametrize(
    ("signalling", "transport"), [("udp", "udp"), ("udp", "tcp-active"), ("tcp", "tcp-passive")]
)
async def test_live_pictures_come_and_can_be_kept(
    tmp_path: Path, signalling: str, transport: str
) -> None:
    async with cascade(tmp_path, signalling, transport=transport, save=tmp_path) as (upper, lower):
        await upper.do(f"live {CAMERA}", "wait media")
        [invited] = lower.invited
        assert (invited.kind, invited.transport) == ("live", transport)
        await upper.do("wait end")
        await lower.until(lambda: lower.ended)
        assert [event.reason for event in lower.ended] == ["local"]
    [ended] = upper.told("ended")
    assert ended["reason"] == "bye"
    assert ended["is_expected_ssrc"]
    assert ended["is_program_stream"]
    size, codec, count = await asyncio.to_thread(frames, tmp_path)
    assert size == ended["bytes"]
    assert codec == "h264"
    assert count >= 1


async def test_a_playback_is_controlled_and_ends_by_itself(tmp_path: Path) -> None:
    async with cascade(tmp_path, transport="tcp-passive") as (upper, lower):
        await upper.do(f"playback {CAMERA} -2h -1h 2", "wait media", "pause", "play", "seek 30")
        [invited] = lower.invited
        assert invited.history is not None
        assert invited.history.stop - invited.history.start == 3600
        await upper.do("wait end")
        assert lower.commands == COMMANDS
        await lower.until(lambda: lower.ended)
    [ended] = upper.told("ended")
    assert ended["reason"] == "file_ended"
    assert [event.reason for event in lower.ended] == ["bye"]


async def test_a_download_names_its_size_and_ends_by_itself(tmp_path: Path) -> None:
    async with cascade(tmp_path) as (upper, lower):
        await upper.do(f"download {CAMERA} -2h -1h 4", "wait end")
        [invited] = lower.invited
        assert (invited.kind, invited.history.download_speed) == ("download", 4)
    assert upper.told("answered")[0]["size"] == SIZE_BYTES
    assert upper.told("ended")[0]["reason"] == "file_ended"


async def test_what_is_not_shared_is_told_as_refused(tmp_path: Path) -> None:
    faults = UpperFaults(unshared=True, wrong_realm=True)
    async with cascade(tmp_path, faults=faults) as (upper, _):
        with pytest.raises(SipError, match="404"):
            await upper.do(f"live {CAMERA}")
        [ended] = upper.told("ended")
        assert ended["reason"] == "failed"
        with pytest.raises(SipError, match="no call"):
            await upper.do("wait media")


async def test_a_pretend_box_below_is_asked_everything(tmp_path: Path) -> None:
    camera = MINE.channels[0].code
    async with stage(tmp_path, MINE.device_id, transport="tcp-active") as upper:
        profile = DeviceProfile(
            device_id=MINE.device_id, password=PASSWORD, server_id=UPPER_ID, domain=UPPER_ID[:10],
            server=Peer("udp", HOST, upper.platform.port), local_host=HOST, local_port=0,
            channels=MINE.channels, organisations=MINE.organisations, name=MINE.name,
            recordings=Timetable(wall),
        )  # fmt: skip
        box = SimulatedBox(profile, lambda _: Footage(), wall=wall)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(box.run())
            await upper.do("wait registered", "catalog", "info", "status")
            await upper.do(f"records {camera} -6h now", f"ptz {camera} left 200")
            await upper.do("subscribe catalog", f"live {camera}", "wait media", "stop")
            task.cancel()
    [catalog] = upper.told("catalog")
    assert catalog["complete"]
    assert {item["id"] for item in catalog["items"]} >= {c.code for c in MINE.channels}
    assert any(MINE.channels[0].name in line for line in upper.lines)
    assert upper.told("records")[0]["items"]
    assert [line["event"] for line in upper.told("ptz")] == ["ptz"]
    assert upper.told("ended")[0]["is_program_stream"]
    assert upper.told("registered")[0]["device"] == MINE.device_id


async def test_orders_that_fail_are_told_and_the_next_is_obeyed(tmp_path: Path) -> None:
    texts = ["catalog", f"live {CAMERA}", "pause", f"playback {CAMERA} now -1h", "quit"]

    async def orders() -> AsyncIterator[Order]:
        for text in texts:
            order = parse_order(text)
            assert order is not None
            yield order

    config = SipConfig(
        server_id=UPPER_ID, domain=UPPER_ID[:10], host=HOST, port=0, advertised_host=HOST
    )
    plan = UpperPlan(config=config, lower_id=LOWER_ID, password=PASSWORD, wall=wall)
    path = tmp_path / "upper.jsonl"
    with Journal(lambda _: None, wall, path) as journal:
        async with asyncio.timeout(60):
            await UpperPlatform(plan, journal).run(orders(), asyncio.Event())
    read = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    failed = [line["order"] for line in read if line["event"] == "failed"]
    assert failed == ["catalog", "live", "pause", "playback"]

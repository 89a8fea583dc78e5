"""Runs pretend mines against a platform: which boxes, where to, with what pictures."""

import asyncio
import functools
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sip.message import Peer
from sip.message.sdp import MediaTransport
from sip.simulator.profile import DeviceProfile
from sip.simulator.timetable import Timetable
from stream_relay.access_unit import Codec
from stream_relay.errors import Unsupported
from stream_relay.replay import RecordedScene
from stream_relay.scene import find_font
from stream_relay.simulator import ClipSource, MediaSource, SceneSource
from vms.errors import ConfigError
from vms.simulation.box import BoxFaults, SimulatedBox
from vms.simulation.mine import MineBox
from vms.simulation.script import Command, follow_script, follow_typing
from vms.simulation.vendors import Vendor
from vms.supervise import supervise

START_STEP_S = 0.02
"""Boxes start one after another, not all in one instant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationPlan:
    """What is simulated."""

    mines: tuple[MineBox, ...]
    passwords: Mapping[str, str]
    """By device id."""
    server: Peer
    """Address of the platform; its transport is the boxes' signalling transport."""
    server_id: str
    domain: str
    wall: Callable[[], datetime]
    local_host: str = ""
    """The boxes' own address; empty: that of the card that leads to the platform."""
    clips: tuple[Path, ...] = ()
    """Played in turn by the cameras; none: drawn scenes."""
    codec: Codec | None = None
    keepalive_interval_s: float = 60.0
    retry_interval_s: float = 2.0
    """After a refused registration; the standard's 60 s would let people wait who have just
    added the boxes."""
    faults: BoxFaults = field(default_factory=BoxFaults)
    vendor: Vendor | None = None
    """As whose devices the boxes give themselves out; its quirks are among the faults."""
    store_voice: Path | None = None
    """Folder for what the devices hear."""
    voice_transport: MediaTransport = "udp"
    """How they want to hear it, named from their side."""
    script: tuple[Command, ...] = ()
    """What happens to their channels, in order."""
    is_typed: bool = False
    """Take further commands from the standard input."""


async def run_simulation(plan: SimulationPlan, stop: asyncio.Event) -> None:
    """Run all boxes until `stop`; then they hang up and unregister.

    Raises ConfigError for a file that is no video and for a missing font.
    """
    local_host = plan.local_host or local_address(plan.server)
    clips = tuple(ClipSource(path, plan.codec) for path in plan.clips)
    await asyncio.to_thread(prepare, clips)
    async with asyncio.TaskGroup() as group:
        tasks = []
        boxes: dict[str, SimulatedBox] = {}
        for mine in plan.mines:
            sources = sources_of(mine, clips, plan)
            work = functools.partial(_run_box, plan, mine, local_host, sources, boxes)
            tasks.append(group.create_task(supervise(f"box {mine.device_id}", work)))
            await asyncio.sleep(START_STEP_S)
        tasks.append(group.create_task(follow_script(plan.script, boxes)))
        if plan.is_typed:
            tasks.append(group.create_task(follow_typing(boxes)))
        await stop.wait()
        for task in tasks:
            task.cancel()


def prepare(clips: tuple[ClipSource, ...]) -> None:
    """Read the clips, or look for the font of the scenes; blocks. Raises ConfigError."""
    try:
        for clip in clips:
            clip.prepare()
        if not clips:
            find_font()
    except Unsupported as error:
        raise ConfigError("--clip", error.what, "--clip belt.mp4") from error


def sources_of(
    mine: MineBox, clips: tuple[ClipSource, ...], plan: SimulationPlan
) -> dict[str, MediaSource]:
    """The pictures of each camera by its code."""
    codec = plan.codec or Codec.H264
    return {
        camera.channel.code: clips[index % len(clips)]
        if clips
        else SceneSource(camera.channel.name, camera.viewpoint.place, camera.seed, plan.wall, codec)
        for index, camera in enumerate(mine.cameras)
    }


def archive_of(mine: MineBox) -> Callable[[str, datetime], RecordedScene | None]:
    """What each camera has recorded: drawn scenes, whatever is played live."""
    cameras = {camera.channel.code: camera for camera in mine.cameras}

    def recorded(code: str, start: datetime) -> RecordedScene | None:
        camera = cameras.get(code)
        if camera is None:
            return None
        return RecordedScene(camera.channel.name, camera.viewpoint.place, camera.seed, start)

    return recorded


def local_address(server: Peer) -> str:
    """The address of the card that leads to the platform; nothing is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((server.host, server.port))
        return str(probe.getsockname()[0])


async def _run_box(
    plan: SimulationPlan,
    mine: MineBox,
    local_host: str,
    sources: Mapping[str, MediaSource],
    boxes: dict[str, SimulatedBox],
) -> None:
    profile = DeviceProfile(
        device_id=mine.device_id,
        password=plan.passwords[mine.device_id],
        server_id=plan.server_id,
        domain=plan.domain,
        server=plan.server,
        local_host=local_host,
        local_port=free_port(local_host),
        channels=mine.channels,
        organisations=mine.organisations,
        name=mine.name,
        keepalive_interval_s=plan.keepalive_interval_s,
        retry_interval_s=plan.retry_interval_s,
        recordings=Timetable(plan.wall),
        voice_transport=plan.voice_transport,
    )
    box = SimulatedBox(
        profile if plan.vendor is None else plan.vendor.dress(profile),
        sources.get,
        plan.faults,
        wall=plan.wall,
        archive=archive_of(mine),
        voice_folder=plan.store_voice,
    )
    boxes[mine.device_id] = box
    await box.run()


def free_port(host: str) -> int:
    """A port for Via and Contact, which are written before the socket is opened."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])

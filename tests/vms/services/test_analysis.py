import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from analytics.installed import installed_plugins
from analytics.messages import AlarmChanged, DetectionsSeen, SceneFailed, SeenBox, WorkerMessage
from analytics.plugin import AlarmPhase
from analytics.plugin import Scene as SceneTask
from stream_relay.errors import StreamClosed
from stream_relay.frames import FrameSubscription, FrameUnit
from tests.vms.bench import CHANNEL, T0, HandClock, eventually
from tests.vms.services.live.stage import Stage
from vms.app.run import frames_socket
from vms.bus import Bus
from vms.config_sections import AnalyticsSection
from vms.errors import Conflict, Invalid, NotFound, NotReady
from vms.events import DetectionsMade
from vms.records import Alarm, AlarmFilter, AlarmLevel, SceneDraft
from vms.services.alarms import AlarmService
from vms.services.analysis import AnalysisService
from vms.services.store import Store

DRAFT = SceneDraft(channel=CHANNEL, plugin="intrusion", name="东门")
SEEN = SeenBox(label="person", score=0.9, box=(0.1, 0.2, 0.3, 0.4))


@dataclass
class FakeRunner:
    """A worker process that says what the test says."""

    watched: list[list[SceneTask]] = field(default_factory=list)
    runs: int = 0
    is_running: bool = False
    messages: asyncio.Queue[WorkerMessage] = field(default_factory=asyncio.Queue)
    death: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch(self, scenes: Sequence[SceneTask]) -> None:
        self.watched.append(list(scenes))

    async def events(self) -> AsyncIterator[WorkerMessage]:
        while True:
            yield await self.messages.get()

    async def run(self) -> None:
        self.runs += 1
        self.is_running = True
        try:
            await self.death.wait()
            self.death.clear()
            raise RuntimeError("the worker died")
        finally:
            self.is_running = False


@dataclass
class Room:
    service: AnalysisService
    runner: FakeRunner
    alarms: AlarmService
    stage: Stage
    socket: Path


@pytest.fixture
async def room(
    stage: Stage, mine: Store, data: Path, clock: HandClock, bus: Bus
) -> AsyncIterator[Room]:
    runner = FakeRunner()
    alarms = AlarmService(mine, data, bus, clock)
    path = frames_socket(data)
    service = AnalysisService(
        runner,
        stage.service,
        alarms,
        mine,
        path,
        AnalyticsSection(restart_first_s=0.01),
        clock=clock,
        bus=bus,
    )
    await service.begin()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(service.run())
        await eventually(lambda: accepts(path))
        yield Room(service, runner, alarms, stage, path)
        running.cancel()
    assert not runner.is_running
    assert not path.exists()


def accepts(path: Path) -> bool:
    """Whether somebody listens at a socket."""
    with socket.socket(socket.AF_UNIX) as caller:
        return caller.connect_ex(str(path)) == 0


async def open_alarms(room: Room, count: int = 1) -> tuple[Alarm, ...]:
    page = await room.alarms.alarms(AlarmFilter())
    return tuple(alarm for alarm in page.items if alarm.count == count)


def test_installed_plugins_are_shown_with_their_parameters() -> None:
    plugins = AnalysisService.plugins(None)  # type: ignore[arg-type]  # needs nothing of the service
    intrusion = next(plugin for plugin in plugins if plugin.id == "intrusion")
    assert intrusion.title_zh
    assert intrusion.params_schema["type"] == "object"


async def test_worker_runs_only_while_a_scene_is_enabled(room: Room) -> None:
    assert room.runner.runs == 0
    scene = await room.service.add_scene(DRAFT)
    await eventually(lambda: room.runner.is_running)
    ((task,),) = room.runner.watched
    assert (task.id, task.channel, task.plugin) == (str(scene.id), CHANNEL, "intrusion")
    off = SceneDraft(channel=CHANNEL, plugin="intrusion", name="东门", enabled=False)
    await room.service.update_scene(scene.id, off)
    await eventually(lambda: not room.runner.is_running)


async def test_change_of_a_scene_is_told_to_the_running_worker(room: Room) -> None:
    scene = await room.service.add_scene(DRAFT)
    await eventually(lambda: bool(room.runner.watched))
    region = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
    changed = SceneDraft(channel=CHANNEL, plugin="intrusion", name="东门", region=region)
    await room.service.update_scene(scene.id, changed)
    await eventually(lambda: len(room.runner.watched) == 2)
    assert room.runner.watched[-1][0].region == region
    assert room.runner.runs == 1


async def test_dead_worker_is_started_again(room: Room) -> None:
    await room.service.add_scene(DRAFT)
    await eventually(lambda: room.runner.is_running)
    room.runner.death.set()
    await eventually(lambda: room.runner.runs == 2)


@pytest.mark.parametrize(
    ("draft", "error"),
    [
        (SceneDraft(channel=CHANNEL, plugin="nothing", name="x"), NotFound),
        (SceneDraft(channel="1" * 20, plugin="intrusion", name="x"), NotFound),
        (
            SceneDraft(channel=CHANNEL, plugin="intrusion", name="x", region=((0.0, 0.0),)),
            Invalid,
        ),
        (
            SceneDraft(channel=CHANNEL, plugin="intrusion", name="x", params={"nonsense": 1}),
            Invalid,
        ),
    ],
)
async def test_scene_that_cannot_run_is_refused(
    draft: SceneDraft, error: type[Exception], room: Room
) -> None:
    with pytest.raises(error):
        await room.service.add_scene(draft)
    assert await room.service.scenes() == ()


async def test_second_scene_of_a_name_on_a_channel_is_refused(room: Room) -> None:
    await room.service.add_scene(DRAFT)
    with pytest.raises(Conflict) as refusal:
        await room.service.add_scene(DRAFT)
    assert refusal.value.code == "scene_exists"


async def test_detections_are_told_with_their_place_on_the_time_line(room: Room, bus: Bus) -> None:
    scene = await room.service.add_scene(DRAFT)
    with bus.subscribe(DetectionsMade) as news:
        room.runner.messages.put_nowait(
            DetectionsSeen(
                scene=str(scene.id),
                channel=CHANNEL,
                pts_ticks=90_000,
                wall=T0,
                width=640,
                height=480,
                boxes=(SEEN,),
            )
        )
        event = await news.next()
    assert isinstance(event, DetectionsMade)
    assert (event.channel, event.pts_ticks, event.scene_id) == (CHANNEL, 90_000, scene.id)
    assert event.boxes[0].box == SEEN.box


async def test_condition_becomes_one_alarm_with_snapshot_boxes_and_level(room: Room) -> None:
    red = SceneDraft(channel=CHANNEL, plugin="intrusion", name="东门", level=AlarmLevel.RED)
    scene = await room.service.add_scene(red)

    def changed(phase: AlarmPhase) -> AlarmChanged:
        return AlarmChanged(
            scene=str(scene.id),
            channel=CHANNEL,
            phase=phase,
            kind="intrusion",
            pts_ticks=1,
            wall=T0,
            score=0.9,
            boxes=(SEEN,),
            snapshot=b"\xff\xd8jpeg",
        )

    for phase in (AlarmPhase.RAISED, AlarmPhase.ENDED, AlarmPhase.RAISED):
        room.runner.messages.put_nowait(changed(phase))
    (alarm,) = await eventually(lambda: open_alarms(room, count=2))
    assert (alarm.kind, alarm.level, alarm.source) == (
        "intrusion",
        AlarmLevel.RED,
        f"scene:{scene.id}",
    )
    assert alarm.boxes[0].label == "person"
    assert (await room.alarms.snapshot_path(alarm.id)).read_bytes() == b"\xff\xd8jpeg"


async def test_scene_that_fails_in_the_worker_is_shown(room: Room) -> None:
    room.runner.messages.put_nowait(SceneFailed(scene="1", channel=CHANNEL, reason="no model"))
    (alarm,) = await eventually(lambda: open_alarms(room))
    assert alarm.kind == "analysis_failed"


async def test_analysis_is_a_viewer_and_gets_encoded_pictures(room: Room) -> None:
    is_counted = threading.Event()

    def subscribe() -> FrameUnit:
        with FrameSubscription(room.socket, CHANNEL) as frames:
            picture = next(item for item in frames if isinstance(item, FrameUnit))
            is_counted.wait(60)
        return picture

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(asyncio.to_thread(subscribe))
        await room.stage.until_picture()
        assert room.stage.status.viewers == 1
        is_counted.set()
    assert waiting.result().unit.is_key
    await eventually(lambda: not room.stage.status.viewers)


async def test_platform_that_is_busy_costs_the_worker_one_subscription_only(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(_: str) -> None:
        raise NotReady(code="database_busy")

    monkeypatch.setattr(room.stage.routes, "find", busy)

    def subscribe() -> None:
        with FrameSubscription(room.socket, CHANNEL) as subscription:
            list(subscription)

    for _ in range(2):
        with pytest.raises(StreamClosed, match="database_busy"):
            await asyncio.to_thread(subscribe)


def test_plugins_are_loaded_before_anybody_asks(room: Room) -> None:
    assert installed_plugins.cache_info().currsize == 1

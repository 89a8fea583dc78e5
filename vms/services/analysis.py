"""Scenes: which plugin watches which channel, and what follows from what it sees.

The pictures go to a worker process over a unix socket; the worker runs only while a scene is
enabled, and is started again when it dies.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from analytics.installed import installed_plugins
from analytics.messages import (
    AlarmChanged,
    DetectionsSeen,
    SceneFailed,
    SeenBox,
    WorkerMessage,
)
from analytics.plugin import AlarmPhase
from analytics.plugin import Scene as SceneTask
from channel_registry.queries.channels import get_channel
from stream_relay.errors import NoMedia
from stream_relay.frames import FrameServer
from stream_relay.reader import Reader
from vms.bus import Bus
from vms.clock import Clock
from vms.config_sections import AnalyticsSection
from vms.errors import Invalid, NotFound, VmsError
from vms.events import DetectionsMade
from vms.records import AlarmLevel, Box, PluginView, Scene, SceneDraft
from vms.services.alarms import AlarmService
from vms.services.recording import Live
from vms.services.store import Store
from vms.storage.queries import scenes as queries
from vms.storage.records import AlarmBox, NewAlarm
from vms.supervise import supervise

logger = logging.getLogger(__name__)

MOST_CORNERS = 64


class Runner(Protocol):
    """What runs the worker process; `analytics.runner.AnalysisRunner`."""

    async def watch(self, scenes: Sequence[SceneTask]) -> None:
        """Watch these scenes from now on, instead of those before."""

    def events(self) -> AsyncIterator[WorkerMessage]:
        """What the worker says."""

    async def run(self) -> None:
        """Run one worker until it ends."""


class AnalysisService:
    """Keeps the scenes and runs them; `begin` once, then `run`."""

    def __init__(
        self,
        runner: Runner,
        live: Live,
        alarms: AlarmService,
        store: Store,
        socket: Path,
        settings: AnalyticsSection,
        *,
        clock: Clock,
        bus: Bus,
    ) -> None:
        self._runner = runner
        self._live = live
        self._alarms = alarms
        self._store = store
        self._socket = socket
        self._settings = settings
        self._clock = clock
        self._bus = bus
        self._scenes: dict[int, Scene] = {}
        self._changed = asyncio.Event()

    async def begin(self) -> None:
        """At the start: what can be watched (importing plugins takes time), and what is."""
        await asyncio.to_thread(installed_plugins)
        self._scenes = {scene.id: scene for scene in await self._store.run(queries.list_scenes)}

    async def run(self) -> None:
        """Watch until cancelled."""
        async with FrameServer(self._socket, self._open_reader), asyncio.TaskGroup() as group:
            group.create_task(supervise("analysis-events", self._take_messages))
            group.create_task(supervise("analysis-worker", self._keep_worker))

    # For people

    def plugins(self) -> tuple[PluginView, ...]:
        """What scenes can be made of."""
        return tuple(
            PluginView(
                id=plugin.manifest.id,
                version=plugin.manifest.version,
                title_zh=plugin.manifest.title["zh"],
                title_en=plugin.manifest.title["en"],
                params_schema=plugin.manifest.params.model_json_schema(),
            )
            for plugin in installed_plugins().values()
        )

    async def scenes(self, channel: str = "") -> tuple[Scene, ...]:
        """All scenes, or those of one channel."""
        return await self._store.run(queries.list_scenes, channel=channel or None)

    async def scene(self, scene_id: int) -> Scene:
        """One scene; raises NotFound(scene)."""
        return await self._store.run(queries.get_scene, scene_id)

    async def add_scene(self, draft: SceneDraft) -> Scene:
        """Watch a channel; raises NotFound(channel, plugin), Invalid, Conflict(scene_exists)."""
        await self._check(draft)
        scene = await self._store.run(queries.add_scene, draft, at=self._clock.wall())
        return self._put(scene)

    async def update_scene(self, scene_id: int, draft: SceneDraft) -> Scene:
        """Watch otherwise; raises NotFound(scene, channel, plugin), Invalid, Conflict."""
        await self._check(draft)
        scene = await self._store.run(queries.update_scene, scene_id, draft, at=self._clock.wall())
        return self._put(scene)

    async def delete_scene(self, scene_id: int) -> None:
        """Stop watching; raises NotFound(scene)."""
        await self._store.run(queries.delete_scene, scene_id)
        self._scenes.pop(scene_id, None)
        self._changed.set()

    @property
    def enabled(self) -> tuple[Scene, ...]:
        """The scenes that the worker has to watch."""
        if not self._settings.enabled:
            return ()
        return tuple(scene for scene in self._scenes.values() if scene.enabled)

    # The worker

    def _put(self, scene: Scene) -> Scene:
        self._scenes[scene.id] = scene
        self._changed.set()
        return scene

    async def _check(self, draft: SceneDraft) -> None:
        plugin = installed_plugins().get(draft.plugin)
        if plugin is None:
            raise NotFound("plugin", draft.plugin)
        await self._store.run(get_channel, draft.channel)
        if draft.region and not 3 <= len(draft.region) <= MOST_CORNERS:
            raise Invalid("region", "too_few_or_too_many_corners")
        try:
            plugin.manifest.params.model_validate(dict(draft.params))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise Invalid(f"params.{key}", first["type"], first["msg"]) from error

    async def _keep_worker(self) -> None:
        """Run the worker while there is something to watch; tell it every change."""
        while True:
            self._changed.clear()
            if self.enabled:
                await self._work()
            else:
                await self._changed.wait()

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            worker = group.create_task(
                supervise(
                    "analysis-process",
                    self._runner.run,
                    first_s=self._settings.restart_first_s,
                    max_s=self._settings.restart_max_s,
                )
            )
            while scenes := self.enabled:
                await self._runner.watch([_task_of(scene) for scene in scenes])
                await self._changed.wait()
                self._changed.clear()
            worker.cancel()

    @asynccontextmanager
    async def _open_reader(self, code: str) -> AsyncIterator[Reader]:
        """What the worker subscribes to: the analysis is a viewer like any other."""
        try:
            async with self._live.watch(code, "access-units", "analysis") as watch:
                async with await watch.reader(patient=True) as reader:
                    yield reader
        except VmsError as error:
            raise NoMedia(error.code) from error

    # What the worker says

    async def _take_messages(self) -> None:
        async for message in self._runner.events():
            await self._take(message)

    async def _take(self, message: WorkerMessage) -> None:
        match message:
            case DetectionsSeen():
                self._tell_detections(message)
            case AlarmChanged() if message.phase is AlarmPhase.RAISED:
                await self._raise(message)
            case SceneFailed():
                await self._tell_failure(message)

    def _tell_detections(self, message: DetectionsSeen) -> None:
        scene = self._scenes.get(int(message.scene))
        if scene is None:
            return
        self._bus.publish(
            DetectionsMade(
                at=self._clock.wall(),
                channel=message.channel,
                scene_id=scene.id,
                pts_ticks=message.pts_ticks,
                wall=message.wall,
                width=message.width,
                height=message.height,
                boxes=tuple(_box(seen) for seen in message.boxes),
                region=scene.region,
            )
        )

    async def _raise(self, message: AlarmChanged) -> None:
        scene = self._scenes.get(int(message.scene))
        if scene is None:
            return
        await self._alarms.raise_(
            NewAlarm(
                channel=message.channel,
                kind=message.kind,
                level=scene.level,
                dedupe_key=f"scene:{scene.id}:{message.kind}",
                source=f"scene:{scene.id}",
                detail={
                    "scene": scene.name,
                    "score": round(message.score, 3),
                    "pts_ticks": message.pts_ticks,
                    "wall": message.wall.isoformat(),
                },
                boxes=tuple(AlarmBox(seen.label, seen.score, seen.box) for seen in message.boxes),
            ),
            message.snapshot,
        )

    async def _tell_failure(self, message: SceneFailed) -> None:
        await self._alarms.raise_(
            NewAlarm(
                channel=message.channel,
                kind="analysis_failed",
                level=AlarmLevel.BLUE,
                dedupe_key=f"analysis_failed:{message.scene}",
                source=f"scene:{message.scene}",
                detail={"reason": message.reason},
            )
        )


def _task_of(scene: Scene) -> SceneTask:
    return SceneTask(
        id=str(scene.id),
        channel=scene.channel,
        plugin=scene.plugin,
        sample_fps=scene.sample_fps,
        region=scene.region,
        params=scene.params,
    )


def _box(seen: SeenBox) -> Box:
    return Box(seen.label, seen.score, seen.box, seen.track)

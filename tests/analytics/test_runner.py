"""The real worker process, fed by the relay's own frame server."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from analytics.errors import WorkerExited
from analytics.messages import AlarmChanged, DetectionsSeen, SceneFailed, WorkerMessage
from analytics.plugin import AlarmPhase, Scene
from analytics.runner import AnalysisRunner
from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.formats.annexb import split_nals
from stream_relay.frames import FrameServer
from stream_relay.reader import Reader
from stream_relay.stream import Stream, StreamLimits
from tests.analytics.pictures import encode, grey

CHANNEL = "14040000001320000001"
FRAME_TICKS = 18_000
H264_SPS, H264_PPS = 7, 8


def walker(pictures: int) -> list[AccessUnit]:
    """Five pictures per second of something bright that walks from left to right."""
    images = []
    for n in range(pictures):
        image = grey()
        left = 10 + 9 * n % 270
        image[60:140, left : left + 30] = 230
        images.append(image)
    encoded = encode(images, gop=5)
    sets = [nal for nal in split_nals(encoded[0][0]) if nal[0] & 31 in (H264_SPS, H264_PPS)]
    track = Track(Kind.VIDEO, Codec.H264, parameter_sets=tuple(sets), width=320, height=180)
    times = [n * FRAME_TICKS for n in range(pictures)]
    return [
        AccessUnit(Kind.VIDEO, Codec.H264, at, at, is_key, data, track)
        for at, (data, is_key) in zip(times, encoded, strict=True)
    ]


class Camera:
    """A stream that plays its pictures as long as somebody watches."""

    def __init__(self, units: list[AccessUnit]) -> None:
        self._units = units

    @asynccontextmanager
    async def open_reader(self, channel: str) -> AsyncIterator[Reader]:
        assert channel == CHANNEL
        stream = Stream(
            channel,
            limits=StreamLimits(),
            wall=lambda: datetime.now(UTC),
            opened_at=0.0,
            on_event=lambda event: None,
        )
        lost: ConnectionError | None = None
        async with asyncio.TaskGroup() as group:
            playing = group.create_task(self._play(stream))
            async with stream.open_reader("access-units") as reader:
                try:
                    yield reader
                except ConnectionError as error:  # a worker was killed while it read
                    lost = error
            playing.cancel()
        if lost is not None:
            raise lost  # as real openers do: not wrapped in the group's error

    async def _play(self, stream: Stream) -> None:
        for n, unit in enumerate(self._units):
            stream.publish([unit], [], n / 5)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(
    tmp_path: Path, units: list[AccessUnit], scenes: list[Scene]
) -> AsyncIterator[AnalysisRunner]:
    camera = Camera(units)
    socket = tmp_path / "frames.sock"
    async with FrameServer(socket, camera.open_reader), asyncio.TaskGroup() as group:
        runner = AnalysisRunner(socket, person_model=None)
        await runner.watch(scenes)
        worker = group.create_task(runner.run())
        yield runner
        worker.cancel()


async def until(runner: AnalysisRunner, kind: type[WorkerMessage]) -> list[WorkerMessage]:
    """All messages up to the first of a kind."""
    seen = []
    async with asyncio.timeout(120):
        async for message in runner.events():
            seen.append(message)
            if isinstance(message, kind):
                return seen
    raise AssertionError("the runner ended")


def scene(**changes: object) -> Scene:
    values: dict[str, object] = {
        "id": "7",
        "channel": CHANNEL,
        "plugin": "intrusion",
        "sample_fps": 2.5,
        "params": {"detector": "motion"},
    }
    return Scene(**{**values, **changes})  # type: ignore[arg-type]


async def test_a_moving_thing_becomes_boxes_and_one_alarm_with_its_picture(tmp_path: Path) -> None:
    async with running(tmp_path, walker(100), [scene()]) as runner:
        seen = await until(runner, AlarmChanged)
    alarm = seen[-1]
    assert isinstance(alarm, AlarmChanged)
    assert (alarm.phase, alarm.kind, alarm.scene) == (AlarmPhase.RAISED, "intrusion", "7")
    picture = cv2.imdecode(np.frombuffer(alarm.snapshot, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (180, 320, 3)
    x1, _, x2, _ = alarm.boxes[0].box
    left = (10 + 9 * (alarm.pts_ticks // FRAME_TICKS) % 270) / 320
    assert x1 - 0.15 < left < x2 + 0.05
    boxes = [message for message in seen if isinstance(message, DetectionsSeen)]
    assert {message.channel for message in boxes} == {CHANNEL}
    assert all(message.pts_ticks % FRAME_TICKS == 0 for message in boxes)


async def test_a_scene_with_an_unknown_plugin_is_named(tmp_path: Path) -> None:
    async with running(tmp_path, walker(10), [scene(plugin="clairvoyance")]) as runner:
        failed = (await until(runner, SceneFailed))[-1]
    assert isinstance(failed, SceneFailed)
    assert "clairvoyance" in failed.reason
    assert "intrusion" in failed.reason


async def test_a_scene_whose_parameters_do_not_fit_fails_alone(tmp_path: Path) -> None:
    scenes = [scene(id="bad", params={"detector": "crystal ball"}), scene(id="good")]
    async with running(tmp_path, walker(100), scenes) as runner:
        seen = await until(runner, AlarmChanged)
    assert [m.scene for m in seen if isinstance(m, SceneFailed)] == ["bad"]
    assert {m.scene for m in seen if isinstance(m, DetectionsSeen)} == {"good"}


async def test_the_end_of_a_worker_is_told_and_the_next_one_goes_on(tmp_path: Path) -> None:
    socket = tmp_path / "frames.sock"
    async with FrameServer(socket, Camera(walker(300)).open_reader):
        runner = AnalysisRunner(socket, person_model=None)
        await runner.watch([scene()])
        with pytest.raises(ExceptionGroup) as ended:
            async with asyncio.TaskGroup() as group:
                group.create_task(runner.run())
                await until(runner, DetectionsSeen)
                assert runner.process_id is not None
                os.kill(runner.process_id, signal.SIGKILL)
        assert ended.group_contains(WorkerExited)
        async with asyncio.TaskGroup() as group:
            again = group.create_task(runner.run())
            await until(runner, AlarmChanged)
            again.cancel()


async def test_alarm_is_kept_when_boxes_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analytics.runner.EVENTS_KEPT", 2)
    runner = AnalysisRunner(Path("none.sock"), person_model=None)
    said = SceneFailed(scene="1", channel=CHANNEL, reason="the one that counts")
    boxes = [
        DetectionsSeen(
            scene="1",
            channel=CHANNEL,
            pts_ticks=number,
            wall=datetime(2026, 7, 1, tzinfo=UTC),
            width=1,
            height=1,
            boxes=(),
        )
        for number in range(4)
    ]
    process = SimpleNamespace(stdout=asyncio.StreamReader())
    for message in (said, *boxes):
        process.stdout.feed_data(message.model_dump_json().encode() + b"\n")
    process.stdout.feed_eof()
    await runner._read(process)  # type: ignore[arg-type]  # all that reading needs of a process
    events = runner.events()
    assert [await anext(events) for _ in range(2)] == [said, boxes[-1]]
    assert runner.dropped == 3

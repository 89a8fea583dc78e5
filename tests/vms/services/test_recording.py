import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from channel_registry.queries.devices import delete_device
from stream_relay.access_unit import Kind
from stream_relay.events import FirstKeyFrame, FirstPacket, StreamStalled
from tests.stream_relay.media import EPOCH, SVAC, picture, pictures
from tests.vms.bench import CHANNEL, DEVICE, OTHER_CHANNEL, HandClock, eventually
from tests.vms.services.live.stage import Stage
from vms.bus import Bus
from vms.config_sections import RecordingSection
from vms.errors import NotFound
from vms.events import ChannelStatusChanged, SegmentRecorded
from vms.records import Alarm, AlarmFilter, LiveState, RecorderState, Segment
from vms.services.alarms import AlarmService
from vms.services.recording import RecordingService
from vms.services.store import Store
from vms.storage.queries.segments import add_segment, segment_paths
from vms.storage.records import NewSegment

FAST = RecordingSection(segment_s=2, retry_first_s=0.01, retry_max_s=0.05)


@dataclass
class Studio:
    """A recording service over a live service that the test plays."""

    stage: Stage
    alarms: AlarmService
    store: Store
    data: Path
    clock: HandClock
    bus: Bus

    def service(self, reserve_bytes: int = 0) -> RecordingService:
        return RecordingService(
            self.stage.service,
            self.alarms,
            self.store,
            self.data,
            FAST,
            reserve_bytes=reserve_bytes,
            clock=self.clock,
            bus=self.bus,
        )

    @asynccontextmanager
    async def running(self, reserve_bytes: int = 0) -> AsyncIterator[RecordingService]:
        service = self.service(reserve_bytes)
        await service.begin()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(service.run())
            await asyncio.sleep(0)
            yield service
            task.cancel()

    async def segments(self, service: RecordingService) -> tuple[Segment, ...]:
        day = timedelta(days=1)
        return await service.segments(CHANNEL, EPOCH - 900 * day, EPOCH + 900 * day)


@pytest.fixture
def studio(stage: Stage, mine: Store, data: Path, clock: HandClock, bus: Bus) -> Studio:
    return Studio(stage, AlarmService(mine, data, bus, clock), mine, data, clock, bus)


async def open_alarms(studio: Studio) -> tuple[Alarm, ...]:
    return (await studio.alarms.alarms(AlarmFilter())).items


async def test_switch_brings_the_picture_and_writes_it(studio: Studio) -> None:
    async with studio.running() as service:
        await service.switch(CHANNEL, True, by="admin")
        await studio.stage.until_picture()
        await eventually(lambda: service.state(CHANNEL) is RecorderState.RECORDING)
        assert studio.stage.status.viewers == 1, "the recorder is a viewer"
        assert service.running == 1
        await service.switch(CHANNEL, False)
        await eventually(lambda: not studio.stage.service.statuses())
        assert service.state(CHANNEL) is RecorderState.OFF
    (segment,) = await studio.segments(service)
    assert (segment.codec[:4], segment.width) == ("avc1", 320)
    found, path = await service.open_segment(segment.id)
    assert path.stat().st_size == found.size_bytes > 0
    assert path.is_relative_to(studio.data / "recordings" / CHANNEL)


async def test_stop_of_the_platform_closes_and_indexes_the_file(studio: Studio) -> None:
    with studio.bus.subscribe(SegmentRecorded) as news:
        async with studio.running() as service:
            await service.switch(CHANNEL, True)
            await studio.stage.until_picture()
            await eventually(lambda: service.state(CHANNEL) is RecorderState.RECORDING)
        assert isinstance(await news.next(), SegmentRecorded)
    assert len(await studio.segments(service)) == 1
    assert list(studio.data.rglob("*.part")) == []


async def test_switch_outlives_a_restart(studio: Studio) -> None:
    async with studio.running() as service:
        await service.switch(CHANNEL, True)
    async with studio.running() as again:
        assert again.is_on(CHANNEL)
        await studio.stage.until_picture()
        await eventually(lambda: again.state(CHANNEL) is RecorderState.RECORDING)


async def test_lost_stream_is_recorded_again_when_it_is_back(studio: Studio) -> None:
    async with studio.running() as service:
        await service.switch(CHANNEL, True)
        await studio.stage.until_picture()
        await eventually(lambda: service.state(CHANNEL) is RecorderState.RECORDING)
        stream_id = studio.stage.media.running.stream.id
        studio.stage.media.say(StreamStalled(stream_id, 15.0))
        await studio.stage.until_state(LiveState.STALLED)
        await studio.stage.until_picture()
        await eventually(lambda: service.state(CHANNEL) is RecorderState.RECORDING)
    assert len(studio.stage.signalling.offers) == 2


async def test_failing_device_keeps_the_recorder_waiting(studio: Studio) -> None:
    studio.stage.signalling.registered.clear()
    async with studio.running() as service:
        await service.switch(CHANNEL, True)
        for _ in range(3):
            await studio.stage.until_state(LiveState.FAILED)
        assert service.state(CHANNEL) is RecorderState.WAITING
        assert service.is_on(CHANNEL)


async def test_full_disk_is_one_alarm_and_the_picture_goes_on(studio: Studio) -> None:
    async with studio.running(reserve_bytes=10**18) as service:
        await service.switch(CHANNEL, True)
        await studio.stage.until_picture()
        await eventually(lambda: service.state(CHANNEL) is RecorderState.DISK_FULL)
        stream = studio.stage.media.running.stream
        stream.publish(pictures(50, start=20), [Kind.VIDEO], 1.0)
        await asyncio.sleep(0.6)
        assert studio.stage.status.state is LiveState.LIVE
        assert service.is_on(CHANNEL)
        await eventually(lambda: open_alarms(studio))
    page = await studio.alarms.alarms(AlarmFilter())
    (alarm,) = page.items
    assert (alarm.kind, alarm.channel, alarm.count) == ("disk_full", "", 1)
    assert await studio.segments(service) == ()


async def test_codec_that_cannot_be_recorded_is_an_alarm(studio: Studio) -> None:
    async with studio.running() as service:
        await service.switch(CHANNEL, True)
        await studio.stage.until_step("media")
        receiver = studio.stage.media.running
        receiver.stream.publish([picture(0, is_key=True, track=SVAC)], [Kind.VIDEO], 0.0)
        studio.stage.media.say(FirstPacket(receiver.stream.id, ("127.0.0.1", 7000), 1))
        studio.stage.media.say(FirstKeyFrame(receiver.stream.id, 0.1))
        await eventually(lambda: studio.stage.status.state is LiveState.LIVE)
        (alarm,) = await eventually(lambda: open_alarms(studio))
    assert alarm.kind == "not_recordable"


async def test_index_is_rebuilt_from_the_files_at_the_start(studio: Studio) -> None:
    async with studio.running() as service:
        await service.switch(CHANNEL, True)
        await studio.stage.until_picture()
        await eventually(lambda: service.state(CHANNEL) is RecorderState.RECORDING)
        await service.switch(CHANNEL, False)
    (segment,) = await studio.segments(service)
    lost = NewSegment(CHANNEL, "1/20260101/gone.mp4", EPOCH, EPOCH, 1)
    await studio.store.run(add_segment, lost)
    moved = studio.data / "recordings" / OTHER_CHANNEL / "20260301"
    moved.mkdir(parents=True)
    old = studio.data / "recordings" / segment.path
    old.rename(moved / old.name)
    again = studio.service()
    await again.begin()
    paths = await studio.store.run(segment_paths)
    assert paths == {f"{OTHER_CHANNEL}/20260301/{old.name}"}


@pytest.mark.parametrize("path", ["../secret.key", "/etc/passwd", "x/../../secret.key"])
async def test_file_outside_the_recordings_is_never_served(path: str, studio: Studio) -> None:
    (studio.data / "secret.key").write_text("secret")
    segment = await studio.store.run(add_segment, NewSegment(CHANNEL, path, EPOCH, EPOCH, 1))
    with pytest.raises(NotFound):
        await studio.service().open_segment(segment.id)


async def test_switch_of_an_unknown_channel_is_refused(studio: Studio) -> None:
    async with studio.running() as service:
        with pytest.raises(NotFound):
            await service.switch("1" * 20, True)
        assert not service.is_on("1" * 20)


async def test_switch_is_told(studio: Studio) -> None:
    async with studio.running() as service:
        with studio.bus.subscribe(ChannelStatusChanged) as news:
            await service.switch(CHANNEL, True)
            event = await news.next()
    assert isinstance(event, ChannelStatusChanged)
    assert (event.code, event.recording) == (CHANNEL, True)


async def test_full_disk_takes_the_oldest_recording_before_it_is_an_alarm(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = studio.data / "recordings"
    old = NewSegment(CHANNEL, f"{CHANNEL}/20250101/old.mp4", EPOCH, EPOCH, 1)
    real = os.statvfs(studio.data)

    def statvfs(_: object) -> os.statvfs_result:
        """A disk that is full as long as the old file is there."""
        free = 0 if (folder / old.path).exists() else real.f_blocks
        values = list(real)
        values[3:5] = [free, free]  # f_bfree, f_bavail
        return os.statvfs_result(values)

    async with studio.running(reserve_bytes=1000) as service:
        await studio.store.run(add_segment, old)
        (folder / old.path).parent.mkdir(parents=True)
        (folder / old.path).write_bytes(b"x")
        monkeypatch.setattr(os, "statvfs", statvfs)
        await service.switch(CHANNEL, True)
        await studio.stage.until_picture()

        async def is_gone() -> bool:
            return await studio.segments(service) == () and not (folder / old.path).exists()

        await eventually(is_gone)
        await asyncio.sleep(0.05)
        # The recorder tries again a second later, and finds room: nothing is left to complain of.
        assert service.is_on(CHANNEL)
    assert await open_alarms(studio) == ()


async def test_recording_of_a_deleted_channel_waits_quietly(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    async with studio.running() as service:
        await service.switch(CHANNEL, True)
    await studio.store.run(delete_device, DEVICE)
    async with studio.running() as service:
        await asyncio.sleep(0.1)
        assert service.state(CHANNEL) is RecorderState.WAITING
    assert "Traceback" not in caplog.text

"""Recordings of a device that become files."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from sip.server import InvitationFailed
from stream_relay.access_unit import Kind
from tests.stream_relay.media import clip, probe
from tests.vms.bench import CHANNEL, DEVICE, HandClock, eventually
from tests.vms.services.recorder_stage import HOUR, NOON, RecorderStage, open_recorder_stage
from vms.config_sections import PlaybackSection
from vms.errors import Conflict, Invalid, NotFound
from vms.records import Download, DownloadState
from vms.services.downloads import FACTS

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def stage(clock: HandClock, tmp_path: Path) -> AsyncIterator[RecorderStage]:
    async with open_recorder_stage(clock, tmp_path) as opened:
        yield opened


async def start(stage: RecorderStage, speed: int = 0) -> Download:
    return await stage.downloads.create(CHANNEL, NOON, NOON + MINUTE, speed=speed, owner="me")


async def until(stage: RecorderStage, download: Download, state: DownloadState) -> Download:
    await eventually(lambda: stage.downloads.get(download.id).state is state)
    return stage.downloads.get(download.id)


async def until_sent(stage: RecorderStage) -> str:
    """The device answers and sends its clip; answers the stream's id."""
    await eventually(lambda: any(s.invitation_id for s in stage.service._sessions.values()))
    (session,) = stage.service._sessions.values()
    stream = stage.media.open[session.stream_id].stream
    stage.bring_picture(session.stream_id, count=0)
    stream.publish(clip(), [Kind.VIDEO], 0.0)
    await eventually(lambda: session.stream is not None)
    return session.stream_id


async def test_a_download_becomes_a_file_that_plays(stage: RecorderStage, tmp_path: Path) -> None:
    stage.device.size_bytes = 1_000_000
    download = await start(stage, speed=8)
    assert download.state is DownloadState.WAITING
    await until_sent(stage)
    (offer,) = stage.device.offers
    assert offer.history is not None
    assert (offer.history.kind, offer.history.download_speed) == ("Download", 8)
    await until(stage, download, DownloadState.RUNNING)
    assert 0 <= stage.downloads.get(download.id).progress < 1
    stage.service.file_ended(DEVICE, "invitation-1")
    done = await until(stage, download, DownloadState.DONE)
    assert (done.progress, done.files, done.reason) == (1.0, ("1.mp4",), "")
    found, path = await stage.downloads.open_file(download.id)
    facts = await asyncio.to_thread(probe, path)
    assert (facts["codec_name"], facts["nb_read_frames"]) == ("h264", "150")
    assert found.size_bytes == path.stat().st_size
    assert stage.device.ended == ["invitation-1"]
    assert json.loads((tmp_path / "downloads" / download.id / FACTS).read_text())["state"] == "done"


async def test_a_bye_completes_it_as_well(stage: RecorderStage) -> None:
    download = await start(stage)
    await until_sent(stage)
    stage.service.invitation_ended("invitation-1", "bye")
    assert (await until(stage, download, DownloadState.DONE)).files


async def test_cancelling_leaves_nothing_behind(stage: RecorderStage, tmp_path: Path) -> None:
    download = await start(stage)
    await until_sent(stage)
    cancelled = await stage.downloads.cancel(download.id)
    assert cancelled.state is DownloadState.CANCELLED
    assert stage.device.ended == ["invitation-1"]
    assert not list((tmp_path / "downloads").rglob("*.mp4*"))
    with pytest.raises(NotFound):
        await stage.downloads.open_file(download.id)


async def test_cancelling_before_it_begins_is_fine(stage: RecorderStage) -> None:
    download = await start(stage)
    assert (await stage.downloads.cancel(download.id)).state is DownloadState.CANCELLED
    assert (await stage.downloads.cancel(download.id)).state is DownloadState.CANCELLED
    assert stage.device.offers == []


async def test_a_refusal_is_told_and_may_be_tried_again(stage: RecorderStage) -> None:
    stage.device.failure = InvitationFailed(486, "refused", "Busy Here")
    download = await start(stage)
    failed = await until(stage, download, DownloadState.FAILED)
    assert failed.reason == "device_busy"
    stage.device.failure = None
    await stage.downloads.retry(download.id)
    await until_sent(stage)
    stage.service.file_ended(DEVICE, "")
    await until(stage, download, DownloadState.DONE)
    with pytest.raises(Conflict):
        await stage.downloads.retry(download.id)


async def test_a_device_that_goes_offline_is_a_failure(stage: RecorderStage) -> None:
    download = await start(stage)
    await until_sent(stage)
    stage.service.invitation_ended("invitation-1", "offline")
    failed = await until(stage, download, DownloadState.FAILED)
    assert (failed.reason, failed.files) == ("device_offline", ())


async def test_one_after_the_other_where_the_device_sends_only_one(
    clock: HandClock, tmp_path: Path
) -> None:
    settings = PlaybackSection(per_device=1)
    async with open_recorder_stage(clock, tmp_path, settings=settings) as stage:
        first, second = await start(stage), await start(stage)
        await until_sent(stage)
        assert stage.downloads.get(second.id).state is DownloadState.WAITING
        stage.service.file_ended(DEVICE, "")
        await until(stage, first, DownloadState.DONE)
        await until_sent(stage)
        stage.service.file_ended(DEVICE, "")
        await until(stage, second, DownloadState.DONE)


async def test_the_list_outlives_a_restart(clock: HandClock, tmp_path: Path) -> None:
    async with open_recorder_stage(clock, tmp_path) as stage:
        done = await start(stage)
        await until_sent(stage)
        stage.service.file_ended(DEVICE, "")
        await until(stage, done, DownloadState.DONE)
        clock.turn(1)
        running = await start(stage)
        await until_sent(stage)
    (tmp_path / "downloads" / "broken").mkdir()
    (tmp_path / "downloads" / "broken" / FACTS).write_text("{")
    async with open_recorder_stage(clock, tmp_path) as stage:
        states = {each.id: each.state for each in stage.downloads.downloads()}
        assert states == {running.id: DownloadState.INTERRUPTED, done.id: DownloadState.DONE}
        assert (await stage.downloads.open_file(done.id))[1].is_file()
        await stage.downloads.delete(done.id)
        with pytest.raises(NotFound):
            stage.downloads.get(done.id)
        assert not (tmp_path / "downloads" / done.id).exists()


async def test_old_files_are_removed(stage: RecorderStage, clock: HandClock) -> None:
    download = await start(stage)
    await stage.downloads.cancel(download.id)
    clock.turn(6 * 86_400)
    assert await stage.downloads.prune() == 0
    clock.turn(2 * 86_400)
    assert await stage.downloads.prune() == 1
    assert stage.downloads.downloads() == ()


@pytest.mark.parametrize("speed", [-1, 33])
async def test_senseless_wishes_are_refused(stage: RecorderStage, speed: int) -> None:
    with pytest.raises(Invalid):
        await start(stage, speed=speed)
    with pytest.raises(Invalid):
        await stage.downloads.create(CHANNEL, NOON + HOUR, NOON)
    with pytest.raises(NotFound):
        stage.downloads.get("0")

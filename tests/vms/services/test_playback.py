"""Recordings of a device on their way to people."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sip.gb28181 import mansrtsp
from sip.gb28181.mansrtsp import Method, PlaybackCommand, Range
from sip.server import InvitationFailed, PeerUnreachable, PlaybackRefused
from stream_relay.events import EndReason, StreamEnded
from tests.vms.bench import DEVICE, HandClock, eventually
from tests.vms.services.capability_ear import CapabilityEar
from tests.vms.services.recorder_stage import (
    HOUR,
    MEDIA,
    NOON,
    RecorderStage,
    open_recorder_stage,
)
from vms.config_sections import PlaybackSection
from vms.errors import Conflict, Invalid, NotFound, NotReady
from vms.records import LiveState, PlaybackState
from vms.storage.device_records import Verdict


@pytest.fixture
async def stage(clock: HandClock, tmp_path: Path) -> AsyncIterator[RecorderStage]:
    async with open_recorder_stage(clock, tmp_path) as opened:
        yield opened


async def test_the_offer_names_the_window_as_history(stage: RecorderStage) -> None:
    playback = await stage.create(owner="operator")
    assert (playback.state, playback.position) == (PlaybackState.CONNECTING, NOON)
    playing = await stage.until_playing(playback)
    (offer,) = stage.device.offers
    assert offer.history is not None
    assert (offer.history.kind, offer.history.start) == ("Playback", int(NOON.timestamp()))
    assert offer.history.stop - offer.history.start == 3600
    assert offer.ssrc >= 1_000_000_000
    assert (playing.owner, playing.speed, playing.reason) == ("operator", 1.0, "")
    assert stage.service.playbacks() == (stage.service.get(playback.id),)


async def test_every_command_is_that_of_annex_b(stage: RecorderStage) -> None:
    playback = await stage.until_playing(await stage.create())
    held = await stage.service.change(playback.id, paused=True)
    assert held.state is PlaybackState.PAUSED
    went_on = await stage.service.change(playback.id, paused=False)
    assert went_on.state is PlaybackState.PLAYING
    fast = await stage.service.change(playback.id, speed=4)
    assert fast.speed == 4
    sought = await stage.service.change(playback.id, position=NOON + timedelta(seconds=100))
    assert sought.position == NOON + timedelta(seconds=100)
    assert stage.device.commands == [
        mansrtsp.pause(),
        mansrtsp.resume(),
        mansrtsp.set_speed(4),
        mansrtsp.seek(100),
    ]


async def test_backwards_and_forwards_again_name_the_place(stage: RecorderStage) -> None:
    playback = await stage.until_playing(await stage.create())
    await stage.service.change(playback.id, position=NOON + timedelta(seconds=600), speed=-1)
    there = await stage.service.change(playback.id, speed=1)
    assert there.can_reverse is True
    back, forth = stage.device.commands[1:]
    assert back.scale == -1 and back.range is not None and back.range.end_s == 0
    assert back.range.start_s == pytest.approx(600, abs=30)
    assert forth.method is Method.PLAY and forth.scale == 1
    assert forth.range is not None and forth.range.start_s is not None
    await stage.service.change(playback.id, speed=-2)
    await stage.service.change(playback.id, position=NOON + timedelta(seconds=300))
    assert stage.device.commands[-1] == PlaybackCommand(Method.PLAY, -2.0, Range(300.0, 0.0))


async def test_a_device_that_cannot_go_backwards_is_remembered(stage: RecorderStage) -> None:
    playback = await stage.until_playing(await stage.create())
    stage.device.refusal = PlaybackRefused(400, "Bad Request")
    with pytest.raises(Conflict) as refused:
        await stage.service.change(playback.id, speed=-1)
    assert refused.value.code == "reverse_refused"
    found = stage.service.get(playback.id)
    assert (found.speed, found.can_reverse) == (1.0, False)


async def test_the_speed_that_is_granted_counts(stage: RecorderStage) -> None:
    playback = await stage.until_playing(await stage.create())
    stage.device.granted = 2.0
    assert (await stage.service.change(playback.id, speed=4)).speed == 2.0


@pytest.mark.parametrize(
    ("failure", "kind", "code"),
    [
        (PlaybackRefused(400, "Bad Request"), Conflict, "playback_refused"),
        (PeerUnreachable("no answer"), NotReady, "device_unreachable"),
    ],
)
async def test_a_refused_command_changes_nothing(
    stage: RecorderStage, failure: Exception, kind: type[Exception], code: str
) -> None:
    playback = await stage.until_playing(await stage.create())
    stage.device.refusal = failure
    for change in ({"paused": True}, {"speed": 4.0}, {"position": NOON + HOUR / 2}):
        with pytest.raises(kind) as refused:
            await stage.service.change(playback.id, **change)  # type: ignore[arg-type]
        assert getattr(refused.value, "code", "") == code
    found = stage.service.get(playback.id)
    assert (found.state, found.speed) == (PlaybackState.PLAYING, 1.0)
    assert found.position < NOON + HOUR / 4


async def test_a_first_speed_is_set_when_the_picture_comes(stage: RecorderStage) -> None:
    playback = await stage.until_playing(await stage.create(speed=2.0))
    await eventually(lambda: stage.service.get(playback.id).speed == 2.0)
    assert stage.device.commands == [mansrtsp.set_speed(2.0)]


async def test_commands_before_the_picture_have_to_wait(stage: RecorderStage) -> None:
    playback = await stage.create()
    with pytest.raises(NotReady):
        await stage.service.change(playback.id, paused=True)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"position": NOON - HOUR}, "position"),
        ({"position": NOON + 2 * HOUR}, "position"),
        ({"speed": 0.0}, "speed"),
        ({"speed": 99.0}, "speed"),
    ],
)
async def test_a_senseless_wish_is_refused_here(
    stage: RecorderStage, change: dict[str, Any], field: str
) -> None:
    playback = await stage.until_playing(await stage.create())
    with pytest.raises(Invalid) as refused:
        await stage.service.change(playback.id, **change)
    assert refused.value.field == field
    assert stage.device.commands == []


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (NOON, NOON),
        (NOON, NOON - HOUR),
        (NOON, NOON + 25 * HOUR),
        (NOON + 9 * HOUR, NOON + 10 * HOUR),
    ],
)
async def test_a_senseless_window_is_refused(stage: RecorderStage, start: Any, end: Any) -> None:
    with pytest.raises(Invalid):
        await stage.service.create("14040000001320000001", start, end)


async def test_an_unknown_channel_has_no_playback(stage: RecorderStage) -> None:
    with pytest.raises(NotFound):
        await stage.service.create("14040000001320000099", NOON, NOON + HOUR)
    for work in (stage.service.get, stage.service.change, stage.service.stop):
        with pytest.raises(NotFound):
            outcome = work("playback-0")
            if asyncio.iscoroutine(outcome):
                await outcome


async def test_media_status_ends_it_by_bye(stage: RecorderStage) -> None:
    playback = await stage.until_playing(await stage.create())
    stage.service.file_ended(DEVICE, "invitation-1")
    over = await stage.until_over(playback)
    assert (over.state, over.reason) == (PlaybackState.ENDED, "finished")
    assert stage.device.ended == ["invitation-1"]
    with pytest.raises(Conflict):
        await stage.service.change(playback.id, paused=True)


async def test_media_status_without_a_dialog_means_the_only_playback(
    stage: RecorderStage,
) -> None:
    playback = await stage.until_playing(await stage.create())
    stage.service.file_ended(DEVICE, "")
    assert (await stage.until_over(playback)).reason == "finished"


async def test_media_status_of_another_dialog_ends_nothing(stage: RecorderStage) -> None:
    playback = await stage.until_playing(await stage.create())
    stage.service.file_ended(DEVICE, "invitation-7")
    stage.service.file_ended("14040000001180000009", "")
    stage.service.file_ended(DEVICE, "invitation-1")
    assert (await stage.until_over(playback)).reason == "finished"


async def test_a_bye_of_the_device_ends_it(stage: RecorderStage) -> None:
    playback = await stage.until_playing(await stage.create())
    stage.service.invitation_ended("invitation-1", "bye")
    assert (await stage.until_over(playback)).reason == "finished"


async def test_silence_ends_it_unless_it_is_held(clock: HandClock, tmp_path: Path) -> None:
    settings = MEDIA.model_copy(update={"stall_timeout_s": 0.3})
    async with open_recorder_stage(clock, tmp_path, media_settings=settings) as stage:
        playback = await stage.until_playing(await stage.create())
        await stage.service.change(playback.id, paused=True)
        session = stage.service._sessions[playback.id]
        looks = session.position
        for _ in range(3):  # three looks of the session, longer than the silence allowed
            looks.length_s = 3600
            await asyncio.sleep(0.25)
            assert stage.state(playback) is PlaybackState.PAUSED
        await stage.service.change(playback.id, paused=False)
        over = await stage.until_over(playback)
        assert (over.state, over.reason) == (PlaybackState.ENDED, "silent")
        assert stage.device.ended == ["invitation-1"]


async def test_a_device_that_goes_offline_is_a_failure(stage: RecorderStage) -> None:
    playback = await stage.until_playing(await stage.create())
    stage.service.invitation_ended("invitation-1", "offline")
    over = await stage.until_over(playback)
    assert (over.state, over.reason) == (PlaybackState.FAILED, "device_offline")


async def test_a_device_that_is_offline_is_not_even_asked(stage: RecorderStage) -> None:
    stage.device.registered.clear()
    over = await stage.until_over(await stage.create())
    assert (over.state, over.reason) == (PlaybackState.FAILED, "device_offline")
    assert stage.device.offers == []


@pytest.mark.parametrize(
    ("status", "reason"), [(486, "device_busy"), (404, "channel_not_found_on_device")]
)
async def test_a_refusal_is_told_in_words(stage: RecorderStage, status: int, reason: str) -> None:
    stage.device.failure = InvitationFailed(status, "refused", "Busy Here")
    over = await stage.until_over(await stage.create())
    assert (over.state, over.reason) == (PlaybackState.FAILED, reason)
    assert len(stage.device.offers) == 1


async def test_another_way_of_media_is_tried(stage: RecorderStage) -> None:
    stage.device.failure = InvitationFailed(488, "refused", "Not Acceptable Here")
    over = await stage.until_over(await stage.create())
    assert over.reason == "transport_refused"
    assert stage.media.transports == ["udp", "tcp-passive", "tcp-active"]


async def test_a_stream_that_the_relay_ends_is_a_failure(stage: RecorderStage) -> None:
    playback = await stage.until_playing(await stage.create())
    session = stage.service._sessions[playback.id]
    session.position.place(10)
    stage.service.hear_media(StreamEnded(session.stream_id, EndReason.STOPPED))
    assert (await stage.until_over(playback)).state is PlaybackState.FAILED


async def test_nobody_looks_nobody_sends(clock: HandClock, tmp_path: Path) -> None:
    settings = MEDIA.model_copy(update={"linger_s": 0.0})
    async with open_recorder_stage(clock, tmp_path, media_settings=settings) as stage:
        playback = await stage.create()
        session = stage.service._sessions[playback.id]
        async with stage.service.watch(playback.id, "fmp4", "somebody") as watch:
            await stage.until_playing(playback)
            assert watch.status.state is LiveState.LIVE
        over = await stage.until_over(playback)
        assert (over.state, over.reason) == (PlaybackState.ENDED, "unwatched")
        assert session.is_over


async def test_stopping_says_goodbye_once(stage: RecorderStage) -> None:
    playback = await stage.until_playing(await stage.create())
    assert (await stage.service.stop(playback.id)).reason == "stopped"
    assert (await stage.service.stop(playback.id)).state is PlaybackState.ENDED
    assert stage.device.ended == ["invitation-1"]
    assert stage.service.playbacks() == ()


async def test_the_device_s_limit_is_kept(clock: HandClock, tmp_path: Path) -> None:
    async with open_recorder_stage(
        clock, tmp_path, settings=PlaybackSection(per_device=1)
    ) as stage:
        first = await stage.create()
        with pytest.raises(Conflict) as refused:
            await stage.create()
        assert refused.value.code == "playback_limit"
        await stage.service.stop(first.id)
        await stage.create()


async def test_invites_to_one_device_go_one_after_the_other(stage: RecorderStage) -> None:
    stage.device.gate = asyncio.Event()
    await stage.create()
    await eventually(lambda: len(stage.device.offers) == 1)
    second = await stage.create()
    await eventually(lambda: stage.service._sessions[second.id].status.step == "invite")
    assert len(stage.device.offers) == 1
    stage.device.gate.set()
    await eventually(lambda: len(stage.device.offers) == 2)


async def test_a_viewer_gets_the_stream_from_its_key_picture(stage: RecorderStage) -> None:
    playback = await stage.until_playing(await stage.create())
    async with stage.service.watch(playback.id, "fmp4", "somebody") as watch:
        async with await watch.reader() as reader:
            async with asyncio.timeout(60):
                assert (await anext(aiter(reader))).kind == "init"
    with pytest.raises(NotFound):
        async with stage.service.watch("playback-0", "fmp4", "somebody"):
            pass


async def test_what_a_recorder_can_do_is_noted(stage: RecorderStage) -> None:
    stage.service.on_capability = ear = CapabilityEar()
    playback = await stage.until_playing(await stage.create())
    await stage.service.change(playback.id, speed=2.0)
    await stage.service.change(playback.id, position=NOON + timedelta(minutes=5))
    await stage.service.change(playback.id, paused=True)
    stage.device.refusal = PlaybackRefused(400, "Bad Request")
    with pytest.raises(Conflict):
        await stage.service.change(playback.id, speed=-1.0)
    assert [(name, verdict) for _, name, verdict in ear.heard] == [
        ("playback", Verdict.WORKS),
        ("playback_speed", Verdict.WORKS),
        ("playback_seek", Verdict.WORKS),
        ("playback_pause", Verdict.WORKS),
        ("playback_reverse", Verdict.REFUSED),
    ]


async def test_refused_playback_is_noted_and_a_busy_recorder_is_not(stage: RecorderStage) -> None:
    stage.service.on_capability = ear = CapabilityEar()
    for failure, expected in (
        (InvitationFailed(486, "refused"), []),
        (InvitationFailed(403, "refused"), [("playback", Verdict.REFUSED)]),
    ):
        stage.device.failure = failure
        await stage.until_over(await stage.create())
        assert [(name, verdict) for _, name, verdict in ear.heard] == expected

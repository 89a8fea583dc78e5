import asyncio
from contextlib import AsyncExitStack

import pytest

from sip.server import InvitationFailed, PeerUnreachable
from stream_relay.events import EndReason, StreamEnded, StreamStalled, TracksChanged
from tests.vms.bench import CHANNEL, DEVICE, OTHER_CHANNEL, HandClock, eventually
from tests.vms.services.capability_ear import CapabilityEar
from tests.vms.services.live.stage import FAST, Stage, open_stage
from vms.bus import Bus
from vms.config_sections import MediaSection
from vms.config_values import Transport
from vms.errors import NotFound
from vms.events import DeviceStatusChanged
from vms.records import LiveReason, LiveState, LiveStep
from vms.services.live import LiveService
from vms.services.live.ports import Target
from vms.storage.device_records import Verdict


async def test_first_viewer_starts_the_stream_and_others_share_it(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        status = await stage.until_picture()
        assert (status.codec, status.width, status.height) == ("h264", 320, 240)
        async with stage.service.watch(CHANNEL, "flv", "two"):
            assert stage.status.viewers == 2
            assert len(stage.signalling.offers) == 1
    assert len(stage.media.opened) == 1


async def test_sub_stream_is_another_picture_beside_the_channel_s_own(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        await stage.until_picture()
        async with stage.service.watch(CHANNEL, "fmp4", "two", "sub") as small:
            await eventually(lambda: len(stage.signalling.offers) == 2)
            assert [offer.stream for offer in stage.signalling.offers] == ["main", "sub"]
            await eventually(lambda: small.status.step is LiveStep.MEDIA)
            assert stage.status.state is LiveState.LIVE and stage.status.viewers == 1
            async with stage.service.watch(CHANNEL, "flv", "three", "sub"):
                assert small.status.viewers == 2
        await eventually(lambda: stage.signalling.ended == ["invitation-2"])
        assert stage.status.state is LiveState.LIVE
    await stage.until_gone()
    assert len(stage.signalling.offers) == 2


async def test_news_of_a_sub_stream_is_not_news_of_the_channel(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "one", "sub") as small:
        await eventually(lambda: small.status.step is LiveStep.MEDIA)
        stage.media.bring_picture()
        await eventually(lambda: small.status.state is LiveState.LIVE)
        assert stage.status.state is LiveState.IDLE
        assert len(stage.news) == 0
    await stage.until_gone()


async def test_last_viewer_out_ends_the_stream_after_the_linger(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        await stage.until_picture()
    assert stage.status.state is LiveState.LIVE
    assert stage.signalling.ended == []
    await stage.until_gone()
    assert stage.signalling.ended == ["invitation-1"]
    assert stage.media.open == {}
    assert stage.status.state is LiveState.IDLE


async def test_viewer_who_comes_back_within_the_linger_finds_the_same_stream(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        await stage.until_picture()
    async with stage.service.watch(CHANNEL, "fmp4", "again"):
        await asyncio.sleep(FAST.linger_s * 2)
        assert stage.status.state is LiveState.LIVE
    assert len(stage.signalling.offers) == 1


async def test_a_picture_tells_that_the_device_has_this_way_of_media(stage: Stage) -> None:
    stage.service.on_capability = ear = CapabilityEar()
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        await stage.until_picture()
    assert ear.heard == [(DEVICE, "live_udp", Verdict.WORKS)]


async def test_a_refused_way_of_media_is_noted_and_one_that_fails_otherwise_is_not(
    stage: Stage,
) -> None:
    stage.service.on_capability = ear = CapabilityEar()
    stage.signalling.failure = InvitationFailed(486, "refused")
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        await stage.until(lambda status: status.reason is LiveReason.DEVICE_BUSY)
        assert ear.heard == []
        stage.signalling.failure = InvitationFailed(488, "refused")
        stage.service._sessions[CHANNEL].try_now()
        await eventually(lambda: ear.heard)
    device, name, verdict = ear.heard[0]
    assert (device, verdict) == (DEVICE, Verdict.REFUSED)
    assert name == "live_udp"


async def test_each_step_of_the_way_is_told(stage: Stage) -> None:
    await stage.service.start(CHANNEL)
    steps = [(await stage.until(lambda _: True)).step for _ in range(4)]
    assert steps == [LiveStep.LOOKUP, LiveStep.PORT, LiveStep.INVITE, LiveStep.MEDIA]
    stage.media.bring_picture()
    assert (await stage.until_step("key_frame")).state is LiveState.CONNECTING
    assert (await stage.until_step("playing")).state is LiveState.LIVE


async def test_offer_names_the_port_the_ssrc_and_our_address(stage: Stage) -> None:
    await stage.service.start(CHANNEL)
    await stage.until_step("media")
    (offer,) = stage.signalling.offers
    assert (offer.host, offer.port, offer.transport) == ("127.0.0.1", 30000, "udp")
    assert offer.ssrc == 100_000_000
    assert stage.media.running.answers == [("127.0.0.1", 7000, 100_000_000)]


async def test_start_without_viewer_answers_at_once_and_ends_after_the_linger(
    stage: Stage,
) -> None:
    status = await stage.service.start(CHANNEL)
    assert (status.state, status.step) == (LiveState.CONNECTING, LiveStep.LOOKUP)
    await stage.until_picture()
    await stage.until_gone()
    assert stage.signalling.ended == ["invitation-1"]


async def test_start_of_a_running_stream_prolongs_it_but_not_for_ever(stage: Stage) -> None:
    await stage.service.start(CHANNEL)
    await stage.until_picture()
    assert (await stage.service.start(CHANNEL)).state is LiveState.LIVE
    await stage.until_gone()
    assert stage.signalling.ended == ["invitation-1"]


async def test_unknown_channel_is_refused(stage: Stage) -> None:
    with pytest.raises(NotFound):
        await stage.service.start(OTHER_CHANNEL)
    with pytest.raises(NotFound):
        async with stage.service.watch(OTHER_CHANNEL, "fmp4", "one"):
            pass


async def test_channel_is_proven_when_a_key_frame_arrives(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        await stage.until_picture()
        await eventually(lambda: stage.routes.proven)
        assert stage.routes.proven == [(CHANNEL, DEVICE, Transport.UDP)]


async def test_proof_of_a_running_picture_stays_young(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vms.services.live.session.PROOF_S", 0.01)
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        await stage.until_picture()
        await eventually(lambda: len(stage.routes.proven) >= 3)
        assert stage.status.state is LiveState.LIVE


async def test_transport_that_worked_for_the_device_comes_first(stage: Stage) -> None:
    stage.routes.transport = Transport.TCP_ACTIVE
    await stage.service.start(CHANNEL)
    await stage.until_picture()
    assert stage.media.transports == ["tcp-active"]


async def test_refused_transport_is_followed_by_the_next_without_waiting(stage: Stage) -> None:
    stage.signalling.failure = InvitationFailed(488, "refused")
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        status = await stage.until_state(LiveState.FAILED)
        assert status.reason is LiveReason.TRANSPORT_REFUSED
        assert stage.media.transports[:3] == ["udp", "tcp-passive", "tcp-active"]


async def test_device_that_refuses_the_channel_is_not_asked_again_at_once(stage: Stage) -> None:
    stage.signalling.failure = InvitationFailed(486, "refused")
    await stage.service.start(CHANNEL)
    await stage.until_state(LiveState.FAILED)
    assert stage.media.transports == ["udp"]


async def test_the_way_that_is_tried_is_told_while_a_person_waits(stage: Stage) -> None:
    stage.signalling.failure = InvitationFailed(488, "refused")
    await stage.service.start(CHANNEL)
    for way in ("udp", "tcp-passive", "tcp-active"):
        status = await stage.until(lambda status, way=way: status.transport == way)  # type: ignore[misc]
        assert status.state is LiveState.CONNECTING
    await stage.until_state(LiveState.FAILED)


async def test_no_other_way_is_begun_when_the_time_of_a_round_is_over(
    clock: HandClock, bus: Bus
) -> None:
    short = FAST.model_copy(update={"transports_limit_s": 0.0})
    async with open_stage(short, clock, bus) as stage:
        stage.signalling.failure = InvitationFailed(488, "refused")
        await stage.service.start(CHANNEL)
        await stage.until_state(LiveState.FAILED)
        assert stage.media.transports == ["udp"]


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (InvitationFailed(404, "refused", "Not Found"), LiveReason.CHANNEL_NOT_FOUND),
        (InvitationFailed(486, "refused"), LiveReason.DEVICE_BUSY),
        (InvitationFailed(403, "refused"), LiveReason.INVITE_REFUSED),
        (InvitationFailed(408, "timeout"), LiveReason.DEVICE_UNREACHABLE),
        (InvitationFailed(488, "no_sdp"), LiveReason.BAD_ANSWER),
        (InvitationFailed(488, "port_zero"), LiveReason.BAD_ANSWER),
        (PeerUnreachable("gone"), LiveReason.DEVICE_UNREACHABLE),
    ],
)
async def test_refused_invite_becomes_a_visible_reason_and_frees_the_port(
    failure: Exception, reason: LiveReason, stage: Stage
) -> None:
    stage.signalling.failure = failure
    await stage.service.start(CHANNEL)
    status = await stage.until_state(LiveState.FAILED)
    assert (status.step, status.reason) == (LiveStep.INVITE, reason)
    assert stage.signalling.ended == []
    await stage.until_gone()
    assert stage.media.open == {}
    assert stage.status.reason is reason, "the last failure stays visible"


async def test_relay_node_that_is_not_there_is_a_visible_failure(stage: Stage) -> None:
    stage.media.is_gone = True
    await stage.service.start(CHANNEL)
    status = await stage.until_state(LiveState.FAILED)
    assert (status.step, status.reason) == (LiveStep.PORT, LiveReason.RELAY_UNREACHABLE)
    assert "10.1.2.9" in status.detail
    assert stage.signalling.offers == [], "the device is not asked"


async def test_relay_node_that_is_lost_shows_a_stalled_picture_and_is_asked_again(
    stage: Stage,
) -> None:
    await stage.service.start(CHANNEL)
    async with stage.service.watch(CHANNEL, "fmp4", "somebody"):
        await stage.until_picture()
        stage.media.say(StreamEnded(stage.media.opened[-1], EndReason.RELAY_LOST))
        status = await stage.until_state(LiveState.STALLED)
        assert status.reason is LiveReason.RELAY_UNREACHABLE
        await stage.until_picture()


async def test_device_is_told_the_address_of_the_relay_that_receives(stage: Stage) -> None:
    stage.media.host = "10.1.2.9"
    await stage.service.start(CHANNEL)
    await stage.until_step("media")
    assert stage.signalling.offers[-1].host == "10.1.2.9"


async def test_no_free_port_is_a_visible_failure(stage: Stage) -> None:
    stage.media.is_full = True
    await stage.service.start(CHANNEL)
    status = await stage.until_state(LiveState.FAILED)
    assert (status.step, status.reason) == (LiveStep.PORT, LiveReason.PORTS_EXHAUSTED)
    assert stage.signalling.offers == []


async def test_offline_device_is_not_invited(stage: Stage) -> None:
    stage.signalling.registered.clear()
    await stage.service.start(CHANNEL)
    status = await stage.until_state(LiveState.FAILED)
    assert (status.step, status.reason) == (LiveStep.LOOKUP, LiveReason.DEVICE_OFFLINE)
    assert stage.media.opened == []


async def test_silence_ends_the_stream_tells_the_viewer_and_invites_again(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        await stage.until_picture()
        stage.media.say(StreamStalled(stage.media.running.stream.id, 15.0))
        status = await stage.until_state(LiveState.STALLED)
        assert (status.reason, status.detail) == (LiveReason.STALLED, "15 s")
        await stage.until_picture()
        assert stage.signalling.ended == ["invitation-1"]
        assert len(stage.signalling.offers) == 2


async def test_device_that_hangs_up_is_invited_again_while_somebody_waits(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        await stage.until_picture()
        stage.service.invitation_ended("invitation-1", "bye")
        assert (await stage.until_state(LiveState.STALLED)).reason is LiveReason.DEVICE_ENDED
        await stage.until_picture()


async def test_our_own_bye_is_no_news(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        await stage.until_picture()
        stage.service.invitation_ended("invitation-1", "local")
        stage.service.invitation_ended("invitation-0", "bye")
        await asyncio.sleep(0.01)
        assert stage.status.state is LiveState.LIVE


async def test_dead_device_frees_everything_and_its_return_brings_the_picture_back(
    stage: Stage,
) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        await stage.until_picture()
        stage.signalling.registered.clear()
        stage.service.invitation_ended("invitation-1", "offline")
        status = await stage.until(lambda status: status.reason is LiveReason.DEVICE_OFFLINE)
        assert status.state is LiveState.FAILED
        await stage.until(lambda status: status.retry_at is not None)
        assert stage.media.open == {}
        stage.signalling.registered.add(DEVICE)
        stage.bus.publish(
            DeviceStatusChanged(
                at=stage.clock.wall(),
                device_id=DEVICE,
                online=True,
                registered=True,
                cause="registered",
            )
        )
        await stage.until_picture()


async def test_attempts_are_further_apart_each_time_up_to_the_limit(stage: Stage) -> None:
    stage.signalling.failure = InvitationFailed(486, "refused")
    waits = []
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        while len(waits) < 5:
            status = await stage.until(lambda status: status.retry_at is not None)
            assert status.retry_at is not None
            waits.append(round((status.retry_at - stage.clock.wall()).total_seconds(), 3))
    # Up to a fifth less, by the channel, so that many do not try together.
    for wait_s, longest_s in zip(waits, [0.02, 0.04, 0.08, 0.1, 0.1], strict=True):
        assert 0.8 * longest_s - 0.001 <= wait_s <= longest_s
    assert waits[3] == waits[4]


async def test_relay_that_ends_the_stream_is_a_failure(clock: HandClock, bus: Bus) -> None:
    one_way = FAST.model_copy(update={"transports": (Transport.UDP,)})
    async with open_stage(one_way, clock, bus) as stage:
        await stage.service.start(CHANNEL)
        await stage.until_step("media")
        stage.media.say(StreamEnded(stage.media.running.stream.id, EndReason.SOURCE_LOST))
        assert (await stage.until_state(LiveState.FAILED)).reason is LiveReason.MEDIA_REFUSED


async def test_answer_with_the_ssrc_of_another_camera_is_a_bad_answer(
    clock: HandClock, bus: Bus
) -> None:
    one_way = FAST.model_copy(update={"transports": (Transport.UDP,)})
    async with open_stage(one_way, clock, bus) as stage:
        await stage.service.start(CHANNEL)
        await stage.until_step("media")
        stage.media.say(StreamEnded(stage.media.running.stream.id, EndReason.SSRC_TAKEN))
        status = await stage.until_state(LiveState.FAILED)
        assert (status.reason, status.detail) == (LiveReason.BAD_ANSWER, "ssrc_taken")


async def test_events_of_an_older_stream_do_not_touch_the_new_one(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        await stage.until_picture()
        stage.media.say(StreamStalled(f"{CHANNEL}#0", 15.0))
        await asyncio.sleep(0.01)
        assert stage.status.state is LiveState.LIVE


async def test_viewer_who_leaves_during_the_invite_takes_it_back(stage: Stage) -> None:
    stage.signalling.gate = asyncio.Event()
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        await stage.until_step("invite")
    await stage.until_gone()
    assert stage.signalling.cancelled == 1
    assert stage.media.open == {}


async def test_stop_ends_without_linger_unless_somebody_looks(clock: HandClock, bus: Bus) -> None:
    slow = FAST.model_copy(update={"linger_s": 3600})
    async with open_stage(slow, clock, bus) as stage:
        async with stage.service.watch(CHANNEL, "fmp4", "one"):
            await stage.until_picture()
            await stage.service.stop(CHANNEL)
            await asyncio.sleep(0.01)
            assert stage.status.state is LiveState.LIVE
        await stage.service.stop(CHANNEL)
        await stage.until_gone()
        assert stage.signalling.ended == ["invitation-1"]


async def test_stopping_the_platform_ends_every_invitation(
    stage: Stage, settings: MediaSection
) -> None:
    service = LiveService(
        stage.signalling, stage.media, stage.routes, settings, stage.clock, stage.bus
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(service.run())
        await asyncio.sleep(0)
        await service.start(CHANNEL)
        await stage.until_step("media")
        running.cancel()
    assert stage.signalling.ended == ["invitation-1"]
    assert stage.media.open == {}
    assert service.statuses() == ()


async def test_end_of_a_stream_is_heard_behind_any_number_of_other_news(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        await stage.until_picture()
        stream_id = stage.media.running.stream.id
        for _ in range(200):
            stage.media.say(TracksChanged(stream_id, ()))
        stage.media.say(StreamStalled(stream_id, 15.0))
        await stage.until_state(LiveState.STALLED)


async def test_start_answers_that_it_connects(stage: Stage) -> None:
    status = await stage.service.start(CHANNEL)
    assert (status.state, status.step) == (LiveState.CONNECTING, LiveStep.LOOKUP)


async def test_pictures_whose_devices_come_back_together_are_asked_for_one_after_the_other(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threat 40: two hundred devices are back at one moment; their INVITEs are spread."""
    codes = [f"1404000000132{number:07}" for number in range(40)]
    asked: list[str] = []

    async def find(code: str) -> Target:
        asked.append(code)
        return Target(code, "127.0.0.1", "127.0.0.1", Transport.UDP)

    monkeypatch.setattr(stage.routes, "find", find)
    monkeypatch.setattr("vms.services.live.session.LiveSession._wait_s", lambda *_: 3600.0)
    monkeypatch.setattr("vms.services.live.service.WAKE_PAUSE_S", 3600.0)
    stage.signalling.failure = PeerUnreachable("offline")
    async with AsyncExitStack() as viewers:
        for code in codes:
            await viewers.enter_async_context(stage.service.watch(code, "fmp4", code))
        await eventually(lambda: all(status.retry_at for status in stage.service.statuses()))
        asked.clear()
        for code in codes:
            stage.bus.publish(
                DeviceStatusChanged(
                    at=stage.clock.wall(),
                    device_id=code,
                    online=True,
                    registered=True,
                    cause="registered",
                )
            )
        await eventually(lambda: len(asked) == 1)
        queues = {name: waiting for name, waiting, _ in stage.bus.queues()}
        assert queues["live"] == 0
        assert asked == [codes[0]], "the others wait for their turn"

import pytest

from stream_relay.events import FirstPacket
from tests.vms.bench import CHANNEL, HandClock
from tests.vms.services.live.stage import FAST, Stage, open_stage
from vms.bus import Bus
from vms.config_sections import MediaSection
from vms.errors import LiveFailed
from vms.records import LiveReason, LiveState, LiveStep


@pytest.fixture
def settings() -> MediaSection:
    """A service that gives up soon."""
    return FAST.model_copy(update={"first_packet_timeout_s": 0.05})


async def test_invite_without_media_ends_by_bye_and_a_visible_failure(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "one") as watch:
        with pytest.raises(LiveFailed) as failure:
            await watch.reader()
        assert failure.value.reason is LiveReason.NO_MEDIA
        status = await stage.until(lambda status: status.retry_at is not None)
        assert (status.state, status.reason) == (LiveState.FAILED, LiveReason.NO_MEDIA)
    assert "invitation-1" in stage.signalling.ended


async def test_after_no_media_the_next_transport_is_tried(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        await stage.until_state(LiveState.FAILED)
        await stage.until_step("media")
    assert stage.media.transports[:4] == ["udp", "tcp-passive", "tcp-active", "udp"]


async def test_media_without_key_frame_is_a_failure_of_its_own(clock: HandClock, bus: Bus) -> None:
    # Longer than a busy machine may take to bring the packet: without it the failure is another.
    patient = FAST.model_copy(update={"first_packet_timeout_s": 2})
    async with open_stage(patient, clock, bus) as stage:
        await stage.service.start(CHANNEL)
        await stage.until_step("media")
        stream_id = stage.media.running.stream.id
        stage.media.say(FirstPacket(stream_id, ("127.0.0.1", 7000), 1))
        status = await stage.until_state(LiveState.FAILED)
        assert (status.step, status.reason) == (LiveStep.KEY_FRAME, LiveReason.NO_KEY_FRAME)

"""The doctor's service over the registry and a live service that the test plays."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from sip.server import InvitationFailed
from stream_relay.events import FirstPacket, StreamStalled
from stream_relay.evidence import SourceEvidence
from tests.vms.bench import CHANNEL, DEVICE, HandClock, eventually
from tests.vms.services.live.stage import FAST, Stage, open_stage
from vms.bus import Bus
from vms.config_values import Transport
from vms.errors import NotFound
from vms.records import Cause, Grade, LiveState
from vms.services.doctor import DoctorService
from vms.services.live.routes import RENEW_AFTER, RegistryRoutes
from vms.services.store import Store

UNKNOWN = "99990000001320000001"


@pytest.fixture
async def stage_of_one_way(clock: HandClock, bus: Bus) -> AsyncIterator[Stage]:
    settings = FAST.model_copy(
        update={
            "transports": (Transport.UDP,),
            "first_packet_timeout_s": 0.05,
            "retry_first_s": 60.0,
            "retry_max_s": 60.0,
        }
    )
    async with open_stage(settings, clock, bus) as stage:
        yield stage


async def test_nothing_is_said_before_anybody_looked(mine: Store, stage: Stage) -> None:
    doctor = DoctorService(stage.service, mine)
    found = await doctor.diagnosis(CHANNEL)
    assert (found.cause, found.is_running) == (Cause.NOT_EXAMINED, False)
    with pytest.raises(NotFound):
        await doctor.diagnosis(UNKNOWN)


async def test_an_examination_is_an_attempt_and_ends_in_a_verdict(
    mine: Store, stage_of_one_way: Stage
) -> None:
    doctor = DoctorService(stage_of_one_way.service, mine)
    assert (await doctor.examine(CHANNEL)).grade in (Grade.OPEN, Grade.FAILED)
    status = await stage_of_one_way.until_state(LiveState.FAILED)
    assert status.verdict == "no_packets"
    found = await doctor.diagnosis(CHANNEL)
    assert found.cause is Cause.NO_PACKETS
    await stage_of_one_way.until_gone()
    assert (await doctor.diagnosis(CHANNEL)).cause is Cause.NO_PACKETS, "it outlives the attempt"


async def test_an_attempt_that_is_given_up_leaves_the_verdict_of_before(
    clock: HandClock, bus: Bus
) -> None:
    settings = FAST.model_copy(update={"transports": (Transport.UDP,), "linger_s": 0.2})
    async with open_stage(settings, clock, bus) as stage:
        stage.signalling.failure = InvitationFailed(486, "refused")
        async with stage.service.watch(CHANNEL, "fmp4", "one"):
            await stage.until_state(LiveState.FAILED)
            stage.signalling.failure, stage.signalling.gate = None, asyncio.Event()
            await stage.until_step("invite")
        await stage.until_gone()
        found = stage.service.casebook.case(CHANNEL).diagnosis
        assert (found.cause, found.is_running) == (Cause.SIP_BUSY, False)


async def test_a_picture_that_nobody_wants_any_more_was_fine(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        await stage.until_picture()
    await stage.until_gone()
    found = stage.service.casebook.case(CHANNEL).diagnosis
    assert (found.cause, found.is_running) == (Cause.FINE, False)


async def test_a_tile_is_told_the_verdict_with_the_failure(stage: Stage) -> None:
    stage.media.is_full = True
    await stage.service.start(CHANNEL)
    status = await stage.until_state(LiveState.FAILED)
    assert status.verdict == "ports_exhausted"


async def test_a_running_picture_that_suffers_is_told_and_so_is_its_recovery(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vms.services.live.session.PULSE_S", 0.01)
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        await stage.until_picture()
        await stage.until(lambda status: status.verdict == "stalls")
        assert stage.status.state is LiveState.LIVE, "nothing comes, and it is no stall yet"
        counters = stage.media.running.stream._counters
        monkeypatch.setattr(counters, "packets", 0)

        def grows() -> bool:
            counters.packets += 100
            return stage.status.verdict == ""

        await eventually(grows)


async def test_a_stall_is_held_against_the_picture_that_runs_again(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "one"):
        await stage.until_picture()
        stage.media.say(StreamStalled(stage.media.running.stream.id, 15.0))
        status = await stage.until_state(LiveState.STALLED)
        assert status.verdict == "stalled"
        await stage.until_picture()
        await stage.until(lambda status: status.verdict == "stalls")


async def test_a_late_answer_corrects_the_verdict(stage_of_one_way: Stage) -> None:
    failure = InvitationFailed(408, "timeout", invitation_id="lost", has_provisional=True)
    stage_of_one_way.signalling.failure = failure
    await stage_of_one_way.service.start(CHANNEL)
    status = await stage_of_one_way.until_state(LiveState.FAILED)
    assert status.verdict == "sip_trying_only"
    await stage_of_one_way.until_gone()
    stage_of_one_way.service.invitation_ended("lost", "late")
    assert stage_of_one_way.status.verdict == "sip_late"
    stage_of_one_way.service.invitation_ended("never heard of", "late")


async def test_a_key_frame_is_asked_for_when_none_comes(clock: HandClock, bus: Bus) -> None:
    asked: list[str] = []

    async def ask(code: str) -> None:
        asked.append(code)
        raise NotFound("channel", code)

    settings = FAST.model_copy(
        update={"first_packet_timeout_s": 2.0, "transports": (Transport.UDP,)}
    )
    async with open_stage(settings, clock, bus) as stage:
        stage.service.want_key_frame = ask
        stage.media.evidence = SourceEvidence(packets=9, packs=3, skipped_pictures=4)
        await stage.service.start(CHANNEL)
        await stage.until_step("media")
        stage.media.say(FirstPacket(stage.media.running.stream.id, ("127.0.0.1", 7000), 1))
        status = await stage.until_state(LiveState.FAILED)
        assert (status.verdict, asked) == ("no_key_frame", [CHANNEL])


# What worked


async def test_what_worked_is_remembered_and_tried_first_until_it_is_forgotten(
    mine: Store, clock: HandClock, bus: Bus, stage: Stage
) -> None:
    routes, doctor = RegistryRoutes(mine, bus, clock, ""), DoctorService(stage.service, mine)
    assert await doctor.memory(DEVICE) is None
    await routes.prove(CHANNEL, DEVICE, Transport.TCP_ACTIVE)
    memory = await doctor.memory(DEVICE)
    assert memory is not None
    assert (memory.transport, memory.evidence) == ("tcp-active", CHANNEL)
    assert (await routes.find(CHANNEL)).transport is Transport.TCP_ACTIVE
    await routes.prove(CHANNEL, DEVICE, Transport.TCP_PASSIVE)
    assert (await routes.find(CHANNEL)).transport is Transport.TCP_PASSIVE
    await doctor.forget(DEVICE)
    assert await doctor.memory(DEVICE) is None
    assert (await routes.find(CHANNEL)).transport is Transport.UDP


async def test_a_memory_is_dated_anew_now_and_then(
    mine: Store, clock: HandClock, bus: Bus, stage: Stage
) -> None:
    routes, doctor = RegistryRoutes(mine, bus, clock, ""), DoctorService(stage.service, mine)
    await routes.prove(CHANNEL, DEVICE, Transport.UDP)
    first = await doctor.memory(DEVICE)
    clock.turn(60.0)
    await routes.prove(CHANNEL, DEVICE, Transport.UDP)
    assert await doctor.memory(DEVICE) == first
    clock.turn((RENEW_AFTER + timedelta(seconds=1)).total_seconds())
    await routes.prove(CHANNEL, DEVICE, Transport.UDP)
    renewed = await doctor.memory(DEVICE)
    assert first is not None and renewed is not None and renewed.at > first.at


async def test_memory_of_an_unknown_device_is_not_there(mine: Store, stage: Stage) -> None:
    doctor = DoctorService(stage.service, mine)
    for ask in (doctor.memory, doctor.forget):
        with pytest.raises(NotFound):
            await ask(UNKNOWN)

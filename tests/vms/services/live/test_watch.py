import asyncio
from contextlib import aclosing

import pytest

from stream_relay.access_unit import Kind
from stream_relay.events import EndReason, FirstKeyFrame, FirstPacket, StreamStalled
from stream_relay.outputs.chunk import Chunk
from tests.stream_relay.media import SVAC, picture
from tests.vms.bench import CHANNEL
from tests.vms.services.live.stage import Stage
from vms.records import LiveReason, LiveState, LiveStatus


async def test_reader_is_given_when_the_picture_is_there(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "one") as watch, asyncio.TaskGroup() as group:
        waiting = group.create_task(watch.reader())
        await stage.until_picture()
        async with await waiting as reader:
            first = await anext(reader)
    assert (first.kind, first.codec_string[:4]) == ("init", "avc1")


async def test_iteration_tells_the_way_then_the_picture_then_its_loss(stage: Stage) -> None:
    states: list[LiveState] = []
    kinds: list[str] = []
    async with (
        stage.service.watch(CHANNEL, "fmp4", "one") as watch,
        aclosing(aiter(watch)) as items,  # type: ignore[type-var]  # an async generator at heart
        asyncio.timeout(60),
    ):
        async for item in items:
            if isinstance(item, LiveStatus):
                states.append(item.state)
                if item.step == "media":
                    stage.media.bring_picture()
                if item.state is LiveState.STALLED:
                    break
            else:
                assert isinstance(item, Chunk)
                kinds.append(item.kind)
                if item.kind == "media":
                    stage.media.say(StreamStalled(stage.media.running.stream.id, 15.0))
    assert states[0] is LiveState.CONNECTING
    assert LiveState.LIVE in states
    assert kinds[:2] == ["init", "media"]


async def test_a_new_start_of_the_stream_begins_with_init_again(stage: Stage) -> None:
    inits = 0
    async with (
        stage.service.watch(CHANNEL, "fmp4", "one") as watch,
        aclosing(aiter(watch)) as items,  # type: ignore[type-var]  # an async generator at heart
        asyncio.timeout(60),
    ):
        async for item in items:
            if isinstance(item, LiveStatus):
                if item.step == "media":
                    stage.media.bring_picture()
                continue
            if item.kind == "init":
                inits += 1
                if inits == 2:
                    break
                stage.media.say(StreamStalled(stage.media.running.stream.id, 15.0))
    assert inits == 2
    assert len(stage.signalling.offers) == 2


async def test_codec_that_the_output_cannot_carry_is_told_and_others_go_on(stage: Stage) -> None:
    seen: list[LiveStatus] = []
    async with (
        stage.service.watch(CHANNEL, "fmp4", "one") as watch,
        aclosing(aiter(watch)) as items,  # type: ignore[type-var]  # an async generator at heart
        asyncio.timeout(60),
    ):
        async for item in items:
            assert isinstance(item, LiveStatus)
            seen.append(item)
            if item.step == "media":
                stream = stage.media.running.stream
                stream.publish([picture(0, is_key=True, track=SVAC)], [Kind.VIDEO], 0.0)
                stage.media.say(FirstPacket(stream.id, ("127.0.0.1", 7000), 1))
                stage.media.say(FirstKeyFrame(stream.id, 0.1))
            if item.reason is not None:
                break
    assert (seen[-1].state, seen[-1].reason, seen[-1].codec) == (
        LiveState.LIVE,
        LiveReason.UNPLAYABLE,
        "svac",
    )
    assert stage.signalling.ended == []


async def test_leaving_in_mid_picture_leaves_the_stream(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "one") as watch:
        await stage.until_picture()
        stream = stage.media.running.stream
        async with await watch.reader():
            assert stream.reader_count == 1
        assert stream.reader_count == 0


async def test_recorder_waits_out_a_stream_that_has_just_ended(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "fmp4", "recorder") as watch:
        await stage.until_picture()
        stage.media.running.stream.close(EndReason.SOURCE_LOST)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await watch.reader(patient=True)

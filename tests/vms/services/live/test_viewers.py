"""Viewers whose connection the relay has: what they are told, and that they count as others do."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from stream_relay.access_unit import Kind
from stream_relay.events import FirstKeyFrame, FirstPacket, StreamStalled, TracksChanged
from stream_relay.formats.websocket import BINARY, CLOSE, TEXT
from stream_relay.outputs.chunk import Format
from tests.stream_relay.media import SVAC, picture, pictures
from tests.vms.bench import CHANNEL, eventually
from tests.vms.services.live.stage import Stage
from vms.records import LiveState, LiveStatus
from vms.services.live import Viewer, Watch, Wire, Words


def state(status: LiveStatus) -> str:
    return f"state {status.state.value} {status.reason.value if status.reason else '-'}"


WORDS = Words(
    state=state,
    init=lambda facts: f"init {facts.codec_string[:4]}",
    ended=lambda reason: f"ended {reason}",
)


@dataclass
class Seat:
    """One viewer before the picture, and the task that drives it."""

    watch: Watch
    viewer: Viewer
    client: socket.socket
    work: "asyncio.Task[str]"

    async def frame(self) -> str:
        """A text as it is, a binary message as `data`, a close frame as `close`."""
        first, size = await self._read(2)
        if size >= 126:
            size = int.from_bytes(await self._read(2 if size == 126 else 8), "big")
        payload = await self._read(size)
        return {TEXT: payload.decode("utf-8", "replace"), BINARY: "data", CLOSE: "close"}[
            first & 0x0F
        ]

    async def until(self, wanted: str) -> list[str]:
        """All messages up to this one, runs of data as one."""
        seen: list[str] = []
        async with asyncio.timeout(60):
            while not seen or seen[-1] != wanted:
                message = await self.frame()
                if message != "data" or seen[-1:] != ["data"]:
                    seen.append(message)
        return seen

    async def _read(self, count: int) -> bytes:
        data = b""
        async with asyncio.timeout(60):
            while len(data) < count:
                piece = await asyncio.get_running_loop().sock_recv(self.client, count - len(data))
                if not piece:
                    raise EOFError
                data += piece
        return data


@asynccontextmanager
async def seated(
    stage: Stage, output: Format = "fmp4", wire: Wire = "websocket", *, talks: bool = True
) -> AsyncIterator[Seat]:
    near, far = socket.socketpair()
    far.setblocking(False)
    async with (
        stage.service.watch(CHANNEL, output, "one") as watch,
        asyncio.TaskGroup() as group,
    ):
        if not talks:
            await stage.until_picture()
        viewer = watch.adopt(near, wire)

        async def drive() -> str:
            end = await (watch.talk(viewer, WORDS) if talks else watch.show(viewer))
            return end.reason

        work = group.create_task(drive())
        try:
            yield Seat(watch, viewer, far, work)
        finally:
            viewer.abort()
            far.close()


async def test_a_screen_hears_the_way_then_sees_the_picture_then_hears_of_its_loss_and_return(
    stage: Stage,
) -> None:
    async with seated(stage) as seat:
        assert await seat.frame() == "state connecting -"
        await stage.until_picture()
        seen = await seat.until("data")
        assert seen[-3:] == ["state live -", "init avc1", "data"]
        stream = stage.media.running.stream
        assert stream.reader_count == 1
        stage.media.say(StreamStalled(stream.id, 15.0))
        await seat.until("state stalled media_stalled")
        await stage.until_picture()
        seen = await seat.until("data")
        assert seen[-3:] == ["state live -", "init avc1", "data"]
        assert "state connecting -" in seen
        assert stage.media.running.stream.reader_count == 1
        assert len(stage.signalling.offers) == 2


async def test_nothing_is_told_while_the_picture_runs(stage: Stage) -> None:
    async with seated(stage) as seat:
        await stage.until_picture()
        await seat.until("data")
        stream = stage.media.running.stream
        stage.media.say(TracksChanged(stream.id, stream.tracks))
        await stage.until_state(LiveState.LIVE)
        stage.media.say(StreamStalled(stream.id, 15.0))
        seen = await seat.until("state stalled media_stalled")
        assert seen[-1] == "state stalled media_stalled" and set(seen[:-1]) <= {"data"}


async def test_a_codec_that_does_not_fit_is_told_and_the_socket_stays(stage: Stage) -> None:
    async with seated(stage) as seat:
        await stage.until_step("media")
        stream = stage.media.running.stream
        stream.publish([picture(0, is_key=True, track=SVAC)], [Kind.VIDEO], 0.0)
        stage.media.say(FirstPacket(stream.id, ("127.0.0.1", 7000), 1))
        stage.media.say(FirstKeyFrame(stream.id, 0.1))
        seen = await seat.until("state live unplayable")
        assert seen[-2:] == ["state live -", "state live unplayable"]
        stream.publish(pictures(2, start=1), [Kind.VIDEO], 0.1)
        stage.media.say(TracksChanged(stream.id, stream.tracks))
        seen = await seat.until("data")
        assert seen == ["state live -", "init avc1", "data"], "now it fits"


async def test_a_codec_that_stops_fitting_in_mid_stream_is_told(stage: Stage) -> None:
    async with seated(stage) as seat:
        await stage.until_picture()
        await seat.until("data")
        stream = stage.media.running.stream
        stream.publish([picture(30, is_key=True, track=SVAC)], [Kind.VIDEO], 1.0)
        stage.media.say(TracksChanged(stream.id, stream.tracks))
        assert set((await seat.until("state live unplayable"))[:-1]) <= {"data"}
        assert not seat.work.done()


async def test_the_end_of_the_channel_is_the_last_word(stage: Stage) -> None:
    async with seated(stage) as seat:
        await stage.until_picture()
        await seat.until("data")
        stage.end()
        seen = await seat.until("close")
        assert seen[-2:] == ["ended stopped", "close"]
        seat.client.close()
        assert await seat.work == "finished"


@pytest.mark.parametrize("wire", ["http", "websocket"])
async def test_a_player_ends_with_its_stream(stage: Stage, wire: Wire) -> None:
    async with seated(stage, "flv", wire, talks=False) as seat:
        await eventually(lambda: seat.viewer.statistics.chunks > 5)
        stage.media.say(StreamStalled(stage.media.running.stream.id, 15.0))
        loop = asyncio.get_running_loop()
        data = b""
        async with asyncio.timeout(60):
            while piece := await loop.sock_recv(seat.client, 65536):
                data += piece
        seat.client.close()
        assert await seat.work in ("stream", "finished")
        start = b"FLV" if wire == "http" else b"\x82"
        assert data.startswith(start) and seat.viewer.statistics.bytes == len(data)


async def test_a_viewer_whose_stream_is_gone_already_is_finished(stage: Stage) -> None:
    async with stage.service.watch(CHANNEL, "flv", "one") as watch:
        near, far = socket.socketpair()
        viewer = watch.adopt(near, "http")
        far.shutdown(socket.SHUT_WR)
        assert (await watch.show(viewer)).reason in ("finished", "left")
        assert far.recv(10) == b""
        far.close()


async def test_adopted_viewers_are_counted_and_the_last_one_out_ends_the_stream(
    stage: Stage,
) -> None:
    async with seated(stage) as seat:
        await stage.until_picture()
        await seat.until("data")
        assert stage.status.viewers == 1
        assert stage.media.running.stream.statistics.readers == 1
        seat.client.close()
        assert await seat.work == "left"
        assert stage.media.running.stream.statistics.readers == 0
    assert stage.status.viewers == 0
    await stage.until_gone()
    assert stage.signalling.ended == ["invitation-1"]


async def test_who_is_cancelled_drops_the_connection(stage: Stage) -> None:
    async with seated(stage) as seat:
        await stage.until_picture()
        await seat.until("data")
        seat.work.cancel()
        await asyncio.wait([seat.work])
        seat.viewer.abort()
        assert (await seat.viewer.wait_closed()).reason == "aborted"
        assert stage.media.running.stream.reader_count == 0

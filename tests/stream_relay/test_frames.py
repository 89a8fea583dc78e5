import asyncio
import socket
import stat
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from stream_relay.access_unit import Kind
from stream_relay.errors import NoMedia, StreamClosed
from stream_relay.events import EndReason
from stream_relay.frames import FrameServer, FrameSubscription, FrameUnit, Tracks
from stream_relay.frames_protocol import Ended, Subscribe, build_message
from stream_relay.reader import QueueLimit, Reader
from stream_relay.stream import Stream, StreamLimits
from tests.stream_relay.media import EPOCH, VIDEO, WIDER, Clock, picture, pictures, sound

CODE = "14040000001320000001"


class Desk:
    """A frame server before one stream, and workers in threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()
        self.stream = Stream(
            CODE,
            limits=StreamLimits(queue=QueueLimit(30, 1 << 30)),
            wall=self.clock.wall,
            opened_at=self.clock.now,
            on_event=lambda event: None,
        )
        self.asked: list[str] = []
        self.server = FrameServer(path, self.open_reader)

    def open_reader(self, channel: str) -> AbstractAsyncContextManager[Reader]:
        self.asked.append(channel)
        if channel != CODE:
            return refused()
        return self.stream.open_reader("access-units")

    def publish(self, units) -> None:
        for unit in units:
            self.stream.publish([unit], (), self.clock.now)
            self.clock.now += 0.04


@asynccontextmanager
async def refused() -> AsyncIterator[Reader]:
    raise NoMedia("the channel is offline")
    yield  # an async generator needs it


@pytest.fixture
async def desk(tmp_path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path / "run" / "frames.sock")
    async with desk.server:
        yield desk


def collect(subscription: FrameSubscription, count: int) -> list[Tracks | FrameUnit]:
    got: list[Tracks | FrameUnit] = []
    with subscription:
        for message in subscription:
            got.append(message)
            if len(got) == count:
                break
    return got


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(6000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


async def test_worker_gets_tracks_and_pictures_with_pts_and_wall_time(desk):
    desk.publish([item for unit in pictures(5) for item in (unit, sound(0))])
    subscription = FrameSubscription(desk.path, CODE, keys_only=False)
    tracks, *units = await asyncio.to_thread(collect, subscription, 6)
    assert tracks == Tracks((VIDEO,))
    assert [unit.unit.data for unit in units] == [unit.data for unit in pictures(5)]
    assert [unit.unit.pts_ticks for unit in units] == [0, 3600, 7200, 10800, 14400]
    assert all(unit.unit.track is Kind.VIDEO for unit in units)
    assert [(unit.wall - EPOCH).total_seconds() for unit in units] == [0, 0.08, 0.16, 0.24, 0.32]
    assert desk.asked == [CODE]


async def test_keys_only_leaves_the_rest_out(desk):
    subscription = FrameSubscription(desk.path, CODE)
    async with asyncio.TaskGroup() as group:
        worker = group.create_task(asyncio.to_thread(collect, subscription, 4))
        await until(lambda: desk.stream.reader_count == 1)
        desk.publish(pictures(25, gop=10))
    units = [item.unit for item in worker.result() if isinstance(item, FrameUnit)]
    assert [unit.pts_ticks // 3600 for unit in units] == [0, 10, 20]


async def test_keys_come_no_faster_than_asked_for(desk):
    subscription = FrameSubscription(desk.path, CODE, max_fps=1.0)
    async with asyncio.TaskGroup() as group:
        worker = group.create_task(asyncio.to_thread(collect, subscription, 4))
        await until(lambda: desk.stream.reader_count == 1)
        for unit in pictures(75, gop=5):
            desk.publish([unit])
            await asyncio.sleep(0)
    units = [item.unit for item in worker.result() if isinstance(item, FrameUnit)]
    assert [unit.pts_ticks // 3600 for unit in units] == [0, 25, 50]


async def test_changed_tracks_are_told_before_their_pictures(desk):
    desk.publish(pictures(2))
    subscription = FrameSubscription(desk.path, CODE, keys_only=False)
    async with asyncio.TaskGroup() as group:
        worker = group.create_task(asyncio.to_thread(collect, subscription, 5))
        await until(lambda: desk.stream.reader_count == 1)
        desk.publish(pictures(1, start=2, track=WIDER))
    got = worker.result()
    assert got[3] == Tracks((WIDER,))
    assert got[4].unit.is_key


async def test_end_of_the_stream_reaches_the_worker_with_its_reason(desk):
    desk.publish(pictures(1))
    subscription = FrameSubscription(desk.path, CODE)
    async with asyncio.TaskGroup() as group:
        worker = group.create_task(asyncio.to_thread(_reason, subscription))
        await until(lambda: desk.stream.reader_count == 1)
        desk.stream.close(EndReason.NO_MEDIA)
    assert worker.result() == "no_media"


async def test_channel_that_cannot_be_opened_is_told_with_its_reason(desk):
    reason = await asyncio.to_thread(_reason, FrameSubscription(desk.path, "other"))
    assert reason == "the channel is offline"


def _reason(subscription: FrameSubscription) -> str:
    with subscription:
        try:
            for _ in subscription:
                pass
        except StreamClosed as error:
            return error.reason
    return "nothing"


async def test_worker_that_leaves_frees_its_stream_at_once(desk):
    desk.publish(pictures(1))
    await asyncio.to_thread(collect, FrameSubscription(desk.path, CODE), 2)
    await until(lambda: desk.stream.reader_count == 0 and desk.server.subscriptions == 0)


async def test_close_from_another_thread_ends_the_iteration(desk):
    desk.publish(pictures(1))
    subscription, seen = FrameSubscription(desk.path, CODE), threading.Event()

    def work() -> str:
        with subscription:
            for message in subscription:
                if isinstance(message, FrameUnit):
                    seen.set()
        return "ended"

    async with asyncio.TaskGroup() as group, asyncio.timeout(60):
        worker = group.create_task(asyncio.to_thread(work))
        await asyncio.to_thread(seen.wait)
        subscription.close()
    assert worker.result() == "ended"


async def test_slow_worker_loses_pictures_up_to_a_key_and_is_told_how_many(desk):
    with socket.socket(socket.AF_UNIX) as slow:
        slow.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(slow, str(desk.path))
        await loop.sock_sendall(slow, build_message(Subscribe(CODE, False, 0)))
        await until(lambda: desk.stream.reader_count == 1)
        for unit in pictures(60, gop=10):
            desk.publish([picture(unit.pts_ticks // 3600, is_key=unit.is_key, size=200_000)])
            await asyncio.sleep(0)
        assert desk.stream.statistics.dropped_chunks > 10
        subscription = FrameSubscription(desk.path, CODE, keys_only=False)
        subscription._socket = slow
        slow.setblocking(True)
        got: list[FrameUnit] = []

        def work() -> None:
            for message in subscription:
                if isinstance(message, FrameUnit):
                    got.append(message)
                    if message.dropped:
                        return

        await asyncio.to_thread(work)
    assert got[-1].unit.is_key
    assert got[-1].dropped == got[-1].unit.pts_ticks // 3600 - len(got) + 1


async def test_only_this_user_may_open_the_socket(desk):
    assert stat.S_IMODE(desk.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(desk.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", build_message(Ended("x")), b""])
async def test_whoever_does_not_subscribe_is_sent_away(desk, data):
    reader, writer = await asyncio.open_unix_connection(desk.path)
    writer.write(data)
    writer.write_eof()
    async with asyncio.timeout(60):
        assert await reader.read() == b""
    writer.close()
    assert desk.asked == []


async def test_socket_left_by_a_crash_is_replaced_and_removed_at_the_end(tmp_path):
    desk = Desk(tmp_path / "frames.sock")
    desk.path.touch()
    async with desk.server:
        assert stat.S_ISSOCK(desk.path.stat().st_mode)
    assert not desk.path.exists()


async def test_server_that_stops_ends_its_subscriptions(tmp_path):
    desk = Desk(tmp_path / "frames.sock")
    desk.publish(pictures(1))
    async with desk.server:
        subscription = FrameSubscription(desk.path, CODE)
        async with asyncio.TaskGroup() as group:
            worker = group.create_task(asyncio.to_thread(_reason, subscription))
            await until(lambda: desk.stream.reader_count == 1)
            await desk.server.__aexit__(None, None, None)
    assert worker.result() == "the relay closed the connection"


def test_relay_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(OSError), FrameSubscription(tmp_path / "nothing.sock", CODE):
        pass

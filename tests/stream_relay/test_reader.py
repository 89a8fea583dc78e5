"""A reader's place in the ring: what it gets, what it loses, how it ends."""

import asyncio

import pytest

from stream_relay.access_unit import Kind
from stream_relay.errors import Overload, StreamClosed
from stream_relay.events import EndReason
from stream_relay.reader import QueueLimit, Reader
from stream_relay.stream import StreamLimits
from tests.stream_relay.media import FRAME_TICKS, WIDER, picture, pictures
from tests.stream_relay.test_stream import Desk, indexes, media

LIMIT = QueueLimit(chunks=10, bytes=100_000)
STRIKES = 4
"""Overflows in a row after which a reader is given up (engine/_feed.pyx)."""


def new_desk(limit: QueueLimit = LIMIT) -> Desk:
    return Desk(StreamLimits(queue=limit))


def publish(desk: Desk, numbers: range, keys: tuple[int, ...] = (), size: int = 400) -> None:
    desk.publish([picture(number, is_key=number in keys, size=size) for number in numbers])


def started(desk: Desk) -> Reader:
    """A reader of a stream that has begun and whose group is not offered."""
    publish(desk, range(1), keys=(0,))
    reader = desk.stream.open_reader("access-units")
    assert [chunk.kind for chunk in reader.take_all()] == ["init", "media"]
    return reader


def test_reader_that_joins_without_a_group_waits_for_a_key():
    desk = Desk(StreamLimits(gop_cache_chunks=1))
    publish(desk, range(3), keys=(0,))
    reader = desk.stream.open_reader("access-units")
    assert [chunk.kind for chunk in reader.take_all()] == ["init"]
    publish(desk, range(3, 7), keys=(5,))
    assert indexes(reader) == [5, 6]
    assert reader.statistics.dropped == 0


def test_reader_that_joins_with_a_group_goes_on_in_it():
    desk = new_desk()
    publish(desk, range(3), keys=(0,))
    reader = desk.stream.open_reader("access-units")
    publish(desk, range(3, 5))
    assert indexes(reader) == [0, 1, 2, 3, 4]


def test_reader_between_the_tracks_and_the_key_gets_init_and_key():
    desk = new_desk()
    publish(desk, range(2))
    reader = desk.stream.open_reader("flv")
    assert [chunk.kind for chunk in reader.take_all()] == ["init"]
    publish(desk, range(2, 5), keys=(3,))
    assert indexes(reader) == [3, 4]


def test_backlog_without_a_key_is_emptied_and_next_chunk_is_a_key():
    desk = new_desk()
    reader = desk.stream.open_reader("access-units")
    publish(desk, range(11), keys=(0,))
    assert indexes(reader) == []
    publish(desk, range(11, 18), keys=(16,))
    assert indexes(reader) == [16, 17]
    assert reader.statistics.dropped == 16
    assert reader.statistics.overflows == 1


def test_overflow_keeps_what_follows_the_newest_key():
    desk = new_desk()
    reader = desk.stream.open_reader("access-units")
    publish(desk, range(11), keys=(0, 7))
    assert indexes(reader) == [7, 8, 9, 10]
    assert reader.statistics.dropped == 7


def test_key_that_brings_the_overflow_is_kept():
    desk = new_desk()
    reader = desk.stream.open_reader("access-units")
    publish(desk, range(11), keys=(0, 10))
    assert indexes(reader) == [10]


def test_init_survives_an_overflow():
    desk = new_desk()
    reader = desk.stream.open_reader("access-units")
    publish(desk, range(11), keys=(0, 7))
    assert [chunk.kind for chunk in reader.take_all()] == ["init", *["media"] * 4]


def test_newest_init_survives_an_overflow_in_place_of_the_one_before():
    desk = new_desk()
    reader = desk.stream.open_reader("fmp4")
    desk.publish([*pictures(5), *pictures(20, start=5, gop=100, track=WIDER)])
    (only,) = reader.take_all()
    assert (only.kind, only.tracks) == ("init", (WIDER,))
    desk.publish(pictures(2, start=25, track=WIDER))
    assert indexes(reader) == [25, 26]


def test_bytes_are_bounded_like_chunks():
    desk = new_desk(QueueLimit(chunks=1000, bytes=2000))
    reader = desk.stream.open_reader("access-units")
    publish(desk, range(52), keys=tuple(range(0, 52, 5)), size=300)
    assert sum(len(chunk.data) for chunk in media(reader)) <= 2000
    assert reader.statistics.overflows > 0


def test_group_a_reader_got_at_the_start_does_not_count_as_its_backlog():
    desk = new_desk()
    publish(desk, range(40), keys=(0,))
    reader = desk.stream.open_reader("access-units")
    publish(desk, range(40, 50))
    assert indexes(reader) == list(range(50))
    assert reader.statistics.overflows == 0


async def test_reader_that_takes_nothing_is_given_up():
    desk = new_desk()
    reader = desk.stream.open_reader("access-units")
    published = 0
    while desk.stream.reader_count:
        publish(desk, range(published, published + 1), keys=tuple(range(0, 100, 5)))
        published += 1
        assert published < 100
    assert published > 20
    assert reader.statistics.overflows == STRIKES
    with pytest.raises(Overload):
        async for _ in reader:
            pass


async def test_reader_that_is_merely_slow_is_kept():
    desk = new_desk()
    reader = desk.stream.open_reader("access-units")
    for number in range(2000):
        publish(desk, range(number, number + 1), keys=tuple(range(0, 2000, 5)))
        if number % 2 and reader.queued:
            await anext(reader)
    assert desk.stream.reader_count == 1
    assert reader.statistics.overflows > STRIKES
    assert reader.statistics.delivered > 500


def test_restart_puts_the_init_in_order_and_waits_for_a_key():
    desk = new_desk()
    reader = desk.stream.open_reader("flv")
    publish(desk, range(1), keys=(0,))
    desk.publish([picture(1, track=WIDER), picture(2, is_key=True, track=WIDER)])
    chunks = reader.take_all()
    assert [chunk.kind for chunk in chunks] == ["init", "media", "init", "media"]
    assert chunks[-1].is_key and chunks[-2].tracks == (WIDER,)


async def test_iteration_delivers_what_is_queued_before_it_raises_the_end():
    desk = new_desk()
    reader = desk.stream.open_reader("access-units")
    publish(desk, range(2), keys=(0,))
    desk.stream.close(EndReason.NO_MEDIA)
    kinds = []
    with pytest.raises(StreamClosed) as caught:
        async for chunk in reader:
            kinds.append(chunk.kind)
    assert kinds == ["init", "media", "media"]
    assert caught.value.reason == "no_media"


async def test_first_error_stays():
    reader = new_desk().stream.open_reader("access-units")
    reader.end(Overload("slow"))
    reader.end(StreamClosed("closed"))
    with pytest.raises(Overload):
        await anext(reader)


async def test_waiting_reader_wakes_when_a_chunk_comes():
    desk = new_desk()
    reader = desk.stream.open_reader("access-units")
    async with asyncio.TaskGroup() as group, asyncio.timeout(60):
        waiting = group.create_task(anext(reader))
        await asyncio.sleep(0)
        publish(desk, range(1), keys=(0,))
    assert waiting.result().kind == "init"
    assert indexes(reader) == [0]


async def test_waiting_reader_wakes_when_the_stream_ends():
    desk = new_desk()
    reader = started(desk)

    async def wait() -> None:
        with pytest.raises(StreamClosed):
            await reader.wait()

    async with asyncio.TaskGroup() as group, asyncio.timeout(60):
        group.create_task(wait())
        await asyncio.sleep(0)
        desk.stream.close(EndReason.CLOSED)


async def test_close_ends_iteration_without_an_error():
    desk = new_desk()
    publish(desk, range(3), keys=(0,))
    reader = desk.stream.open_reader("access-units")
    async with reader:
        assert (await anext(reader)).kind == "init"
    assert [chunk async for chunk in reader] == []
    assert reader.take_all() == [] and reader.queued == 0
    assert desk.stream.reader_count == 0


async def test_cancelled_wait_leaves_the_reader_usable():
    desk = new_desk()
    reader = started(desk)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await anext(reader)
    publish(desk, range(1, 2), keys=(1,))
    assert (await anext(reader)).pts_ticks == FRAME_TICKS


def test_reader_that_waits_for_announced_sound_holds_nothing():
    desk = new_desk()
    reader = desk.stream.open_reader("fmp4")
    desk.publish([picture(0, is_key=True)], (Kind.VIDEO, Kind.AUDIO))
    assert reader.queued == 0 and reader.take_all() == []

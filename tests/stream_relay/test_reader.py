import asyncio
from dataclasses import replace

import pytest

from stream_relay.errors import Overload, StreamClosed
from stream_relay.outputs.chunk import Chunk
from stream_relay.reader import STRIKES, QueueLimit, Reader
from tests.stream_relay.media import EPOCH

LIMIT = QueueLimit(chunks=10, bytes=10_000)


def chunk(number: int, *, is_key: bool = False, size: int = 10) -> Chunk:
    return Chunk("media", bytes(size), "", is_key, number, number, EPOCH, ())


INIT = Chunk("init", b"init", "", False, 0, 0, EPOCH, ())


def new_reader(limit: QueueLimit = LIMIT) -> Reader:
    return Reader(limit, on_close=lambda reader: None)


def numbers(reader: Reader) -> list[int]:
    return [item.pts_ticks for item in reader.take_all() if item.kind == "media"]


def test_reader_that_joins_without_a_group_waits_for_a_key():
    reader = new_reader()
    reader.join([INIT])
    reader.offer(chunk(1))
    reader.offer(chunk(2, is_key=True))
    reader.offer(chunk(3))
    assert numbers(reader) == [2, 3]
    assert reader.statistics.dropped == 0


def test_reader_that_joins_with_a_group_goes_on_in_it():
    reader = new_reader()
    reader.join([INIT, chunk(1, is_key=True), chunk(2)])
    reader.offer(chunk(3))
    assert numbers(reader) == [1, 2, 3]


def test_full_queue_without_a_key_is_emptied_and_next_chunk_is_a_key():
    reader = new_reader()
    reader.join([])
    reader.offer(chunk(0, is_key=True))
    for number in range(1, 15):
        reader.offer(chunk(number))
    assert numbers(reader) == []
    reader.offer(chunk(15))
    reader.offer(chunk(16, is_key=True))
    assert numbers(reader) == [16]
    assert reader.statistics.dropped == 16


def test_full_queue_keeps_what_follows_the_newest_key():
    reader = new_reader()
    reader.join([])
    for number in range(11):
        reader.offer(chunk(number, is_key=number in (0, 7)))
    assert numbers(reader) == [7, 8, 9, 10]
    assert reader.statistics.dropped == 7


def test_key_that_arrives_at_a_full_queue_is_kept():
    reader = new_reader()
    reader.join([])
    for number in range(11):
        reader.offer(chunk(number, is_key=number in (0, 10)))
    assert numbers(reader) == [10]


def test_init_chunk_survives_an_overflow():
    reader = new_reader()
    reader.join([INIT])
    for number in range(11):
        reader.offer(chunk(number, is_key=number in (0, 7)))
    assert reader.take_all()[0] is INIT


def test_bytes_are_bounded_like_chunks():
    reader = new_reader(QueueLimit(chunks=1000, bytes=1000))
    reader.join([])
    for number in range(50):
        reader.offer(chunk(number, is_key=number % 5 == 0, size=300))
    assert sum(len(item.data) for item in reader.take_all()) <= 1000


def test_group_a_reader_got_at_the_start_does_not_count_as_its_backlog():
    reader = new_reader()
    reader.join([INIT, *(chunk(number, is_key=number == 0) for number in range(40))])
    for number in range(40, 50):
        reader.offer(chunk(number))
    assert len(numbers(reader)) == 50
    assert reader.statistics.overflows == 0


def test_reader_that_takes_nothing_is_given_up():
    reader = new_reader()
    reader.join([])
    offered = 0
    while reader.offer(chunk(offered, is_key=offered % 5 == 0)):
        offered += 1
    assert 20 < offered < 100
    assert reader.statistics.overflows == STRIKES


def test_reader_that_is_merely_slow_is_kept():
    reader = new_reader()
    reader.join([])
    for number in range(2000):
        assert reader.offer(chunk(number, is_key=number % 5 == 0))
        if number % 2 and reader.queued:
            reader._pop()
    assert reader.statistics.overflows > STRIKES


def test_restart_puts_the_init_in_order_and_waits_for_a_key():
    reader = new_reader()
    reader.join([INIT, chunk(1, is_key=True)])
    other = replace(INIT, data=b"other")
    reader.restart(other, needs_key=True)
    reader.offer(chunk(2))
    reader.offer(chunk(3, is_key=True))
    assert [item.data[:5] for item in reader.take_all()] == [b"init", bytes(5), b"other", bytes(5)]


async def test_iteration_delivers_what_is_queued_before_it_raises_the_end():
    reader = new_reader()
    reader.join([INIT])
    reader.end(StreamClosed("no_media"))
    assert await anext(reader) is INIT
    with pytest.raises(StreamClosed) as caught:
        await anext(reader)
    assert caught.value.reason == "no_media"


async def test_first_error_stays():
    reader = new_reader()
    reader.end(Overload("slow"))
    reader.end(StreamClosed("closed"))
    with pytest.raises(Overload):
        await anext(reader)


async def test_waiting_reader_wakes_when_a_chunk_comes():
    reader = new_reader()
    reader.join([])
    async with asyncio.TaskGroup() as group, asyncio.timeout(60):
        waiting = group.create_task(anext(reader))
        await asyncio.sleep(0)
        reader.offer(chunk(1, is_key=True))
    assert waiting.result().pts_ticks == 1


async def test_close_ends_iteration_without_an_error():
    reader = new_reader()
    reader.join([INIT])
    async with reader:
        pass
    assert [item async for item in reader] == []


async def test_cancelled_wait_leaves_the_reader_usable():
    reader = new_reader()
    reader.join([])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await anext(reader)
    reader.offer(chunk(1, is_key=True))
    assert (await anext(reader)).pts_ticks == 1

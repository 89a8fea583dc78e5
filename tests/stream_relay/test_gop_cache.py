from stream_relay.gop_cache import GopCache
from tests.stream_relay.test_reader import chunk


def test_group_begins_at_the_key_and_ends_at_the_next():
    cache = GopCache(10_000, 100)
    for number in range(7):
        cache.add(chunk(number, is_key=number in (2, 5)))
    assert [item.pts_ticks for item in cache] == [5, 6]
    assert cache.bytes == 20


def test_nothing_is_kept_before_the_first_key():
    cache = GopCache(10_000, 100)
    cache.add(chunk(1))
    assert len(cache) == 0


def test_group_beyond_its_bytes_is_given_up_whole():
    cache = GopCache(100, 1000)
    for number in range(20):
        cache.add(chunk(number, is_key=number == 0))
    assert (len(cache), cache.bytes, cache.given_up) == (0, 0, 1)
    cache.add(chunk(20, is_key=True))
    assert len(cache) == 1


def test_group_beyond_its_length_is_given_up_whole():
    cache = GopCache(10_000, 5)
    for number in range(8):
        cache.add(chunk(number, is_key=number == 0))
    assert len(cache) == 0

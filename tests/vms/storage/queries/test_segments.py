import pytest
from peewee import Database

from tests.vms.storage.samples import CHANNEL, OTHER, after, segment
from vms.storage.errors import UnknownRow
from vms.storage.queries.segments import (
    add_segment,
    add_segments,
    delete_segments,
    get_segment,
    list_segments,
    lock_segment,
    oldest_segments,
    segment_paths,
    total_bytes,
)


def test_a_segment_is_stored_and_found(database: Database) -> None:
    made = add_segment(database, segment(0, width=1280, height=720, has_audio=True))
    assert made == get_segment(database, made.id)
    assert (made.duration_s, made.codec, made.width, made.has_audio) == (60.0, "h264", 1280, True)
    assert not made.locked


def test_the_same_file_again_is_one_segment_and_keeps_its_lock(database: Database) -> None:
    first = add_segment(database, segment(0))
    lock_segment(database, first.id, locked=True)
    again = add_segment(database, segment(0, size_bytes=5000))
    assert (again.id, again.size_bytes, again.locked) == (first.id, 5000, True)


def test_segments_that_touch_a_time_are_listed_in_order(database: Database) -> None:
    add_segments(database, [segment(n) for n in (3, 1, 2, 0)])
    add_segment(database, segment(1, OTHER))
    found = list_segments(database, CHANNEL, start=after(90), end=after(180))
    assert [one.path[-8:] for one in found] == ["0001.mp4", "0002.mp4"]
    assert list_segments(database, CHANNEL, start=after(240), end=after(999)) == ()
    assert len(list_segments(database, CHANNEL, start=after(0), end=after(999), limit=2)) == 2


def test_retention_meets_the_oldest_unlocked_first(database: Database) -> None:
    add_segments(database, [segment(n) for n in range(4)])
    oldest = oldest_segments(database, 1)[0]
    lock_segment(database, oldest.id, locked=True)
    assert [one.path[-8:] for one in oldest_segments(database, 2)] == ["0001.mp4", "0002.mp4"]


def test_the_index_follows_the_files(database: Database) -> None:
    add_segments(database, [*(segment(n) for n in range(1200)), segment(0, OTHER)])
    assert len(segment_paths(database)) == 1201
    assert segment_paths(database, OTHER) == {f"{OTHER}/0000.mp4"}
    gone = [segment(n).path for n in range(600)]
    assert delete_segments(database, [*gone, "nowhere.mp4"]) == 600
    assert total_bytes(database) == 601_000
    assert total_bytes(database, OTHER) == 1000
    assert total_bytes(database, "nobody") == 0


def test_unknown_segments_are_refused(database: Database) -> None:
    with pytest.raises(UnknownRow):
        get_segment(database, 99)
    with pytest.raises(UnknownRow):
        lock_segment(database, 99, locked=True)

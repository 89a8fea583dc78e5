import errno
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from stream_relay.recorder.segment import (
    SegmentFile,
    first_decode_time,
    part_of,
    rebased,
    segment_path,
    segment_start,
)
from tests.stream_relay.recorder.recording import CODE, fragments

START = datetime(2026, 3, 1, 7, 59, 59, 123_456, UTC)


def test_path_tells_channel_day_and_start_in_utc(tmp_path):
    shanghai = START.astimezone(timezone(timedelta(hours=8)))
    path = segment_path(tmp_path, CODE, shanghai)
    assert path == tmp_path / CODE / "20260301" / "20260301T075959.123Z.mp4"
    assert segment_start(path) == START.replace(microsecond=123_000)


@pytest.mark.parametrize("code", ["", "..", ".hidden", "a/b", "../../etc", "a\0b"])
def test_code_that_is_no_folder_name_is_refused(tmp_path, code):
    with pytest.raises(ValueError, match="folder"):
        segment_path(tmp_path, code, START)


def test_file_is_part_until_it_is_finished(tmp_path):
    path = segment_path(tmp_path, CODE, START)
    file = SegmentFile(path)
    file.append([b"one", memoryview(b"two")])
    assert part_of(path).read_bytes() == b"onetwo"
    assert not path.exists()
    assert file.finish() == path
    assert path.read_bytes() == b"onetwo"
    assert not part_of(path).exists()


def test_bytes_and_then_name_are_brought_to_disk(tmp_path, monkeypatch):
    order = []
    fsync, rename = os.fsync, os.rename

    def spy_fsync(fd: int) -> None:
        order.append("sync " + Path(os.readlink(f"/proc/self/fd/{fd}")).name)
        fsync(fd)

    file = SegmentFile(segment_path(tmp_path, CODE, START))
    file.append([b"data"])
    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "rename", lambda a, b: (order.append("rename"), rename(a, b)))
    path = file.finish()
    assert order == [f"sync {path.name}.part", "rename", "sync 20260301"]


def test_recording_of_the_same_moment_is_not_overwritten(tmp_path):
    path = segment_path(tmp_path, CODE, START)
    names = []
    for content in (b"first", b"second", b"third"):
        file = SegmentFile(path)
        file.append([content])
        names.append(file.finish().name)
    assert names[0] == path.name
    assert len(set(names)) == 3
    assert path.read_bytes() == b"first"
    assert {segment_start(path.with_name(name)) for name in names} == {segment_start(path)}


def test_failed_append_leaves_whole_fragments(tmp_path, monkeypatch):
    file = SegmentFile(segment_path(tmp_path, CODE, START))
    file.append([b"whole"])
    writev = os.writev

    def half(fd: int, views: list[memoryview]) -> int:
        if len(views[0]) < 4:
            raise OSError(errno.ENOSPC, "no space")
        return writev(fd, [views[0][:6]])

    monkeypatch.setattr(os, "writev", half)
    with pytest.raises(OSError, match="no space"):
        file.append([b"fragment"])
    monkeypatch.undo()
    assert part_of(file.path).read_bytes() == b"whole"
    file.append([b"more"])
    assert file.finish().read_bytes() == b"wholemore"


def test_short_writes_are_continued(tmp_path, monkeypatch):
    file = SegmentFile(segment_path(tmp_path, CODE, START))
    writev = os.writev
    monkeypatch.setattr(os, "writev", lambda fd, views: writev(fd, [views[0][:3]]))
    file.append([b"0123456789", b"abc", b"", b"defg"])
    assert file.finish().read_bytes() == b"0123456789abcdefg"


def test_fragment_is_moved_without_copying_its_media():
    fragment = fragments()[60].data
    head, media = rebased(fragment, 3600)
    assert first_decode_time(fragment) - first_decode_time(bytes(head)) == 3600
    assert len(head) + len(media) == len(fragment)
    assert media.obj is fragment


def test_fragment_before_its_base_is_put_at_zero():
    head, _ = rebased(fragments()[1].data, 10**12)
    assert first_decode_time(bytes(head)) == 0

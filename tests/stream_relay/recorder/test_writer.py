import errno
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from stream_relay.outputs.chunk import Chunk
from stream_relay.recorder.events import (
    RecorderEvent,
    RecordingFailed,
    RecordingFault,
    RecordingResumed,
    SegmentClosed,
)
from stream_relay.recorder.segment import SegmentFile
from stream_relay.recorder.writer import HEALTHY_S, LAST_RETRY_S, SegmentWriter
from tests.stream_relay.media import EPOCH, WIDER, clip, pictures, probe, sound
from tests.stream_relay.recorder.recording import CODE, fragments, repeated


class Disk:
    """A file system that can be told to refuse."""

    def __init__(self) -> None:
        self.refusal: int | None = None
        self.attempts = 0

    def create(self, path: Path) -> SegmentFile:
        self.attempts += 1
        disk = self

        class File(SegmentFile):
            def append(self, pieces: Sequence[bytes | bytearray | memoryview]) -> None:
                disk.check()
                super().append(pieces)

        return File(path)

    def check(self) -> None:
        if self.refusal is not None:
            raise OSError(self.refusal, os.strerror(self.refusal))


def closed(events: list[RecorderEvent]) -> list[SegmentClosed]:
    return [event for event in events if isinstance(event, SegmentClosed)]


def run(
    writer: SegmentWriter,
    chunks: list[Chunk],
    *,
    batch: int = 10,
    now: float = 0.0,
    before: Callable[[int], None] = lambda index: None,
) -> list[RecorderEvent]:
    """Write in batches at the pace of the pictures."""
    events: list[RecorderEvent] = []
    for index in range(0, len(chunks), batch):
        before(index)
        events += writer.write(chunks[index : index + batch], now + index * 0.04)
    return events


def test_recording_is_cut_at_keys_and_nothing_is_lost_between_files(tmp_path):
    writer = SegmentWriter(tmp_path, CODE, segment_s=2.0)
    segments = closed(run(writer, fragments()) + writer.close(6.0))
    assert [segment.duration_s for segment in segments] == [2.0, 2.0, 2.0]
    assert [segment.start - EPOCH for segment in segments] == [
        timedelta(seconds=seconds) for seconds in (0, 2, 4)
    ]
    for segment in segments:
        facts = probe(segment.path)
        assert facts["nb_read_frames"] == "50"
        assert (facts["width"], facts["height"]) == (160, 120)
        assert facts["avg_frame_rate"] == "25/1"
        assert float(facts["start_time"]) == 0
        assert float(facts["duration"]) == pytest.approx(2.0, abs=0.04)
        assert segment.bytes == segment.path.stat().st_size
        assert (segment.width, segment.height, segment.code) == (160, 120, CODE)
        assert segment.codec.startswith("avc1.")


def test_recording_with_sound_is_playable(tmp_path):
    units = [item for index, unit in enumerate(clip()) for item in (unit, sound(index))]
    writer = SegmentWriter(tmp_path, CODE, segment_s=3.0)
    segments = closed(run(writer, fragments(units)) + writer.close(6.0))
    assert len(segments) >= 2
    assert segments[-1].codec == segments[-2].codec
    assert sum(int(probe(segment.path)["nb_read_frames"]) for segment in segments) >= 150


def test_nothing_is_written_before_the_first_key(tmp_path):
    init, *media = fragments()
    writer = SegmentWriter(tmp_path, CODE)
    writer.write([init, *media[1:20]], 0.0)
    assert list(tmp_path.rglob("*.part")) == []
    segments = closed(run(writer, media[20:]) + writer.close(6.0))
    assert segments[0].start == EPOCH + timedelta(seconds=1)


def test_changed_tracks_begin_a_new_file(tmp_path):
    units = [*pictures(30), *pictures(30, start=30, track=WIDER)]
    writer = SegmentWriter(tmp_path, CODE)
    segments = closed(run(writer, fragments(units)) + writer.close(3.0))
    assert [(segment.width, segment.duration_s) for segment in segments] == [(320, 1.2), (640, 1.2)]


@pytest.mark.parametrize(
    ("gop", "spans"),
    [(50, [(0.0, 2.0), (2.0, 1.2)]), (20, [(0.0, 0.8), (0.8, 2.4)])],
    ids=["in the first group", "in a later one"],
)
def test_sound_that_joins_later_leaves_no_span_twice(tmp_path, gop, spans):
    silent, rest = pictures(30, gop), pictures(80, gop)[30:]
    heard = [unit for index, each in enumerate(rest, 30) for unit in (sound(index), each)]
    units = [*silent, *heard]
    writer = SegmentWriter(tmp_path, CODE, segment_s=2.0)
    segments = closed(run(writer, fragments(units)) + writer.close(9.0))
    found = [((each.start - EPOCH).total_seconds(), each.duration_s) for each in segments]
    assert found == spans
    assert list(tmp_path.rglob("*.part")) == []


def test_clock_set_back_overwrites_nothing(tmp_path):
    chunks = [replace(chunk, wall=EPOCH) for chunk in fragments()]
    writer = SegmentWriter(tmp_path, CODE, segment_s=2.0)
    segments = closed(run(writer, chunks) + writer.close(6.0))
    assert len({segment.path for segment in segments}) == 3


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (errno.ENOSPC, RecordingFault.DISK_FULL),
        (errno.EDQUOT, RecordingFault.DISK_FULL),
        (errno.EROFS, RecordingFault.READ_ONLY),
        (errno.EIO, RecordingFault.IO_ERROR),
    ],
)
def test_disk_that_refuses_is_told_once_and_what_was_written_is_kept(
    tmp_path, caplog, number, fault
):
    disk = Disk()

    def before(index: int) -> None:
        disk.refusal = number if index >= 50 else None

    writer = SegmentWriter(tmp_path, CODE, create=disk.create)
    with caplog.at_level(logging.ERROR):
        events = run(writer, fragments(repeated(5)), before=before)
    failures = [event for event in events if isinstance(event, RecordingFailed)]
    assert [(failure.code, failure.fault) for failure in failures] == [(CODE, fault)]
    assert len(caplog.records) == 1
    (segment,) = closed(events)
    assert probe(segment.path)["nb_read_frames"] == "49"
    assert list(tmp_path.rglob("*.part")) == []


def test_refusing_disk_is_tried_again_with_growing_pauses(tmp_path):
    disk = Disk()
    disk.refusal = errno.ENOSPC
    writer = SegmentWriter(tmp_path, CODE, create=disk.create)
    minutes = 10
    chunks = fragments(repeated(minutes * 10))
    run(writer, chunks)
    assert 10 <= disk.attempts <= 16
    assert writer.discarded > 0.9 * len(chunks)
    assert LAST_RETRY_S == 60


@pytest.mark.parametrize("segment_s", [60.0, 2.0])
def test_recording_goes_on_by_itself_when_there_is_space_again(tmp_path, segment_s):
    disk = Disk()

    def before(index: int) -> None:
        disk.refusal = errno.ENOSPC if 50 <= index < 250 else None

    writer = SegmentWriter(tmp_path, CODE, segment_s=segment_s, create=disk.create)
    events = run(writer, fragments(repeated(8)), before=before) + writer.close(48.0)
    told = [event for event in events if not isinstance(event, SegmentClosed)]
    assert [type(event) for event in told] == [RecordingFailed, RecordingResumed]
    assert 7 <= told[1].lost_s < 9
    assert {probe(segment.path)["width"] for segment in closed(events)} == {160}
    assert (len(closed(events)) == 2) == (segment_s == 60.0)


def test_disk_that_takes_a_little_and_refuses_again_is_one_outage_without_litter(tmp_path):
    disk = Disk()

    def before(index: int) -> None:
        disk.refusal = errno.ENOSPC if index >= 50 and (index // 10) % 2 else None

    writer = SegmentWriter(tmp_path, CODE, create=disk.create)
    events = run(writer, fragments(repeated(10)), before=before)
    assert sum(isinstance(event, RecordingFailed) for event in events) == 1
    assert not any(isinstance(event, RecordingResumed) for event in events)
    assert len(list(tmp_path.rglob("*.mp4*"))) == 1
    assert HEALTHY_S > 1


def test_reserve_is_left_free(tmp_path, monkeypatch):
    writer = SegmentWriter(tmp_path, CODE, reserve_bytes=1 << 60)
    events = run(writer, fragments())
    assert [event.fault for event in events if isinstance(event, RecordingFailed)] == [
        RecordingFault.DISK_FULL
    ]
    assert list(tmp_path.rglob("*.mp4*")) == []


def test_folder_that_cannot_be_made_is_an_outage_not_a_crash(tmp_path):
    blocked = tmp_path / "recordings"
    blocked.write_text("a file where the folder should be")
    writer = SegmentWriter(blocked, CODE)
    events = run(writer, fragments())
    assert [event.fault for event in events if isinstance(event, RecordingFailed)] == [
        RecordingFault.IO_ERROR
    ]


def test_file_that_cannot_be_finished_stays_for_recovery(tmp_path, monkeypatch):
    writer = SegmentWriter(tmp_path, CODE)
    run(writer, fragments())

    def refuse(fd: int) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "fsync", refuse)
    (failure,) = writer.close(6.0)
    assert isinstance(failure, RecordingFailed)
    assert [path.suffix for path in tmp_path.rglob("*.mp4*")] == [".part"]


def test_data_are_brought_to_disk_while_the_file_grows(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    writer = SegmentWriter(tmp_path, CODE, sync_s=2.0)
    run(writer, fragments())
    assert len(synced) == 3

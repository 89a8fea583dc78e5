from datetime import timedelta
from pathlib import Path

from stream_relay.recorder.index import rebuild, recover
from stream_relay.recorder.segment import part_of, segment_path
from stream_relay.recorder.writer import SegmentWriter
from tests.stream_relay.media import EPOCH, probe
from tests.stream_relay.recorder.recording import CODE, fragments


def record(folder: Path, segment_s: float = 2.0) -> list[Path]:
    writer = SegmentWriter(folder, CODE, segment_s=segment_s)
    writer.write(fragments(), 0.0)
    writer.close(6.0)
    return sorted(folder.rglob("*.mp4"))


def crash(folder: Path, tail: bytes) -> Path:
    """A `.part` as a power cut leaves it: 40 whole fragments and part of one."""
    path = segment_path(folder, CODE, EPOCH + timedelta(hours=1))
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = b"".join(chunk.data for chunk in fragments()[:41])
    part_of(path).write_bytes(whole + tail)
    return path


def test_index_is_rebuilt_from_files_alone(tmp_path):
    paths = record(tmp_path)
    segments = list(rebuild(tmp_path))
    assert [segment.path for segment in segments] == paths
    assert [segment.duration_s for segment in segments] == [2.0, 2.0, 2.0]
    assert [segment.start - EPOCH for segment in segments] == [
        timedelta(seconds=seconds) for seconds in (0, 2, 4)
    ]
    first = segments[0]
    assert (first.code, first.codec, first.width, first.height) == (CODE, "h264", 160, 120)
    assert first.bytes == first.path.stat().st_size


def test_known_recordings_are_not_read_again(tmp_path):
    paths = record(tmp_path)
    assert [s.path for s in rebuild(tmp_path, lambda path: path != paths[1])] == [paths[1]]


def test_unfinished_file_is_cut_after_its_last_whole_fragment(tmp_path):
    path = crash(tmp_path, fragments()[41].data[:-10])
    (segment,) = recover(tmp_path)
    assert segment.path == path
    assert segment.duration_s == 1.6
    assert segment.bytes == path.stat().st_size
    assert probe(path)["nb_read_frames"] == "40"
    assert not part_of(path).exists()
    assert list(recover(tmp_path)) == []


def test_zeros_at_the_end_of_an_unfinished_file_are_cut_off(tmp_path):
    path = crash(tmp_path, bytes(100_000))
    assert len(list(recover(tmp_path))) == 1
    assert probe(path)["nb_read_frames"] == "40"


def test_unfinished_file_without_a_fragment_is_removed(tmp_path):
    path = crash(tmp_path, b"")
    part_of(path).write_bytes(fragments()[0].data)
    assert list(recover(tmp_path)) == []
    assert list(tmp_path.rglob("*.mp4*")) == []


def test_unfinished_file_does_not_replace_a_finished_one(tmp_path):
    path = crash(tmp_path, b"")
    path.write_bytes(b"finished")
    list(recover(tmp_path))
    assert path.read_bytes() == b"finished"


def test_foreign_and_damaged_files_are_passed_over(tmp_path):
    paths = record(tmp_path)
    (paths[0].parent / "holiday.mp4").write_bytes(b"not a name of ours")
    paths[1].write_bytes(b"\0" * 1000)
    assert [segment.path for segment in rebuild(tmp_path)] == [paths[0], paths[2]]

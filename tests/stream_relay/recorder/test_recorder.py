import asyncio
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stream_relay.errors import Overload, RelayError, Unsupported
from stream_relay.events import EndReason
from stream_relay.outputs.chunk import Chunk
from stream_relay.recorder import Recorder, RecorderEvent, SegmentClosed, recover
from stream_relay.recorder.writer import SegmentWriter
from tests.stream_relay.media import SVAC, clip, picture, probe
from tests.stream_relay.recorder.recording import CODE, open_stream, publish


@pytest.fixture
def executor():
    with ThreadPoolExecutor(1) as pool:
        yield pool


def new_recorder(reader, folder, executor, events, **options) -> Recorder:
    return Recorder(
        reader, folder, CODE, executor=executor, on_event=events.append, gather_s=0.0, **options
    )


async def test_stream_is_recorded_from_its_cached_key_to_its_end(tmp_path, executor):
    stream, clock = open_stream()
    publish(stream, clock, clip()[:30])
    events: list[RecorderEvent] = []
    async with stream.open_reader("fmp4-any-audio") as reader:
        recorder = new_recorder(reader, tmp_path, executor, events)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(recorder.run())
            for index in range(30, 150, 10):
                publish(stream, clock, clip()[index : index + 10])
                await asyncio.sleep(0.01)
            stream.close(EndReason.CLOSED)
    assert task.result() == "closed"
    (segment,) = events
    assert isinstance(segment, SegmentClosed)
    assert probe(segment.path)["nb_read_frames"] == "125"


async def test_cancelled_recorder_closes_its_file(tmp_path, executor):
    stream, clock = open_stream()
    events: list[RecorderEvent] = []
    async with stream.open_reader("fmp4-any-audio") as reader:
        recorder = new_recorder(reader, tmp_path, executor, events)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(recorder.run())
            publish(stream, clock, clip()[:50])
            await asyncio.sleep(0.05)
            publish(stream, clock, clip()[50:70])
            task.cancel()
    (segment,) = events
    assert isinstance(segment, SegmentClosed)
    assert probe(segment.path)["nb_read_frames"] == "70"


class StuckWriter(SegmentWriter):
    """A disk that hangs until it is released."""

    release = threading.Event()

    def write(self, chunks: list[Chunk], now: float) -> list[RecorderEvent]:
        self.release.wait(60)
        return super().write(chunks, now)


async def test_disk_that_hangs_blocks_neither_the_loop_nor_other_readers(tmp_path, executor):
    stream, clock = open_stream()
    writer = StuckWriter(tmp_path, CODE)
    writer.release = threading.Event()
    viewer = stream.open_reader("fmp4")
    seen = 0
    async with stream.open_reader("fmp4-any-audio", limit=20) as reader:
        recorder = new_recorder(reader, tmp_path, executor, [], writer=writer)
        async with asyncio.TaskGroup() as group:
            ending = group.create_task(_ending(recorder))
            for index in range(150):
                publish(stream, clock, clip()[index : index + 1])
                await asyncio.sleep(0)
                seen += sum(chunk.kind == "media" for chunk in viewer.take_all())
            assert reader.queued <= 21
            writer.release.set()
    assert isinstance(ending.result(), Overload)
    assert seen == 150


async def _ending(recorder: Recorder) -> RelayError | str:
    """How a recording ended."""
    try:
        return await recorder.run()
    except RelayError as error:
        return error


async def test_codec_that_mp4_cannot_carry_is_told(tmp_path, executor):
    stream, clock = open_stream()
    reader = stream.open_reader("fmp4-any-audio")
    publish(stream, clock, [picture(0, is_key=True, track=SVAC)])
    with pytest.raises(Unsupported):
        await new_recorder(reader, tmp_path, executor, []).run()
    assert list(tmp_path.iterdir()) == []


CHILD = """
import sys, time
from pathlib import Path
from stream_relay.recorder.writer import SegmentWriter
from tests.stream_relay.recorder.recording import CODE, fragments, repeated
writer = SegmentWriter(Path(sys.argv[1]), CODE, segment_s=4.0)
chunks = fragments(repeated(100))
for index in range(0, len(chunks), 5):
    if writer.write(chunks[index:index + 5], index * 0.04):
        print("closed a segment", flush=True)
    time.sleep(0.002)
"""


async def test_killed_recorder_leaves_files_that_play(tmp_path):
    root = Path(__file__).parents[3]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(tmp_path), stdout=asyncio.subprocess.PIPE, cwd=root
    )
    assert child.stdout is not None
    for _ in range(3):
        assert await child.stdout.readline() == b"closed a segment\n"
    os.kill(child.pid, signal.SIGKILL)
    await child.wait()
    parts = [path.name for path in tmp_path.rglob("*.part")]
    assert len(parts) <= 1
    recovered = list(recover(tmp_path))
    assert [segment.path.name + ".part" for segment in recovered] == parts
    finished = sorted(tmp_path.rglob("*.mp4"))
    assert len(finished) >= 3
    for path in finished:
        assert int(probe(path)["nb_read_frames"]) > 0

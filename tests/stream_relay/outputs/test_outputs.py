"""What a viewer gets plays from wherever he joins; read back by FFmpeg."""

import pytest

from stream_relay.access_unit import Kind
from stream_relay.errors import Unsupported
from stream_relay.outputs import create_output
from stream_relay.outputs.chunk import Change
from tests.stream_relay.media import EPOCH, G711, SVAC, VIDEO, WIDER, clip, probe, sound
from tests.stream_relay.recorder.recording import open_stream, publish

FORMATS = ["flv", "flv-h265-legacy", "fmp4", "fmp4-any-audio"]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("joins_at", [0, 60])
def test_output_plays_from_the_key_before_the_viewer_joined(tmp_path, name, joins_at):
    stream, clock = open_stream()
    publish(stream, clock, clip()[:joins_at])
    reader = stream.open_reader(name)
    publish(stream, clock, clip()[joins_at:])
    path = tmp_path / "output"
    path.write_bytes(b"".join(chunk.data for chunk in reader.take_all()))
    facts = probe(path)
    key = joins_at - joins_at % 25
    assert facts["nb_read_frames"] == str(150 - key)
    assert facts["avg_frame_rate"] == "25/1"
    assert (facts["width"], facts["height"]) == (160, 120)
    assert float(facts["start_time"]) == pytest.approx(key / 25, abs=0.002)


@pytest.mark.parametrize("name", FORMATS)
def test_output_with_sound_plays(tmp_path, name):
    stream, clock = open_stream()
    reader = stream.open_reader(name, limit=1000)
    units = [item for index, unit in enumerate(clip()) for item in (sound(index), unit)]
    publish(stream, clock, units)
    path = tmp_path / "output"
    path.write_bytes(b"".join(chunk.data for chunk in reader.take_all()))
    assert probe(path)["nb_read_frames"] == "150"


@pytest.mark.parametrize("name", FORMATS)
def test_change_that_a_format_does_not_carry_changes_nothing(name):
    output = create_output(name)
    assert output.start((VIDEO,), EPOCH) is Change.RESTART
    assert output.start((VIDEO,), EPOCH) is Change.NOTHING
    added = output.start((VIDEO, G711), EPOCH)
    expected = {"fmp4": Change.NOTHING, "fmp4-any-audio": Change.RESTART}
    assert added is expected.get(name, Change.ADDED)
    assert output.start((WIDER, G711), EPOCH) is Change.RESTART


@pytest.mark.parametrize("name", FORMATS)
def test_video_that_a_format_cannot_carry_is_refused_even_beside_sound_it_can(name):
    with pytest.raises(Unsupported):
        create_output(name).start((SVAC, G711), EPOCH)


@pytest.mark.parametrize("name", ["flv", "fmp4"])
def test_init_before_tracks_is_refused(name):
    with pytest.raises(Unsupported):
        create_output(name).opening(0)


def test_sound_waits_for_the_next_picture_and_leaves_with_it():
    output = create_output("fmp4-any-audio")
    output.start((VIDEO, G711), EPOCH)
    assert output.convert(sound(0), EPOCH) == ()
    (chunk,) = output.convert(clip()[0], EPOCH)
    assert chunk.is_key
    assert chunk.data.count(b"traf") == 2


def test_sound_alone_leaves_in_short_fragments():
    output = create_output("fmp4-any-audio")
    output.start((G711,), EPOCH)
    sizes = [len(output.convert(sound(index), EPOCH)) for index in range(12)]
    assert sizes == [0, 0, 0, 0, 0, 1] * 2
    assert create_output("fmp4-any-audio").convert(sound(0), EPOCH) == ()
    assert {track.kind for track in (G711, VIDEO)} == set(Kind)

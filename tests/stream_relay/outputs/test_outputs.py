"""What a viewer gets plays from wherever he joins; read back by FFmpeg."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.errors import Unsupported
from stream_relay.outputs import create_output
from stream_relay.outputs.chunk import Change
from stream_relay.outputs.output import KEY, MEDIA, NOTHING, Output
from tests.stream_relay.formats.clips import TWINS, module
from tests.stream_relay.formats.random_units import units_of
from tests.stream_relay.media import G711, SVAC, VIDEO, WIDER, clip, picture, probe, sound
from tests.stream_relay.recorder.recording import open_stream, publish

FORMATS = ["flv", "flv-h265-legacy", "fmp4", "fmp4-any-audio"]
CLASSES = {
    "access-units": ("access_units", "AccessUnitOutput", ()),
    "flv": ("flv", "FlvOutput", ("enhanced",)),
    "flv-h265-legacy": ("flv", "FlvOutput", ("legacy",)),
    "fmp4": ("fmp4", "Fmp4Output", ("aac",)),
    "fmp4-any-audio": ("fmp4", "Fmp4Output", ("any",)),
    "ps": ("ps", "PsOutput", ("any",)),
    "ps-g711": ("ps", "PsOutput", ("g711",)),
    "ps-video": ("ps", "PsOutput", ("none",)),
}


def made(name: str, twin: str) -> Output:
    """An output of this format, of the plain module or its compiled twin."""
    home, kind, arguments = CLASSES[name]
    output: Output = getattr(module(home, twin, "stream_relay.outputs"), kind)(*arguments)
    return output


twins = pytest.mark.parametrize("twin", TWINS)


def test_every_format_is_made_by_its_name():
    assert {name: type(create_output(name)).__name__ for name in CLASSES} == {
        name: kind for name, (_, kind, _) in CLASSES.items()
    }


@pytest.mark.parametrize("name", [*FORMATS, "ps"])
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


@twins
@pytest.mark.parametrize("name", FORMATS)
def test_change_that_a_format_does_not_carry_changes_nothing(name, twin):
    output = made(name, twin)
    assert output.start((VIDEO,)) is Change.RESTART
    assert output.start((VIDEO,)) is Change.NOTHING
    added = output.start((VIDEO, G711))
    expected = {"fmp4": Change.NOTHING, "fmp4-any-audio": Change.RESTART}
    assert added is expected.get(name, Change.ADDED)
    assert output.tracks == ((VIDEO,) if name == "fmp4" else (VIDEO, G711))
    assert output.start((WIDER, G711)) is Change.RESTART


@twins
def test_sound_that_flv_does_not_know_changes_nothing(twin):
    output = made("flv", twin)
    output.start((VIDEO,))
    assert output.start((VIDEO, Track(Kind.AUDIO, Codec.OPUS))) is Change.NOTHING
    assert output.tracks == (VIDEO,)


@twins
@pytest.mark.parametrize(
    ("name", "sounds"),
    [
        ("ps", [Codec.G711A, Codec.G711U, Codec.G722_1, Codec.AAC]),
        ("ps-g711", [Codec.G711A, Codec.G711U]),
        ("ps-video", []),
    ],
)
def test_program_stream_carries_the_sound_it_was_made_for(name, sounds, twin):
    for codec in (Codec.G711A, Codec.G711U, Codec.G722_1, Codec.AAC, Codec.OPUS):
        output = made(name, twin)
        track = Track(Kind.AUDIO, codec, audio_config=b"\x14\x08" if codec is Codec.AAC else b"")
        assert output.start((VIDEO, track)) is Change.RESTART
        assert output.tracks == ((VIDEO, track) if codec in sounds else (VIDEO,))
        unit = AccessUnit(Kind.AUDIO, codec, 0, 0, True, b"sound")
        assert output.take(unit)[0] == (MEDIA if codec in sounds else NOTHING)
        assert output.take(picture(0, is_key=True))[0] == KEY
        if codec not in sounds:
            with pytest.raises(Unsupported):
                made(name, twin).start((track,))


@twins
def test_video_that_nobody_has_a_number_for_is_no_program_stream(twin):
    output = made("ps", twin)
    with pytest.raises(Unsupported):
        output.start((Track(Kind.VIDEO, Codec.UNKNOWN), G711))
    assert output.start((SVAC, G711)) is Change.RESTART


@twins
@pytest.mark.parametrize("name", FORMATS)
def test_video_that_a_format_cannot_carry_is_refused_even_beside_sound_it_can(name, twin):
    with pytest.raises(Unsupported):
        made(name, twin).start((SVAC, G711))


@twins
def test_output_of_no_format_carries_nothing(twin):
    output = module("output", twin, "stream_relay.outputs").Output()
    with pytest.raises(Unsupported):
        output.start((VIDEO,))
    with pytest.raises(Unsupported):
        output.reopening(0)
    assert output.take(picture(0, is_key=True)) == (NOTHING, b"")


@twins
@pytest.mark.parametrize("name", FORMATS)
def test_init_before_tracks_is_refused(name, twin):
    output = made(name, twin)
    output.forget()
    with pytest.raises(Unsupported):
        output.opening(0)
    with pytest.raises(Unsupported):
        output.reopening(0)


@twins
def test_viewer_that_stays_through_a_change_gets_no_second_flv_header(twin):
    output = made("flv", twin)
    output.start((VIDEO,))
    assert output.opening(90_000).startswith(b"FLV")
    assert output.opening(90_000).endswith(output.reopening(90_000))
    again = output.reopening(90_000)
    assert (again[0], again[4:8]) == (9, b"\x00\x03\xe8\x00")


@twins
@pytest.mark.parametrize("name", CLASSES)
def test_key_pictures_are_told_with_their_times(name, twin):
    output = made(name, twin)
    output.start((VIDEO,))
    key, other = picture(5, is_key=True), replace(picture(6), pts_ticks=6 * 3600 + 900)
    assert output.take(key)[0] == KEY
    assert (output.chunk_pts, output.chunk_dts) == (18_000, 18_000)
    assert output.take(other)[0] == MEDIA
    assert (output.chunk_pts, output.chunk_dts) == (22_500, 21_600)


@twins
@pytest.mark.parametrize("name", ["access-units", "flv", "ps"])
def test_sound_is_a_place_to_start_only_where_there_are_no_pictures(name, twin):
    output = made(name, twin)
    output.start((VIDEO, G711))
    assert output.take(sound(0))[0] == MEDIA
    output.start((G711,))
    assert output.take(sound(0))[0] == KEY


@twins
def test_units_pass_unchanged(twin):
    output = made("access-units", twin)
    output.start((SVAC,))
    unit = AccessUnit(Kind.VIDEO, Codec.SVAC, 0, 0, True, b"anything")
    assert output.keeps_units
    assert output.take(unit) == (KEY, b"anything")
    assert output.opening(0) == output.reopening(0) == b""


@twins
def test_sound_waits_for_the_next_picture_and_leaves_with_it(twin):
    output = made("fmp4-any-audio", twin)
    output.start((VIDEO, G711))
    assert output.take(sound(0)) == (NOTHING, b"")
    kind, data = output.take(clip()[0])
    assert kind == KEY
    assert data.count(b"traf") == 2


@twins
def test_sound_that_waited_before_a_restart_is_forgotten(twin):
    output = made("fmp4-any-audio", twin)
    output.start((VIDEO, G711))
    output.take(sound(0))
    output.forget()
    assert output.take(clip()[0])[1].count(b"traf") == 1


@twins
def test_sound_alone_leaves_in_short_fragments(twin):
    output = made("fmp4-any-audio", twin)
    output.start((G711,))
    kinds = [output.take(sound(index))[0] for index in range(12)]
    assert kinds == [0, 0, 0, 0, 0, KEY] * 2
    assert (output.chunk_pts, output.chunk_dts) == (6 * 3600, 6 * 3600)
    assert made("fmp4-any-audio", twin).take(sound(0)) == (NOTHING, b"")
    assert {track.kind for track in (G711, VIDEO)} == set(Kind)


@twins
@pytest.mark.parametrize(("size", "most"), [(320, 512), (100_000, 10)])
def test_sound_whose_pictures_stopped_coming_stays_bounded_and_its_newest_is_kept(twin, size, most):
    output = made("fmp4-any-audio", twin)
    output.start((VIDEO, G711))
    for index in range(2000):
        output.take(replace(sound(index), data=index.to_bytes(2, "big") * (size // 2)))
    _, data = output.take(clip()[0])
    kept = 2000 - output.dropped
    assert most // 2 <= kept <= most
    assert data.endswith((1999).to_bytes(2, "big") * (size // 2))
    assert len(data) < kept * (size + 16) + len(clip()[0].data) + 300


@twins
def test_codec_strings_are_told_where_players_ask(twin):
    output = made("fmp4", twin)
    output.start((VIDEO, G711))
    assert output.codec_string == "avc1.4d400d"


@given(units=units_of(Codec.H264, Codec.H265, Codec.MPEG4, Codec.G711A, Codec.AAC))
@settings(max_examples=50)
@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("tracks", [(VIDEO, G711), (VIDEO,), (G711,)])
def test_twins_make_the_same_chunks_of_any_units(name, tracks, units):
    if name in ("fmp4", "ps-video") and tracks == (G711,):
        tracks = (VIDEO,)
    outputs = [made(name, twin) for twin in TWINS]
    for output in outputs:
        output.start(tracks)
    for unit in units:
        plain, compiled = (
            (output.take(unit), output.chunk_pts, output.chunk_dts) for output in outputs
        )
        assert plain == compiled

"""Fragmented MP4 for browsers and recordings, and the reader that rebuilds an index from it."""

import re
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.errors import MalformedMp4, Unsupported
from stream_relay.formats import PsDemuxer, to_length_prefixed
from stream_relay.formats.boxes import find_box, iterate_boxes
from stream_relay.formats.fmp4 import AudioPolicy
from stream_relay.formats.fmp4_reader import Fmp4Reader
from tests.stream_relay.formats.clips import (
    TWINS,
    Clip,
    frame_hashes,
    module,
    probe,
    program_stream,
    silence,
)
from tests.stream_relay.formats.random_units import units_of

G711A = Track(Kind.AUDIO, Codec.G711A, sample_rate=8000, channels=1)
AAC = Track(Kind.AUDIO, Codec.AAC, sample_rate=16000, channels=1, audio_config=b"\x14\x08")


@pytest.fixture(params=TWINS, scope="module")
def fmp4(request: pytest.FixtureRequest) -> ModuleType:
    return module("fmp4", request.param)


def demuxed(clip: Clip) -> tuple[list[AccessUnit], tuple[Track, ...]]:
    demuxer = PsDemuxer()
    units = demuxer.push(program_stream(clip.units)) + demuxer.flush()
    return units, demuxer.tracks()


def written(
    fmp4: ModuleType,
    units: Sequence[AccessUnit],
    tracks: Sequence[Track],
    audio: AudioPolicy = "none",
) -> bytes:
    muxer = fmp4.Fmp4Muxer(tracks, audio)
    return bytes(muxer.init_segment() + b"".join(muxer.fragment([unit]) for unit in units))


@pytest.mark.parametrize("name", ["h264", "h264_reordered", "h265"])
def test_ffprobe_reads_size_rate_duration_and_every_frame(
    fmp4: ModuleType, name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    clip: Clip = request.getfixturevalue(name)
    path, raw = tmp_path / "a.mp4", tmp_path / f"a.{name[:4]}"
    path.write_bytes(written(fmp4, *demuxed(clip)))
    raw.write_bytes(b"".join(clip.data))
    answer = probe(path)
    [video] = answer["streams"]
    assert (video["width"], video["height"]) == (clip.width, clip.height)
    assert video["r_frame_rate"] == "25/1"
    assert int(video["nb_read_frames"]) == 30
    assert float(video["duration"]) == pytest.approx(30 / 25, abs=0.1)
    assert frame_hashes(path) == frame_hashes(raw)


def test_a_file_may_begin_in_mid_stream(fmp4: ModuleType, h264: Clip, tmp_path: Path) -> None:
    units, tracks = demuxed(h264)
    path = tmp_path / "a.mp4"
    path.write_bytes(written(fmp4, units[10:], tracks))
    answer = probe(path)
    assert int(answer["streams"][0]["nb_read_frames"]) == 20
    assert float(answer["streams"][0]["start_time"]) == pytest.approx(0.4)


@pytest.mark.parametrize(("codec", "name"), [(Codec.G711A, "pcm_alaw"), (Codec.G711U, "pcm_mulaw")])
def test_files_carry_g711(
    fmp4: ModuleType, h264: Clip, tmp_path: Path, codec: Codec, name: str
) -> None:
    units, tracks = demuxed(h264)
    units = [u for unit in units for u in (unit, silence(unit.dts_ticks, 320, codec))]
    sound = Track(Kind.AUDIO, codec, sample_rate=8000, channels=1)
    path = tmp_path / "a.mp4"
    path.write_bytes(written(fmp4, units, [*tracks, sound], "any"))
    audio = next(s for s in probe(path)["streams"] if s["codec_type"] == "audio")
    assert (audio["codec_name"], audio["sample_rate"], audio["channels"]) == (name, "8000", 1)
    assert float(audio["duration"]) == pytest.approx(1.2, abs=0.01)


def test_browsers_are_not_given_g711(fmp4: ModuleType, h264: Clip) -> None:
    _, tracks = demuxed(h264)
    muxer = fmp4.Fmp4Muxer([*tracks, G711A])
    assert list(muxer.tracks.values()) == list(tracks)
    assert muxer.fragment([silence(0)]) == b""
    with pytest.raises(Unsupported):
        fmp4.Fmp4Muxer([G711A])


def test_codec_strings_are_those_of_the_parameter_sets(
    fmp4: ModuleType, h264: Clip, h265: Clip
) -> None:
    _, tracks = demuxed(h264)
    sps = tracks[0].parameter_sets[0]
    muxer = fmp4.Fmp4Muxer([*tracks, AAC])
    assert muxer.codec_string() == f"avc1.{sps[1:4].hex()},mp4a.40.2"
    assert muxer.mime() == f'video/mp4; codecs="{muxer.codec_string()}"'
    _, tracks = demuxed(h265)
    assert re.fullmatch(r"hvc1\.1\.6\.L\d+\.90", fmp4.Fmp4Muxer(tracks).codec_string())


def test_the_media_clock_is_the_clock_of_the_stream(fmp4: ModuleType, h264: Clip) -> None:
    units, tracks = demuxed(h264)
    fragment = fmp4.Fmp4Muxer(tracks).fragment(units[7:8])
    time = find_box(fragment, b"moof", b"traf", b"tfdt")
    assert time is not None
    assert int.from_bytes(time[4:12], "big") == units[7].dts_ticks == 7 * 3600


def test_one_fragment_may_hold_both_tracks(fmp4: ModuleType, h264: Clip, tmp_path: Path) -> None:
    units, tracks = demuxed(h264)
    sound = [silence(unit.dts_ticks, 320) for unit in units]
    muxer = fmp4.Fmp4Muxer([*tracks, G711A], "any")
    path = tmp_path / "a.mp4"
    path.write_bytes(muxer.init_segment() + muxer.fragment([*units, *sound]))
    counts = {s["codec_type"]: int(s["nb_read_packets"]) for s in probe(path)["streams"]}
    assert counts == {"video": 30, "audio": 30}


def test_durations_follow_the_camera_and_never_fall_short(fmp4: ModuleType) -> None:
    track = Track(Kind.VIDEO, Codec.H264, width=640, height=360, frame_rate=25)
    muxer = fmp4.Fmp4Muxer([track])
    stamps = [0, 3600, 7200, 14_400, 18_000]
    durations = []
    for stamp in stamps:
        unit = AccessUnit(Kind.VIDEO, Codec.H264, stamp, stamp, stamp == 0, b"\0\0\1\x41\x9a")
        run = find_box(muxer.fragment([unit]), b"moof", b"traf", b"trun")
        assert run is not None
        durations.append(int.from_bytes(run[12:16], "big"))
    assert durations == [3600, 3600, 3600, 7200, 3993]


# --- reader --------------------------------------------------------------------------------------


def test_the_reader_finds_every_fragment_and_the_key_frames(fmp4: ModuleType, h264: Clip) -> None:
    units, tracks = demuxed(h264)
    data = written(fmp4, units, tracks)
    reader = Fmp4Reader()
    records = reader.receive(data)
    assert [record.is_key for record in records] == [unit.is_key for unit in units]
    assert [record.decode_time_ticks for record in records] == [unit.dts_ticks for unit in units]
    assert records[0].offset == reader.init_bytes
    assert all(a.offset + a.size == b.offset for a, b in zip(records, records[1:], strict=False))
    assert reader.valid_bytes == len(data)
    assert (reader.codecs, reader.width, reader.height) == ((Codec.H264,), 160, 120)


@given(cut=st.integers(0, 40_000), piece=st.integers(1, 5000))
@settings(max_examples=40)
def test_a_file_cut_anywhere_is_valid_up_to_its_last_whole_fragment(
    fmp4: ModuleType, h264: Clip, cut: int, piece: int
) -> None:
    units, tracks = demuxed(h264)
    data = written(fmp4, units, tracks)
    ends = [record.offset + record.size for record in Fmp4Reader().receive(data)]
    reader = Fmp4Reader()
    kept = data[:cut]
    for start in range(0, len(kept), piece):
        reader.receive(kept[start : start + piece])
    expected = max([end for end in ends if end <= len(kept)], default=0)
    init = len(fmp4.Fmp4Muxer(tracks).init_segment())
    assert reader.valid_bytes == (expected or (init if len(kept) >= init else 0))


def test_audio_beside_video_is_not_a_key(fmp4: ModuleType, h264: Clip) -> None:
    units, tracks = demuxed(h264)
    data = written(fmp4, [units[0], silence(0), units[1]], [*tracks, G711A], "any")
    records = Fmp4Reader().receive(data)
    assert [(record.is_key, record.has_video) for record in records] == [
        (True, True), (False, False), (False, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "data", [bytes(8), b"\x00\x00\x00\x04moov", b"\xff" * 16, b"\x7f\xff\xff\xffmoof"]
)
def test_what_is_no_mp4_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedMp4):
        Fmp4Reader().receive(data)


@given(st.data())
@settings(max_examples=60)
def test_only_the_own_error_escapes(fmp4: ModuleType, h264: Clip, data: st.DataObject) -> None:
    units, tracks = demuxed(h264)
    whole = bytearray(written(fmp4, units[:2], tracks))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, min(len(whole), 1400) - 1))] = data.draw(st.integers(0, 255))
    try:
        Fmp4Reader().receive(bytes(whole))
    except MalformedMp4 as error:
        assert len(error.data) <= 32


# --- any units -----------------------------------------------------------------------------------

LARGE = Track(Kind.VIDEO, Codec.H264, width=640, height=360, frame_rate=25)


@given(
    units=units_of(Codec.H264, Codec.SVAC, Codec.AAC, Codec.G711A),
    size=st.integers(1, 5),
    is_audio_first=st.booleans(),
    sound=st.sampled_from([AAC, G711A]),
)
@settings(max_examples=100)
def test_any_units_are_read_back_and_the_twins_agree(
    units: list[AccessUnit], size: int, is_audio_first: bool, sound: Track
) -> None:
    tracks = [sound, LARGE] if is_audio_first else [LARGE, sound]
    plain, compiled = (module("fmp4", kind).Fmp4Muxer(tracks, "any") for kind in TWINS)
    for position in range(0, len(units), size):
        group = units[position : position + size]
        data = plain.fragment(group)
        assert compiled.fragment(group) == data
        carried = [unit for unit in group if unit.codec in (Codec.H264, sound.codec)]
        assert bool(data) is bool(carried)
        assert samples(data) == {
            number: run_of([unit for unit in carried if unit.track is track.kind])
            for number, track in enumerate(tracks, 1)
            if any(unit.track is track.kind for unit in carried)
        }


Run = tuple[int, list[tuple[bool, int, bytes]]]
"""Decode time of the first; key, delay and bytes of each sample."""


def run_of(units: list[AccessUnit]) -> Run:
    found = []
    for unit in units:
        is_video = unit.track is Kind.VIDEO
        data = to_length_prefixed(unit.data, unit.codec) if is_video else unit.data
        found.append((unit.is_key, unit.pts_ticks - unit.dts_ticks, data))
    return units[0].dts_ticks, found


def samples(fragment: bytes) -> dict[int, Run]:
    """What a fragment says of each track."""
    found: dict[int, Run] = {}
    moof = find_box(fragment, b"moof") or b""
    for kind, start, end in iterate_boxes(moof):
        if kind != b"traf":
            continue
        header, base, run = (
            find_box(moof[start:end], kind) for kind in (b"tfhd", b"tfdt", b"trun")
        )
        assert header and base and run
        at = int.from_bytes(run[8:12], "big")
        entries = []
        for entry in range(12, len(run), 16):
            size = int.from_bytes(run[entry + 4 : entry + 8], "big")
            delay = int.from_bytes(run[entry + 12 : entry + 16], "big", signed=True)
            entries.append((run[entry + 8] == 2, delay, fragment[at : at + size]))
            at += size
        assert len(entries) == int.from_bytes(run[4:8], "big")
        number = int.from_bytes(header[4:8], "big")
        found[number] = int.from_bytes(base[4:12], "big"), entries
    return found

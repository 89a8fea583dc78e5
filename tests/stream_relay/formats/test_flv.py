"""FLV as players read it (threats to memory and codecs aside, it must simply play)."""

import io
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import av
import pytest
from hypothesis import given, settings

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.errors import Unsupported
from stream_relay.formats import PsDemuxer, to_length_prefixed
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


@pytest.fixture(params=TWINS)
def flv(request: pytest.FixtureRequest) -> ModuleType:
    return module("flv", request.param)


def demuxed(clip: Clip) -> tuple[list[AccessUnit], tuple[Track, ...]]:
    demuxer = PsDemuxer()
    units = demuxer.push(program_stream(clip.units)) + demuxer.flush()
    return units, demuxer.tracks()


def written(
    flv: ModuleType, units: Sequence[AccessUnit], tracks: Sequence[Track], flavour: str = "enhanced"
) -> bytes:
    muxer = flv.FlvMuxer(flavour)
    return bytes(muxer.header(tracks) + b"".join(muxer.tag(unit) for unit in units))


def tags(data: bytes) -> list[tuple[int, int, bytes]]:
    """(type, milliseconds, body) of each tag."""
    found = []
    position = 13
    while position < len(data):
        size = int.from_bytes(data[position + 1 : position + 4], "big")
        stamp = int.from_bytes(data[position + 4 : position + 7], "big") | data[position + 7] << 24
        body = data[position + 11 : position + 11 + size]
        found.append((data[position], stamp, body))
        position += 11 + size
        assert int.from_bytes(data[position : position + 4], "big") == 11 + size
        position += 4
    return found


@pytest.mark.parametrize("name", ["h264", "h264_reordered"])
def test_ffprobe_reads_h264_frame_by_frame(
    flv: ModuleType, name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    clip: Clip = request.getfixturevalue(name)
    path, raw = tmp_path / "a.flv", tmp_path / "a.h264"
    path.write_bytes(written(flv, *demuxed(clip)))
    raw.write_bytes(b"".join(clip.data))
    answer = probe(path)
    [video] = answer["streams"]
    assert (video["codec_name"], video["width"], video["height"]) == ("h264", 160, 120)
    assert video["r_frame_rate"] == "25/1"
    assert int(video["nb_read_frames"]) == 30
    assert float(answer["format"]["duration"]) == pytest.approx(30 / 25, abs=0.1)
    assert frame_hashes(path) == frame_hashes(raw)


def test_h265_by_fourcc_is_read_by_ffmpeg_6_and_later(flv: ModuleType, h265: Clip) -> None:
    data = written(flv, *demuxed(h265))
    with av.open(io.BytesIO(data), format="flv") as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "hevc"
        frames = list(container.decode(stream))
    assert (len(frames), frames[0].width, frames[0].height) == (30, 160, 120)


def test_h265_under_id_12_is_laid_out_like_h264(flv: ModuleType, h265: Clip) -> None:
    units, tracks = demuxed(h265)
    found = [tag for tag in tags(written(flv, units, tracks, "legacy")) if tag[0] == 9]
    assert found[0][2][:5] == b"\x1c\x00\x00\x00\x00"
    assert found[0][2][5] == 1
    assert found[1][2][:2] == b"\x1c\x01"
    assert found[2][2][:2] == b"\x2c\x01"


@pytest.mark.parametrize(("codec", "name"), [(Codec.G711A, "pcm_alaw"), (Codec.G711U, "pcm_mulaw")])
def test_g711_is_heard(
    flv: ModuleType, h264: Clip, tmp_path: Path, codec: Codec, name: str
) -> None:
    units, tracks = demuxed(h264)
    sound = silence(0, codec=codec)
    units = [u for unit in units for u in (unit, silence(unit.dts_ticks, 320, codec))]
    path = tmp_path / "a.flv"
    path.write_bytes(
        written(flv, units, [*tracks, Track(Kind.AUDIO, codec, sample_rate=8000, channels=1)])
    )
    audio = next(s for s in probe(path)["streams"] if s["codec_type"] == "audio")
    assert (audio["codec_name"], audio["sample_rate"], audio["channels"]) == (name, "8000", 1)
    assert sound.codec is codec


def test_aac_has_its_configuration_first(flv: ModuleType) -> None:
    config = b"\x14\x08"
    track = Track(Kind.AUDIO, Codec.AAC, sample_rate=16000, channels=1, audio_config=config)
    unit = AccessUnit(Kind.AUDIO, Codec.AAC, 90, 90, True, b"frame", track)
    found = tags(written(flv, [unit], [track]))
    assert [body for kind, _, body in found if kind == 8] == [
        b"\xaf\x00" + config,
        b"\xaf\x01frame",
    ]


def test_presentation_differs_from_decoding_by_whole_milliseconds(
    flv: ModuleType, h264_reordered: Clip
) -> None:
    units, tracks = demuxed(h264_reordered)
    bodies = [(t, b) for kind, t, b in tags(written(flv, units, tracks)) if kind == 9][1:]
    shown = [stamp + int.from_bytes(body[2:5], "big") for stamp, body in bodies]
    assert shown == [unit.pts_ticks // 90 for unit in units]


def test_a_reader_that_joins_late_gets_headers_of_its_time(flv: ModuleType, h264: Clip) -> None:
    _, tracks = demuxed(h264)
    late = flv.FlvMuxer().header(tracks, dts_ticks=90_000 * 86_400 * 30)
    assert {stamp for _, stamp, _ in tags(late)} == {86_400_000 * 30}


def test_what_flv_cannot_carry_gives_nothing(flv: ModuleType) -> None:
    muxer = flv.FlvMuxer()
    assert muxer.tag(AccessUnit(Kind.VIDEO, Codec.SVAC, 0, 0, True, b"x")) == b""
    with pytest.raises(Unsupported):
        muxer.header([Track(Kind.VIDEO, Codec.SVAC)])


def test_a_unit_that_is_too_large_for_a_tag_is_left_out(flv: ModuleType) -> None:
    unit = AccessUnit(Kind.AUDIO, Codec.G711A, 0, 0, True, bytes(1 << 24))
    assert flv.FlvMuxer().tag(unit) == b""


@given(units=units_of(Codec.H264, Codec.H265, Codec.SVAC, Codec.AAC, Codec.G711A, Codec.OPUS))
@settings(max_examples=100)
def test_any_units_are_read_back_and_the_twins_agree(units: list[AccessUnit]) -> None:
    for flavour in ("enhanced", "legacy"):
        plain, compiled = (module("flv", kind).FlvMuxer(flavour) for kind in TWINS)
        data = b"".join(map(plain.tag, units))
        assert b"".join(map(compiled.tag, units)) == data
        carried = [unit for unit in units if plain.carries(unit.codec)]
        found = tags(bytes(13) + data)
        assert [stamp for _, stamp, _ in found] == [unit.dts_ticks // 90 for unit in carried]
        for (kind, _, body), unit in zip(found, carried, strict=True):
            assert kind == (9 if unit.track is Kind.VIDEO else 8)
            video = to_length_prefixed(unit.data, unit.codec) if kind == 9 else unit.data
            assert body.endswith(video)
            assert len(body) - len(video) == head_bytes(unit.codec, flavour)


def head_bytes(codec: Codec, flavour: str) -> int:
    if codec is Codec.H265 and flavour == "enhanced":
        return 8
    return {Codec.H264: 5, Codec.H265: 5, Codec.AAC: 2}.get(codec, 1)

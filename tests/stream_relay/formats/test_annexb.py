"""NAL units, pictures and key frames, plain and compiled."""

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.access_unit import Codec
from tests.stream_relay.formats.clips import TWINS, Clip, module

LONG, SHORT = b"\x00\x00\x00\x01", b"\x00\x00\x01"
SPS, PPS, IDR, INTER = (
    b"\x67\x42\x00\x1e\xab",
    b"\x68\xce\x3c\x80",
    b"\x65\x88\x84",
    b"\x41\x9a\x24",
)


@pytest.fixture(params=TWINS)
def annexb(request: pytest.FixtureRequest) -> ModuleType:
    return module("annexb", request.param)


def test_start_codes_of_both_lengths_split_nal_units(annexb: ModuleType) -> None:
    data = LONG + SPS + SHORT + PPS + LONG + IDR + b"\x00\x00"
    assert annexb.split_nals(data) == [SPS, PPS, IDR]
    assert annexb.split_nals(b"no start code") == []


@given(st.binary(max_size=200))
def test_the_compiled_search_finds_what_the_plain_one_finds(data: bytes) -> None:
    data = data.replace(b"a", b"\x00").replace(b"b", b"\x01")
    plain, compiled = (module("annexb", kind) for kind in TWINS)
    assert compiled.nal_starts(data) == plain.nal_starts(data)
    for codec in (Codec.H264, Codec.H265, Codec.MPEG4):
        assert compiled.to_length_prefixed(data, codec) == plain.to_length_prefixed(data, codec)
        assert compiled.is_key(data, codec) == plain.is_key(data, codec)
        shapes = [
            [(p.start, p.end, p.is_key, p.has_slices, p.parameter_sets) for p in found]
            for found in (m.split_pictures(data, codec) for m in (plain, compiled))
        ]
        assert shapes[0] == shapes[1]
        starts = [p[0] for p in shapes[0]]
        ends = [p[1] for p in shapes[0]]
        if starts:
            assert starts[1:] == ends[:-1]
            assert ends[-1] == len(data)
    assert compiled.sniff_video(data) == plain.sniff_video(data)


def test_key_frames_are_those_the_encoder_names(annexb: ModuleType, clip: Clip) -> None:
    found = [annexb.is_key(data, clip.codec) for data in clip.data]
    assert found == [unit.is_key for unit in clip.units]


def test_pictures_run_together_are_cut_apart(annexb: ModuleType, clip: Clip) -> None:
    joined = b"".join(clip.data)
    pictures = annexb.split_pictures(joined, clip.codec)
    assert [joined[p.start : p.end] for p in pictures] == clip.data


def test_fields_stay_together(annexb: ModuleType) -> None:
    data = LONG + SPS + LONG + PPS + LONG + IDR + LONG + INTER
    assert len(annexb.split_pictures(data, Codec.H264)) == 2
    assert len(annexb.split_pictures(data, Codec.H264, False)) == 1


def test_an_open_gop_i_slice_behind_its_sps_is_a_key(annexb: ModuleType) -> None:
    i_slice, p_slice = b"\x41\x88\x80", b"\x41\x9a\x24"
    assert annexb.is_key(LONG + SPS + LONG + PPS + LONG + i_slice, Codec.H264)
    assert not annexb.is_key(LONG + i_slice, Codec.H264)
    assert not annexb.is_key(LONG + SPS + LONG + PPS + LONG + p_slice, Codec.H264)


def test_the_codec_is_seen_from_the_first_nal_units(annexb: ModuleType, clip: Clip) -> None:
    assert annexb.sniff_video(clip.data[0]) is clip.codec
    assert annexb.sniff_video(b"") is None
    assert annexb.sniff_video(LONG + INTER) is None


def test_containers_get_lengths_and_no_parameter_sets(annexb: ModuleType) -> None:
    data = LONG + b"\x09\xf0" + LONG + SPS + SHORT + PPS + SHORT + IDR
    assert annexb.to_length_prefixed(data, Codec.H264) == b"\x00\x00\x00\x03" + IDR

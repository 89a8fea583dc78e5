"""Parameter sets of real encoders and of standards' corner cases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.access_unit import Codec
from stream_relay.errors import MalformedBitstream
from stream_relay.formats import split_nals
from stream_relay.formats.bits import BitReader
from stream_relay.formats.sps import parse_sps
from tests.stream_relay.formats.clips import encode


def sps_of(data: bytes, codec: Codec) -> bytes:
    for nal in split_nals(data):
        kind = nal[0] & 0x1F if codec is Codec.H264 else nal[0] >> 1 & 0x3F
        if kind == (7 if codec is Codec.H264 else 33):
            return nal
    raise AssertionError("no SPS")


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
@pytest.mark.parametrize(
    ("width", "height", "rate"), [(352, 288, 25), (1920, 1080, 30), (130, 98, 15)]
)
def test_size_and_rate_are_those_that_were_encoded(
    codec: Codec, width: int, height: int, rate: int
) -> None:
    clip = encode(codec, width, height, 1, frame_rate=rate)
    found = parse_sps(sps_of(clip.data[0], codec), codec)
    assert (found.width, found.height) == (width, height)
    assert found.frame_rate == pytest.approx(rate)
    assert (found.chroma_format, found.bit_depth_luma, found.is_interlaced) == (1, 8, False)


def test_interlaced_video_is_noticed() -> None:
    clip = encode(Codec.H264, 352, 288, 1, parameters="interlaced=1:bff=1")
    found = parse_sps(sps_of(clip.data[0], Codec.H264), Codec.H264)
    assert (found.width, found.height, found.is_interlaced) == (352, 288, True)


def test_a_vui_that_is_cut_short_leaves_the_size() -> None:
    nal = sps_of(encode(Codec.H264, 352, 288, 1).data[0], Codec.H264)
    found = parse_sps(nal[:-6], Codec.H264)
    assert (found.width, found.height, found.frame_rate) == (352, 288, None)


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265, Codec.MPEG4])
@given(st.binary(max_size=80), st.booleans())
def test_only_the_own_error_escapes(codec: Codec, data: bytes, headed: bool) -> None:
    head = {Codec.H264: b"\x67\x64\x00\x28", Codec.H265: b"\x42\x01"}.get(codec, b"")
    try:
        found = parse_sps(head + data if headed else data, codec)
    except MalformedBitstream as error:
        assert len(error.data) <= 32
    else:
        assert 0 < found.width <= 16384
        assert 0 < found.height <= 16384


def test_exp_golomb_codes_of_the_standard() -> None:
    bits = BitReader(bytes([0b10100110, 0b01000010, 0b10000000]), 0)
    assert [bits.unsigned() for _ in range(5)] == [0, 1, 2, 3, 4]
    bits = BitReader(bytes([0b10100110, 0b01000010, 0b10000000]), 0)
    assert [bits.signed() for _ in range(5)] == [0, 1, -1, 2, -2]
    with pytest.raises(MalformedBitstream):
        BitReader(bytes(5), 0).unsigned()

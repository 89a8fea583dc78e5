"""Annex B to 4-byte lengths (ISO/IEC 14496-15), plain and compiled."""

import pytest
from hypothesis import given

from stream_relay.access_unit import AccessUnit, Codec
from stream_relay.formats import to_length_prefixed
from stream_relay.formats.units import CODECS
from tests.stream_relay.formats.clips import TWINS, module
from tests.stream_relay.formats.random_units import units_of

H264, H265 = 0, 1


def converted(kind: str, codec: int, data: bytes) -> bytes:
    found: bytes = module("length_prefix", kind).LengthPrefixer().convert(codec, data)
    return found


@pytest.mark.parametrize("kind", TWINS)
def test_start_codes_of_both_lengths_become_lengths_and_trailing_zeros_go(kind: str) -> None:
    data = b"\0\0\0\1\x65\x88\0\0\1\x06\x05\0\0\0\1\x61"
    expected = b"\0\0\0\2\x65\x88\0\0\0\2\x06\x05\0\0\0\1\x61"
    assert converted(kind, H264, data) == expected
    assert converted(kind, H264, data + bytes(5)) == expected


@pytest.mark.parametrize("kind", TWINS)
@pytest.mark.parametrize(
    ("codec", "outside", "inside"),
    [
        (H264, [0x67, 0x68, 0x09, 0x0C], [0x65, 0x41, 0x06, 0x0A, 0x0B, 0x6D]),
        (H265, [0x40, 0x42, 0x44, 0x46, 0x4C], [0x26, 0x02, 0x4E, 0x48, 0x4A, 0x50]),
    ],
)
def test_what_the_header_says_is_left_out(
    kind: str, codec: int, outside: list[int], inside: list[int]
) -> None:
    for head in outside:
        assert converted(kind, codec, bytes((0, 0, 1, head, 1))) == b""
    for head in inside:
        assert converted(kind, codec, bytes((0, 0, 1, head, 1))) == bytes((0, 0, 0, 2, head, 1))


@pytest.mark.parametrize("kind", TWINS)
@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0\1", b"no start code", bytes(100)])
def test_what_holds_no_nal_unit_gives_nothing(kind: str, data: bytes) -> None:
    assert converted(kind, H264, data) == b""


@given(units=units_of(Codec.H264, Codec.H265))
def test_any_bytes_give_what_the_reader_of_annex_b_finds(units: list[AccessUnit]) -> None:
    for unit in units:
        expected = to_length_prefixed(unit.data, unit.codec)
        for kind in TWINS:
            assert converted(kind, CODECS.index(unit.codec), unit.data) == expected

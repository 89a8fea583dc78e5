"""Pack, PES and stream map bytes as gb28181 §6.3 computes them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.access_unit import Kind
from stream_relay.formats.pes import build_pack, build_pes_header, build_stamp
from stream_relay.formats.stream_map import build_stream_map, crc32_mpeg
from tests.stream_relay.formats.clips import TWINS, module

PSM = {
    "000001BC000EE0FF000000041BE00000F4DCBD45": {0xE0: 0x1B},
    "000001BC0012E0FF000000081BE0000090C00000FEDFB1D7": {0xE0: 0x1B, 0xC0: 0x90},
    "000001BC000EE0FF0000000424E000000C49B076": {0xE0: 0x24},
    "000001BC0012E0FF0000000824E000000FC00000EAC5E41D": {0xE0: 0x24, 0xC0: 0x0F},
}


@pytest.fixture(params=TWINS, scope="module")
def pes(request: pytest.FixtureRequest) -> Any:
    return module("pes", request.param)


@pytest.fixture(params=TWINS, scope="module")
def maps(request: pytest.FixtureRequest) -> Any:
    return module("stream_map", request.param)


def test_pack_header_of_the_standard(pes: Any) -> None:
    pack = build_pack(3600, 999_999)
    assert pack == bytes.fromhex("000001BA4400047084013D08FFF8")
    assert pes.pack_bytes(pack, 0) == 14
    assert pes.pack_bytes(pack[:13] + b"\xfb", 0) == 17
    assert pes.pack_bytes(b"\x00\x00\x01\xba\x21" + bytes(9), 0) == 12


@pytest.mark.parametrize(("text", "types"), PSM.items())
def test_stream_map_of_the_standard(maps: Any, text: str, types: dict[int, int]) -> None:
    packet = bytes.fromhex(text)
    assert build_stream_map(types) == packet
    assert maps.parse_stream_map(packet) == types
    assert crc32_mpeg(packet) == 0


def test_stream_map_with_descriptors_and_wrong_lengths(maps: Any) -> None:
    entries = b"\x1b\xe0\x00\x03\x28\x01\x00" + b"\x90\xc0\x00\x00"
    body = b"\xe0\xff\x00\x02\x05\x00" + len(entries).to_bytes(2, "big") + entries
    packet = b"\x00\x00\x01\xbc" + (len(body) + 4).to_bytes(2, "big") + body + b"\x00BAD"
    assert maps.parse_stream_map(packet) == {0xE0: 0x1B, 0xC0: 0x90}
    lying = packet[:8] + b"\xff\xff" + packet[10:]
    assert maps.parse_stream_map(lying) == {}


@pytest.mark.parametrize(
    ("stream", "size", "pts", "dts", "text"),
    [
        (0xE0, 1000, 3600, None, "000001E003F08080052100011C21"),
        (0xE0, 1000, 7200, 3600, "000001E003F580C00A310001384111 00011C21"),
        (0xC0, 160, 3600, None, "000001C000A88080052100011C21"),
    ],
)
def test_pes_headers_of_the_standard(
    pes: Any, stream: int, size: int, pts: int, dts: int | None, text: str
) -> None:
    header = build_pes_header(stream, size, pts, dts)
    assert header == bytes.fromhex(text)
    assert pes.read_stamps(header, 0) == (pts, dts)


@given(st.integers(0, (1 << 33) - 1))
def test_stamps_are_read_back(pes: Any, value: int) -> None:
    assert pes.read_stamp(build_stamp(2, value), 0) == value


@given(st.binary(max_size=64))
def test_any_bytes_give_a_map_or_nothing(maps: Any, data: bytes) -> None:
    types = maps.parse_stream_map(b"\x00\x00\x01\xbc" + data)
    assert all(0 <= stream <= 255 for stream in types)


def test_a_map_without_entries_leaves_the_last_one_in_force(maps: Any) -> None:
    stream_map = maps.StreamMap()
    assert stream_map.announced() == frozenset()
    both = build_stream_map({0xC1: 0x90, 0xE2: 0x24, 0xE1: 0x1B})
    stream_map.read_packet(both)
    stream_map.read_packet(build_stream_map({}))
    assert stream_map.types() == {0xC1: 0x90, 0xE2: 0x24, 0xE1: 0x1B}
    assert (stream_map.first_video, stream_map.first_audio) == (0xE2, 0xC1)
    assert stream_map.announced() == {Kind.VIDEO, Kind.AUDIO}
    stream_map.read_packet(build_stream_map({0xE0: 0x1B}))
    assert stream_map.types() == {0xE0: 0x1B}
    assert stream_map.announced() == {Kind.VIDEO}

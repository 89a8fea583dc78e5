"""Which depacketizer a source gets: bytes before announcements, announcements before numbers."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.access_unit import AccessUnit, Codec
from stream_relay.formats import split_nals
from stream_relay.formats.detect import choose_depacketizer
from stream_relay.formats.pes import build_pack
from tests.stream_relay.formats.clips import Clip
from tests.stream_relay.formats.payloads import h264_payloads

PACK = build_pack(0, 1000) + b"\x00\x00\x01\xe0"
TS = (b"\x47\x40\x00\x10" + bytes(184)) * 7
OPEN = b"\xd5" * 160
"""Bytes that say nothing."""


def chosen(payload_type: int, payload: bytes, announced: dict[int, str] | None = None) -> str:
    return type(choose_depacketizer(payload_type, payload, announced or {}, None)).__name__


@pytest.mark.parametrize("announced", ["", "PS/90000", "H264/90000", "PCMA/8000", "MP2T/90000"])
@pytest.mark.parametrize("payload_type", [8, 33, 96, 98, 127])
def test_bytes_beat_what_is_announced(payload_type: int, announced: str) -> None:
    assert chosen(payload_type, PACK, {payload_type: announced}) == "PsDemuxer"
    assert chosen(payload_type, TS, {payload_type: announced}) == "TsDemuxer"
    assert chosen(payload_type, TS[:188], {payload_type: announced}) == "TsDemuxer"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PS/90000", "PsDemuxer"),
        ("mp2p", "PsDemuxer"),
        ("H264/90000", "H264Depacketizer"),
        ("h265", "H265Depacketizer"),
        ("HEVC/90000", "H265Depacketizer"),
        ("MP4V-ES/90000", "FrameDepacketizer"),
        ("SVAC/90000", "FrameDepacketizer"),
        ("MP2T/90000", "TsDemuxer"),
        ("PCMA/8000", "AudioDepacketizer"),
        ("PCMU/8000/1", "AudioDepacketizer"),
        ("G722.1/16000", "AudioDepacketizer"),
        ("G7221/16000", "AudioDepacketizer"),
        ("MPEG4-GENERIC/16000/1", "AudioDepacketizer"),
        ("opus/48000/2", "AudioDepacketizer"),
        ("HIKVISION/90000", "PsDemuxer"),
    ],
)
def test_the_announced_name_is_followed(name: str, expected: str) -> None:
    assert chosen(96, OPEN, {96: name}) == expected


@pytest.mark.parametrize(
    ("payload_type", "expected"),
    [
        (96, "PsDemuxer"),
        (97, "FrameDepacketizer"),
        (98, "H264Depacketizer"),
        (99, "FrameDepacketizer"),
        (100, "H265Depacketizer"),
        (8, "AudioDepacketizer"),
        (0, "AudioDepacketizer"),
        (33, "TsDemuxer"),
        (111, "PsDemuxer"),
    ],
)
def test_without_announcement_the_number_tells(payload_type: int, expected: str) -> None:
    assert chosen(payload_type, OPEN) == expected
    assert chosen(payload_type, OPEN, {1: "H264/90000"}) == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\x67\x42\x00\x1e", "H264Depacketizer"),
        (b"\x7c\x85\x88\x84", "H264Depacketizer"),
        (b"\x40\x01\x0c\x01", "H265Depacketizer"),
        (b"\x62\x01\x93\xaf", "H265Depacketizer"),
        (b"\x00\x00\x01\xe0", "PsDemuxer"),
        (b"", "PsDemuxer"),
    ],
)
def test_else_the_header_is_a_guess(payload: bytes, expected: str) -> None:
    assert chosen(111, payload) == expected


def test_what_is_chosen_works(h264: Clip) -> None:
    sets = [nal for nal in split_nals(h264.data[0]) if nal[0] & 0x1F in (7, 8)]
    listed = ",".join(base64.b64encode(nal).decode() for nal in sets)
    told = {98: f"H264/90000 packetization-mode=1;sprop-parameter-sets={listed},!"}
    reader: Any = choose_depacketizer(98, h264_payloads(h264.data[0])[2], told, None)
    out: list[AccessUnit] = []
    for number, unit in enumerate(h264.units):
        bare = b"".join(b"\0\0\1" + nal for nal in split_nals(unit.data) if nal not in sets)
        for payload in h264_payloads(bare):
            out += reader.push(payload, 3600 * number)
    out += reader.flush()
    assert len(out) == len(h264.units)
    assert set(sets) <= set(split_nals(out[0].data))
    assert out[0].description is not None
    assert out[0].description.width == 160


def test_clock_and_configuration_are_those_announced() -> None:
    told = {102: "MPEG4-GENERIC/16000/2 mode=AAC-hbr;config=1410;sizeLength=13"}
    reader: Any = choose_depacketizer(102, OPEN, told, None)
    [unit, later] = [
        unit
        for number in range(2)
        for unit in reader.push(b"\x00\x10" + (50 << 3).to_bytes(2, "big") + bytes(50), 1024 * number)
    ]
    assert (unit.codec, later.pts_ticks) == (Codec.AAC, 5760)
    assert unit.description.sample_rate == 16_000
    assert unit.description.audio_config == b"\x14\x10"


@given(st.integers(0, 127), st.binary(max_size=400), st.text(max_size=40))
def test_any_bytes_and_any_text_give_some_depacketizer(
    payload_type: int, payload: bytes, text: str
) -> None:
    for told in (text, f"H265/90000 sprop-vps={text}", f"MPEG4-GENERIC/{text} config={text}"):
        reader = choose_depacketizer(payload_type, payload, {payload_type: told}, None)
        reader.push(payload, 1)
        reader.flush()

"""AAC, G.711 and what devices call them (gb28181 §6.9, field notes 39, 40)."""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.access_unit import AccessUnit, Codec
from stream_relay.errors import MalformedBitstream
from stream_relay.formats import aac as plain_aac
from tests.stream_relay.formats.clips import TWINS, module

AAC_LC_16K_MONO = (2 << 11 | 8 << 7 | 1 << 3).to_bytes(2, "big")
A_LAW, MU_LAW, AAC = 0x90, 0x91, 0x0F


def adts(count: int, size: int = 60) -> list[bytes]:
    return [
        plain_aac.build_adts(bytes([number + 1]) * size, AAC_LC_16K_MONO) for number in range(count)
    ]


Packets = list[tuple[bytes, int | None]]
Assemble = Callable[[Packets, int | None], list[AccessUnit]]


def assemble_by(kind: str, packets: Packets, declared: int | None) -> list[AccessUnit]:
    sink = module("units", kind).UnitList()
    assembler = module("audio", kind).AudioAssembler(module("timeline", kind).Timeline(), sink)
    sink.source = assembler
    for data, pts in packets:
        assembler.push_packet(data, -1 if pts is None else pts, declared or -1)
    return list(sink.take())


@pytest.fixture(params=TWINS, scope="module")
def assemble(request: pytest.FixtureRequest) -> Assemble:
    return partial(assemble_by, request.param)


@pytest.fixture(params=TWINS, scope="module")
def aac(request: pytest.FixtureRequest) -> Any:
    return module("aac", request.param)


@pytest.fixture(params=TWINS, scope="module")
def g711(request: pytest.FixtureRequest) -> Any:
    return module("g711", request.param)


def test_adts_headers_are_read_as_they_are_written(aac: Any) -> None:
    header = aac.parse_adts(adts(1)[0])
    assert (header.sample_rate, header.channels, header.object_type) == (16000, 1, 2)
    assert (header.frame_bytes, header.header_bytes, header.blocks) == (67, 7, 1)
    assert header.config == AAC_LC_16K_MONO


@pytest.mark.parametrize("data", [b"", b"\xff\xf1\x00", b"\x00" * 9, b"\xff\xf1\x3c" + bytes(6)])
def test_what_is_no_adts_header_is_refused(aac: Any, data: bytes) -> None:
    with pytest.raises(MalformedBitstream):
        aac.parse_adts(data)


def test_a_law_is_the_one_of_the_standard(g711: Any) -> None:
    samples = [0, -1, 8, 100, -100, 1000, -1000, 5000, -5000, 32767, -32768]
    codec = av.CodecContext.create("pcm_alaw", "w")
    codec.sample_rate, codec.layout, codec.format = 8000, "mono", "s16"
    codec.time_base = Fraction(1, 8000)
    frame = av.AudioFrame.from_ndarray(np.array([samples], dtype=np.int16), "s16", "mono")
    frame.sample_rate = 8000
    theirs = b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])
    assert g711.encode_a_law(samples) == theirs


def test_g711_lasts_as_long_as_its_samples(assemble: Assemble, g711: Any) -> None:
    units = assemble([(b"\xd5" * 320, 1000), (b"\xd5" * 320, None), (b"\xd5" * 160, None)], A_LAW)
    assert [unit.pts_ticks for unit in units] == [0, 3600, 5400]
    assert g711.duration_ticks(160) == 1800
    assert units[0].description is not None
    assert (units[0].codec, units[0].description.sample_rate) == (Codec.G711A, 8000)


def test_mu_law_announced_as_a_law_is_heard_in_silence(assemble: Assemble) -> None:
    tone = bytes(range(1, 120))
    units = assemble([(tone, None), (b"\xff\x7f" * 80, None), (tone, None)], A_LAW)
    assert [unit.codec for unit in units] == [Codec.G711A, Codec.G711U, Codec.G711U]


def test_mu_law_announced_as_itself_stays(assemble: Assemble) -> None:
    [unit] = assemble([(b"\xd5" * 160, None)], MU_LAW)
    assert unit.codec is Codec.G711U


def test_audio_without_a_map_is_recognised(assemble: Assemble) -> None:
    assert assemble([(b"\xd5" * 160, None)], None)[0].codec is Codec.G711A
    assert assemble([(b"\xff\x7f" * 80, None)], None)[0].codec is Codec.G711U
    assert assemble([(b"".join(adts(2)), None)], None)[0].codec is Codec.AAC


def test_aac_announced_as_g711_is_recognised(assemble: Assemble) -> None:
    units = assemble([(frame, None) for frame in adts(3)], A_LAW)
    assert [unit.codec for unit in units] == [Codec.AAC] * 3
    assert units[0].data == bytes([1]) * 60


def test_g711_announced_as_aac_is_taken_after_three_packets(assemble: Assemble) -> None:
    units = assemble([(b"\xd5" * 160, None)] * 5, AAC)
    assert [unit.codec for unit in units] == [Codec.G711A] * 2


def test_aac_frames_may_be_cut_by_packets(assemble: Assemble) -> None:
    data = b"".join(adts(4))
    units = assemble([(data[:100], 0), (data[100:201], 5760 * 2), (data[201:], 5760 * 3)], AAC)
    assert [unit.data[:1] for unit in units] == [b"\x01", b"\x02", b"\x03", b"\x04"]
    assert [unit.pts_ticks for unit in units] == [0, 5760, 11520, 17280]


@given(
    st.lists(st.binary(max_size=60), max_size=12),
    st.sampled_from([None, A_LAW, MU_LAW, AAC, 0x92, 0x99]),
)
def test_any_bytes_give_units_that_rise(
    assemble: Assemble, packets: list[bytes], declared: int | None
) -> None:
    units = assemble([(data, None) for data in packets], declared)
    stamps = [unit.pts_ticks for unit in units]
    assert stamps == sorted(stamps)


def test_a_generated_tone_is_not_silence(g711: Any) -> None:
    tone = [int(8000 * math.sin(index / 3)) for index in range(160)]
    assert g711.law_of_silence(g711.encode_a_law(tone)) is None
    assert g711.law_of_silence(g711.encode_a_law([0] * 160)) is Codec.G711A


def test_a_track_is_told_once_and_again_when_it_changes(assemble: Assemble) -> None:
    stereo = (2 << 11 | 8 << 7 | 2 << 3).to_bytes(2, "big")
    frames = [*adts(2), plain_aac.build_adts(b"two" * 9, stereo)]
    units = assemble([(frame, None) for frame in frames], AAC)
    tracks = [unit.description for unit in units]
    assert tracks[0] is tracks[1] and tracks[1] is not tracks[2]
    assert [track.channels for track in tracks if track] == [1, 1, 2]
    assert tracks[2] is not None and tracks[2].audio_config == stereo


@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.binary(max_size=40),
                st.sampled_from(
                    [b"\xd5" * 160, b"\xff\x7f" * 80, *adts(3), b"".join(adts(2))[:-9]]
                ),
            ),
            st.one_of(st.none(), st.integers(0, (1 << 33) - 1)),
        ),
        max_size=12,
    ),
    st.sampled_from([None, A_LAW, MU_LAW, AAC, 0x92, 0x99]),
)
def test_both_twins_hear_alike(packets: Packets, declared: int | None) -> None:
    plain, compiled = (assemble_by(kind, packets, declared) for kind in TWINS)
    assert compiled == plain

"""Elementary streams over RTP: what was encoded comes out, and after a loss only whole pictures."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_relay.access_unit import AccessUnit, Codec, Kind
from stream_relay.formats import split_nals
from tests.stream_relay.formats.clips import TWINS, Clip, encode, module
from tests.stream_relay.formats.payloads import (
    aggregate,
    annexb,
    h264_fragments,
    h264_payloads,
    h265_payloads,
    payloads_of,
    stap,
)

CLASSES = {
    Codec.H264: "H264Depacketizer",
    Codec.H265: "H265Depacketizer",
    Codec.MPEG4: "FrameDepacketizer",
}
FIRST_STAMP = 0xFFFFF000
"""Wraps within the first frames."""


@pytest.fixture(params=TWINS)
def twin_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


def depacketizer(kind: str, codec: Codec, **options: Any) -> Any:
    if codec is Codec.MPEG4:
        options["stream_type"] = 0x10
    return getattr(module("es", kind), CLASSES[codec])(**options)


def stamp(unit: AccessUnit) -> int:
    return FIRST_STAMP + unit.pts_ticks & 0xFFFFFFFF


def send(
    depacketizer: Any, clip: Clip, size: int = 1200, marked: bool = True
) -> list[AccessUnit]:
    out: list[AccessUnit] = []
    for unit in clip.units:
        payloads = payloads_of(clip.codec, unit.data, size)
        for number, payload in enumerate(payloads):
            is_last = marked and number == len(payloads) - 1
            out += depacketizer.push(payload, stamp(unit), is_last)
    return out + depacketizer.flush()


def nals(units: Sequence[AccessUnit] | Clip) -> list[list[bytes]]:
    held = units.units if isinstance(units, Clip) else units
    return [split_nals(unit.data) for unit in held]


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("size", [20, 1200, 60_000])
def test_what_was_encoded_comes_out(twin_kind: str, clip: Clip, size: int, marked: bool) -> None:
    out = send(depacketizer(twin_kind, clip.codec), clip, size, marked)
    assert nals(out) == nals(clip)
    assert [unit.is_key for unit in out] == [unit.is_key for unit in clip.units]
    base = clip.units[0].pts_ticks
    assert [unit.pts_ticks for unit in out] == [unit.pts_ticks - base for unit in clip.units]
    assert all(later.dts_ticks > unit.dts_ticks for unit, later in zip(out, out[1:], strict=False))


def test_a_frame_is_complete_at_its_marker(twin_kind: str, h264: Clip) -> None:
    reader = depacketizer(twin_kind, Codec.H264)
    for number, unit in enumerate(h264.units):
        *before, last = h264_payloads(unit.data)
        for payload in before:
            assert reader.push(payload, 3600 * number) == []
        assert nals(reader.push(last, 3600 * number, True)) == nals([unit])


def test_the_track_is_told(twin_kind: str, h265: Clip) -> None:
    reader = depacketizer(twin_kind, Codec.H265)
    assert reader.tracks() == ()
    out = send(reader, h265)
    [track] = reader.tracks()
    assert (track.codec, track.width, track.height) == (Codec.H265, 160, 120)
    assert reader.announced() == {Kind.VIDEO}
    assert {id(unit.description) for unit in out} == {id(track)}


def test_a_sink_is_told_instead_of_a_list(twin_kind: str, h264: Clip) -> None:
    units = module("units", twin_kind)
    sink = units.UnitList()
    reader = module("es", twin_kind).H264Depacketizer(sink)
    sink.source = reader
    for payload in h264_payloads(h264.data[0]):
        with pytest.raises(AssertionError):
            reader.push(payload, 5)
    with pytest.raises(AssertionError):
        reader.flush()
    assert nals(sink.take()) == nals(h264)[:1]


# --- ways to carry NAL units ---------------------------------------------------------------------


@pytest.mark.parametrize("don", [b"", b"\x00\x01"])
def test_aggregated_and_fragmented_units_are_read(twin_kind: str, h264: Clip, don: bytes) -> None:
    reader = depacketizer(twin_kind, Codec.H264)
    out: list[AccessUnit] = []
    for number, unit in enumerate(h264.units):
        *sets, picture = split_nals(unit.data)
        out += reader.push(stap(sets, don), 3600 * number) if sets else []
        fragments = list(h264_fragments(picture, 100, don))
        for at, fragment in enumerate(fragments):
            out += reader.push(fragment, 3600 * number, at == len(fragments) - 1)
    assert nals(out) == nals(h264)


@pytest.mark.parametrize("with_don", [False, True])
def test_h265_is_read_with_and_without_order_numbers(
    twin_kind: str, h265: Clip, with_don: bool
) -> None:
    reader = depacketizer(twin_kind, Codec.H265, has_don=with_don)
    out: list[AccessUnit] = []
    for number, unit in enumerate(h265.units):
        *sets, picture = split_nals(unit.data)
        payloads = [aggregate(sets, with_don)] if sets else []
        payloads += h265_payloads(annexb([picture]), 100, with_don)
        for at, payload in enumerate(payloads):
            out += reader.push(payload, 3600 * number, at == len(payloads) - 1)
    assert nals(out) == nals(h265)


@pytest.mark.parametrize(
    ("codec", "alien", "counter"),
    [
        (Codec.H264, b"\x7a\x00\x00abc", "skipped_packets"),
        (Codec.H264, b"\x7b\x00\x00abc", "skipped_packets"),
        (Codec.H264, b"\x00abc", "malformed_packets"),
        (Codec.H264, b"\x7fabc", "malformed_packets"),
        (Codec.H264, b"\x7c", "malformed_packets"),
        (Codec.H265, b"\x64\x01abc", "skipped_packets"),
        (Codec.H265, b"\x66\x01abc", "malformed_packets"),
        (Codec.H265, b"\x40", "malformed_packets"),
    ],
)
def test_other_payloads_are_passed_over_and_counted(
    twin_kind: str, h264: Clip, h265: Clip, codec: Codec, alien: bytes, counter: str
) -> None:
    clip = h264 if codec is Codec.H264 else h265
    reader = depacketizer(twin_kind, codec)
    out: list[AccessUnit] = []
    for number, unit in enumerate(clip.units):
        for payload in payloads_of(codec, unit.data):
            out += reader.push(payload, number)
        out += reader.push(alien, number)
    assert nals(out + reader.flush()) == nals(clip)
    assert reader.counters()[counter] == len(clip.units)


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_parameter_sets_of_the_description_stand_before_keys_without(
    twin_kind: str, h264: Clip, h265: Clip, codec: Codec
) -> None:
    clip = h264 if codec is Codec.H264 else h265
    count = 2 if codec is Codec.H264 else 3
    sets = annexb(split_nals(clip.data[0])[:count])
    reader = depacketizer(twin_kind, codec, parameter_sets=sets)
    out: list[AccessUnit] = []
    for number, unit in enumerate(clip.units):
        bare = [nal for nal in split_nals(unit.data) if annexb([nal]) not in sets]
        for payload in payloads_of(codec, annexb(bare)):
            out += reader.push(payload, 3600 * number)
    out += reader.flush()
    assert list(map(sorted, nals(out))) == list(map(sorted, nals(clip)))
    assert reader.tracks()[0].width == 160


def test_what_cannot_be_read_passes_frame_by_frame(twin_kind: str) -> None:
    reader = module("es", twin_kind).FrameDepacketizer(stream_type=0x80)
    out: list[AccessUnit] = []
    for number in range(4):
        for part in range(3):
            out += reader.push(bytes([number]) * 50, 3600 * number, part == 2)
    # The first frame may have begun before the first packet.
    assert [(unit.codec, unit.is_key, unit.data) for unit in out] == [
        (Codec.SVAC, True, bytes([number]) * 150) for number in range(1, 4)
    ]


# --- lies and losses -----------------------------------------------------------------------------


def test_a_marker_on_each_slice_is_found_out(twin_kind: str) -> None:
    clip = encode(Codec.H264, 320, 240, 12, gop=3, parameters="slices=4:scenecut=0")
    assert len(split_nals(clip.data[1])) > 1
    reader = depacketizer(twin_kind, Codec.H264)
    out = [
        unit
        for number, sent in enumerate(clip.units)
        for payload in h264_payloads(sent.data)
        for unit in reader.push(payload, 3600 * number, True)
    ] + reader.flush()
    assert nals(out)[-6:] == nals(clip)[-6:]
    assert reader.counters()["malformed_packets"] == 2


def test_parameter_sets_with_markers_of_their_own_stay_with_their_picture(
    twin_kind: str, h264: Clip
) -> None:
    reader = depacketizer(twin_kind, Codec.H264)
    out = [
        unit
        for number, sent in enumerate(h264.units)
        for payload in h264_payloads(sent.data, 60_000)
        for unit in reader.push(payload, 3600 * number, True)
    ]
    assert nals(out) == nals(h264)


@pytest.mark.parametrize("name", ["h264", "h265", "mpeg4", "large"])
@pytest.mark.parametrize("loss", [0.002, 0.03])
def test_after_a_loss_only_whole_pictures_come_and_first_a_key(
    twin_kind: str, name: str, loss: float, request: pytest.FixtureRequest
) -> None:
    clip: Clip = request.getfixturevalue(name)
    known = nals(clip)
    for seed in range(10):
        rng = random.Random(seed)
        reader = depacketizer(twin_kind, clip.codec)
        out: list[AccessUnit] = []
        for unit in clip.units:
            payloads = payloads_of(clip.codec, unit.data, 300)
            for number, payload in enumerate(payloads):
                if rng.random() < loss:
                    reader.lost()
                else:
                    out += reader.push(payload, stamp(unit), number == len(payloads) - 1)
        positions = [
            next(at for at, sent in enumerate(known) if sent[-1] == units[-1])
            for units in nals(out)
        ]
        for before, after, unit in zip([-1, *positions], positions, out, strict=False):
            assert after > before
            assert after == before + 1 or unit.is_key
            # Parameter sets may have been lost alone, slices may not.
            sent = clip.units[after].data
            assert annexb(split_nals(sent)).endswith(annexb(split_nals(unit.data)))


def test_a_frame_without_end_is_given_up(twin_kind: str, h264: Clip) -> None:
    reader = depacketizer(twin_kind, Codec.H264, max_access_unit_bytes=60_000)
    reader.push(b"\x7c\x85\x88" + bytes(100), 1)
    for _ in range(20):
        assert reader.push(b"\x7c\x05" + b"\x11" * 10_000, 1) == []
    assert reader.counters()["oversize"] == 1
    assert nals(send(reader, h264)) == nals(h264)


def test_another_source_follows_on_the_same_time_line(twin_kind: str, h264: Clip) -> None:
    reader = depacketizer(twin_kind, Codec.H264)
    out = send(reader, h264)
    reader.lost()
    for number, unit in enumerate(h264.units):
        for payload in h264_payloads(unit.data):
            out += reader.push(payload, 1_000_000_000 + 3600 * number)
    out += reader.flush()
    assert nals(out) == nals(h264) * 2
    assert [unit.dts_ticks for unit in out] == [3600 * number for number in range(60)]


@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.binary(max_size=40),
                st.sampled_from([b"\x67\x42\x00\x1e\xab", b"\x65\x88\x84", b"\x41\x9a\x24"]),
                st.binary(max_size=20).map(lambda data: b"\x7c\x85" + data),
                st.binary(max_size=20).map(lambda data: b"\x7c\x05" + data),
                st.binary(max_size=20).map(lambda data: b"\x78\x00\x03" + data),
                st.binary(max_size=20).map(lambda data: b"\x62\x01\x93" + data),
                st.binary(max_size=20).map(lambda data: b"\x60\x01\x00\x05" + data),
                st.just(None),
            ),
            st.one_of(st.none(), st.integers(0, 5), st.integers(0, 0xFFFFFFFF)),
            st.booleans(),
        ),
        max_size=30,
    )
)
@settings(max_examples=200)
def test_both_twins_read_any_payloads_alike_and_raise_nothing(
    pushes: list[tuple[bytes | None, int | None, bool]],
) -> None:
    for codec in CLASSES:
        plain, compiled = (depacketizer(kind, codec) for kind in TWINS)
        for payload, when, marker in pushes:
            if payload is None:
                plain.lost()
                compiled.lost()
                continue
            assert compiled.push(payload, when, marker) == plain.push(payload, when, marker)
        assert compiled.flush() == plain.flush()
        assert compiled.counters() == plain.counters()
        assert compiled.tracks() == plain.tracks()

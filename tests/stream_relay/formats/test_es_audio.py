"""Audio alone over RTP: frames, stamps and tracks as they were sent."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.access_unit import AccessUnit, Codec, Kind
from stream_relay.formats import aac
from tests.stream_relay.formats.clips import TWINS, module

CONFIG = b"\x14\x08"
"""AAC-LC, 16 kHz, mono."""
FRAME_TICKS = 1024 * 90_000 // 16_000


@pytest.fixture(params=TWINS)
def twin_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


def reader_of(kind: str, *arguments: Any) -> Any:
    return module("es_audio", kind).AudioDepacketizer(None, *arguments)


def hbr(*frames: bytes) -> bytes:
    """An AAC-hbr payload (RFC 3640 §3.3.6)."""
    headers = b"".join((len(frame) << 3).to_bytes(2, "big") for frame in frames)
    return (len(headers) * 8).to_bytes(2, "big") + headers + b"".join(frames)


@pytest.mark.parametrize("codec", [Codec.G711A, Codec.G711U])
def test_g711_goes_on_by_its_clock(twin_kind: str, codec: Codec) -> None:
    reader = reader_of(twin_kind, codec)
    quiet = b"\xd5" if codec is Codec.G711A else b"\xff"
    out: list[AccessUnit] = []
    for number in range(5):
        out += reader.push(quiet * 160, 0xFFFFFF00 + 160 * number & 0xFFFFFFFF, number == 0)
    assert [unit.pts_ticks for unit in out] == [1800 * number for number in range(5)]
    assert {(unit.codec, unit.track) for unit in out} == {(codec, Kind.AUDIO)}
    assert [track.sample_rate for track in reader.tracks()] == [8000]


def test_opus_tells_its_duration(twin_kind: str) -> None:
    reader = reader_of(twin_kind, Codec.OPUS, 48_000, 2)
    # 20 ms of CELT in one frame, in two, in three; without stamps each is as far behind
    # the last as it is long itself.
    out = reader.push(b"\xf8abc") + reader.push(b"\xf9abcd") + reader.push(b"\xfb\x03abc")
    out += reader.push(b"\x08silk") + reader.push(b"\x68hybrid")
    assert [unit.pts_ticks for unit in out] == [0, 3600, 9000, 10_800, 12_600]
    [track] = reader.tracks()
    assert (track.codec, track.sample_rate, track.channels) == (Codec.OPUS, 48_000, 2)


def test_aac_frames_share_a_packet(twin_kind: str) -> None:
    reader = reader_of(twin_kind, Codec.AAC, 16_000, 1, CONFIG)
    frames = [bytes([number]) * 90 for number in range(1, 7)]
    out = reader.push(hbr(*frames[:3]), 5000, True) + reader.push(hbr(*frames[3:]), 5000 + 3 * 1024)
    assert [unit.data for unit in out] == frames
    assert [unit.pts_ticks for unit in out] == [FRAME_TICKS * number for number in range(6)]
    assert {unit.description.audio_config for unit in out if unit.description} == {CONFIG}


def test_an_aac_frame_may_be_spread_over_packets(twin_kind: str) -> None:
    reader = reader_of(twin_kind, Codec.AAC, 16_000)
    frame = bytes(range(200)) * 5
    head = b"\x00\x10" + (len(frame) << 3).to_bytes(2, "big")
    out = reader.push(head + frame[:600], 0) + reader.push(head + frame[600:], 0, True)
    assert [unit.data for unit in out] == [frame]
    reader.push(head + frame[:600], 1024)
    reader.lost()
    assert reader.push(head + frame[600:], 1024, True) == []
    assert [u.data for u in reader.push(hbr(b"whole"), 2048)] == [b"whole"]


def test_aac_with_adts_is_told_from_the_bytes(twin_kind: str) -> None:
    reader = reader_of(twin_kind, Codec.AAC, 8000)
    frames = [bytes([number]) * 70 for number in range(1, 5)]
    out = [
        unit
        for number, frame in enumerate(frames)
        for unit in reader.push(aac.build_adts(frame, CONFIG), 512 * number)
    ]
    assert [unit.data for unit in out] == frames
    assert reader.tracks()[0].audio_config == CONFIG
    assert [unit.pts_ticks for unit in out] == [FRAME_TICKS * number for number in range(4)]


def test_g722_1_is_passed_on(twin_kind: str) -> None:
    reader = reader_of(twin_kind, Codec.G722_1, 16_000)
    out = [unit for number in range(3) for unit in reader.push(bytes(60), 320 * number)]
    assert [(unit.codec, unit.pts_ticks) for unit in out] == [
        (Codec.G722_1, 1800 * number) for number in range(3)
    ]


@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.binary(max_size=60),
                st.binary(max_size=20).map(lambda data: hbr(data, data)),
                st.binary(min_size=1, max_size=20).map(lambda d: aac.build_adts(d, CONFIG)),
                st.just(None),
            ),
            st.one_of(st.none(), st.integers(0, 0xFFFFFFFF)),
        ),
        max_size=20,
    )
)
def test_both_twins_read_any_payloads_alike_and_raise_nothing(
    pushes: list[tuple[bytes | None, int | None]],
) -> None:
    for codec in (Codec.G711A, Codec.AAC, Codec.OPUS, Codec.G722_1):
        plain, compiled = (reader_of(kind, codec, 16_000) for kind in TWINS)
        for payload, when in pushes:
            if payload is None:
                plain.lost()
                compiled.lost()
                continue
            assert compiled.push(payload, when) == plain.push(payload, when)
        assert compiled.flush() == plain.flush()
        assert compiled.counters() == plain.counters()

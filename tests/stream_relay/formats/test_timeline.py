"""Stamps on one line: wrap, jumps, two clocks, missing stamps (gb28181 §6.6, field note 42)."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.formats.timeline import WRAP
from stream_relay.formats.units import AUDIO, NO_STAMP, VIDEO
from tests.stream_relay.formats.clips import TWINS, module

Make = Callable[[], Any]


@pytest.fixture(params=TWINS, scope="module")
def timeline(request: pytest.FixtureRequest) -> Make:
    """Makes lines: several tests need more than one."""
    return module("timeline", request.param).Timeline  # type: ignore[no-any-return]


@pytest.fixture
def line(timeline: Make) -> Any:
    return timeline()


def place_all(line: Any, stamps: list[int], step: int = 3600) -> list[int]:
    return [line.placed(VIDEO, stamp % WRAP, NO_STAMP, step)[1] for stamp in stamps]


def test_a_stream_begins_at_zero(line: Any) -> None:
    assert place_all(line, [123456, 127056]) == [0, 3600]


def test_a_wrap_is_no_jump(line: Any) -> None:
    placed = [
        line.placed(VIDEO, (WRAP - 3600 + i * 3600) % WRAP, NO_STAMP, 3600)[0] for i in range(4)
    ]
    assert placed == [0, 3600, 7200, 10800]
    assert line.jumps == 0


def test_a_jump_either_way_goes_on_from_the_end(timeline: Make) -> None:
    hour = 3600 * 90_000
    assert place_all(timeline(), [0, 3600, hour, hour + 3600]) == [0, 3600, 7200, 10800]
    assert place_all(timeline(), [hour, hour + 3600, 0, 3600]) == [0, 3600, 7200, 10800]


def test_a_pause_is_kept(line: Any) -> None:
    assert place_all(line, [0, 3600, 3600 + 90_000]) == [0, 3600, 93_600]


def test_reordered_pictures_keep_their_presentation(line: Any) -> None:
    assert line.placed(VIDEO, 7200, 0, 3600) == (7200, 0)
    assert line.placed(VIDEO, 3600, 3600, 3600) == (3600, 3600)


def test_reordered_pictures_without_decode_stamps_still_rise(line: Any) -> None:
    placed = [line.placed(VIDEO, pts, NO_STAMP, 3600) for pts in (0, 10800, 3600, 7200, 14400)]
    assert [pts for pts, _ in placed] == [0, 10800, 3600, 7200, 14400]
    assert [dts for _, dts in placed] == [0, 10800, 10801, 10802, 14400]


def test_both_tracks_share_a_clock_and_a_jump_keeps_them_together(line: Any) -> None:
    line.placed(VIDEO, 90_000, NO_STAMP, 3600)
    assert line.placed(AUDIO, 91_800, NO_STAMP, 1800) == (1800, 1800)
    line.placed(VIDEO, 9_000_000, NO_STAMP, 3600)
    assert line.placed(AUDIO, 9_000_900, NO_STAMP, 1800)[0] == 3600 + 900
    assert line.jumps == 1


def test_a_track_with_a_clock_of_its_own_settles(line: Any) -> None:
    for index in range(100):
        line.placed(VIDEO, index * 3600, NO_STAMP, 3600)
        line.placed(AUDIO, 50_000_000 + index * 3600, NO_STAMP, 3600)
    assert line.jumps == 1
    assert line.placed(VIDEO, 360_000, NO_STAMP, 3600)[1] == 360_000


def test_a_unit_without_stamp_follows_at_its_pace(line: Any) -> None:
    line.placed(VIDEO, 0, NO_STAMP, 3600)
    assert line.followed(VIDEO, 3600) == (3600, 3600)
    assert line.placed(VIDEO, 7200, NO_STAMP, 3600) == (7200, 7200)


@given(st.lists(st.tuples(st.integers(0, WRAP - 1), st.booleans()), max_size=50))
def test_decode_times_of_each_track_strictly_rise(
    timeline: Make, stamps: list[tuple[int, bool]]
) -> None:
    line = timeline()
    last = {VIDEO: -1, AUDIO: -1}
    for stamp, is_video in stamps:
        kind = VIDEO if is_video else AUDIO
        pts, dts = line.placed(kind, stamp, NO_STAMP, 3600)
        assert dts > last[kind]
        assert pts >= 0
        last[kind] = dts


@pytest.mark.parametrize("kind", TWINS)
def test_rtp_stamps_stand_in_for_missing_ones(kind: str) -> None:
    make = module("timeline", kind).StampSource
    source = make()
    assert source.stamped(9000, 500) == 9000
    assert source.stamped(NO_STAMP, 4100) == 12_600
    assert source.stamped(NO_STAMP, 4100) == NO_STAMP
    assert source.stamped(NO_STAMP, NO_STAMP) == NO_STAMP
    assert source.stamped(NO_STAMP, 4100 + 0xFFFFFFFF) == 12_599
    assert make().stamped(NO_STAMP, 77) == 77


@pytest.mark.parametrize("kind", TWINS)
def test_rtp_stamps_lead_a_stamp_back_through_zero(kind: str) -> None:
    source = module("timeline", kind).StampSource()
    assert source.stamped(100, 3600) == 100
    assert source.stamped(NO_STAMP, 0) == WRAP - 3500
    assert source.stamped(NO_STAMP, 3600) == 100


def test_a_picture_that_began_first_is_zero_although_its_audio_is_complete_earlier(
    line: Any,
) -> None:
    line.begin_at(90_000)
    assert line.placed(AUDIO, 90_900, NO_STAMP, 1800) == (900, 900)
    assert line.placed(VIDEO, 90_000, NO_STAMP, 3600) == (0, 0)
    line.begin_at(5_000_000)
    assert line.placed(VIDEO, 93_600, NO_STAMP, 3600) == (3600, 3600)


def test_another_source_goes_on_at_the_end_without_a_jump(line: Any) -> None:
    assert place_all(line, [0, 3600]) == [0, 3600]
    line.begin_again()
    line.begin_at(5_000_000)
    assert line.placed(AUDIO, 5_000_900, NO_STAMP, 1800) == (8100, 8100)
    assert line.placed(VIDEO, 5_000_000, NO_STAMP, 3600) == (7200, 7200)
    assert line.jumps == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from([VIDEO, AUDIO]),
            st.one_of(st.integers(0, WRAP - 1), st.integers(0, 500_000)),
            st.one_of(st.just(NO_STAMP), st.integers(0, WRAP - 1), st.integers(0, 500_000)),
            st.integers(0, 4),
        ),
        max_size=60,
    )
)
def test_both_twins_place_alike(units: list[tuple[int, int, int, int]]) -> None:
    lines = [module("timeline", kind).Timeline() for kind in TWINS]
    for kind, pts, dts, what in units:
        for line in lines:
            if what == 0:
                line.begin_at(pts)
            elif what == 1:
                line.followed(kind, 3600)
            else:
                line.placed(kind, pts, dts, 3600)
        plain, compiled = lines
        assert (compiled.pts, compiled.dts, compiled.jumps) == (plain.pts, plain.dts, plain.jumps)

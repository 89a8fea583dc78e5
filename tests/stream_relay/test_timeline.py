from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay import timeline
from stream_relay.access_unit import AccessUnit
from stream_relay.formats.twins import twin
from tests.stream_relay.media import FRAME_TICKS, picture, sound

COMPILED = twin("timeline", "stream_relay")
TWINS = {"plain": timeline, "compiled": COMPILED}


@pytest.fixture(params=TWINS)
def line(request: pytest.FixtureRequest) -> Any:
    return TWINS[request.param].TimeLine()


def at(ticks: int, pts: int | None = None) -> AccessUnit:
    return replace(picture(0), dts_ticks=ticks, pts_ticks=ticks if pts is None else pts)


def place_all(line: Any, ticks: list[int], now: float = 0.0) -> list[int]:
    return [line.placed(at(value), now + n * 0.04).dts_ticks for n, value in enumerate(ticks)]


def test_stream_starts_at_zero(line: Any) -> None:
    assert place_all(line, [7_000_000, 7_003_600, 7_007_200]) == [0, 3600, 7200]
    assert line.jumps == 0


def test_regular_unit_is_passed_on_by_reference(line: Any) -> None:
    line.placed(at(0), 0.0)
    unit = at(3600)
    assert line.placed(unit, 0.04) is unit


def test_clock_that_restarts_goes_on_by_arrival(line: Any) -> None:
    place_all(line, [500_000, 503_600])
    placed = line.placed(at(0), 0.04 + 2.0)
    assert placed.dts_ticks == 3600 + 2 * 90_000
    assert line.placed(at(3600), 2.08).dts_ticks == placed.dts_ticks + 3600
    assert line.jumps == 1


def test_jump_forward_without_time_passing_is_taken_out(line: Any) -> None:
    place_all(line, [0, 3600])
    placed = line.placed(at(26 * 3600 * 90_000), 0.08)
    assert placed.dts_ticks == 3600 + FRAME_TICKS
    assert line.jumps == 1


def test_jump_forward_that_agrees_with_a_silence_is_kept(line: Any) -> None:
    place_all(line, [0, 3600])
    assert line.placed(at(30 * 90_000), 30.0).dts_ticks == 30 * 90_000
    assert line.jumps == 0


def test_repeated_and_slightly_backward_times_still_rise(line: Any) -> None:
    placed = place_all(line, [0, 3600, 3600, 3600, 3000, 7200])
    assert placed == [0, 3600, 3601, 3602, 3603, 7200]


def test_presentation_keeps_its_distance_to_decoding(line: Any) -> None:
    line.placed(at(1000), 0.0)
    placed = line.placed(at(4600, pts=11_800), 0.04)
    assert (placed.dts_ticks, placed.pts_ticks) == (3600, 10_800)


def test_presentation_before_decoding_is_repaired(line: Any) -> None:
    line.placed(at(9000), 0.0)
    placed = line.placed(at(12_600, pts=100), 0.04)
    assert placed.pts_ticks == placed.dts_ticks == 3600


def test_sound_on_the_same_clock_shares_the_offset(line: Any) -> None:
    line.placed(at(90_000), 0.0)
    assert line.placed(sound(0, ticks=91_000), 0.02).dts_ticks == 1000


def test_sound_with_a_clock_of_its_own_is_placed_by_arrival(line: Any) -> None:
    line.placed(at(90_000_000), 0.0)
    assert line.placed(sound(0, ticks=0), 0.02).dts_ticks == 1800
    assert line.placed(sound(0, ticks=3600), 0.06).dts_ticks == 5400


def test_sound_follows_the_picture_through_a_restart_of_the_device(line: Any) -> None:
    line.placed(at(900_000), 0.0)
    line.placed(sound(0, ticks=900_000), 0.0)
    video = line.placed(at(0), 1.0)
    audio = line.placed(sound(0, ticks=1000), 1.01)
    assert audio.dts_ticks - video.dts_ticks == 1000


def test_another_source_is_placed_by_arrival(line: Any) -> None:
    place_all(line, [0, 3600])
    line.begin_again()
    placed = line.placed(at(70_000_000), 1.04)
    assert placed.dts_ticks == 3600 + 90_000
    assert line.jumps == 0


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.one_of(st.integers(0, 1 << 40), st.integers(0, 1_000_000)),
            st.integers(-300_000, 300_000),
            st.integers(0, 20_000_000),
        ),
        max_size=40,
    )
)
def test_both_twins_place_alike_and_decode_times_rise(
    units: list[tuple[bool, int, int, int]],
) -> None:
    lines = [module.TimeLine() for module in TWINS.values()]
    now, last = 0.0, {True: -1, False: -1}
    for is_video, dts, reorder, passed_us in units:
        now += passed_us / 1e6
        unit = at(dts, dts + reorder) if is_video else sound(0, ticks=dts)
        plain, compiled = (line.placed(unit, now) for line in lines)
        assert compiled == plain
        assert plain.dts_ticks > last[is_video]
        assert plain.pts_ticks >= plain.dts_ticks
        last[is_video] = plain.dts_ticks
    assert lines[0].jumps == lines[1].jumps


def test_the_compiled_twin_was_built() -> None:
    assert COMPILED is not timeline, "run `python setup.py build_ext --inplace` first"

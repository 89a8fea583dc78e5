"""Where a playback is, whatever recorders stamp."""

import pytest

from vms.services.playback_position import TICKS_PER_S, Position


def run(position: Position, stamp_rate: float, seconds: float, begin: float = 0.0) -> None:
    """Look four times a second at media whose stamps run at this rate."""
    for quarter in range(round(seconds * 4) + 1):
        now = quarter / 4
        position.look(round((begin + now * stamp_rate) * TICKS_PER_S), now)


@pytest.mark.parametrize("scale", [0.25, 0.5, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("is_recorded_time", [True, False])
def test_both_ways_to_stamp_give_the_same_place(scale: float, is_recorded_time: bool) -> None:
    position = Position(3600)
    position.place(scale=scale)
    run(position, scale if is_recorded_time else 1.0, 20)
    assert position.seconds == pytest.approx(20 * scale, rel=0.02)


def test_backwards_is_counted_by_the_clock() -> None:
    position = Position(3600)
    position.place(600.0, -1.0)
    run(position, -1.0, 20, begin=600)
    assert position.seconds == pytest.approx(580, abs=0.5)


def test_nothing_comes_nothing_moves() -> None:
    position = Position(3600)
    run(position, 1.0, 10)
    for now in range(11, 60):
        position.look(10 * TICKS_PER_S, float(now))
    assert position.seconds == pytest.approx(10)


@pytest.mark.parametrize("jump", [-500, 9, 5000])
def test_a_jump_of_the_stamps_is_no_jump_of_the_place(jump: int) -> None:
    position = Position(3600)
    run(position, 1.0, 10)
    position.look((10 + jump) * TICKS_PER_S, 10.25)
    assert position.seconds == pytest.approx(10.25, abs=0.01)


def test_a_seek_counts_from_there() -> None:
    position = Position(3600)
    run(position, 1.0, 10)
    position.place(1000)
    run(position, 1.0, 5, begin=77)
    assert position.seconds == pytest.approx(1005)


@pytest.mark.parametrize(("seconds", "scale", "is_end"), [(599, 1, True), (590, 1, False),
    (594, 4, True), (1, -1, True), (100, -1, False)])  # fmt: skip
def test_the_end_is_near_in_the_direction_of_playing(
    seconds: float, scale: float, is_end: bool
) -> None:
    position = Position(600)
    position.place(seconds, scale)
    assert position.is_at_end is is_end


def test_it_stays_within_what_was_asked_for() -> None:
    position = Position(5)
    run(position, 1.0, 60)
    assert position.seconds == 5
    position.place(-3)
    assert position.seconds == 0

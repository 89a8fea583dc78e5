from dataclasses import replace

from stream_relay.access_unit import AccessUnit
from stream_relay.timeline import TimeLine
from tests.stream_relay.media import FRAME_TICKS, picture, sound


def at(ticks: int, pts: int | None = None) -> AccessUnit:
    return replace(picture(0), dts_ticks=ticks, pts_ticks=ticks if pts is None else pts)


def place_all(line: TimeLine, ticks: list[int], now: float = 0.0) -> list[int]:
    return [line.place(at(value), now + n * 0.04).dts_ticks for n, value in enumerate(ticks)]


def test_stream_starts_at_zero():
    line = TimeLine()
    assert place_all(line, [7_000_000, 7_003_600, 7_007_200]) == [0, 3600, 7200]
    assert line.jumps == 0


def test_regular_unit_is_passed_on_by_reference():
    line = TimeLine()
    line.place(at(0), 0.0)
    unit = at(3600)
    assert line.place(unit, 0.04) is unit


def test_clock_that_restarts_goes_on_by_arrival():
    line = TimeLine()
    place_all(line, [500_000, 503_600])
    placed = line.place(at(0), 0.04 + 2.0)
    assert placed.dts_ticks == 3600 + 2 * 90_000
    assert line.place(at(3600), 2.08).dts_ticks == placed.dts_ticks + 3600
    assert line.jumps == 1


def test_jump_forward_without_time_passing_is_taken_out():
    line = TimeLine()
    place_all(line, [0, 3600])
    placed = line.place(at(26 * 3600 * 90_000), 0.08)
    assert placed.dts_ticks == 3600 + FRAME_TICKS
    assert line.jumps == 1


def test_jump_forward_that_agrees_with_a_silence_is_kept():
    line = TimeLine()
    place_all(line, [0, 3600])
    assert line.place(at(30 * 90_000), 30.0).dts_ticks == 30 * 90_000
    assert line.jumps == 0


def test_repeated_and_slightly_backward_times_still_rise():
    line = TimeLine()
    placed = place_all(line, [0, 3600, 3600, 3600, 3000, 7200])
    assert placed == [0, 3600, 3601, 3602, 3603, 7200]


def test_presentation_keeps_its_distance_to_decoding():
    line = TimeLine()
    line.place(at(1000), 0.0)
    placed = line.place(at(4600, pts=11_800), 0.04)
    assert (placed.dts_ticks, placed.pts_ticks) == (3600, 10_800)


def test_presentation_before_decoding_is_repaired():
    line = TimeLine()
    line.place(at(9000), 0.0)
    placed = line.place(at(12_600, pts=100), 0.04)
    assert placed.pts_ticks == placed.dts_ticks == 3600


def test_sound_on_the_same_clock_shares_the_offset():
    line = TimeLine()
    line.place(at(90_000), 0.0)
    assert line.place(sound(0, ticks=91_000), 0.02).dts_ticks == 1000


def test_sound_with_a_clock_of_its_own_is_placed_by_arrival():
    line = TimeLine()
    line.place(at(90_000_000), 0.0)
    assert line.place(sound(0, ticks=0), 0.02).dts_ticks == 1800
    assert line.place(sound(0, ticks=3600), 0.06).dts_ticks == 5400


def test_sound_follows_the_picture_through_a_restart_of_the_device():
    line = TimeLine()
    line.place(at(900_000), 0.0)
    line.place(sound(0, ticks=900_000), 0.0)
    video = line.place(at(0), 1.0)
    audio = line.place(sound(0, ticks=1000), 1.01)
    assert audio.dts_ticks - video.dts_ticks == 1000

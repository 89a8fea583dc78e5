"""Stamps on one line: wrap, jumps, two clocks, missing stamps (gb28181 §6.6, field note 42)."""

from hypothesis import given
from hypothesis import strategies as st

from stream_relay.access_unit import Kind
from stream_relay.formats.timeline import WRAP, StampSource, Timeline

VIDEO, AUDIO = Kind.VIDEO, Kind.AUDIO


def place_all(stamps: list[int], step: int = 3600) -> list[int]:
    line = Timeline()
    return [line.place(VIDEO, stamp % WRAP, None, step)[1] for stamp in stamps]


def test_a_stream_begins_at_zero() -> None:
    assert place_all([123456, 127056]) == [0, 3600]


def test_a_wrap_is_no_jump() -> None:
    line = Timeline()
    placed = [line.place(VIDEO, (WRAP - 3600 + i * 3600) % WRAP, None, 3600)[0] for i in range(4)]
    assert placed == [0, 3600, 7200, 10800]
    assert line.jumps == 0


def test_a_jump_either_way_goes_on_from_the_end() -> None:
    hour = 3600 * 90_000
    assert place_all([0, 3600, hour, hour + 3600]) == [0, 3600, 7200, 10800]
    assert place_all([hour, hour + 3600, 0, 3600]) == [0, 3600, 7200, 10800]


def test_a_pause_is_kept() -> None:
    assert place_all([0, 3600, 3600 + 90_000]) == [0, 3600, 93_600]


def test_reordered_pictures_keep_their_presentation() -> None:
    line = Timeline()
    assert line.place(VIDEO, 7200, 0, 3600) == (7200, 0)
    assert line.place(VIDEO, 3600, 3600, 3600) == (3600, 3600)


def test_reordered_pictures_without_decode_stamps_still_rise() -> None:
    line = Timeline()
    placed = [line.place(VIDEO, pts, None, 3600) for pts in (0, 10800, 3600, 7200, 14400)]
    assert [pts for pts, _ in placed] == [0, 10800, 3600, 7200, 14400]
    assert [dts for _, dts in placed] == [0, 10800, 10801, 10802, 14400]


def test_both_tracks_share_a_clock_and_a_jump_keeps_them_together() -> None:
    line = Timeline()
    line.place(VIDEO, 90_000, None, 3600)
    assert line.place(AUDIO, 91_800, None, 1800) == (1800, 1800)
    line.place(VIDEO, 9_000_000, None, 3600)
    assert line.place(AUDIO, 9_000_900, None, 1800)[0] == 3600 + 900
    assert line.jumps == 1


def test_a_track_with_a_clock_of_its_own_settles() -> None:
    line = Timeline()
    for index in range(100):
        line.place(VIDEO, index * 3600, None, 3600)
        line.place(AUDIO, 50_000_000 + index * 3600, None, 3600)
    assert line.jumps == 1
    assert line.place(VIDEO, 360_000, None, 3600)[1] == 360_000


def test_a_unit_without_stamp_follows_at_its_pace() -> None:
    line = Timeline()
    line.place(VIDEO, 0, None, 3600)
    assert line.follow(VIDEO, 3600) == (3600, 3600)
    assert line.place(VIDEO, 7200, None, 3600) == (7200, 7200)


@given(st.lists(st.tuples(st.integers(0, WRAP - 1), st.booleans()), max_size=50))
def test_decode_times_of_each_track_strictly_rise(stamps: list[tuple[int, bool]]) -> None:
    line = Timeline()
    last = {VIDEO: -1, AUDIO: -1}
    for stamp, is_video in stamps:
        kind = VIDEO if is_video else AUDIO
        pts, dts = line.place(kind, stamp, None, 3600)
        assert dts > last[kind]
        assert pts >= 0
        last[kind] = dts


def test_rtp_stamps_stand_in_for_missing_ones() -> None:
    source = StampSource()
    assert source.stamp(9000, 500) == 9000
    assert source.stamp(None, 4100) == 12_600
    assert source.stamp(None, 4100) is None
    assert source.stamp(None, None) is None
    assert source.stamp(None, 4100 + 0xFFFFFFFF) == 12_599
    assert StampSource().stamp(None, 77) == 77


def test_a_picture_that_began_first_is_zero_although_its_audio_is_complete_earlier() -> None:
    line = Timeline()
    line.expect(90_000)
    assert line.place(AUDIO, 90_900, None, 1800) == (900, 900)
    assert line.place(VIDEO, 90_000, None, 3600) == (0, 0)
    line.expect(5_000_000)
    assert line.place(VIDEO, 93_600, None, 3600) == (3600, 3600)

from dataclasses import dataclass, field

import pytest

from stream_relay.access_unit import AccessUnit, Kind, Track
from stream_relay.errors import Overload, StreamClosed, Unsupported
from stream_relay.events import EndReason, FirstKeyFrame, StreamEvent, TracksChanged
from stream_relay.outputs.chunk import Chunk
from stream_relay.reader import QueueLimit, Reader
from stream_relay.stream import AUDIO_SETTLE_S, VIDEO_SETTLE_S, Stream, StreamLimits
from tests.stream_relay.media import (
    FRAME_TICKS,
    G711,
    SVAC,
    VIDEO,
    WIDER,
    Clock,
    picture,
    pictures,
    sound,
)


@dataclass
class Desk:
    """A stream with its clock and what it told."""

    limits: StreamLimits = field(default_factory=StreamLimits)
    clock: Clock = field(default_factory=Clock)
    events: list[StreamEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stream = Stream(
            "s",
            limits=self.limits,
            wall=self.clock.wall,
            opened_at=self.clock.now,
            on_event=self.events.append,
        )

    def publish(self, units: list[AccessUnit], announced: tuple[Kind, ...] = ()) -> None:
        for unit in units:
            self.stream.publish([unit], announced, self.clock.now)
            if unit.track is Kind.VIDEO:
                self.clock.now += FRAME_TICKS / 90_000


def media(reader: Reader) -> list[Chunk]:
    return [chunk for chunk in reader.take_all() if chunk.kind == "media"]


def indexes(reader: Reader) -> list[int]:
    return [chunk.pts_ticks // FRAME_TICKS for chunk in media(reader)]


def test_reader_gets_init_and_the_group_since_the_last_key_at_once():
    desk = Desk()
    desk.publish(pictures(14, gop=10))
    reader = desk.stream.open_reader("access-units")
    first, *rest = reader.take_all()
    assert (first.kind, first.tracks) == ("init", (VIDEO,))
    assert [chunk.pts_ticks // FRAME_TICKS for chunk in rest] == [10, 11, 12, 13]
    assert rest[0].is_key


def test_reader_that_came_before_the_stream_gets_everything_from_the_key():
    desk = Desk()
    reader = desk.stream.open_reader("access-units")
    desk.publish([picture(0), picture(1), *pictures(3, start=2)])
    assert [chunk.kind for chunk in reader.take_all()] == ["init", "media", "media", "media"]


@pytest.mark.parametrize("output", ["access-units", "flv", "fmp4", "fmp4-any-audio"])
def test_all_readers_of_a_format_get_the_same_chunks(output):
    desk = Desk()
    readers = [desk.stream.open_reader(output) for _ in range(3)]
    desk.publish(pictures(5))
    late = desk.stream.open_reader(output)
    first, second, third = (media(reader) for reader in readers)
    assert first == second == third == media(late)
    assert len(first) == 5


@pytest.mark.parametrize("output", ["flv", "fmp4", "fmp4-any-audio", "flv-h265-legacy"])
def test_first_reader_of_a_format_gets_the_group_that_came_before_it(output):
    desk = Desk()
    desk.publish(pictures(15))
    reader = desk.stream.open_reader(output)
    desk.publish(pictures(2, start=15, gop=100)[1:])
    assert indexes(reader) == [10, 11, 12, 13, 14, 16]


def test_reader_that_discards_keeps_its_format_going_and_never_falls_behind():
    desk = Desk()
    reader = desk.stream.open_reader("flv", limit=20)
    discarded = 0
    for start in range(0, 100, 10):
        desk.publish(pictures(10, start=start))
        discarded += reader.discard()
    assert (discarded, reader.queued, reader.discard()) == (101, 0, 0)
    figures = reader.statistics
    assert (figures.delivered, figures.dropped) == (101, 0)
    assert desk.stream.statistics.readers == 1


def test_times_are_the_same_in_every_format_and_start_at_zero():
    desk = Desk()
    readers = [desk.stream.open_reader(name) for name in ("access-units", "flv", "fmp4")]
    desk.publish(pictures(5, start=700))
    for reader in readers:
        assert indexes(reader) == [0, 1, 2, 3, 4]


def test_chunks_tell_when_their_picture_arrived():
    desk = Desk()
    reader = desk.stream.open_reader("fmp4")
    began = desk.clock.wall()
    desk.publish(pictures(3))
    assert [(chunk.wall - began).total_seconds() for chunk in media(reader)] == [0, 0.04, 0.08]


def test_fmp4_chunks_carry_codecs_key_and_pts():
    desk = Desk()
    reader = desk.stream.open_reader("fmp4")
    desk.publish(pictures(2))
    init, key, other = reader.take_all()
    assert init.codec_string == key.codec_string == "avc1.4d400d"
    assert (key.is_key, key.pts_ticks) == (True, 0)
    assert (other.is_key, other.pts_ticks) == (False, FRAME_TICKS)


def test_sound_that_fmp4_for_browsers_cannot_carry_is_left_out():
    desk = Desk()
    reader = desk.stream.open_reader("fmp4")
    whole = desk.stream.open_reader("fmp4-any-audio")
    desk.publish([picture(0, is_key=True), sound(0), picture(1), sound(1), picture(2)])
    assert [chunk.tracks for chunk in reader.take_all()] == [(VIDEO,)] * 4
    assert media(whole)[-1].tracks == (VIDEO, G711)


def test_changed_resolution_gives_a_new_init_and_starts_at_its_key():
    desk = Desk()
    reader = desk.stream.open_reader("fmp4")
    desk.publish([*pictures(5), *pictures(3, start=5, track=WIDER)])
    chunks = reader.take_all()
    kinds = [chunk.kind for chunk in chunks]
    assert kinds == ["init", *["media"] * 5, "init", *["media"] * 3]
    assert chunks[6].tracks == (WIDER,)
    assert chunks[6].data != chunks[0].data
    assert chunks[7].is_key
    assert [event.tracks for event in desk.events if isinstance(event, TracksChanged)] == [
        (VIDEO,),
        (WIDER,),
    ]


def test_reader_that_joins_after_a_change_sees_only_the_new_tracks():
    desk = Desk()
    desk.publish([*pictures(5), *pictures(3, start=5, track=WIDER)])
    chunks = desk.stream.open_reader("fmp4").take_all()
    assert [chunk.kind for chunk in chunks] == ["init", "media", "media", "media"]
    assert chunks[0].tracks == (WIDER,)


def test_flv_reader_that_stays_through_a_change_gets_no_second_file_header():
    desk = Desk()
    reader = desk.stream.open_reader("flv")
    desk.publish([*pictures(2), *pictures(2, start=2, track=WIDER)])
    inits = [chunk.data for chunk in reader.take_all() if chunk.kind == "init"]
    assert [data.startswith(b"FLV") for data in inits] == [True, False]


def test_announced_sound_is_waited_for_so_that_there_is_one_init():
    desk = Desk()
    reader = desk.stream.open_reader("fmp4-any-audio")
    announced = (Kind.VIDEO, Kind.AUDIO)
    desk.publish([picture(0, is_key=True), picture(1)], announced)
    assert reader.queued == 0
    desk.publish([sound(1), picture(2)], announced)
    chunks = reader.take_all()
    assert [chunk.kind for chunk in chunks] == ["init", "media", "media", "media"]
    assert chunks[0].tracks == (VIDEO, G711)


def test_wait_for_announced_sound_ends_without_another_picture():
    desk = Desk()
    reader = desk.stream.open_reader("fmp4")
    desk.publish([picture(0, is_key=True)], (Kind.VIDEO, Kind.AUDIO))
    desk.stream.tick(desk.clock.now)
    assert reader.queued == 0
    desk.stream.tick(desk.clock.now + AUDIO_SETTLE_S)
    assert indexes(reader) == [0], "a camera with one picture a second is not shown a second late"


def test_announced_sound_that_never_comes_holds_nothing_up_for_long():
    desk = Desk()
    reader = desk.stream.open_reader("fmp4")
    desk.publish(pictures(int(AUDIO_SETTLE_S * 25) + 2, gop=100), (Kind.VIDEO, Kind.AUDIO))
    assert indexes(reader) == list(range(int(AUDIO_SETTLE_S * 25) + 2))


def test_sound_that_appears_later_restarts_at_the_key_that_is_cached():
    desk = Desk()
    reader = desk.stream.open_reader("fmp4-any-audio")
    desk.publish([*pictures(3, gop=100), sound(2), picture(3)])
    chunks = reader.take_all()
    kinds = [chunk.kind for chunk in chunks]
    assert kinds == ["init", *["media"] * 3, "init", *["media"] * 4]
    assert chunks[5].is_key
    assert chunks[4].tracks == (VIDEO, G711)


def test_sound_that_appears_later_does_not_interrupt_access_units():
    desk = Desk()
    reader = desk.stream.open_reader("access-units")
    desk.publish([*pictures(3, gop=100), sound(2), picture(3)])
    kinds = [chunk.kind for chunk in reader.take_all()]
    assert kinds == ["init", *["media"] * 3, "init", "media", "media"]


def test_stream_of_sound_alone_starts_after_a_while_and_anywhere():
    desk = Desk()
    reader = desk.stream.open_reader("fmp4-any-audio")
    for number in range(int(VIDEO_SETTLE_S * 25) + 10):
        desk.stream.publish([sound(number)], (), desk.clock.now)
        desk.clock.now += 0.04
    chunks = reader.take_all()
    assert chunks[0].tracks == (G711,)
    assert chunks[1].is_key
    assert len(chunks) > 10


def test_pictures_before_the_parameter_sets_are_not_shown():
    desk = Desk()
    reader = desk.stream.open_reader("access-units")
    bare = Track(Kind.VIDEO, VIDEO.codec)
    desk.publish([picture(0, track=bare), picture(1, track=bare), *pictures(2, start=2)])
    assert [chunk.unit.data[-6:] for chunk in media(reader) if chunk.unit] == [
        unit.data[-6:] for unit in pictures(2, start=2)
    ]


@pytest.mark.parametrize("output", ["fmp4", "flv"])
async def test_codec_that_a_format_cannot_carry_is_told_to_its_readers(output):
    desk = Desk()
    early = desk.stream.open_reader(output)
    desk.publish([picture(0, is_key=True, track=SVAC)])
    late = desk.stream.open_reader(output)
    for reader in (early, late):
        with pytest.raises(Unsupported):
            await anext(reader)


def test_group_too_long_for_the_cache_is_not_offered_in_part():
    desk = Desk(StreamLimits(gop_cache_chunks=5))
    desk.publish(pictures(20, gop=10)[:18])
    reader = desk.stream.open_reader("access-units")
    assert [chunk.kind for chunk in reader.take_all()] == ["init"]
    desk.publish(pictures(12, start=20))
    assert indexes(reader)[0] == 20


async def test_slow_reader_is_closed_and_the_others_get_everything():
    desk = Desk(StreamLimits(queue=QueueLimit(20, 10_000_000)))
    slow, fast = desk.stream.open_reader("fmp4"), desk.stream.open_reader("fmp4")
    got = 0
    for unit in pictures(400, gop=10):
        desk.publish([unit])
        got += len(media(fast))
    assert got == 400
    assert desk.stream.reader_count == 1
    assert desk.stream.statistics.dropped_chunks == slow.statistics.dropped > 0
    with pytest.raises(Overload):
        async for _ in slow:
            pass


def test_format_without_readers_costs_nothing_and_comes_back_with_its_group():
    desk = Desk()
    desk.publish(pictures(3, gop=100))
    reader = desk.stream.open_reader("flv")
    cached = desk.stream.statistics.gop_cache_bytes
    reader.close()
    reader.close()
    assert desk.stream.statistics.gop_cache_bytes < cached
    desk.publish([picture(3)])
    assert indexes(desk.stream.open_reader("flv")) == [0, 1, 2, 3]


async def test_end_of_the_stream_reaches_readers_with_its_reason():
    desk = Desk()
    reader = desk.stream.open_reader("flv")
    desk.stream.close(EndReason.NO_MEDIA)
    desk.stream.close(EndReason.CLOSED)
    with pytest.raises(StreamClosed) as caught:
        await anext(reader)
    assert caught.value.reason == "no_media"
    with pytest.raises(StreamClosed):
        desk.stream.open_reader("flv")
    desk.publish(pictures(1))


def test_first_key_frame_is_told_once_with_the_time_it_took():
    desk = Desk()
    desk.clock.now += 0.3
    desk.publish(pictures(25))
    told = [event for event in desk.events if isinstance(event, FirstKeyFrame)]
    assert [round(event.after_s, 3) for event in told] == [0.3]


def test_figures_tell_rate_and_length_of_the_group():
    desk = Desk()
    desk.stream.tick(desk.clock.now)
    desk.publish(pictures(100, gop=25))
    desk.stream.counters.bytes = 1_000_000
    desk.stream.tick(desk.clock.now)
    figures = desk.stream.statistics
    assert (figures.frame_rate, figures.gop_frames, figures.gop_s) == (25.0, 25, 1.0)
    assert figures.bitrate_bps == 2_000_000

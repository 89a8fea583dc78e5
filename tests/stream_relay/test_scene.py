"""The drawn scene: clock and title where the rules want them, moving, different per camera (M4)."""

import itertools
from datetime import UTC, datetime

import av
import numpy as np
import pytest
from PIL import Image

from stream_relay.access_unit import AccessUnit, Codec, Kind
from stream_relay.formats import PsDemuxer
from stream_relay.formats.ps_mux import PsMuxer
from stream_relay.scene import FRAME_RATE, SceneSource, clock_text
from stream_relay.scenery import HEIGHT, WIDTH, Place, build_scenery

NOON = datetime(2026, 11, 20, 4, 34, 56, tzinfo=UTC)
TITLE = "福安矿主运胶带机头"


def scene(place: Place = Place.BELT, seed: int = 1, codec: Codec = Codec.H264) -> SceneSource:
    return SceneSource(TITLE, place, seed, lambda: NOON, codec)


def brightness(picture: Image.Image, box: tuple[int, int, int, int]) -> int:
    """How many nearly white pixels are in a part of the picture."""
    return int((np.asarray(picture.crop(box)).min(axis=2) > 235).sum())


def test_m4_the_clock_is_beijing_time_in_the_form_of_the_rules() -> None:
    assert clock_text(NOON) == "2026年11月20日 12:34:56"
    assert clock_text(datetime(2026, 1, 2, 16, 0, 5, tzinfo=UTC)) == "2026年01月03日 00:00:05"


def test_m4_clock_at_the_upper_left_title_at_the_lower_right() -> None:
    picture = next(scene(Place.FACE).draw())
    bare = build_scenery(Place.FACE, 1).background
    upper_left, lower_right = (0, 0, 300, 44), (WIDTH - 300, HEIGHT - 44, WIDTH, HEIGHT)
    lower_left, upper_right = (0, HEIGHT - 44, 300, HEIGHT), (WIDTH - 300, 0, WIDTH, 44)
    for box in (upper_left, lower_right):
        assert brightness(picture, box) > brightness(bare, box) + 300
    for box in (lower_left, upper_right):
        assert brightness(picture, box) < brightness(bare, box) + 300


@pytest.mark.parametrize("place", Place)
def test_every_place_moves_and_looks_different_for_each_camera(place: Place) -> None:
    first, other = build_scenery(place, 1), build_scenery(place, 2)
    pictures = []
    for seconds in (0.0, 3.0):
        picture = first.background.copy()
        first.paint(picture, seconds)
        pictures.append(np.asarray(picture).astype(int))
    assert pictures[0].shape == (HEIGHT, WIDTH, 3)
    assert (np.abs(pictures[0] - pictures[1]).max(axis=2) > 20).sum() > 40
    difference = np.abs(np.asarray(first.background).astype(int) - np.asarray(other.background))
    assert (difference.max(axis=2) > 2).sum() > 1000


def test_the_same_seed_gives_the_same_place() -> None:
    assert build_scenery(Place.YARD, 4).background == build_scenery(Place.YARD, 4).background


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_the_scene_is_a_playable_stream_with_sound(codec: Codec) -> None:
    units = list(itertools.islice(scene(codec=codec).units(), 100))
    video = [unit for unit in units if unit.track is Kind.VIDEO]
    assert [unit.dts_ticks for unit in video] == [i * 7500 for i in range(len(video))]
    assert [unit.is_key for unit in video[: FRAME_RATE * 2 + 1]].count(True) == 2
    muxer, demuxer = PsMuxer(codec, Codec.G711A), PsDemuxer()
    out: list[AccessUnit] = []
    for unit in units:
        out += demuxer.push(muxer.mux(unit), unit.dts_ticks, True)
    track = demuxer.tracks()[0]
    assert (track.codec, track.width, track.height) == (codec, WIDTH, HEIGHT)
    assert track.frame_rate == FRAME_RATE
    decoder = av.CodecContext.create("h264" if codec is Codec.H264 else "hevc", "r")
    frames = [
        frame
        for unit in out
        if unit.track is Kind.VIDEO
        for frame in decoder.decode(av.Packet(unit.data))
    ]
    assert len(frames) >= len(video) - 4

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from analytics.decoder import ChannelDecoder
from analytics.errors import DecodeError
from tests.analytics.pictures import encode

BEGIN = datetime(2026, 11, 20, tzinfo=UTC)
FRAME_TICKS = 3_600


def encoded(pictures: int, gop: int, encoder: str = "libx264") -> list[tuple[bytes, bool]]:
    """A picture that gets brighter."""
    images = [np.full((48, 64, 3), 20 + 5 * n, np.uint8) for n in range(pictures)]
    return encode(images, gop, encoder)


def feed(decoder: ChannelDecoder, units: list[tuple[bytes, bool]], begin: int = 0) -> list:
    frames = []
    for n, (data, is_key) in enumerate(units, begin):
        wall = BEGIN + timedelta(seconds=n / 25)
        frames += decoder.decode(data, n * FRAME_TICKS, wall, is_key)
    return frames


@pytest.mark.parametrize(("codec", "encoder"), [("h264", "libx264"), ("h265", "libx265")])
def test_every_picture_comes_out_with_its_time(codec: str, encoder: str) -> None:
    frames = feed(ChannelDecoder("c", codec), encoded(10, 5, encoder))
    assert [frame.pts_ticks for frame in frames] == [n * FRAME_TICKS for n in range(len(frames))]
    assert len(frames) >= 8
    assert frames[3].wall == BEGIN + timedelta(seconds=3 / 25)
    assert [frame.is_key for frame in frames[:6]] == [True, False, False, False, False, True]


def test_pixels_are_those_that_were_sent() -> None:
    frames = feed(ChannelDecoder("c", "h264"), encoded(10, 5))
    assert abs(int(frames[6].bgr().mean()) - 50) < 8
    assert frames[0].bgr(32).shape == (24, 32, 3)


def test_nothing_is_decoded_before_the_first_key_frame() -> None:
    units = encoded(10, 5)
    frames = feed(ChannelDecoder("c", "h264"), units[2:], begin=2)
    assert frames[0].pts_ticks == 5 * FRAME_TICKS


def test_broken_pictures_are_counted_and_decoding_goes_on_at_the_next_key_frame() -> None:
    units = encoded(15, 5)
    units[6] = (b"\x00\x00\x00\x01\x65" + b"\xff" * 40, False)
    frames = feed(ChannelDecoder("c", "h264"), units)
    assert frames[-1].pts_ticks == 14 * FRAME_TICKS


def test_frames_cannot_be_written_by_a_plugin() -> None:
    (frame, *_) = feed(ChannelDecoder("c", "h264"), encoded(3, 5))
    with pytest.raises(ValueError, match="read-only"):
        frame.bgr()[0, 0] = 0


def test_a_codec_without_decoder_is_refused() -> None:
    with pytest.raises(DecodeError, match="svac"):
        ChannelDecoder("c", "svac")

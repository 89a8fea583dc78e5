"""Clips shared by the tests of all formats; encoded once per session."""

import pytest

from stream_relay.access_unit import Codec
from tests.stream_relay.formats.clips import Clip, encode


@pytest.fixture(scope="session")
def h264() -> Clip:
    return encode(Codec.H264)


@pytest.fixture(scope="session")
def h264_reordered() -> Clip:
    return encode(Codec.H264, b_frames=2)


@pytest.fixture(scope="session")
def h265() -> Clip:
    return encode(Codec.H265)


@pytest.fixture(scope="session")
def mpeg4() -> Clip:
    return encode(Codec.MPEG4)


@pytest.fixture(scope="session")
def large() -> Clip:
    """Key frames beyond one PES."""
    return encode(Codec.H264, 640, 480, 6, gop=3)


@pytest.fixture(params=["h264", "h265", "mpeg4", "h264_reordered"])
def clip(request: pytest.FixtureRequest) -> Clip:
    found: Clip = request.getfixturevalue(request.param)
    return found

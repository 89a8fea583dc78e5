"""VideoUploadNotify: built, read back, hostile, and taken by a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.events import VideoUploadBegun
from sip.gb28181.manscdp import parse_envelope
from sip.gb28181.video_upload import VideoUpload, build_video_upload, parse_video_upload
from sip.gb28181.xml import MalformedXml
from tests.sip.conftest import DEVICE_ID, Wire

CAMERA = "34020000001320000001"


@given(
    place=st.one_of(
        st.none(), st.tuples(st.floats(-180, 180), st.floats(-90, 90).map(lambda v: round(v, 6)))
    )
)
def test_what_is_built_is_read_back(place):
    longitude, latitude = (round(place[0], 6), place[1]) if place else (None, None)
    upload = VideoUpload(CAMERA, "2026-05-01T10:00:00", longitude, latitude)
    read = parse_video_upload(parse_envelope(build_video_upload(upload, 7)), DEVICE_ID)
    assert (read.channel_id, read.time_text) == (CAMERA, "2026-05-01T10:00:00")
    assert (read.longitude, read.latitude) == (
        pytest.approx(longitude), pytest.approx(latitude),
    )  # fmt: skip


@pytest.mark.parametrize("place", [("181", "1"), ("1", "91"), ("", "1"), ("nan", "1"), ("x", "y")])
def test_what_is_no_place_on_earth_counts_as_none(place):
    body = (
        "<Notify><CmdType>VideoUploadNotify</CmdType><SN>1</SN>"
        f"<Longitude>{place[0]}</Longitude><Latitude>{place[1]}</Latitude></Notify>"
    )
    read = parse_video_upload(parse_envelope(body.encode()), DEVICE_ID)
    assert (read.longitude, read.latitude, read.channel_id) == (None, None, DEVICE_ID)


@given(body=st.binary(max_size=300))
def test_nothing_but_malformed_comes_out(body):
    prefix = b"<Notify><CmdType>VideoUploadNotify</CmdType>"
    for data in (body, prefix + body + b"</Notify>"):
        try:
            parse_video_upload(parse_envelope(data), DEVICE_ID)
        except MalformedXml:
            continue


def test_a_registered_device_announces_its_video(wire: Wire) -> None:
    wire.register()
    upload = VideoUpload(CAMERA, "2026-05-01T10:00:00", 118.3, 31.3)
    assert wire.message(build_video_upload(upload, 7)).status == 200
    (event,) = wire.heard(VideoUploadBegun)
    assert (event.device_id, event.channel_id) == (DEVICE_ID, CAMERA)
    assert (event.longitude, event.latitude) == (118.3, 31.3)

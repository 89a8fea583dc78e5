import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.events import Position
from sip.gb28181.manscdp import Root, build_envelope, parse_envelope
from sip.gb28181.mobile_position import (
    build_position,
    build_positions,
    parse_interval,
    parse_positions,
    position_fields,
)

CAMERA = "34020000001320000001"
SENDER = "34020000001180000001"
HEAD = "<Notify><CmdType>MobilePosition</CmdType><SN>1</SN>"


def read(text):
    return parse_positions(
        parse_envelope(text if isinstance(text, bytes) else text.encode()), SENDER
    )


def test_the_flat_form_of_2016_has_everything_but_maybe_a_device():
    text = (
        f"{HEAD}<Time>2026-05-01T10:00:05</Time><Longitude>118.376451</Longitude>"
        "<Latitude>31.326319</Latitude><Speed>36.0</Speed><Direction>90.0</Direction>"
        "<Altitude>12.5</Altitude></Notify>"
    )
    place = Position(SENDER, 118.376451, 31.326319, "2026-05-01T10:00:05", 36.0, 90.0, 12.5)
    assert read(text).positions == (place,)


def test_the_list_of_2022_is_about_each_item_and_its_own_time():
    packet = read(
        f"{HEAD}<DeviceID>{SENDER}</DeviceID><Time>2026-05-01T10:00:05</Time><SumNum>2</SumNum>"
        f'<DeviceList Num="2"><Item><DeviceID>{CAMERA}</DeviceID>'
        "<CaptureTime>2026-05-01T10:00:04</CaptureTime><Longitude>118.3</Longitude>"
        "<Latitude>31.3</Latitude><Height>3.0</Height></Item>"
        "<Item><Longitude>1</Longitude><Latitude>2</Latitude></Item></DeviceList></Notify>"
    )
    first, second = packet.positions
    assert (first.device_id, first.time_text, first.height) == (CAMERA, "2026-05-01T10:00:04", 3.0)
    assert (second.device_id, second.time_text) == (SENDER, "2026-05-01T10:00:05")


@pytest.mark.parametrize(
    ("longitude", "latitude"), [("", "31"), ("x", "31"), ("181", "0"), ("0", "-91"), ("nan", "1")]
)
def test_what_is_not_on_earth_is_dropped_and_counted(longitude, latitude):
    text = f"{HEAD}<Longitude>{longitude}</Longitude><Latitude>{latitude}</Latitude></Notify>"
    packet = read(text)
    assert (packet.positions, packet.dropped) == ((), 1)


def test_a_message_without_any_place_holds_nothing():
    assert read(f"{HEAD}<Time>now</Time></Notify>").positions == ()


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ([], 5),
        (position_fields(), 5),
        (position_fields(30), 30),
        ([("Interval", "0")], 5),
        ([("Interval", "soon")], 5),
        ([("Interval", "999999999")], 86_400),
    ],
)
def test_the_interval_is_five_seconds_unless_it_is_named(fields, seconds):
    body = build_envelope(Root.QUERY, "MobilePosition", 1, SENDER, fields)
    assert parse_interval(parse_envelope(body)) == seconds


place = st.builds(
    Position,
    st.just(CAMERA),
    st.integers(-180_000_000, 180_000_000).map(lambda n: n / 1e6),
    st.integers(-90_000_000, 90_000_000).map(lambda n: n / 1e6),
    st.just("2026-05-01T10:00:05"),
    st.none() | st.integers(0, 2000).map(lambda n: n / 10),
    st.none() | st.integers(0, 3600).map(lambda n: n / 10),
    st.none() | st.integers(-5000, 90000).map(lambda n: n / 10),
)


@given(place)
def test_the_flat_form_comes_back_as_it_went(position):
    assert read(build_position(position, 3)).positions == (position,)


@given(st.lists(place, max_size=5))
def test_the_list_comes_back_as_it_went(positions):
    assert read(build_positions(SENDER, 3, positions)).positions == tuple(positions)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_read_without_an_error(longitude, latitude):
    fields = [("Longitude", longitude), ("Latitude", latitude)]
    body = build_envelope(Root.NOTIFY, "MobilePosition", 1, None, fields, charset="UTF-8")
    packet = parse_positions(parse_envelope(body), SENDER)
    assert len(packet.positions) + packet.dropped == 1

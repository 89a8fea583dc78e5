import pytest

from sip.gb28181.manscdp import (
    Root,
    build_envelope,
    parse_envelope,
    parse_float,
    parse_number,
    peek_root,
)
from sip.gb28181.xml import MalformedXml

DEVICE = "34020000001180000001"


def test_the_query_is_the_one_the_standard_shows():
    body = build_envelope(Root.QUERY, "Catalog", 17430, DEVICE)
    assert body == (
        b'<?xml version="1.0" encoding="GB2312"?>\r\n'
        b"<Query>\r\n<CmdType>Catalog</CmdType>\r\n<SN>17430</SN>\r\n"
        b"<DeviceID>34020000001180000001</DeviceID>\r\n</Query>\r\n"
    )
    assert len(body) == 147


@pytest.mark.parametrize("charset", ["GB2312", "GB18030", "UTF-8"])
def test_what_is_written_is_read_back(charset):
    hostile = "镕 <script>&'\" ]]> 𠀀"
    data = build_envelope(
        Root.RESPONSE, "DeviceInfo", 5, DEVICE, [("DeviceName", hostile)], charset=charset
    )
    envelope = parse_envelope(data)
    assert (envelope.root, envelope.command, envelope.sn) == (Root.RESPONSE, "DeviceInfo", 5)
    assert envelope.device_id == DEVICE
    assert envelope.body.value("DeviceName") == hostile


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("catalog", "Catalog"),
        ("KEEPALIVE ", "Keepalive"),
        ("PTZPreciseStatusQuery", "PTZPosition"),
        ("SomethingNew", "SomethingNew"),
    ],
)
def test_commands_are_compared_without_case(written, read):
    body = f"<notify><CmdType>{written}</CmdType></notify>".encode()
    assert parse_envelope(body).command == read


@pytest.mark.parametrize("sn", ["", "-1", "x", "99999999999", "1.5"])
def test_a_senseless_sn_is_zero(sn):
    body = f"<Notify><CmdType>Alarm</CmdType><SN>{sn}</SN></Notify>".encode()
    assert parse_envelope(body).sn == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<Other><CmdType>Alarm</CmdType></Other>", 415),
        (b"<Notify><SN>1</SN></Notify>", 400),
        (b"<Notify><CmdType>" + b"x" * 100 + b"</CmdType></Notify>", 400),
    ],
)
def test_what_is_no_envelope_is_refused(body, status):
    with pytest.raises(MalformedXml) as caught:
        parse_envelope(body)
    assert caught.value.status == status


def test_control_characters_never_leave():
    assert b"\x1b" not in build_envelope(Root.NOTIFY, "Alarm", 1, DEVICE, [("Text", "a\x1bb")])


def test_numbers_are_bounded():
    assert parse_number("0000000012") == 12
    assert parse_number("٣") is None
    assert parse_float("118.376451") == 118.376451
    assert [parse_float(text) for text in ("nan", "inf", "1e99", "x", "9" * 100)] == [None] * 5


@pytest.mark.parametrize("root", list(Root))
@pytest.mark.parametrize("charset", ["GB2312", "UTF-8"])
def test_the_root_is_seen_without_reading_the_body(root, charset):
    body = build_envelope(root, "Catalog", 1, DEVICE, [("Name", "井口")], charset=charset)
    assert peek_root(body) is root is parse_envelope(body).root
    assert peek_root(body[:80]) is root


@pytest.mark.parametrize(
    "body", [b"", b"<", b"<?xml?>", b"hello", b"<Song/>", b" " * 2000 + b"<Query>"]
)
def test_what_is_no_message_has_no_root(body):
    assert peek_root(body) is None

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import MalformedMessage
from sip.message import NameAddr, SipUri, parse_name_addr, parse_name_addrs, parse_uri


def test_a_device_uri_is_read() -> None:
    uri = parse_uri("sip:34020000001320000001@192.0.2.7:5060;transport=udp")
    assert uri == SipUri(
        "192.0.2.7", "34020000001320000001", 5060, {"transport": "udp"}, scheme="sip"
    )
    assert str(uri) == "sip:34020000001320000001@192.0.2.7:5060;transport=udp"


@pytest.mark.parametrize(
    ("text", "user", "host", "port"),
    [
        ("sip:3402000000", None, "3402000000", None),
        ("SIPS:a@[2001:db8::1]:5061", "a", "[2001:db8::1]", 5061),
        ("sip:user;par=u%40example.net@example.com", "user;par=u@example.net", "example.com", None),
        ("sip:null-%00-null@example.com", "null-\0-null", "example.com", None),
    ],
)
def test_parts_of_uris(text: str, user: str | None, host: str, port: int | None) -> None:
    uri = parse_uri(text)
    assert (uri.user, uri.host, uri.port) == (user, host, port)
    assert parse_uri(str(uri)) == uri


def test_escapes_are_undone_once() -> None:
    uri = parse_uri("sips:%75se%72@example.com;name=value%2541;lr")
    assert uri.user == "user"
    assert uri.params == {"name": "value%41", "lr": None}


def test_octets_that_are_no_utf8_survive() -> None:
    uri = parse_uri("sip:%CA%D3@h")
    assert str(uri) == "sip:%CA%D3@h"


def test_a_foreign_scheme_is_kept_whole() -> None:
    uri = parse_uri("nobodyKnowsThisScheme:totallyopaquecontent")
    assert not uri.is_sip
    assert uri.opaque == "totallyopaquecontent"
    assert str(parse_uri("soap.beep://192.0.2.103:3002")) == "soap.beep://192.0.2.103:3002"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip",
        "sip:",
        "sip:@h",
        "sip:a@",
        "sip:a@h:port",
        "sip:a@h:65536",
        "sip:a@h:99999999999999999999",
        "sip:a@h:٥",
        "sip:a b@h",
        "<sip:a@h>",
        "sip:%4@h",
        "sip:a@b@c",
        "sip:a@h;p=1;P=2",
        "sip:a@h;;",
        "1sip:a@h",
        "isbn:",
    ],
)
def test_broken_uris_are_refused(text: str) -> None:
    with pytest.raises(MalformedMessage):
        parse_uri(text)


@given(
    user=st.text(min_size=1, max_size=12),
    value=st.text(max_size=12),
    port=st.none() | st.integers(0, 65535),
)
def test_any_user_and_parameter_survive_writing_and_reading(
    user: str, value: str, port: int | None
) -> None:
    uri = SipUri("example.com", user, port, {"p": value})
    assert parse_uri(str(uri)) == uri


def test_display_name_tag_and_parameters_are_read() -> None:
    address = parse_name_addr('"J \\"R\\" Rosenberg"  <sip:jdr@example.com;lr> ; tag = 98asjd8;x')
    assert address.display == 'J "R" Rosenberg'
    assert address.tag == "98asjd8"
    assert address.uri.params == {"lr": None}
    assert address.params == {"tag": "98asjd8", "x": None}


def test_without_brackets_parameters_belong_to_the_header() -> None:
    address = parse_name_addr("sip:+19725552222@gw1.example.net;unknownparam")
    assert address.uri.params == {}
    assert address.params == {"unknownparam": None}


def test_the_quick_way_and_the_thorough_way_agree() -> None:
    quick = parse_name_addr("<sip:a@h:5060>;tag=1")
    assert quick == parse_name_addr("<sip:a@h:5060> ; tag=1")
    assert quick == NameAddr(SipUri("h", "a", 5060), "", {"tag": "1"})


def test_unquoted_chinese_display_names_are_read() -> None:
    assert parse_name_addr("主井口 <sip:a@h>").display == "主井口"


@pytest.mark.parametrize(
    "text",
    [
        '"Mr. J. User <sip:j.user@example.com>',
        "Bell, Alexander <sip:a@h>",
        "sip:user@example.com?Route=%3Csip:sip.example.com%3E",
        "<sip:a@h>;tag=1;tag=2",
        "<sip:a@h>;;",
        "<sip:a@h>;tag=",
        '<sip:a@h>;x="',
        "sip:a@h>",
        '"a"b" <sip:a@h>',
        '"a"',
    ],
)
def test_broken_addresses_are_refused(text: str) -> None:
    with pytest.raises(MalformedMessage):
        parse_name_addr(text)


@given(
    display=st.text(max_size=10).filter(lambda t: not set(t) & set("\r\n")),
    value=st.text(min_size=1, max_size=10).filter(lambda t: not set(t) & set("\r\n")),
)
def test_any_address_survives_writing_and_reading(display: str, value: str) -> None:
    address = NameAddr(SipUri("h", "a"), display, {"p": value})
    assert parse_name_addr(str(address)) == address


def test_several_addresses_in_lines_and_by_commas() -> None:
    addresses = parse_name_addrs(["<sip:a@h>, <sip:b@h>", "<sip:c@h>"])
    assert [a.uri.user for a in addresses] == ["a", "b", "c"]

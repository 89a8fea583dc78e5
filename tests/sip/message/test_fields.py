import pytest

from sip.errors import MalformedMessage
from sip.message import CSeq, Via, parse_cseq, parse_number, parse_via, parse_vias, readable


def test_a_via_is_read_and_written() -> None:
    text = "SIP/2.0/UDP 192.0.2.101:5060;rport;branch=z9hG4bK1001"
    via = parse_via(text)
    assert via == Via("UDP", "192.0.2.101", 5060, {"rport": None, "branch": "z9hG4bK1001"})
    assert str(via) == text
    assert via.has_cookie


def test_a_tortuous_via_is_read() -> None:
    via = parse_via('SIP  / 2.0  / tcp     [2001:DB8::1] : 5061  ;  branch  =  abc ; x="a;b"')
    assert (via.transport, via.host, via.port) == ("TCP", "[2001:DB8::1]", 5061)
    assert via.branch == "abc"
    assert via.params["x"] == "a;b"
    assert via.sent_by == ("[2001:db8::1]", 5061)


@pytest.mark.parametrize(
    "branch", [None, "z9hG4bK", "390skdjuw", "Z9HG4BKx"], ids=["none", "bare", "old", "case"]
)
def test_only_a_branch_behind_the_cookie_is_trusted(branch: str | None) -> None:
    assert not Via("UDP", "h", None, {} if branch is None else {"branch": branch}).has_cookie


def test_the_source_is_noted_always_and_the_port_where_asked_for() -> None:
    plain = parse_via("SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa").with_source("192.0.2.1", 4000)
    assert str(plain) == "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;received=192.0.2.1"
    asked = parse_via("SIP/2.0/UDP 10.0.0.1;rport").with_source("2001:db8::1", 4000)
    assert str(asked) == "SIP/2.0/UDP 10.0.0.1;rport=4000;received=2001:db8::1"


def test_vias_of_several_lines_and_of_one() -> None:
    vias = parse_vias(["SIP/2.0/UDP a , SIP/2.0/SCTP b", "SIP/2.0/UNKNOWN c"])
    assert [via.transport for via in vias] == ["UDP", "SCTP", "UNKNOWN"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/7.0/UDP h",
        "HTTP/2.0/UDP h",
        "SIP/2.0/UDP h;;",
        "SIP/2.0/UDP h;branch=a;branch=b",
        "SIP/2.0/UDP h:70000",
        "SIP/2.0/UDP h:",
        "SIP/2.0/UDP h h",
    ],
)
def test_broken_vias_are_refused(text: str) -> None:
    with pytest.raises(MalformedMessage):
        parse_via(text)


def test_cseq_is_read_with_leading_zeros_and_any_space() -> None:
    assert parse_cseq("0009 \t INVITE") == CSeq(9, "INVITE")
    assert str(CSeq(9, "INVITE")) == "9 INVITE"
    assert parse_cseq("4294967295 A").number == 2**32 - 1


@pytest.mark.parametrize(
    "text", ["4294967296 A", "-1 A", "A 1", "1", "", "1 A B", "٣ A", "36893488147419103232 A"]
)
def test_cseq_outside_of_32_bits_or_shape_is_refused(text: str) -> None:
    with pytest.raises(MalformedMessage):
        parse_cseq(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [("3600", 3600), ("3600;x=1", 3600), ("0068", 68), ("-1", None), ("1.0", None), ("٣", None),
     ("4294967296", None), ("1" * 400, None), ("", None)],
)  # fmt: skip
def test_numbers_that_make_no_sense_count_as_absent(text: str, number: int | None) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (b"IP Camera/1.0", "IP Camera/1.0"),
        ("海康威视".encode(), "海康威视"),
        ("海康威视 NVR".encode("gb18030"), "海康威视 NVR"),
        (b"a\x00b\x1b[31m\x7f", "ab[31m"),
        (b"\xff", "\ufffd"),
        ("\x85\x9b".encode(), ""),
    ],
)
def test_header_text_becomes_fit_for_screens_and_databases(octets: bytes, shown: str) -> None:
    text = readable(octets.decode("utf-8", "surrogateescape"))
    assert text == shown
    text.encode()

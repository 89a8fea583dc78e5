import pytest

from sip.errors import LocalProtocolError
from sip.message import (
    NameAddr,
    Request,
    SipUri,
    Via,
    build_request,
    build_response,
    parse_message,
)


def invite(**changes: str) -> Request:
    request = build_request(
        "INVITE",
        "sip:34020000001320000001@192.0.2.7:5060",
        from_=NameAddr(SipUri("3402000000", "34020000002000000001"), "", {"tag": "f1"}),
        to="<sip:34020000001320000001@3402000000>",
        call_id="c1",
        cseq=20,
        via=Via("UDP", "192.0.2.1", 5060, {"branch": "z9hG4bKa"}),
        contact="<sip:34020000002000000001@192.0.2.1:5060>",
        headers=[("Subject", "a:0,b:0"), *changes.items()],
        body=b"v=0\r\n",
    )
    return request


def test_a_built_request_is_what_the_parser_reads() -> None:
    again = parse_message(invite().to_bytes(), stream=True)
    assert isinstance(again, Request)
    assert again.leniencies == ()
    assert again.uri == invite().uri
    assert again.from_ == invite().from_
    assert (again.cseq, again.call_id, again.body) == ((20, "INVITE"), "c1", b"v=0\r\n")
    assert again.headers.get("Max-Forwards") == "70"
    assert again.headers.get("Content-Length") == "5"


def test_a_response_copies_what_the_standard_names() -> None:
    request = invite(**{"Record-Route": "<sip:p;lr>", "Timestamp": "54"})
    request.headers.add("Via", "SIP/2.0/UDP far;branch=z9hG4bKb")
    response = build_response(request, 180, headers=[("X", "y")], to_tag="t1")
    assert response.reason == "Ringing"
    assert response.headers.get_all("Via") == request.headers.get_all("Via")
    assert response.headers.get("From") == request.headers.get("From")
    assert response.to.tag == "t1"
    assert response.cseq == request.cseq
    assert response.headers.get("Record-Route") == "<sip:p;lr>"
    assert response.headers.get("X") == "y"
    assert "Timestamp" not in response.headers
    assert build_response(request, 100).headers.get("Timestamp") == "54"
    assert "Record-Route" not in build_response(request, 404).headers


def test_a_to_tag_that_is_there_is_kept() -> None:
    request = invite()
    request.headers.set("To", "<sip:a@b>;tag=mine")
    assert build_response(request, 200, to_tag="other").to.tag == "mine"


def test_reason_phrases_are_the_standards_unless_given() -> None:
    assert build_response(invite(), 488).reason == "Not Acceptable Here"
    assert build_response(invite(), 299).reason == ""
    assert build_response(invite(), 200, "Fine").reason == "Fine"


@pytest.mark.parametrize("status", [99, 700])
def test_a_status_outside_of_the_protocol_is_our_own_mistake(status: int) -> None:
    with pytest.raises(LocalProtocolError):
        build_response(invite(), status)


def test_a_value_with_a_line_break_is_our_own_mistake() -> None:
    with pytest.raises(LocalProtocolError):
        invite(Subject="a\r\nVia: x")


def test_cseq_out_of_range_is_our_own_mistake() -> None:
    with pytest.raises(LocalProtocolError):
        build_request("INFO", "sip:a@b", from_="<sip:a@b>", to="<sip:a@b>", call_id="1", cseq=2**32)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import MalformedMessage
from sip.message import Leniency, Request, Response, is_keepalive, parse_message

REGISTER = (
    b"REGISTER sip:34020000002000000001@3402000000 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.101:5060;rport;branch=z9hG4bK1001\r\n"
    b"From: <sip:34020000001180000001@3402000000>;tag=d1a7\r\n"
    b"To: <sip:34020000001180000001@3402000000>\r\n"
    b"Call-ID: 9b1f0c2e-reg@192.0.2.101\r\n"
    b"CSeq: 1 REGISTER\r\n"
    b"Contact: <sip:34020000001180000001@192.0.2.101:5060>\r\n"
    b"Max-Forwards: 70\r\n"
    b"User-Agent: SimIPC/1.0\r\n"
    b"Expires: 3600\r\n"
    b"Content-Length: 0\r\n\r\n"
)
MESSAGE = (
    b"MESSAGE sip:34020000002000000001@3402000000 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.101:5060;rport;branch=z9hG4bK1001\r\n"
    b"From: <sip:34020000001180000001@3402000000>;tag=d1a7\r\n"
    b"To: <sip:34020000001180000001@3402000000>\r\n"
    b"Call-ID: 9b1f\r\n"
    b"CSeq: 20 MESSAGE\r\n"
    b"Content-Type: Application/ MANSCDP+xml; charset=gb2312\r\n"
    b"Content-Length: 11\r\n\r\n<a>\xd6\xf7\xbe\xae</a>"
)


def register(*changes: tuple[bytes, bytes]) -> bytes:
    data = REGISTER
    for old, new in changes:
        assert old in data
        data = data.replace(old, new)
    return data


def accept(data: bytes, stream: bool = False) -> Request:
    message = parse_message(data, stream=stream)
    assert isinstance(message, Request)
    return message


def refuse(data: bytes, reason: str, status: int = 400, stream: bool = False) -> MalformedMessage:
    with pytest.raises(MalformedMessage) as caught:
        parse_message(data, stream=stream)
    assert caught.value.reason == reason
    assert caught.value.status_hint == status
    assert len(caught.value.data) <= 32
    return caught.value


def test_a_register_is_read() -> None:
    message = accept(REGISTER)
    assert message.method == "REGISTER"
    assert message.uri.user == "34020000002000000001"
    assert message.via.branch == "z9hG4bK1001"
    assert message.from_.tag == "d1a7"
    assert message.to.uri.user == "34020000001180000001"
    assert message.cseq == (1, "REGISTER")
    assert message.call_id == "9b1f0c2e-reg@192.0.2.101"
    assert message.contact is not None
    assert message.contact.uri.port == 5060
    assert message.expires == 3600
    assert message.user_agent == "SimIPC/1.0"
    assert message.leniencies == ()


def test_reading_and_writing_gives_the_same_octets() -> None:
    assert parse_message(REGISTER).to_bytes() == REGISTER
    assert parse_message(MESSAGE).to_bytes() == MESSAGE


def test_a_gb2312_body_stays_octets_and_its_type_is_recognised() -> None:
    message = accept(MESSAGE)
    assert message.body.decode("gb18030") == "<a>主井</a>"
    assert message.content_type == "application/manscdp+xml"


def test_a_response_is_read_with_any_reason_phrase() -> None:
    head = REGISTER.split(b"\r\n", 1)[1]
    message = parse_message("SIP/2.0 200 = 2**3 * 5**2 но сто девяносто\r\n".encode() + head)
    assert isinstance(message, Response)
    assert (message.status, message.is_success, message.is_final) == (200, True, True)
    assert message.reason.endswith("девяносто")
    empty = parse_message(b"SIP/2.0 100 \r\n" + head)
    assert isinstance(empty, Response)
    assert (empty.reason, empty.is_final) == ("", False)


# Leniencies: what devices do, counted by name


@pytest.mark.parametrize(
    ("data", "leniency"),
    [
        (b"\r\n\r\n" + REGISTER, Leniency.LEADING_CRLF),
        (REGISTER.replace(b"\r\n", b"\n"), Leniency.LF_ONLY),
        (register((b"CSeq: 1", b"CSeq : 1")), Leniency.SPACE_BEFORE_COLON),
        (register((b"CSeq: 1 ", b"CSeq: 1\r\n  ")), Leniency.FOLDED_LINE),
        (register((b"Call-ID", b"i")), Leniency.COMPACT_NAME),
        (register((b"1 REGISTER", b"1 Register")), Leniency.CSEQ_METHOD_CASE),
        (register((b";branch=z9hG4bK1001", b"")), Leniency.BRANCH_MISSING),
        (register((b"z9hG4bK1001", b"1001")), Leniency.BRANCH_WITHOUT_COOKIE),
        (register((b"SimIPC", b"\xca\xd3\xc6\xb5")), Leniency.RAW_BYTES),
        (register((b"Content-Length: 0\r\n", b"")), Leniency.CONTENT_LENGTH_MISSING),
        (register((b"Length: 0", b"Length: 2")), Leniency.CONTENT_LENGTH_LONG),
        (register((b";tag=d1a7", b"")), Leniency.FROM_TAG_MISSING),
        (register((b"REGISTER sip:", b"REGISTER  sip:")), Leniency.START_LINE_SPACE),
        (
            register((b"z9hG4bK1001", b"z9hG4bK1001, SIP/2.0/UDP h")),
            Leniency.JOINED_VALUES,
        ),
    ],
    ids=lambda value: value.value if isinstance(value, Leniency) else "",
)
def test_what_devices_get_wrong_is_read_and_named(data: bytes, leniency: Leniency) -> None:
    message = accept(data)
    assert message.leniencies == (leniency,)
    assert message.cseq == (1, "REGISTER")
    assert message.from_.uri.user == "34020000001180000001"


@pytest.mark.parametrize(
    ("data", "leniency"),
    [
        (REGISTER.replace(b"\r\n", b"\n"), Leniency.LF_ONLY),
        (register((b";branch=z9hG4bK1001", b"")), Leniency.BRANCH_MISSING),
        (register((b"Length: 0", b"Length: 2")), Leniency.CONTENT_LENGTH_LONG),
        (register((b"SimIPC", b"\xca\xd3\xc6\xb5")), Leniency.RAW_BYTES),
    ],
)
def test_each_leniency_can_be_switched_off(data: bytes, leniency: Leniency) -> None:
    with pytest.raises(MalformedMessage, match=f"not allowed: {leniency.value}"):
        parse_message(data, allowed=frozenset(Leniency) - {leniency})


def test_what_is_legal_cannot_be_switched_off() -> None:
    data = register((b"Call-ID", b"i"), (b"CSeq:", b"CSeq :"))
    assert accept(data).call_id
    assert parse_message(data, allowed=frozenset())


def test_gbk_octets_in_a_header_survive_the_round_trip() -> None:
    data = register((b"SimIPC", b"\xca\xd3\xc6\xb5"))
    assert parse_message(data).to_bytes() == data


def test_lf_only_lines_with_crlf_in_the_body() -> None:
    head, body = MESSAGE.split(b"\r\n\r\n")
    body = b"a\r\n\r\nb"
    data = head.replace(b"\r\n", b"\n").replace(b"Length: 11", b"Length: 6") + b"\n\n" + body
    assert accept(data).body == body


def test_a_length_that_counts_characters_loses_no_octets_of_the_body() -> None:
    assert accept(MESSAGE.replace(b"Length: 11", b"Length: 9")).body.endswith(b"</a>")
    padded = MESSAGE + b"\r\n\0"
    assert accept(padded).body.endswith(b"</a>")
    assert accept(padded).leniencies == ()


def test_octets_behind_the_declared_body_are_ignored() -> None:
    assert accept(REGISTER + b"INVITE sip:joe@example.com SIP/2.0\r\n").body == b""
    assert accept(MESSAGE + b"x" * 9).body == MESSAGE[-11:]


# Strict where identity or extent of a message is at stake


@pytest.mark.parametrize(
    ("change", "reason", "status"),
    [
        ((b"SIP/2.0\r\nVia", b"SIP/7.0\r\nVia"), "bad version", 505),
        ((b"SIP/2.0\r\nVia", b"HTTP/1.1\r\nVia"), "bad version", 400),
        ((b"REGISTER sip", b"REGI(STER sip"), "bad method", 400),
        ((b"1 REGISTER", b"1 INVITE"), "CSeq names another method", 400),
        ((b"CSeq: 1", b"CSeq: 4294967296"), "bad CSeq", 400),
        ((b"CSeq: 1", b"CSeq: -1"), "bad CSeq", 400),
        ((b"Length: 0", b"Length: -999"), "bad Content-Length", 400),
        ((b"Length: 0", b"Length: 99999999999"), "bad Content-Length", 400),
        ((b"Length: 0", b"Length: 9"), "Content-Length exceeds the message", 400),
        ((b"Length: 0", b"Length: 0\r\nl: 1"), "conflicting Content-Length", 400),
        ((b"Call-ID: ", b"Call-ID: x\r\nCall-ID: "), "header given twice", 400),
        ((b"From: ", b"f: <sip:x@y>;tag=1\r\nFrom: "), "header given twice", 400),
        ((b"CSeq: ", b"CSeq: 2 REGISTER\r\nCSeq: "), "header given twice", 400),
        ((b"Max-Forwards: 70", b"Max-Forwards: 7\r\nMax-Forwards: 70"), "header given twice", 400),
        ((b"Max-Forwards: 70", b"Max-Forwards: x"), "bad Max-Forwards", 400),
        ((b"Call-ID: 9b1f0c2e-reg@192.0.2.101\r\n", b""), "missing header", 400),
        ((b"Call-ID: 9b1f0c2e-reg@192.0.2.101", b"Call-ID:"), "bad Call-ID", 400),
        ((b"User-Agent:", b"User Agent:"), "bad header name", 400),
        ((b"User-Agent: ", b"User-Agent "), "bad header name", 400),
        ((b"User-Agent: SimIPC/1.0", b"User-Agent"), "header line without a colon", 400),
        ((b"SimIPC", b"Sim\rIPC"), "stray CR in the head", 400),
        ((b"REGISTER sip:", b" REGISTER sip:"), "bad start line", 400),
        ((b"@3402000000 SIP", b"@3402000000?a=b SIP"), "headers in the Request-URI", 400),
        ((b"@3402000000 SIP", b"@3402000000; lr SIP"), "bad start line", 400),
    ],
)  # fmt: skip
def test_broken_requests_are_refused(change: tuple[bytes, bytes], reason: str, status: int) -> None:
    refuse(register(change), reason, status)


@pytest.mark.parametrize("line", [b"SIP/2.0 700 x", b"SIP/2.0 99 x", b"SIP/2.0 4294967301 x",
                                  b"SIP/2.0 2000", b"SIP/2.0", b"SIP/2.0  200 OK"])  # fmt: skip
def test_status_codes_outside_of_100_to_699_are_refused(line: bytes) -> None:
    head = REGISTER.split(b"\r\n", 1)[1]
    refuse(line + b"\r\n" + head, "bad status code")


@pytest.mark.parametrize("data", [b"", b"x", b"REGISTER", REGISTER[:-2], b"\xff" * 2000])
def test_what_has_no_end_of_headers_is_refused(data: bytes) -> None:
    refuse(data, "no end of headers")


@pytest.mark.parametrize(
    "contact",
    [b"*\r\nContact: <sip:a@b>", b"<sip:a@>", b"sip:a@b?Route=%3Csip:c%3E", b"<sip:a@b>;;;;"],
)
def test_an_unreadable_contact_counts_as_absent(contact: bytes) -> None:
    data = register((b"<sip:34020000001180000001@192.0.2.101:5060>", contact))
    message = accept(data)
    assert message.leniencies == (Leniency.CONTACT_UNREADABLE,)
    assert message.contacts == ()
    assert not message.contact_is_wildcard
    with pytest.raises(MalformedMessage):
        parse_message(data, allowed=frozenset())


@pytest.mark.parametrize("data", [b" a\r\n b\r\n\r\n", b"a\r\n b\r\n\r\n", b"\r\n\r\n x\n\t\n\n"])
def test_a_folded_start_line_is_refused(data: bytes) -> None:
    refuse(data, "bad start line")


def test_too_many_header_lines_are_refused() -> None:
    refuse(register((b"Expires", b"X: y\r\n" * 600 + b"Expires")), "too many header lines", 513)


def test_an_endless_header_line_is_refused() -> None:
    refuse(register((b"SimIPC", b"x" * 9000)), "header line too long", 513)
    refuse(register((b"SimIPC", b"x" * 5000 + b"\r\n " + b"y" * 5000)), "header line too long", 513)
    assert accept(register((b"SimIPC", b"x" * 8000))).user_agent


def test_an_error_carries_the_head_so_that_a_request_can_be_answered() -> None:
    error = refuse(register((b"CSeq: 1", b"CSeq: -1")), "bad CSeq")
    assert error.start_line.startswith("REGISTER")
    assert ("Call-ID", "9b1f0c2e-reg@192.0.2.101") in list(error.head)
    assert error.data in REGISTER.replace(b"CSeq: 1", b"CSeq: -1")
    assert error.offset > 0


def test_a_stream_needs_an_exact_content_length() -> None:
    accept(REGISTER, stream=True)
    refuse(register((b"Content-Length: 0\r\n", b"")), "missing header", stream=True)
    refuse(
        register((b"Length: 0", b"Length: 1")), "Content-Length exceeds the message", stream=True
    )


def test_contact_wildcard_has_no_addresses() -> None:
    message = accept(register((b"<sip:34020000001180000001@192.0.2.101:5060>", b"*")))
    assert message.contact_is_wildcard
    assert message.contacts == ()
    assert message.contact is None


def test_contact_expires_is_read() -> None:
    message = accept(register((b"5060>", b"5060>;expires=60"), (b"Expires: 3600\r\n", b"")))
    assert (message.expires, message.contact_expires) == (None, 60)


@pytest.mark.parametrize("data", [b"\r\n\r\n", b"\r\n", b"\0\0\0\0", b"", b"\n"])
def test_pings_are_recognised(data: bytes) -> None:
    assert is_keepalive(data)
    assert not is_keepalive(data + b"x")


@given(st.binary(max_size=300))
def test_junk_raises_nothing_but_the_own_error(data: bytes) -> None:
    for candidate in (data, REGISTER[:120] + data, data + REGISTER):
        try:
            parse_message(candidate)
        except MalformedMessage as error:
            assert len(error.data) <= 32


@given(
    place=st.integers(0, len(MESSAGE)),
    cut=st.integers(0, 30),
    put=st.binary(max_size=10),
)
def test_what_is_accepted_is_accepted_again_after_writing(place: int, cut: int, put: bytes) -> None:
    data = MESSAGE[:place] + put + MESSAGE[place + cut :]
    try:
        message = parse_message(data)
    except MalformedMessage:
        return
    again = parse_message(message.to_bytes(), stream=True)
    for one in (message, again):
        one.headers.remove("content-length")
    assert again == message

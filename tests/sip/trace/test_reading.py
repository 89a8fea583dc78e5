"""What a ladder needs to know is read from whatever passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.trace.reading import Reading, read

CODE = "34020000001320000001"


def message(start: str, *headers: str, body: str = "") -> bytes:
    return "\r\n".join([start, *headers, "", body]).encode()


def test_a_query_names_its_command_and_its_device() -> None:
    reading = read(
        message(
            f"MESSAGE sip:{CODE}@192.0.2.9:5060 SIP/2.0",
            "From: <sip:34020000002000000001@3402000000>;tag=1",
            "To: <sip:34020000001180000001@3402000000>",
            "Call-ID: one@host",
            "CSeq: 20 MESSAGE",
            body=f"<Query><CmdType>Catalog</CmdType><DeviceID>{CODE}</DeviceID></Query>",
        )
    )
    assert (reading.method, reading.status, reading.cseq) == ("MESSAGE", 0, 20)
    assert (reading.kind, reading.command, reading.about) == ("Query", "Catalog", CODE)
    assert (reading.from_id, reading.to_id) == ("34020000002000000001", "34020000001180000001")
    assert reading.call_id == "one@host"


@pytest.mark.parametrize("order", ["PTZCmd", "TeleBoot", "IFameCmd", "HomePosition"])
def test_a_control_names_its_order(order: str) -> None:
    body = f"<Control><CmdType>DeviceControl</CmdType><{order}>A5</{order}></Control>"
    assert read(message("MESSAGE sip:a@b SIP/2.0", body=body)).command == order


def test_an_invite_names_its_session_and_its_channel() -> None:
    subject = f"Subject: {CODE}:0,34020000002000000001:0"
    reading = read(
        message("INVITE sip:x@y SIP/2.0", subject, body="v=0\r\ns=Playback\r\nu=1:0\r\n")
    )
    assert (reading.session, reading.about) == ("Playback", CODE)
    assert read(message(f"INVITE sip:{CODE}@y SIP/2.0")).about == CODE


def test_an_info_names_what_the_playback_is_told() -> None:
    reading = read(message("INFO sip:x@y SIP/2.0", body="PAUSE RTSP/1.0\r\nCSeq: 2\r\n"))
    assert reading.command == "PAUSE"


def test_a_response_is_told_by_its_status_and_its_cseq() -> None:
    reading = read(message("SIP/2.0 403 Wrong password", "CSeq: 3 REGISTER"))
    assert (reading.status, reading.reason, reading.method) == (403, "Wrong password", "REGISTER")


@pytest.mark.parametrize(
    "header", ["Expires: 0", "Contact: <sip:a@b>;expires=0", 'm: <sip:a@b> ; expires="0"']
)
def test_the_end_of_a_registration_is_seen(header: str) -> None:
    assert read(message("REGISTER sip:a@b SIP/2.0", header)).is_end
    assert not read(message("REGISTER sip:a@b SIP/2.0", header.replace("0", "60"))).is_end
    assert not read(message("MESSAGE sip:a@b SIP/2.0", header)).is_end


def test_compact_names_and_spaces_are_understood() -> None:
    reading = read(message("BYE sip:a@b SIP/2.0", "i : call", "f:<sip:1@x>", "t:<sip:2@x>"))
    assert (reading.call_id, reading.from_id, reading.to_id) == ("call", "1", "2")


@pytest.mark.parametrize(
    "data", [b"", b"\r\n\r\n", b"GARBAGE", b"SIP/2.0", b"SIP/2.0 abc \r\n\r\n"]
)
def test_what_cannot_be_read_is_empty(data: bytes) -> None:
    reading = read(data)
    assert (reading.status, reading.cseq, reading.call_id) == (0, -1, "")


@given(st.binary(max_size=500))
def test_nothing_that_passes_raises(data: bytes) -> None:
    assert isinstance(read(data), Reading)

"""The trace of an endpoint and a simulated device, as people see it and as Wireshark reads it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sip.message import Peer
from sip.trace.capture import capture
from sip.trace.ring import Trace
from sip.trace.view import build_views, wall_of
from tests.sip.conftest import (
    DEVICE_HOST,
    DEVICE_ID,
    PASSWORD,
    SERVER_HOST,
    WALL,
    Rig,
    camera,
    make_rig,
    make_wire,
    wire,
)
from tests.sip.wireshark import tshark

__all__ = ["make_rig", "make_wire", "wire"]
OWN = (SERVER_HOST, 5060)
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


def views(rig: Rig):
    return list(build_views(rig.endpoint.trace.of(DEVICE_ID), wall_of(1000.0, WALL)))


def live(rig: Rig) -> None:
    """Register, query the catalogue by itself, and watch a channel."""
    rig.register()
    rig.accept_media()
    call = rig.invite()
    rig.run(2)
    rig.endpoint.bye(call, rig.now)
    rig.run(2)


@TRANSPORTS
def test_registration_and_invite_are_told_in_order(make_rig, transport: str) -> None:
    rig = make_rig(transport=transport)
    live(rig)
    seen = views(rig)
    steps = [(m.is_sent, m.method, m.status) for m in seen]
    assert steps[:4] == [
        (False, "REGISTER", 0),
        (True, "REGISTER", 401),
        (False, "REGISTER", 0),
        (True, "REGISTER", 200),
    ]
    invite = next(m for m in seen if m.method == "INVITE" and not m.status)
    assert (invite.session, invite.about, invite.is_sent) == ("Play", camera(1).code, True)
    answer = next(m for m in seen if m.method == "INVITE" and m.status == 200)
    assert (answer.session, answer.about, answer.call_id) == (
        "Play",
        camera(1).code,
        invite.call_id,
    )
    assert [m.method for m in seen if m.method in ("ACK", "BYE")] == ["ACK", "BYE", "BYE"]
    assert all((m.host, m.port, m.transport) == (DEVICE_HOST, 5060, transport) for m in seen)
    assert seen[0].at.replace(microsecond=0) == WALL.replace(microsecond=0)
    assert [m.number for m in seen] == sorted({m.number for m in seen})


def test_credentials_are_seen_to_be_there_and_not_what_they_are(make_rig) -> None:
    rig = make_rig()
    live(rig)
    first, _, second, _ = views(rig)[:4]
    assert (first.has_credentials, second.has_credentials) == (False, True)
    assert 'response="***"' in second.text
    assert PASSWORD not in repr(views(rig))


def test_repetitions_are_marked_not_hidden(make_wire) -> None:
    wire = make_wire()
    data = (
        b"OPTIONS sip:34020000002000000001@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\n"
        b"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: i\r\nCSeq: 1 OPTIONS\r\n\r\n"
    )
    wire.send(data)
    wire.send(data)
    seen = list(build_views(wire.endpoint.trace.at(DEVICE_HOST), wall_of(0.0, WALL)))
    assert [m.is_repeated for m in seen if not m.is_sent] == [False, True]


def test_an_answer_belongs_to_what_was_asked(make_rig) -> None:
    rig = make_rig(keepalive_interval_s=5)
    rig.register()
    rig.run(6)
    answers = [m for m in views(rig) if m.method == "MESSAGE" and m.status == 200 and m.is_sent]
    assert "Keepalive" in {m.command for m in answers}
    assert {m.kind for m in answers if m.command == "Keepalive"} == {"Notify"}


@TRANSPORTS
def test_wireshark_reads_the_masked_capture_without_complaint(
    make_rig, transport: str, tmp_path: Path
) -> None:
    rig = make_rig(transport=transport)
    live(rig)
    messages = views(rig)
    path = tmp_path / "device.pcap"
    path.write_bytes(capture(messages, OWN))
    seen = tshark(path, "sip.Method", "sip.Status-Code", "ip.src")
    assert seen.complaints == []
    read = seen.of("sip")
    assert len(read) == len(messages)
    assert {packet["ip.src"] for packet in read} == {SERVER_HOST, DEVICE_HOST}
    assert b"***" in path.read_bytes()


SECRET_BODY = (
    "<?xml version='1.0'?><Control><CmdType>DeviceConfig</CmdType><Name>皮带</Name>"
    "<Password>short</Password><UploadURL>http://192.0.2.10/up/token-token-token</UploadURL>"
    "</Control>"
).encode("gb18030")


@TRANSPORTS
@pytest.mark.parametrize("host", ["192.0.2.9", "2001:db8::9"])
def test_wireshark_reads_masked_bodies_of_another_length(
    transport: str, host: str, tmp_path: Path
) -> None:
    """And peers of the other family, and a message too large to be kept whole."""
    trace = Trace(10, 10_000_000)
    peer = Peer(transport, host, 5060, None if transport == "udp" else 1)
    for number, body in enumerate([SECRET_BODY, b"<Notify></Notify>", b"<a>" + b"x" * 90_000]):
        if len(body) > 60_000 and transport == "udp":
            continue
        head = (
            f"MESSAGE sip:34020000002000000001@3402000000 SIP/2.0\r\n"
            f"Via: SIP/2.0/{transport.upper()} 192.0.2.9:5060;branch=z9hG4bK{number}\r\n"
            f"From: <sip:{DEVICE_ID}@3402000000>;tag=1\r\nTo: <sip:{DEVICE_ID}@3402000000>\r\n"
            f"Call-ID: c{number}\r\nCSeq: {number} MESSAGE\r\nMax-Forwards: 70\r\n"
            f"Content-Type: Application/MANSCDP+xml\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        trace.received(head.encode() + body, peer, float(number))
    messages = list(build_views(trace.at(host), wall_of(0.0, datetime(2026, 5, 1, tzinfo=UTC))))
    path = tmp_path / "masked.pcap"
    path.write_bytes(capture(messages, OWN))
    assert b"short" not in path.read_bytes() and b"token-token" not in path.read_bytes()
    seen = tshark(path, "sip.Call-ID")
    assert seen.complaints == []
    assert [packet["sip.Call-ID"] for packet in seen.of("sip")] == [m.call_id for m in messages]
    assert [m.is_cut for m in messages] == [False, False, True][: len(messages)]


def test_a_server_known_by_name_only_has_an_address_all_the_same(make_rig, tmp_path: Path) -> None:
    rig = make_rig()
    rig.register()
    path = tmp_path / "named.pcap"
    path.write_bytes(capture(views(rig), ("vms.example", 5060)))
    assert tshark(path).complaints == []

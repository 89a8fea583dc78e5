"""Quirks that other servers met (peers.md section 3), in signalling: one test for each."""

from datetime import UTC, datetime, timedelta

import pytest

from channel_registry.catalog import KnownChannel, merge, read_catalog
from channel_registry.records import CatalogEntry
from sip.events import InvitationEnded, KeepaliveReceived
from sip.gb28181.catalog import ask_catalog
from sip.gb28181.record_info import RecordQuery, ask_record_info, parse_time
from sip.message import Peer, parse_message
from sip.message.digest import parse_challenge
from sip.message.sdp import MediaOffer
from sip.roles.call import InvitationAnswered, InvitationRefused
from sip.simulator.profile import Faults, MediaStarted
from tests.conformance.test_quirks import (
    CAMERA,
    NOW,
    TABLE,
    answered,
    ask,
    listed,
    parsed_item,
    sent,
)
from tests.sip.conftest import DEVICE_HOST, DEVICE_ID, SERVER_ID, camera

KEEPALIVE = (
    f"<Notify><CmdType>Keepalive</CmdType><SN>1</SN><DeviceID>{DEVICE_ID}</DeviceID>"
    "<Status>OK</Status></Notify>"
).encode()


def without(data: bytes, name: bytes) -> bytes:
    """The message without a header."""
    head, blank, body = data.partition(b"\r\n\r\n")
    kept = [line for line in head.split(b"\r\n") if not line.startswith(name + b":")]
    return b"\r\n".join(kept) + blank + body


def test_p01_the_challenge_names_its_algorithm(wire):
    answer = wire.send(wire.request("REGISTER", *wire.register_lines()))[0]
    text = answer.headers.get("www-authenticate")
    assert "algorithm=MD5" in text and parse_challenge(text).realm
    nonce = text.split('nonce="')[1].split('"')[0]
    authorization = wire.authorization(nonce, qop="auth")  # the form of RFC 2617
    register = wire.request("REGISTER", *wire.register_lines(), authorization)
    assert wire.send(register)[0].status == 200


def test_p02_no_100_to_a_register(make_rig):
    rig = make_rig()
    rig.register()
    answers = [d for _, d in rig.network.sent if b" REGISTER\r\n" in d and d.startswith(b"SIP/")]
    assert answers and not any(data.startswith(b"SIP/2.0 1") for data in answers)


def test_p03_a_redoubled_keepalive_is_answered_each_time(wire):
    wire.register()
    data = wire.request("MESSAGE", "Content-Type: Application/MANSCDP+xml", body=KEEPALIVE)
    assert [wire.send(data)[0].status for _ in range(3)] == [200, 200, 200]
    assert len(wire.heard(KeepaliveReceived)) == 1


@pytest.mark.parametrize("line", [b"", b"From: <>;tag=1\r\n", b"From: \r\n"])
def test_p04_from_that_is_missing_or_empty(wire, line):
    wire.register()
    data = wire.request("MESSAGE", "Content-Type: Application/MANSCDP+xml", body=KEEPALIVE)
    broken = without(data, b"From").replace(b"\r\n", b"\r\n" + line, 1)
    wire.endpoint.receive(broken, Peer("udp", DEVICE_HOST, 5060), wire.now)
    answers = [data for data, _ in wire.endpoint.data_to_send(wire.now)]
    assert all(data.startswith(b"SIP/2.0 400") for data in answers)
    assert wire.message(KEEPALIVE).status == 200  # nothing broke


def test_p05_register_without_expires(make_rig):
    rig = make_rig(faults=Faults(expires_missing=True))
    rig.register()
    assert not sent(rig, b"REGISTER ", b"\r\nExpires:")


@pytest.mark.parametrize("length", [b"0", b"7", b"4000"])
def test_p06_content_length_unequal_to_the_body(make_rig, wire, length):
    faults = Faults(content_length_wrong=True)
    items = listed(make_rig, b"Content-Length: 0\r\n\r\n<?xml", faults=faults)
    assert len(items) == 3
    wire.register()
    right = f"Content-Length: {len(KEEPALIVE)}".encode()
    data = wire.request("MESSAGE", "Content-Type: Application/MANSCDP+xml", body=KEEPALIVE)
    answers = wire.send(data.replace(right, b"Content-Length: " + length))
    assert [answer.status for answer in answers] == [400 if length == b"4000" else 200]
    assert wire.message(KEEPALIVE).status == 200


def test_p07_ack_with_another_via(make_rig):
    rig = make_rig(voice_transport="udp")
    rig.register()

    def react(party, event):
        name = type(event).__name__
        if name == "VoiceWanted":
            rig.device.call_for_voice(event.call_id, DEVICE_HOST, 16000, rig.now)
        elif name == "VoiceRequested":
            rig.endpoint.accept_voice(event.call_id, "192.0.2.20", 30000, rig.now)

    rig.network.react = react
    carry = rig.network._carry

    def other_via(source, data, peer):
        if data.startswith(b"ACK "):
            data = data.replace(b"Via: SIP/2.0/UDP ", b"Via: SIP/2.0/UDP 10.0.0.9:9, SIP/2.0/UDP ")
        carry(source, data, peer)

    rig.network._carry = other_via
    rig.endpoint.open_broadcast(DEVICE_ID, CAMERA, rig.now)
    rig.run(40)
    assert any(type(event).__name__ == "VoiceStarted" for event in rig.network.events[rig.endpoint])


@pytest.mark.parametrize(
    "text",
    [
        "2026-5-1T9:03:04",
        "2026-05-01T09:03:04.000+08:00",
        "2026-05-01 09:03:04.5",
        "20260501T010304Z",
    ],
)
def test_p08_times_without_zeros_with_fractions_or_an_offset(make_rig, text):
    at = datetime(2026, 5, 1, 1, 3, 4, tzinfo=UTC)
    found = parse_time(text)
    assert found is not None and abs(found - at) < timedelta(seconds=1)
    rig = make_rig(faults=Faults(broken_times=True), recordings=TABLE)
    rig.register()
    query = RecordQuery(CAMERA, NOW - timedelta(hours=3), NOW)
    assert ask(rig, ask_record_info(query)).items == tuple(
        TABLE.clips(CAMERA, query.start, query.end)
    )
    assert sent(rig, b"<StartTime>2026-5-1T", b".000+08:00<")


def test_p09_486_and_then_200(make_rig):
    rig = make_rig(faults=Faults(busy_then_ok=True))
    rig.accept_media()
    rig.register()
    rig.invite(1)
    rig.run(40)
    assert sent(rig, b"SIP/2.0 486") and sent(rig, b"SIP/2.0 200", b" INVITE\r\n")
    assert [event.error.status for event in rig.heard(InvitationRefused)] == [486]
    assert rig.packets(b"BYE ") and rig.device.session_count == 0  # the late session is ended


@pytest.mark.parametrize("body", [b"", b"v=0\r\ns=Play\r\nm=audio 0 RTP/AVP 8\r\n"])
def test_p10_invite_with_port_0_or_without_y(wire, body):
    wire.register()
    lines = ["Contact: <sip:1@192.0.2.101:5060>", "Content-Type: application/sdp"]
    answers = wire.send(wire.request("INVITE", *lines, body=body))
    assert answers[-1].status in (403, 488)
    assert wire.endpoint.is_registered(DEVICE_ID)


def test_p17_a_later_catalogue_with_total_1_is_merged():
    first = read_catalog(DEVICE_ID, [CatalogEntry(camera(n).code) for n in (1, 2, 3)]).channels
    known = {each.code: KnownChannel(each, is_missing=False) for each in first}
    later = read_catalog(DEVICE_ID, [CatalogEntry(CAMERA, name="neu")]).channels
    change = merge(known, later, complete=False)
    assert change.missing == ()


@pytest.mark.parametrize("transport", ["tcp-passive", "tcp-active"])
def test_p19_an_offer_over_tcp_is_refused(make_rig, transport):
    rig = make_rig(faults=Faults(tcp_refused=True))
    rig.accept_media()
    rig.register()
    rig.invite(1, transport)
    rig.run(5)
    assert [event.error.status for event in rig.heard(InvitationRefused)] == [488]
    rig.invite(1, "udp")
    rig.run(5)
    assert rig.heard(InvitationAnswered)


def test_p21_a_refusal_keeps_the_words_of_the_device(wire):
    wire.register()
    wire.endpoint.invite(DEVICE_ID, CAMERA, offer(wire), wire.now)
    [invite] = [message for message, _ in wire.flush() if message.method == "INVITE"]
    answer = (
        f"SIP/2.0 503 preview link limit\r\nVia: {invite.headers.get('via')}\r\n"
        f"From: {invite.headers.get('from')}\r\nTo: {invite.headers.get('to')};tag=9\r\n"
        f"Call-ID: {invite.call_id}\r\nCSeq: {invite.headers.get('cseq')}\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    wire.send(answer.encode())
    [refused] = wire.heard(InvitationRefused)
    assert (refused.error.status, refused.error.detail) == (503, "preview link limit")


def offer(wire):
    return MediaOffer("192.0.2.20", 30000, "udp", wire.endpoint.new_ssrc(wire.now))


def test_p22_an_nvr_lists_itself_and_a_channel_its_own_parent():
    entries = [CatalogEntry(DEVICE_ID), CatalogEntry(CAMERA, parent_ids=(CAMERA,))]
    assert [each.code for each in read_catalog(DEVICE_ID, entries).channels] == [CAMERA]


@pytest.mark.parametrize("text", ["", "null", "116,3", "1e400", "nan", "x"])
def test_p23_coordinates_that_are_no_numbers(text):
    item = parsed_item(f"<Longitude>{text}</Longitude><Latitude>{text}</Latitude>")
    assert (item.longitude, item.latitude) == (None, None)


def test_p24_no_subject_and_no_f_line(make_rig):
    rig, invitation = answered(make_rig, faults=Faults(omit_ssrc=True))
    assert b"\r\nSubject:" in rig.packets(b"INVITE")[0]
    assert not sent(rig, b"SIP/2.0 200", b"\r\nSubject:") and invitation.ssrc


def test_p25_media_before_our_ack(make_rig):
    """The port is open before the INVITE leaves: vms/services/live/session.py."""
    rig = make_rig()
    rig.accept_media()
    rig.register()
    rig.invite(1)
    rig.run(5)
    invite = parse_message(rig.packets(b"INVITE")[0])
    assert b"m=video 30000 " in invite.body and rig.told(MediaStarted)


def test_p26_a_200_from_another_port_than_the_request_went_to(wire):
    wire.register()
    wire.endpoint.invite(DEVICE_ID, CAMERA, offer(wire), wire.now)
    [invite] = [message for message, _ in wire.flush() if message.method == "INVITE"]
    sdp = "v=0\r\ns=Play\r\nc=IN IP4 192.0.2.101\r\nm=video 6000 RTP/AVP 96\r\n"
    answer = (
        f"SIP/2.0 200 OK\r\nVia: {invite.headers.get('via')}\r\n"
        f"From: {invite.headers.get('from')}\r\nTo: {invite.headers.get('to')};tag=9\r\n"
        f"Call-ID: {invite.call_id}\r\nCSeq: {invite.headers.get('cseq')}\r\n"
        f"Contact: <sip:{CAMERA}@192.0.2.101:5060>\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(sdp)}\r\n\r\n{sdp}"
    )
    wire.send(answer.encode(), port=40009)
    assert len(wire.heard(InvitationAnswered)) == 1 and not wire.heard(InvitationEnded)


def test_p27_attributes_for_elements(make_rig):
    faults = Faults(attributes_for_elements=True)
    items = listed(make_rig, f'<Item DeviceID="{CAMERA}" Name="'.encode(), faults=faults)
    assert [(item.device_id, item.name) for item in items] == [
        (camera(n).code, camera(n).name) for n in (1, 2, 3)
    ]
    assert parsed_item('<Info PTZType="1" />').ptz_type == 1


def test_p28_one_item_per_message_and_no_sum(make_rig):
    items = listed(make_rig, b'Num="1"', faults=Faults(catalog_one_per_message=True))
    assert len(items) == 3


def test_p29_a_keepalive_that_names_another_device(wire):
    wire.register()
    body = KEEPALIVE.replace(DEVICE_ID.encode(), SERVER_ID.encode())
    assert wire.message(body).status == 200
    assert wire.endpoint.is_registered(DEVICE_ID)
    assert ask_catalog().command == "Catalog"

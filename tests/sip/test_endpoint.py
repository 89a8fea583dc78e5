import pytest

from sip.events import (
    AlarmReceived,
    CatalogItem,
    CatalogReceived,
    KeepaliveReceived,
    MediaStatusReceived,
    PeerMisbehaved,
)
from sip.gb28181.alarm import Alarm, build_alarm
from sip.gb28181.catalog import build_catalog_notify, build_catalog_response
from sip.gb28181.keepalive import build_keepalive, build_media_status
from sip.message import Peer, Request
from sip.roles.messages import BACKLOG_LENGTH, SMALL_BYTES

DEVICE = "34020000001180000001"
CHANNEL = "34020000001320000001"


def cameras(count):
    return [CatalogItem(f"3402000000132{n:07d}", f"{n}号" * 20) for n in range(count)]


def test_message_is_answered_200_without_a_body(wire):
    wire.register()
    answer = wire.message(build_keepalive(DEVICE, 1))
    assert (answer.status, answer.body) == (200, b"")


def test_a_large_body_is_answered_first_and_read_later(wire):
    wire.register()
    body = build_catalog_response(DEVICE, 99, cameras(200), 200)
    assert len(body) > SMALL_BYTES
    assert wire.message(body).status == 200
    assert not wire.heard(CatalogReceived)
    assert wire.endpoint.next_timer() <= wire.now
    wire.tick(0)
    assert len(wire.heard(CatalogReceived)[0].items) == 200


def test_a_keepalive_overtakes_large_bodies(wire):
    wire.register()
    wire.message(build_catalog_response(DEVICE, 99, cameras(200), 200))
    wire.message(build_keepalive(DEVICE, 1))
    assert wire.heard(KeepaliveReceived)
    assert not wire.heard(CatalogReceived)


def test_the_backlog_is_bounded(wire):
    wire.register()
    body = build_catalog_response(DEVICE, 99, cameras(60), 60)
    statuses = [wire.message(body).status for _ in range(BACKLOG_LENGTH + 3)]
    assert statuses == [200] * BACKLOG_LENGTH + [503] * 3
    wire.tick(0)
    assert len(wire.heard(CatalogReceived)) == BACKLOG_LENGTH


def test_a_32_kib_datagram_is_accepted(wire):
    wire.register()
    body = build_catalog_response(DEVICE, 99, cameras(200), 200)
    assert len(body) > 30_000
    assert wire.message(body).status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no xml",
        b"<Notify>",
        b'<!DOCTYPE a [<!ENTITY x "y">]><Notify><CmdType>&x;</CmdType></Notify>',
        b"<Notify><SN>1</SN></Notify>",
        b"<a>" * 100,
        bytes(range(256)),
    ],
)
def test_bad_bodies_are_counted_told_once_and_hurt_nobody(wire, body):
    wire.register()
    for _ in range(5):
        assert wire.message(body).status == 200
    told = wire.heard(PeerMisbehaved)
    assert [event.count for event in told] == [1]
    assert str(told[0].peer) == "udp:192.0.2.101:5060"
    assert wire.message(build_keepalive(DEVICE, 1)).status == 200
    assert wire.heard(KeepaliveReceived)
    counted = [n for name, n in wire.endpoint.stats().items() if name.startswith("misbehaved.")]
    assert sum(counted) == 5


def test_misdeeds_are_told_again_at_each_tenfold(wire):
    wire.register()
    for _ in range(120):
        wire.message(b"no xml")
    assert [event.count for event in wire.heard(PeerMisbehaved)] == [1, 10, 100]


@pytest.mark.parametrize("data", [b"garbage", b"\x00" * 40 + b"x", b"REGISTER\r\n\r\n", b"<xml/>"])
def test_garbage_datagrams_are_counted(wire, data):
    wire.send(data)
    assert wire.heard(PeerMisbehaved)
    assert wire.register().status == 200


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\x00\x00"])
def test_pings_are_ignored(wire, data):
    assert wire.send(data) == []
    assert wire.events == []


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("OPTIONS", 200),
        ("INVITE", 403),
        ("SUBSCRIBE", 489),
        ("INFO", 481),
        ("BYE", 481),
        ("PUBLISH", 405),
        ("DANCE", 405),
    ],
)
def test_every_method_has_an_answer(wire, method, status):
    answer = wire.send(wire.request(method))[0]
    assert answer.status == status
    if status == 405:
        assert "MESSAGE" in answer.headers.get("allow")


def test_an_alarm_is_told_and_answered_by_a_message(wire):
    wire.register()
    wire.network.now += 1
    data = wire.request("MESSAGE", body=build_alarm(Alarm(CHANNEL, 77, 1, "5", description="越界")))
    wire.endpoint.receive(data, Peer("udp", "192.0.2.101", 5060), wire.now)
    sent = [message for message, _ in wire.flush()]
    alarm = wire.heard(AlarmReceived)[0]
    assert (alarm.device_id, alarm.source_id, alarm.description) == (DEVICE, CHANNEL, "越界")
    assert sent[0].status == 200
    assert isinstance(sent[1], Request)
    assert b"<SN>77</SN>" in sent[1].body
    assert b"<Result>OK</Result>" in sent[1].body


def test_an_alarm_repeated_on_the_wire_is_told_once(wire):
    wire.register()
    data = wire.request("MESSAGE", body=build_alarm(Alarm(CHANNEL, 77, 1, "5")))
    for _ in range(7):
        wire.send(data)
    assert len(wire.heard(AlarmReceived)) == 1


@pytest.mark.parametrize("method", ["MESSAGE", "NOTIFY"])
def test_catalog_notifications_are_taken_inside_and_outside_dialogs(wire, method):
    wire.register()
    body = build_catalog_notify(DEVICE, 3, [CatalogItem(CHANNEL, event="OFF")])
    assert wire.send(wire.request(method, body=body))[0].status == 200
    event = wire.heard(CatalogReceived)[0]
    assert (event.is_notification, event.complete) == (True, False)
    assert event.items[0].event == "OFF"


def test_a_message_under_a_channels_id_belongs_to_the_device_of_that_route(wire):
    wire.register()
    body = build_media_status(CHANNEL, 8)
    assert wire.message(body, device=CHANNEL).status == 200
    event = wire.heard(MediaStatusReceived)[0]
    assert (event.device_id, event.invitation_id, event.notify_type) == (DEVICE, None, "121")


@pytest.mark.parametrize(
    "body",
    [
        build_keepalive(DEVICE, 1),
        build_alarm(Alarm(CHANNEL, 1, 1, "5")),
        build_catalog_notify(DEVICE, 1, [CatalogItem(CHANNEL, event="DEL")]),
    ],
)
def test_forged_messages_change_nothing_and_are_counted(wire, body):
    wire.register()
    before = len(wire.events)
    assert wire.message(body, host="203.0.113.9").status == 403
    new = wire.events[before:]
    assert [type(event) for event in new] == [PeerMisbehaved]
    assert str(new[0].peer) == "udp:203.0.113.9:5060"


def test_an_answer_nobody_asked_for_is_not_merged_as_complete(wire):
    wire.register()
    wire.message(build_catalog_response(DEVICE, 12345, cameras(1), 1))
    event = wire.heard(CatalogReceived)[0]
    assert not event.complete
    assert not event.is_notification


def test_unknown_commands_are_taken_and_counted(wire):
    wire.register()
    body = b"<Notify><CmdType>SomethingNew</CmdType><SN>1</SN></Notify>"
    assert wire.message(body).status == 200
    assert wire.endpoint.stats()["unread"] == 1


def test_a_stray_200_to_invite_from_a_stranger_is_not_answered(wire):
    data = (
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKx\r\n"
        b"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    wire.send(data)
    assert wire.flush() == []
    wire.register()
    assert [message.method for message in wire.send(data)] == ["ACK", "BYE"]

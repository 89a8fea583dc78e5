"""Subscriptions, alarms and positions: numbers 47 to 52 and 59 to 62 of the checklist."""

from itertools import pairwise

import pytest

from sip.events import (
    AlarmReceived,
    CatalogReceived,
    Position,
    PositionsReceived,
    SubscriptionChanged,
)
from sip.gb28181.alarm import AlarmWish, split_methods
from sip.gb28181.control import reset_alarm
from sip.gb28181.manscdp import Root, build_envelope, parse_envelope
from sip.gb28181.mobile_position import parse_interval
from sip.gb28181.subscription import Topic, Wish
from sip.roles.subscription import SubscriptionPhase
from sip.simulator.profile import Faults

CAMERA = "34020000001320000001"
OTHER = "34020000001320000002"


def follow(rig, topic=Topic.CATALOG, **kinds):
    rig.register()
    rig.endpoint.follow(rig.device.profile.device_id, Wish(topic, **kinds), rig.now)
    rig.run(5)


def phase(rig):
    (status,) = rig.endpoint.subscriptions(rig.device.profile.device_id)
    return status.phase


def catalog_events(rig):
    told = rig.heard(CatalogReceived)
    return [(item.device_id, item.event) for event in told for item in event.items]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_c047_subscribe_refresh_in_dialog_cancel_and_notify_is_answered(make_rig, transport):
    rig = make_rig(transport=transport)
    follow(rig, expires_s=60)
    rig.run(100)
    rig.endpoint.unfollow(rig.device.profile.device_id, Topic.CATALOG, rig.now)
    rig.run(5)
    sent = rig.packets(b"SUBSCRIBE")
    call_ids = {line for data in sent for line in data.split(b"\r\n") if b"Call-ID" in line}
    expiries = [
        line for data in sent for line in data.split(b"\r\n") if line.startswith(b"Expires")
    ]
    assert len(call_ids) == 1
    assert expiries[0] == b"Expires: 60"
    assert expiries[-1] == b"Expires: 0"
    assert len(sent) >= 4
    answers = [data for data in rig.packets(b"SIP/2.0 200") if b" NOTIFY" in data]
    assert len(answers) == len(rig.packets(b"NOTIFY")) == 2


def test_c048_on_off_vlost_defect_add_del_update_are_applied(make_rig, parts):
    rig = make_rig()
    follow(rig)
    reports = rig.device.reports
    for event in ("OFF", "ON", "VLOST", "DEFECT"):
        reports.turn(CAMERA, event, rig.now)
    reports.add(parts.camera(7), rig.now)
    reports.add(parts.camera(7, address="东门"), rig.now)
    reports.remove(OTHER, rig.now)
    rig.run(5)
    events = [event for _, event in catalog_events(rig)]
    assert events == ["OFF", "ON", "VLOST", "DEFECT", "ADD", "UPDATE", "DEL"]


def test_c049_the_first_notify_lists_what_is_abnormal_later_ones_only_changes(make_rig, parts):
    rig = make_rig(channels=(parts.camera(1), parts.camera(2, status_on=False)))
    follow(rig)
    assert catalog_events(rig) == [(OTHER, "OFF")]
    rig.device.reports.turn(CAMERA, "OFF", rig.now)
    rig.run(5)
    assert catalog_events(rig) == [(OTHER, "OFF"), (CAMERA, "OFF")]
    rig.endpoint.unfollow(parts.DEVICE_ID, Topic.CATALOG, rig.now)
    rig.run(5)
    rig.device.reports.turn(OTHER, "ON", rig.now)
    rig.run(700)
    assert len(catalog_events(rig)) == 2


def test_c050_the_event_with_its_id_is_echoed_and_presence_is_accepted(make_rig):
    rig = make_rig()
    follow(rig)
    rig.endpoint.follow(rig.device.profile.device_id, Wish(Topic.ALARM), rig.now)
    rig.run(5)

    def events(start):
        return {
            line
            for data in rig.packets(start)
            for line in data.split(b"\r\n")
            if line.startswith(b"Event: ")
        }

    assert events(b"SUBSCRIBE") == events(b"NOTIFY")
    assert b"Event: presence" in events(b"NOTIFY")
    assert any(line.startswith(b"Event: Catalog;id=") for line in events(b"NOTIFY"))


def test_c051_terminated_ends_the_subscription(make_rig):
    rig = make_rig()
    follow(rig)
    rig.run(100)
    rig.device.reports.end_subscriptions("noresource", rig.now)
    rig.run(5)
    assert phase(rig) is SubscriptionPhase.REFUSED
    assert rig.device.reports.subscriptions == 0
    # And the device keeps to it when the platform says so: its expiry.
    rig = make_rig()
    follow(rig)
    rig.endpoint.forget(rig.device.profile.device_id, rig.now)
    rig.run(650)
    assert rig.device.reports.subscriptions == 0


@pytest.mark.parametrize("status", [405, 489])
def test_c052_a_refusal_means_polling_and_481_a_new_subscription(make_rig, status):
    rig = make_rig(faults=Faults(subscribe_status=status))
    follow(rig)
    assert phase(rig) is SubscriptionPhase.REFUSED
    assert [event.reason for event in rig.heard(SubscriptionChanged)][-1] == str(status)
    rig = make_rig()
    follow(rig, expires_s=300)
    rig.device.reports.forget_subscriptions()
    rig.run(400)
    assert phase(rig) is SubscriptionPhase.ACTIVE
    assert rig.device.reports.subscriptions == 1


def test_c059_methods_of_both_editions_parse(make_rig):
    assert split_methods("12") == split_methods("1/2") == ("1", "2")
    for gb_version, written in (("", b"12"), ("3.0", b"1/2")):
        rig = make_rig(gb_version=gb_version)
        follow(rig, Topic.ALARM, alarms=AlarmWish(methods=("1", "2")))
        assert b"<AlarmMethod>" + written + b"</AlarmMethod>" in rig.packets(b"SUBSCRIBE")[0]
        assert rig.device.raise_alarm(CAMERA, rig.now, method="1")
        rig.run(5)
        assert [event.method for event in rig.heard(AlarmReceived)] == ["1"]


def test_c060_no_second_device_alarm_before_reset_alarm(make_rig, parts):
    rig = make_rig()
    rig.register()
    for _ in range(2):
        rig.device.raise_alarm(CAMERA, rig.now, method="2", alarm_type="1")
    rig.run(5)
    assert len(rig.heard(AlarmReceived)) == 1
    rig.endpoint.ask(parts.DEVICE_ID, reset_alarm(CAMERA, method="2", alarm_type="1"), rig.now)
    rig.run(5)
    rig.device.raise_alarm(CAMERA, rig.now, method="2", alarm_type="1")
    rig.run(5)
    assert len(rig.heard(AlarmReceived)) == 2


def test_c061_an_alarm_by_message_is_answered_by_200_and_by_a_response(make_rig):
    rig = make_rig()
    rig.register()
    rig.device.raise_alarm(CAMERA, rig.now, method="5", alarm_type="6", event_type="1")
    rig.run(5)
    (event,) = rig.heard(AlarmReceived)
    assert (event.source_id, event.alarm_type, event.event_type) == (CAMERA, "6", "1")
    (response,) = [d for d in rig.packets(b"MESSAGE") if b"<Response>" in d]
    assert b"<CmdType>Alarm</CmdType>" in response
    assert b"<Result>OK</Result>" in response


def test_c062_flat_and_list_positions_parse_and_the_default_interval_is_five(make_rig, parts):
    for gb_version in ("", "3.0"):
        rig = make_rig(gb_version=gb_version)
        follow(rig, Topic.POSITION)
        rig.device.reports.move(Position(CAMERA, 112.9, 36.2, speed=20.5), rig.now)
        rig.run(20)
        heard = rig.heard(PositionsReceived)
        times = [event.at for event in heard]
        assert {round((b - a).total_seconds()) for a, b in pairwise(times)} == {5}
        place = heard[0].positions[0]
        assert (place.device_id, place.longitude, place.latitude, place.speed) == (
            CAMERA,
            112.9,
            36.2,
            20.5,
        )
        assert b"<Interval>5</Interval>" in rig.packets(b"SUBSCRIBE")[0]
    without = build_envelope(Root.QUERY, "MobilePosition", 1, parts.DEVICE_ID)
    assert parse_interval(parse_envelope(without)) == 5

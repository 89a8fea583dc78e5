"""Every rule of subscriptions, the platform's endpoint against the simulated device."""

import pytest

from sip.events import (
    AlarmReceived,
    CatalogReceived,
    Position,
    PositionsReceived,
    SubscriptionChanged,
)
from sip.gb28181.alarm import AlarmWish
from sip.gb28181.control import reset_alarm
from sip.gb28181.subscription import Topic, Wish
from sip.message import Peer
from sip.roles.subscription import SubscriptionPhase
from sip.simulator.profile import Faults

CAMERA = "34020000001320000001"
OTHER = "34020000001320000002"
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


def follow(rig, wish=None, seconds=5.0):
    rig.endpoint.follow(rig.device.profile.device_id, wish or Wish(Topic.CATALOG), rig.now)
    rig.run(seconds)


def status(rig, topic=Topic.CATALOG):
    found = rig.endpoint.subscriptions(rig.device.profile.device_id)
    return next((each for each in found if each.topic is topic), None)


def states(rig):
    return [event.state for event in rig.heard(SubscriptionChanged)]


def header(data: bytes, name: str) -> str:
    for line in data.split(b"\r\n\r\n")[0].split(b"\r\n"):
        key, _, value = line.partition(b": ")
        if key.lower() == name.lower().encode():
            return value.decode()
    return ""


def subscribes(rig):
    return rig.packets(b"SUBSCRIBE")


def catalog_events(rig):
    return [
        (item.device_id, item.event) for event in rig.heard(CatalogReceived) for item in event.items
    ]


@pytest.fixture
def online(make_rig):
    def make(**kinds):
        rig = make_rig(**kinds)
        rig.register()
        return rig

    return make


@TRANSPORTS
def test_a_subscription_is_granted_and_the_first_notify_lists_what_is_abnormal(
    online, parts, transport
):
    channels = (parts.camera(1), parts.camera(2, status_on=False))
    rig = online(transport=transport, channels=channels)
    follow(rig)
    assert status(rig).phase is SubscriptionPhase.ACTIVE
    assert (status(rig).expires_s, status(rig).notifications) == (600, 1)
    assert catalog_events(rig) == [(OTHER, "OFF")]
    assert header(subscribes(rig)[0], "Event").startswith("Catalog;id=")
    assert header(rig.packets(b"NOTIFY")[0], "Event") == header(subscribes(rig)[0], "Event")


def test_nothing_abnormal_is_an_empty_list_and_still_a_notification(online):
    rig = online()
    follow(rig)
    assert catalog_events(rig) == []
    assert b"<SumNum>0</SumNum>" in rig.packets(b"NOTIFY")[0]


def test_later_notifications_hold_changes_only(online, parts):
    rig = online()
    follow(rig)
    reports = rig.device.reports
    reports.turn(CAMERA, "VLOST", rig.now)
    reports.turn(CAMERA, "ON", rig.now)
    reports.add(parts.camera(9), rig.now)
    reports.add(parts.camera(9), rig.now)
    reports.remove(OTHER, rig.now)
    rig.run(5)
    assert catalog_events(rig) == [
        (CAMERA, "VLOST"),
        (CAMERA, "ON"),
        ("34020000001320000009", "ADD"),
        ("34020000001320000009", "UPDATE"),
        (OTHER, "DEL"),
    ]
    added = rig.heard(CatalogReceived)[-2].items[0]
    assert (added.name, added.parent_ids) == ("9号摄像机", (parts.DEVICE_ID,))


@TRANSPORTS
def test_a_subscription_is_refreshed_in_its_dialog_before_it_runs_out(online, transport):
    rig = online(transport=transport)
    follow(rig, Wish(Topic.CATALOG, 100))
    rig.run(400)
    sent = subscribes(rig)
    assert 5 <= len(sent) <= 7
    assert len({header(data, "Call-ID") for data in sent}) == 1
    assert len({header(data, "Event") for data in sent}) == 1
    numbers = [int(header(data, "CSeq").split()[0]) for data in sent]
    assert numbers == list(range(1, len(sent) + 1))
    assert all(";tag=" in header(data, "To") for data in sent[1:])
    assert states(rig) == ["subscribing", "active"]
    assert rig.device.reports.subscriptions == 1


def test_a_cancelled_subscription_sends_expires_0_and_nothing_comes_any_more(online):
    rig = online()
    follow(rig)
    rig.endpoint.unfollow(rig.device.profile.device_id, Topic.CATALOG, rig.now)
    rig.run(5)
    last = subscribes(rig)[-1]
    assert header(last, "Expires") == "0"
    assert header(last, "Call-ID") == header(subscribes(rig)[0], "Call-ID")
    assert states(rig)[-1] == "ended"
    assert status(rig) is None
    assert rig.device.reports.subscriptions == 0
    rig.device.reports.turn(CAMERA, "OFF", rig.now)
    rig.run(1000)
    assert catalog_events(rig) == []
    assert rig.endpoint.stats()["subscriptions"] == 0


def test_a_wish_taken_back_before_the_answer_ends_the_dialog_that_comes_of_it(online):
    rig = online()
    rig.endpoint.follow(rig.device.profile.device_id, Wish(Topic.CATALOG), rig.now)
    rig.run(0.005)
    rig.endpoint.unfollow(rig.device.profile.device_id, Topic.CATALOG, rig.now)
    rig.run(60)
    assert [header(data, "Expires") for data in subscribes(rig)] == ["600", "0"]
    assert rig.device.reports.subscriptions == 0
    assert rig.endpoint.stats()["subscriptions"] == 0


@pytest.mark.parametrize("refusal", [405, 489, 501])
def test_a_device_that_cannot_is_left_alone_for_a_day(online, refusal):
    rig = online(faults=Faults(subscribe_status=refusal))
    follow(rig)
    assert states(rig) == ["subscribing", "refused"]
    assert status(rig).reason == str(refusal)
    rig.run(80_000)
    assert len(subscribes(rig)) == 1
    rig.device.faults.subscribe_status = None
    rig.run(10_000)
    assert status(rig).phase is SubscriptionPhase.ACTIVE


def test_a_busy_device_is_asked_again_with_growing_pauses(online):
    rig = online(faults=Faults(subscribe_status=500))
    follow(rig)
    rig.run(300)
    # 0, 30, 90, 210 s
    assert len(subscribes(rig)) == 4
    assert len({header(data, "Call-ID") for data in subscribes(rig)}) == 4
    rig.device.faults.subscribe_status = None
    rig.run(300)
    assert status(rig).phase is SubscriptionPhase.ACTIVE


def test_an_interval_too_brief_is_raised_to_what_the_device_wants(online):
    rig = online(faults=Faults(subscribe_least_s=900))
    follow(rig)
    assert [header(data, "Expires") for data in subscribes(rig)] == ["600", "900"]
    assert (status(rig).phase, status(rig).expires_s) == (SubscriptionPhase.ACTIVE, 900)


def test_481_to_a_refresh_makes_a_new_subscription(online):
    rig = online()
    follow(rig, Wish(Topic.CATALOG, 300))
    rig.device.reports.forget_subscriptions()
    rig.run(400)
    assert len({header(data, "Call-ID") for data in subscribes(rig)}) == 2
    assert status(rig).phase is SubscriptionPhase.ACTIVE
    assert rig.device.reports.subscriptions == 1


def test_no_answer_at_all_is_tried_again(online, parts):
    rig = online(keepalive_interval_s=10_000.0, config={"keepalive_interval_s": 600})
    party = rig.network.parties.pop(("udp", parts.DEVICE_HOST, 5060))
    follow(rig, seconds=40)
    assert (status(rig).phase, status(rig).reason) == (SubscriptionPhase.WAITING, "408")
    rig.network.parties[("udp", parts.DEVICE_HOST, 5060)] = party
    rig.run(60)
    assert status(rig).phase is SubscriptionPhase.ACTIVE


@pytest.mark.parametrize("reason", ["deactivated", "timeout", "giveup"])
def test_terminated_by_the_device_is_the_end_and_a_new_one_follows(online, reason):
    rig = online()
    follow(rig)
    rig.run(120)
    rig.device.reports.end_subscriptions(reason, rig.now)
    rig.run(60)
    assert states(rig) == ["subscribing", "active", "waiting", "subscribing", "active"]
    assert [e.reason for e in rig.heard(SubscriptionChanged)][2] == reason
    assert rig.device.reports.subscriptions == 1


def test_a_device_that_ends_each_subscription_at_once_is_not_asked_in_a_circle(online):
    rig = online()

    def react(party, event):
        if isinstance(event, SubscriptionChanged) and event.state == "active":
            rig.device.reports.end_subscriptions("deactivated", rig.now)

    rig.network.react = react
    follow(rig)
    rig.run(300)
    assert len(subscribes(rig)) <= 4


@pytest.mark.parametrize("reason", ["rejected", "noresource"])
def test_an_end_for_good_is_not_tried_again_soon(online, reason):
    rig = online()
    follow(rig)
    rig.run(120)
    rig.device.reports.end_subscriptions(reason, rig.now)
    rig.run(600)
    assert states(rig)[-1] == "refused"
    assert len(subscribes(rig)) == 1


def test_offline_releases_and_the_return_subscribes_again(online):
    rig = online()
    follow(rig)
    rig.device.faults.keepalive_stopped = True
    rig.run(300)
    assert status(rig).phase is SubscriptionPhase.RELEASED
    rig.device.faults.keepalive_stopped = False
    rig.run(120)
    assert status(rig).phase is SubscriptionPhase.ACTIVE
    assert states(rig) == ["subscribing", "active", "released", "subscribing", "active"]


def test_a_notify_of_the_dialog_before_the_silence_gets_481_and_ends_at_the_device(online):
    rig = online()
    follow(rig)
    rig.device.faults.keepalive_stopped = True
    rig.run(300)
    rig.device.reports.turn(CAMERA, "OFF", rig.now)
    rig.run(5)
    # What it says counts all the same.
    assert (CAMERA, "OFF") in catalog_events(rig)
    assert status(rig).phase is SubscriptionPhase.RELEASED or rig.device.reports.subscriptions == 1


def test_unregistering_and_a_lost_connection_release_too(online, parts):
    rig = online(transport="tcp")
    follow(rig)
    rig.endpoint.connection_lost(Peer("tcp", parts.DEVICE_HOST, 5060, 1), rig.now)
    rig.run(0)
    assert status(rig).phase is SubscriptionPhase.RELEASED
    rig.device.connection_lost(rig.device.profile.server, rig.now)
    rig.run(100)
    assert status(rig).phase is SubscriptionPhase.ACTIVE
    assert rig.device.reports.subscriptions == 1


def test_a_deleted_device_leaves_nothing_behind(online, parts):
    rig = online()
    follow(rig)
    rig.credentials.pop(parts.DEVICE_ID)
    rig.endpoint.forget(parts.DEVICE_ID, rig.now)
    rig.run(60)
    assert rig.endpoint.subscriptions(parts.DEVICE_ID) == ()
    assert rig.endpoint.stats()["subscriptions"] == 0


def test_a_wish_for_a_device_that_is_away_waits_for_it(make_rig, parts):
    rig = make_rig()
    rig.endpoint.follow(parts.DEVICE_ID, Wish(Topic.CATALOG), rig.now)
    rig.run(60)
    assert subscribes(rig) == []
    rig.register()
    rig.run(5)
    assert status(rig).phase is SubscriptionPhase.ACTIVE


def test_a_200_without_expires_counts_as_what_was_asked_for(online):
    rig = online(faults=Faults(subscribe_omit_expires=True))
    follow(rig, Wish(Topic.CATALOG, 100))
    rig.run(90)
    assert len(subscribes(rig)) == 2
    assert status(rig).expires_s == 100


def test_a_notify_outside_the_dialog_is_read_and_answered(online):
    rig = online(faults=Faults(notify_outside=True))
    follow(rig)
    rig.device.reports.turn(CAMERA, "DEFECT", rig.now)
    rig.run(5)
    assert catalog_events(rig) == [(CAMERA, "DEFECT")]
    assert rig.endpoint.stats()["notify.outside"] == 2


def test_a_notify_with_the_root_response_is_a_notification(online):
    rig = online(faults=Faults(notify_response_root=True))
    follow(rig)
    rig.device.reports.turn(CAMERA, "OFF", rig.now)
    rig.run(5)
    assert rig.heard(CatalogReceived)[-1].is_notification
    assert catalog_events(rig) == [(CAMERA, "OFF")]


@pytest.mark.parametrize("seed", range(5))
def test_a_bad_network_loses_no_change(online, parts, seed):
    rig = online(seed=seed, quality=parts.Quality(loss=0.2, doubling=0.2, jitter_s=0.2))
    follow(rig, seconds=100)
    for event in ("OFF", "ON", "VLOST", "ON", "OFF"):
        rig.device.reports.turn(CAMERA, event, rig.now)
    rig.run(200)
    assert [event for _, event in catalog_events(rig)] == ["OFF", "ON", "VLOST", "ON", "OFF"]
    assert status(rig).phase is SubscriptionPhase.ACTIVE


# Alarms


def test_an_alarm_goes_to_the_subscriber_by_notify_and_without_one_by_message(online):
    rig = online()
    rig.device.raise_alarm(CAMERA, rig.now, method="5", alarm_type="6", event_type="2")
    follow(rig, Wish(Topic.ALARM))
    rig.device.raise_alarm(CAMERA, rig.now, method="5", alarm_type="8")
    rig.run(5)
    heard = rig.heard(AlarmReceived)
    assert [(e.alarm_type, e.event_type) for e in heard] == [("6", "2"), ("8", "")]
    assert header(subscribes(rig)[0], "Event") == "presence"
    assert len([data for data in rig.packets(b"NOTIFY") if b"<AlarmMethod>" in data]) == 1


def test_only_wanted_alarms_are_notified(online):
    rig = online()
    follow(rig, Wish(Topic.ALARM, alarms=AlarmWish(1, 2, ("5", "2"))))
    assert b"<AlarmMethod>2/5</AlarmMethod>" in subscribes(rig)[0]
    for method, priority in (("5", 1), ("5", 4), ("1", 1)):
        rig.device.raise_alarm(CAMERA, rig.now, method=method, priority=priority)
    rig.run(5)
    notified = [data for data in rig.packets(b"NOTIFY") if b"<AlarmMethod>" in data]
    assert len(notified) == 1


def test_a_device_of_2016_gets_methods_joined_without_a_stroke(make_rig):
    rig = make_rig(gb_version="")
    rig.register()
    follow(rig, Wish(Topic.ALARM, alarms=AlarmWish(methods=("1", "2"))))
    assert b"<AlarmMethod>12</AlarmMethod>" in subscribes(rig)[0]


def test_no_second_device_alarm_before_the_first_is_reset(online, parts):
    rig = online()
    assert rig.device.raise_alarm(CAMERA, rig.now, method="2", alarm_type="2")
    assert not rig.device.raise_alarm(CAMERA, rig.now, method="2", alarm_type="2")
    assert rig.device.raise_alarm(CAMERA, rig.now, method="5", alarm_type="2")
    rig.endpoint.ask(parts.DEVICE_ID, reset_alarm(CAMERA, method="2"), rig.now)
    rig.run(5)
    assert rig.device.raise_alarm(CAMERA, rig.now, method="2", alarm_type="2")


# Positions


def test_positions_come_at_the_wished_interval(online, parts):
    channels = (parts.camera(1, track=((112.0, 36.0), (112.1, 36.1))),)
    rig = online(channels=channels)
    follow(rig, Wish(Topic.POSITION, interval_s=7), seconds=36)
    heard = rig.heard(PositionsReceived)
    assert len(heard) == 6
    assert {p.device_id for e in heard for p in e.positions} == {CAMERA}
    assert len({p.longitude for e in heard for p in e.positions}) > 1
    assert all(112.0 <= p.longitude <= 112.1 for e in heard for p in e.positions)


def test_a_flat_position_of_2016_and_one_by_message_are_read(make_rig):
    rig = make_rig(gb_version="")
    rig.register()
    rig.device.reports.move(Position(CAMERA, 112.5, 36.5, speed=12.0), rig.now)
    follow(rig, Wish(Topic.POSITION))
    rig.device.reports.move(Position(CAMERA, 112.6, 36.6), rig.now)
    rig.run(6)
    places = [p.longitude for e in rig.heard(PositionsReceived) for p in e.positions]
    assert places == [112.5, 112.5, 112.6, 112.6]


def test_many_wishes_are_sent_a_few_at_a_time(online, parts):
    rig = online()
    for topic in Topic:
        rig.endpoint.follow(parts.DEVICE_ID, Wish(topic), rig.now)
    rig.run(5)
    assert [each.phase for each in rig.endpoint.subscriptions(parts.DEVICE_ID)] == [
        SubscriptionPhase.ACTIVE
    ] * 3

"""Subscriptions of an upper platform at us; the subscriber is another platform of ours, or raw."""

from itertools import pairwise

import pytest

from sip.events import (
    CatalogItem,
    CatalogReceived,
    Position,
    PositionsReceived,
    SubscriptionChanged,
)
from sip.gb28181.catalog import build_catalog_notify
from sip.gb28181.manscdp import Root, build_envelope
from sip.gb28181.mobile_position import build_positions, parse_interval
from sip.gb28181.subscription import Topic, Wish
from sip.message import Peer, parse_message
from sip.roles.subscription import SubscriptionPhase
from sip.roles.upward import subscriptions
from sip.roles.upward.terms import UpperSubscribed, UpperUnsubscribed
from tests.sip.roles.upward.conftest import LOWER_ID, UPPER_HOST, UPPER_ID

CAMERA = "34020000001320000001"
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


def changed(event="OFF"):
    return build_catalog_notify(LOWER_ID, 3, [CatalogItem(CAMERA, event=event)])


def follow(cascade, wish=None, seconds=1.0):
    cascade.upper.follow(LOWER_ID, wish or Wish(Topic.CATALOG), cascade.now)
    cascade.run(seconds)


def phase(cascade):
    (status,) = cascade.upper.subscriptions(LOWER_ID)
    return status.phase


def notify(cascade, topic=Topic.CATALOG, body=None):
    return cascade.lower.uppers.notify(
        UPPER_ID, topic, changed() if body is None else body, cascade.now
    )


def began(cascade):
    return [
        (event.platform_id, event.topic, event.is_renewal)
        for event in cascade.heard(UpperSubscribed)
    ]


def ended(cascade):
    return [(event.platform_id, event.topic) for event in cascade.heard(UpperUnsubscribed)]


def sent_states(cascade):
    return [
        parse_message(data).headers.get("subscription-state") for data in cascade.packets(b"NOTIFY")
    ]


@TRANSPORTS
@pytest.mark.parametrize("topic", list(Topic))
def test_a_subscription_is_granted_told_and_shown(make_cascade, transport, topic):
    cascade = make_cascade(transport=transport)
    cascade.register()
    follow(cascade, Wish(topic))
    assert phase(cascade) is SubscriptionPhase.ACTIVE
    assert began(cascade) == [(UPPER_ID, topic, False)]
    assert cascade.status.subscriptions == (topic,)
    (granted,) = (
        parse_message(data) for data in cascade.packets(b"SIP/2.0 200") if b" SUBSCRIBE" in data
    )
    assert granted.expires == 600
    assert str(granted.contact.uri).startswith(f"sip:{LOWER_ID}@")


def test_the_query_says_what_is_wished(cascade):
    follow(cascade, Wish(Topic.POSITION, interval_s=17))
    (event,) = cascade.heard(UpperSubscribed)
    assert parse_interval(event.envelope) == 17


def test_notifications_arrive_one_after_the_other(cascade):
    follow(cascade)
    assert all(notify(cascade) for _ in range(3))
    cascade.network._flush()
    assert len(cascade.packets(b"NOTIFY")) == 1
    cascade.run(1)
    heard = cascade.heard(CatalogReceived, cascade.upper)
    assert [event.items[0].device_id for event in heard] == [CAMERA] * 3
    numbers = [parse_message(data).cseq.number for data in cascade.packets(b"NOTIFY")]
    assert all(before + 1 == after for before, after in pairwise(numbers))


def test_a_notification_goes_in_the_dialog_with_route_and_event(cascade):
    follow(cascade)
    notify(cascade)
    cascade.run(1)
    subscribe = next(
        parse_message(data) for _, data in cascade.network.sent if data.startswith(b"SUBSCRIBE")
    )
    (sent,) = (parse_message(data) for data in cascade.packets(b"NOTIFY"))
    assert sent.call_id == subscribe.call_id
    assert sent.to.tag == subscribe.from_.tag
    assert sent.headers.get("event") == subscribe.headers.get("event")
    assert sent.headers.get("subscription-state").startswith("active;expires=59")
    assert sent.headers.get("x-routepath") == LOWER_ID


def test_positions_arrive(cascade):
    follow(cascade, Wish(Topic.POSITION))
    body = build_positions(LOWER_ID, 4, [Position(CAMERA, 117.0, 31.0, "2026-05-01T10:00:00")])
    assert notify(cascade, Topic.POSITION, body)
    cascade.run(1)
    assert cascade.heard(PositionsReceived, cascade.upper)


def test_without_a_subscription_nothing_is_sent(cascade):
    assert not notify(cascade)
    follow(cascade)
    assert not notify(cascade, Topic.ALARM)
    cascade.run(1)
    assert cascade.packets(b"NOTIFY") == []


def test_a_refresh_stays_in_the_dialog_and_is_a_renewal(cascade):
    follow(cascade, Wish(Topic.CATALOG, expires_s=60), seconds=100)
    assert [renewal for _, _, renewal in began(cascade)][:2] == [False, True]
    assert ended(cascade) == []
    call_ids = {
        parse_message(data).call_id
        for _, data in cascade.network.sent
        if data.startswith(b"SUBSCRIBE")
    }
    assert len(call_ids) == 1


def test_expires_0_ends_it_with_a_last_notification(cascade):
    follow(cascade)
    cascade.upper.unfollow(LOWER_ID, Topic.CATALOG, cascade.now)
    cascade.run(5)
    assert ended(cascade) == [(UPPER_ID, Topic.CATALOG)]
    assert sent_states(cascade) == ["terminated;reason=timeout"]
    assert cascade.status.subscriptions == ()
    assert len(cascade.lower.uppers.subscriptions._dialogs) == 0


def test_time_ends_it(cascade):
    speaker = Subscriber(cascade)
    speaker.subscribe(expires="60")
    cascade.run(59)
    assert ended(cascade) == []
    cascade.run(2)
    assert ended(cascade) == [(UPPER_ID, Topic.CATALOG)]
    assert not notify(cascade)


def test_an_upper_that_forgot_it_ends_it(cascade):
    follow(cascade)
    notify(cascade)
    cascade.run(1)
    cascade.restart_upper()
    notify(cascade)
    cascade.run(1)  # 403 of one that knows us no more ends nothing yet
    cascade.run(62, lambda: cascade.upper.is_registered(LOWER_ID))
    assert cascade.lower.uppers.subscriptions.topics(UPPER_ID) == ()
    assert ended(cascade) == [(UPPER_ID, Topic.CATALOG)]


@pytest.mark.parametrize("status", [481, None])
def test_a_notification_that_finds_nobody_ends_it(cascade, status):
    subscriber = Subscriber(cascade)
    subscriber.subscribe()
    subscriber.status = status
    notify(cascade)
    notify(cascade)
    cascade.run(20)
    assert ended(cascade) == [(UPPER_ID, Topic.CATALOG)]
    assert cascade.lower.stats()["uplinks.subscriptions.notices.failed"] == 1
    assert not notify(cascade)


def test_a_refused_notification_ends_nothing(cascade):
    subscriber = Subscriber(cascade)
    subscriber.subscribe()
    subscriber.status = 500
    notify(cascade)
    cascade.run(1)
    subscriber.status = 200
    notify(cascade)
    cascade.run(1)
    assert [request.method for request in subscriber.requests] == ["NOTIFY", "NOTIFY"]
    assert ended(cascade) == []


def test_a_new_subscription_takes_the_place_of_the_old(cascade):
    first, second = Subscriber(cascade, 40001), Subscriber(cascade, 40002)
    first.subscribe()
    second.subscribe()
    notify(cascade)
    cascade.run(1)
    assert (len(first.requests), len(second.requests)) == (0, 1)
    assert cascade.status.subscriptions == (Topic.CATALOG,)
    assert first.subscribe(renews=True) == 481


def test_an_uplink_that_goes_down_takes_its_subscriptions_along(cascade):
    follow(cascade)
    cascade.lower.uppers.remove(UPPER_ID, cascade.now)
    cascade.run(2)
    assert ended(cascade) == [(UPPER_ID, Topic.CATALOG)]
    assert cascade.lower.stats()["uplinks.subscriptions"] == 0


def test_the_service_may_end_one(cascade):
    follow(cascade)
    cascade.lower.uppers.subscriptions.end(UPPER_ID, Topic.CATALOG, "rejected", cascade.now)
    cascade.run(2)
    assert sent_states(cascade) == ["terminated;reason=rejected"]
    assert cascade.heard(SubscriptionChanged, cascade.upper)[-1].reason == "rejected"


def test_who_is_too_far_behind_is_to_subscribe_anew(cascade, monkeypatch):
    monkeypatch.setattr(subscriptions, "MOST_WAITING", 2)
    subscriber = Subscriber(cascade)
    subscriber.subscribe()
    assert [notify(cascade) for _ in range(4)] == [True, True, True, False]
    assert cascade.lower.stats()["uplinks.subscriptions.notices.dropped"] == 3
    cascade.run(1)
    assert ended(cascade) == [(UPPER_ID, Topic.CATALOG)]
    states = [request.headers.get("subscription-state") for request in subscriber.requests]
    assert [state.partition(";")[0] for state in states] == ["active", "terminated"]
    assert states[-1].endswith("reason=noresource")
    assert subscriber.subscribe() == 200


# Raw


class Subscriber:
    """An upper platform in raw text: subscribes, answers each NOTIFY by `status`."""

    def __init__(self, cascade, port=40000):
        self.cascade = cascade
        self.port = port
        self.status = 200
        self.requests = []
        self._out = []
        self._count = 0
        self._tag = ""
        cascade.network.attach(self, "udp", UPPER_HOST, port)

    def subscribe(self, body=None, *lines, expires="600", renews=False, tag=None):
        """Return the status; a renewal goes in the dialog."""
        self._count += 1
        if body is None:
            body = build_envelope(Root.QUERY, "Catalog", 5, LOWER_ID)
        to_tag = tag if tag is not None else self._tag if renews else ""
        head = [
            f"SUBSCRIBE sip:{LOWER_ID}@{LOWER_ID[:10]} SIP/2.0",
            f"Via: SIP/2.0/UDP {UPPER_HOST}:{self.port};branch=z9hG4bKu{self.port}{self._count}",
            f"From: <sip:{UPPER_ID}@{UPPER_ID[:10]}>;tag=u1",
            f"To: <sip:{LOWER_ID}@{LOWER_ID[:10]}>" + (f";tag={to_tag}" if to_tag else ""),
            f"Call-ID: raw-{self.port}",
            f"CSeq: {self._count} SUBSCRIBE",
            f"Contact: <sip:{UPPER_ID}@{UPPER_HOST}:{self.port}>",
            "Event: presence",
            *([f"Expires: {expires}"] if expires is not None else []),
            *lines,
            f"Content-Length: {len(body)}",
            "",
            "",
        ]
        lower, now = self.cascade.lower, self.cascade.now
        lower.receive("\r\n".join(head).encode() + body, Peer("udp", UPPER_HOST, self.port), now)
        self.answer = None
        self.cascade.run(0.1, lambda: self.answer is not None)
        if self.answer.status == 200:
            self._tag = self.answer.to.tag
        return self.answer.status

    def receive(self, data, peer, now):
        message = parse_message(data)
        if not hasattr(message, "method"):
            self.answer = message
            return
        self.requests.append(message)
        if self.status is not None:
            names = ("Via", "From", "To", "Call-ID", "CSeq")
            echoed = [f"{name}: {message.headers.get(name.lower())}" for name in names]
            head = [f"SIP/2.0 {self.status} So", *echoed, "Content-Length: 0", "", ""]
            self._out.append(("\r\n".join(head).encode(), peer))

    def data_to_send(self, now):
        sent, self._out = self._out, []
        return sent

    def next_event(self):
        return None

    def next_timer(self):
        return None

    def handle_timer(self, now):
        pass


@pytest.mark.parametrize(
    ("wished", "granted"),
    [("31536000", 86_400), (None, 600), ("90", 90), ("soon", 600), ("9999999999", 86_400)],
)
def test_a_year_is_cut_and_nothing_said_is_600(cascade, wished, granted):
    subscriber = Subscriber(cascade)
    assert subscriber.subscribe(expires=wished) == 200
    assert subscriber.answer.expires == granted


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (build_envelope(Root.QUERY, "DeviceInfo", 5, LOWER_ID), 489),
        (build_envelope(Root.NOTIFY, "Catalog", 5, LOWER_ID), 489),
        (b"", 400),
        (b"<Query><CmdType>", 400),
        (b" " * (subscriptions.LONGEST_QUERY_BYTES + 1), 413),
    ],
)
def test_what_cannot_be_subscribed_to_is_refused(cascade, body, status):
    assert Subscriber(cascade).subscribe(body) == status
    assert began(cascade) == []
    assert cascade.lower.stats()["uplinks.subscriptions.refused"] == 1


def test_a_refresh_without_body_means_the_same_query(cascade):
    subscriber = Subscriber(cascade)
    subscriber.subscribe()
    assert subscriber.subscribe(b"", renews=True) == 200
    assert [event.envelope.sn for event in cascade.heard(UpperSubscribed)] == [5, 5]


def test_a_refresh_about_something_else_is_refused(cascade):
    subscriber = Subscriber(cascade)
    subscriber.subscribe()
    assert (
        subscriber.subscribe(build_envelope(Root.QUERY, "Alarm", 5, LOWER_ID), renews=True) == 489
    )
    assert cascade.status.subscriptions == (Topic.CATALOG,)


def test_a_restarted_upper_may_end_the_old_one_outside_its_dialog(cascade):
    old, new = Subscriber(cascade, 40001), Subscriber(cascade, 40002)
    old.subscribe()
    assert new.subscribe(expires="0") == 200
    cascade.run(1)
    assert cascade.status.subscriptions == ()
    assert ended(cascade)[-1] == (UPPER_ID, Topic.CATALOG)
    assert [r.headers.get("subscription-state") for r in new.requests] == [
        "terminated;reason=timeout"
    ]


def test_a_dialog_nobody_knows_is_481(cascade):
    assert Subscriber(cascade).subscribe(tag="unknown") == 481


def test_one_that_ended_is_not_renewed(cascade):
    subscriber = Subscriber(cascade)
    subscriber.subscribe()
    subscriber.subscribe(renews=True, expires="0")
    assert subscriber.subscribe(renews=True) == 481
    cascade.run(40)
    assert subscriber.requests[-1].headers.get("subscription-state").startswith("terminated")


def test_more_subscriptions_than_anybody_has_are_refused(cascade, monkeypatch):
    monkeypatch.setattr(cascade.lower.uppers.subscriptions._dialogs, "_capacity", 1)
    assert Subscriber(cascade, 40001).subscribe() == 200
    body = build_envelope(Root.QUERY, "Alarm", 5, LOWER_ID)
    assert Subscriber(cascade, 40002).subscribe(body) == 503
    assert cascade.status.subscriptions == (Topic.CATALOG,)

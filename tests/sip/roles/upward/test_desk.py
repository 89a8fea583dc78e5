"""MESSAGE between an upper platform and us, and which requests are an upper platform's at all."""

import pytest

from sip.errors import SipError
from sip.events import AlarmReceived, CatalogItem, CatalogReceived, KeepaliveReceived
from sip.gb28181.alarm import Alarm, build_alarm
from sip.gb28181.catalog import ask_catalog, build_catalog_notify, build_catalog_response
from sip.gb28181.keepalive import build_keepalive
from sip.gb28181.manscdp import Root, build_envelope
from sip.gb28181.query import ask_device_info
from sip.gb28181.question import QueryFailed
from sip.gb28181.subscription import Topic, Wish
from sip.message import Peer, parse_message
from sip.roles.authentication import Credential
from sip.roles.inquiry import InquiryEnded, PeerUnreachable
from sip.roles.upward import desk
from sip.roles.upward.terms import UplinkState, UpperAsked, UpperSent
from tests.sip.roles.upward.conftest import (
    LOWER_HOST,
    LOWER_ID,
    UPPER_HOST,
    UPPER_ID,
    make_uplink,
)

CAMERA = "34020000001320000001"


def query(sn=7, command="Catalog", root=Root.QUERY, **kinds):
    return build_envelope(root, command, sn, LOWER_ID, **kinds)


class Speaker:
    """Sends raw requests to the lower platform as anybody from anywhere."""

    def __init__(self, cascade) -> None:
        self.cascade = cascade
        self.count = 0

    def ask(
        self, method="MESSAGE", body=b"", *lines, sender=UPPER_ID, host=UPPER_HOST, port=5060, to=""
    ):
        self.count += 1
        head = [
            f"{method} sip:{LOWER_ID}@{LOWER_ID[:10]} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bKs{self.count}",
            f"From: <sip:{sender}@{sender[:10]}>;tag=u1",
            f"To: <sip:{LOWER_ID}@{LOWER_ID[:10]}>{to}",
            f"Call-ID: s-{self.count}",
            f"CSeq: {self.count} {method}",
            f"Contact: <sip:{sender}@{host}:{port}>",
            "Max-Forwards: 70",
            "Content-Type: Application/MANSCDP+xml",
            *lines,
            f"Content-Length: {len(body)}",
            "",
            "",
        ]
        lower, now = self.cascade.lower, self.cascade.now
        lower.receive("\r\n".join(head).encode() + body, Peer("udp", host, port), now)
        answers = [parse_message(d) for d, p in lower.data_to_send(now) if p.host == host]
        return [m.status for m in answers if not hasattr(m, "method")]

    def told(self, kind=UpperAsked):
        lower = self.cascade.lower
        events = []
        while (event := lower.next_event()) is not None:
            events.append(event)
        return [event for event in events if isinstance(event, kind)]


@pytest.fixture
def speaker(cascade) -> Speaker:
    return Speaker(cascade)


# What comes


def test_a_question_is_answered_200_at_once_and_told(speaker):
    assert speaker.ask(body=query()) == [200]
    (asked,) = speaker.told()
    assert (asked.platform_id, asked.envelope.command, asked.envelope.sn) == (
        UPPER_ID,
        "Catalog",
        7,
    )
    assert asked.routes == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "203.0.113.66"},
        {"sender": "34000000002000000066"},
        {"sender": LOWER_ID},
    ],
)
@pytest.mark.parametrize("method", ["MESSAGE", "INVITE", "SUBSCRIBE"])
def test_a_stranger_is_told_nothing(speaker, changes, method):
    status = speaker.ask(method, query(), "Event: presence", **changes)
    assert status in ([403], [489])
    assert speaker.told() == []


def test_an_upper_at_which_we_are_not_registered_is_a_stranger(make_cascade):
    cascade = make_cascade(password="wrong")
    cascade.set()
    cascade.run(5)
    assert cascade.state is UplinkState.WAITING
    speaker = Speaker(cascade)
    assert speaker.ask(body=query()) == [403]
    assert speaker.told() == []


def test_another_port_of_the_same_host_is_believed(speaker):
    assert speaker.ask(body=query(), port=40000) == [200]


def test_what_cannot_be_read_is_refused_and_counted(speaker):
    assert speaker.ask(body=b"<Query><CmdType>") == [400]
    assert speaker.ask(body=b"<Song><CmdType>x</CmdType></Song>") == [415]
    assert speaker.ask(body=b"<Query>" + b" " * desk.LONGEST_QUESTION_BYTES) == [413]
    assert speaker.told() == []
    stats = speaker.cascade.lower.stats()
    assert stats["uplinks.questions.unreadable"] == 2
    assert stats["uplinks.questions.too_long"] == 1


def test_a_preferred_path_is_consumed(speaker):
    path = f"X-PreferredPath: {LOWER_ID}-34020100002000000001"
    assert speaker.ask("MESSAGE", query(), path) == [200]
    (asked,) = speaker.told()
    assert asked.routes == ("34020100002000000001",)


# One platform above and below us


@pytest.fixture
def mutual(make_cascade):
    """The upper platform is registered at the lower one as well."""
    cascade = make_cascade()
    cascade.register()
    cascade.lower_credentials[UPPER_ID] = Credential("down")
    cascade.upper.uppers.set(
        make_uplink(
            platform_id=LOWER_ID,
            domain=LOWER_ID[:10],
            host=LOWER_HOST,
            own_id=UPPER_ID,
            password="down",
        ),
        cascade.now,
    )
    cascade.run(5, lambda: cascade.lower.is_registered(UPPER_ID))
    assert cascade.lower.is_registered(UPPER_ID)
    return cascade


def test_mutual_cascade_separates_questions_from_reports(mutual):
    mutual.run(200)
    assert mutual.heard(KeepaliveReceived, mutual.lower)
    assert mutual.heard(KeepaliveReceived, mutual.upper)
    mutual.upper.ask(LOWER_ID, ask_catalog(), mutual.now)
    mutual.lower.ask(UPPER_ID, ask_device_info(), mutual.now)
    mutual.run(1)
    assert [e.envelope.command for e in mutual.heard(UpperAsked, mutual.lower)] == ["Catalog"]
    assert [e.envelope.command for e in mutual.heard(UpperAsked, mutual.upper)] == ["DeviceInfo"]


def test_mutual_cascade_gives_answers_to_who_asked(mutual):
    mutual.upper.ask(LOWER_ID, ask_catalog(), mutual.now)
    mutual.run(1)
    (asked,) = mutual.heard(UpperAsked, mutual.lower)
    items = [CatalogItem(CAMERA, "井口")]
    body = build_catalog_response(LOWER_ID, asked.envelope.sn, items, 1)
    mutual.lower.uppers.send(UPPER_ID, body, (), mutual.now)
    mutual.run(1)
    (ended,) = mutual.heard(InquiryEnded, mutual.upper)
    assert [item.device_id for item in ended.outcome.items] == [CAMERA]
    assert mutual.heard(UpperAsked, mutual.upper) == []


def test_mutual_cascade_takes_reports_from_below_and_broadcasts_from_above(mutual):
    speaker = Speaker(mutual)
    alarm = build_alarm(Alarm(CAMERA, 4, 1, "5", "2026-05-01T10:00:00"))
    assert speaker.ask(body=alarm) == [200]
    assert speaker.told(AlarmReceived)
    broadcast = build_envelope(
        Root.NOTIFY, "Broadcast", 9, None, [("SourceID", UPPER_ID), ("TargetID", CAMERA)]
    )
    assert speaker.ask(body=broadcast) == [200]
    assert [event.envelope.command for event in speaker.told()] == ["Broadcast"]


def test_a_mutual_voice_call_goes_to_the_broadcast_that_asked_for_it(mutual):
    mutual.lower.open_broadcast(UPPER_ID, CAMERA, mutual.now)
    mutual.run(1)
    body = b"v=0\r\nc=IN IP4 198.51.100.5\r\ns=Play\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n"
    calls = len(mutual.lower.uppers.calls)
    speaker = Speaker(mutual)
    subject = f"Subject: {LOWER_ID}:0,{CAMERA}:0"
    speaker.ask("INVITE", body, subject, "Content-Type: application/sdp")
    assert len(mutual.lower.uppers.calls) == calls
    assert mutual.lower.stats()["broadcasts"] == 1


# What goes


def sent(cascade):
    return cascade.heard(UpperSent)


def test_messages_go_one_after_the_other(cascade):
    keys = [
        cascade.lower.uppers.send(
            UPPER_ID, build_catalog_response(LOWER_ID, 3, [CatalogItem(CAMERA)], 3), (), cascade.now
        )
        for _ in range(3)
    ]
    cascade.network._flush()
    assert len(cascade.packets(b"MESSAGE")) == 1
    cascade.run(1)
    assert [(event.key, event.error) for event in sent(cascade)] == [(key, None) for key in keys]
    assert len(cascade.heard(CatalogReceived, cascade.upper)) == 3


def test_a_bad_network_changes_neither_order_nor_number(make_cascade, parts):
    cascade = make_cascade(quality=parts.Quality(loss=0.05, doubling=0.3, jitter_s=0.5))
    cascade.register()
    follow = Wish(Topic.CATALOG)
    cascade.upper.follow(LOWER_ID, follow, cascade.now)
    cascade.run(40, lambda: bool(cascade.status.subscriptions))
    codes = [f"3402000000132{number:07d}" for number in range(30)]
    for code in codes:
        body = build_catalog_response(LOWER_ID, 3, [CatalogItem(code)], 30)
        cascade.lower.uppers.send(UPPER_ID, body, (), cascade.now)
        notice = build_catalog_notify(LOWER_ID, 4, [CatalogItem(code, event="ON")])
        assert cascade.lower.uppers.notify(UPPER_ID, Topic.CATALOG, notice, cascade.now)
    cascade.run(600)
    assert [event.error for event in sent(cascade)] == [None] * 30
    heard = cascade.heard(CatalogReceived, cascade.upper)
    for is_notification in (False, True):
        told = [e for e in heard if e.is_notification is is_notification]
        assert [event.items[0].device_id for event in told] == codes


def test_a_message_names_the_route_behind_us_and_2016_knows_none(make_cascade):
    for edition, expected in (("2022", f"{LOWER_ID}-34020100002000000001"), ("2016", None)):
        cascade = make_cascade(edition=edition)
        cascade.register()
        behind = ("34020100002000000001",)
        cascade.lower.uppers.send(UPPER_ID, build_keepalive(LOWER_ID, 1), behind, cascade.now)
        cascade.run(1)
        (message,) = (parse_message(data) for data in cascade.packets(b"MESSAGE"))
        assert message.headers.get("x-routepath") == expected
        assert message.from_.uri.user == LOWER_ID


def test_a_refusal_is_told_and_the_next_goes(cascade):
    # The upper platform refuses what it cannot take: here a stranger's message.
    cascade.upper.forget(LOWER_ID, cascade.now)
    for _ in range(2):
        cascade.lower.uppers.send(UPPER_ID, query(), (), cascade.now)
    cascade.run(1)
    first, second = sent(cascade)
    assert isinstance(first.error, QueryFailed) and isinstance(second.error, QueryFailed)
    assert cascade.lower.stats()["uplinks.letters.failed"] == 2


def test_silence_is_told_and_the_next_is_tried(cascade):
    del cascade.network.parties[("udp", UPPER_HOST, 5060)]
    for _ in range(2):
        cascade.lower.uppers.send(UPPER_ID, query(), (), cascade.now)
    cascade.run(40)
    assert [type(event.error) for event in sent(cascade)] == [PeerUnreachable] * 2


def test_what_waits_ends_when_the_uplink_does(cascade):
    del cascade.network.parties[("udp", UPPER_HOST, 5060)]
    for _ in range(5):
        cascade.lower.uppers.send(UPPER_ID, query(), (), cascade.now)
    cascade.lower.uppers.remove(UPPER_ID, cascade.now)
    cascade.run(6)
    assert [type(event.error) for event in sent(cascade)] == [PeerUnreachable] * 5
    assert cascade.lower.stats()["uplinks.letters"] == 0


def test_nothing_is_sent_where_we_are_not_registered(make_cascade):
    cascade = make_cascade(password="wrong")
    with pytest.raises(SipError):
        cascade.lower.uppers.send(UPPER_ID, query(), (), cascade.now)
    cascade.set()
    cascade.run(5)
    with pytest.raises(PeerUnreachable):
        cascade.lower.uppers.send(UPPER_ID, query(), (), cascade.now)


def test_the_queue_has_an_end(cascade, monkeypatch):
    monkeypatch.setattr(desk, "MOST_WAITING", 3)
    for _ in range(4):
        cascade.lower.uppers.send(UPPER_ID, query(), (), cascade.now)
    with pytest.raises(PeerUnreachable):
        cascade.lower.uppers.send(UPPER_ID, query(), (), cascade.now)
    assert cascade.lower.stats()["uplinks.letters.refused"] == 1


def test_sequence_numbers_are_each_platform_s_own(cascade):
    uppers = cascade.lower.uppers
    assert [uppers.next_sn(UPPER_ID) for _ in range(3)] == [1, 2, 3]
    assert uppers.next_sn("34000000002000000099") == 1

"""Cascade upward: our registration there and the path of messages, numbers 105 and 111."""

import pytest

from sip.events import CatalogItem, DeviceRegistered, DeviceUnregistered, KeepaliveReceived
from sip.gb28181.catalog import build_catalog_notify, build_catalog_response
from sip.gb28181.manscdp import Root, build_envelope
from sip.gb28181.subscription import Topic, Wish
from sip.message import Peer, parse_message
from sip.message.digest import Algorithm
from sip.roles.upward.terms import UplinkState, UpperAsked, UpperInvited
from tests.sip.roles.upward.conftest import LOWER_ID, PASSWORD, UPPER_HOST, UPPER_ID, UpperWire

BEHIND = "34020100002000000001"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_c105_registers_upward_with_digest_and_keeps_alive(make_cascade, transport, algorithm):
    cascade = make_cascade(transport=transport, upper={"digest_algorithms": (algorithm,)})
    cascade.register()
    first, second = (parse_message(data) for data in cascade.packets(b"REGISTER"))
    assert first.headers.get("authorization") is None
    assert f"algorithm={algorithm}" in second.headers.get("authorization")
    assert PASSWORD not in second.headers.get("authorization")
    cascade.run(60 * 5 + 1)
    assert len(cascade.heard(KeepaliveReceived, cascade.upper)) == 5
    assert len(cascade.heard(DeviceRegistered, cascade.upper)) == 1


def test_c105_three_keepalives_without_answer_register_anew(make_cascade):
    cascade = make_cascade()
    cascade.register()
    upper = cascade.network.parties.pop(("udp", UPPER_HOST, 5060))
    cascade.run(60 * 3 + 30)
    assert cascade.state is UplinkState.REGISTERED  # the third still may be answered
    cascade.run(3)
    assert (cascade.state, cascade.status.failure) == (UplinkState.REGISTERING, "keepalives_missed")
    cascade.network.parties["udp", UPPER_HOST, 5060] = upper
    cascade.run(60, lambda: cascade.state is UplinkState.REGISTERED)
    assert cascade.upper.is_registered(LOWER_ID)


def test_c105_a_refused_registration_waits_at_least_a_minute_and_longer_each_time(make_cascade):
    cascade = make_cascade()
    cascade.credentials.clear()
    cascade.set()
    cascade.run(59)
    assert len(cascade.packets(b"REGISTER")) == 2
    cascade.run(1200)
    assert len(cascade.packets(b"REGISTER")) <= 6


def test_c105_unregisters_with_digest_when_it_is_removed(make_cascade):
    cascade = make_cascade()
    cascade.register()
    cascade.lower.uppers.remove(UPPER_ID, cascade.now)
    cascade.run(2)
    assert cascade.heard(DeviceUnregistered, cascade.upper)
    assert cascade.status is None


def test_c111_a_route_path_begins_with_ourselves(make_cascade):
    cascade = make_cascade()
    cascade.register()
    body = build_catalog_response(LOWER_ID, 3, [CatalogItem("34020000001320000001")], 1)
    cascade.lower.uppers.send(UPPER_ID, body, (BEHIND,), cascade.now)
    cascade.upper.follow(LOWER_ID, Wish(Topic.CATALOG), cascade.now)
    cascade.run(1)
    notice = build_catalog_notify(LOWER_ID, 4, [])
    cascade.lower.uppers.notify(UPPER_ID, Topic.CATALOG, notice, cascade.now)
    cascade.run(1)
    paths = [
        parse_message(data).headers.get("x-routepath")
        for start in (b"MESSAGE", b"NOTIFY")
        for data in cascade.packets(start)
    ]
    assert paths == [f"{LOWER_ID}-{BEHIND}", LOWER_ID]


def test_c111_the_answer_to_an_invite_names_us_as_its_route():
    upper = UpperWire()
    upper.invite()
    [invited] = upper.heard(UpperInvited)
    [answer] = upper.accept(invited)
    assert (answer.status, answer.headers.get("x-routepath")) == (200, LOWER_ID)


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        (f"{LOWER_ID}-{BEHIND}", (BEHIND,)),
        (LOWER_ID, ()),
        (BEHIND, (BEHIND,)),
        ("nowhere", ()),
        (None, ()),
    ],
)
def test_c111_a_preferred_path_loses_ourselves(make_cascade, path, rest):
    cascade = make_cascade()
    cascade.register()
    body = build_envelope(Root.QUERY, "Catalog", 5, LOWER_ID)
    lines = [
        f"MESSAGE sip:{LOWER_ID}@{LOWER_ID[:10]} SIP/2.0",
        f"Via: SIP/2.0/UDP {UPPER_HOST}:5060;rport;branch=z9hG4bKp1",
        f"From: <sip:{UPPER_ID}@{UPPER_ID[:10]}>;tag=u1",
        f"To: <sip:{LOWER_ID}@{LOWER_ID[:10]}>",
        "Call-ID: path-1",
        "CSeq: 1 MESSAGE",
        "Max-Forwards: 70",
        *([f"X-PreferredPath: {path}"] if path else []),
        "Content-Type: Application/MANSCDP+xml",
        f"Content-Length: {len(body)}",
        "",
        "",
    ]
    data = "\r\n".join(lines).encode() + body
    cascade.lower.receive(data, Peer("udp", UPPER_HOST, 5060), cascade.now)
    cascade.run(1)
    assert [event.routes for event in cascade.heard(UpperAsked)] == [rest]

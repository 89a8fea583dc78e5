"""Two thousand seeded mutations of good messages: nothing escapes, nobody else suffers (threat 2).

In memory, so that every case is exact and quick; the sockets have their own tests.
"""

import dataclasses
import os
import random
from collections.abc import Iterator
from datetime import datetime
from enum import Enum

import pytest

from sip.events import DeviceExpired, DeviceRegistered, DeviceUnregistered, PeerMisbehaved
from sip.message import Peer, parse_message
from sip.message.sdp import MediaOffer
from sip.roles.call import InvitationAnswered, InvitationRefused
from tests.sip.interop.peers import SUSPECT, WITNESS, authorization, message, register, status, xml

CASES = int(os.environ.get("MUTATIONS", "500"))
"""Of each of four kinds; `make storm` tries more."""

SUSPECT_HOST = "192.0.2.66"
CHANNEL = "34020000001320000001"
EXTREMES = [b"0", b"-1", b"2147483648", b"4294967296", b"9" * 30, b"", b"\xa3\xb1", b"1e9", b"%00"]


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Damage a message in one to four places, as noise does and as an attacker does."""
    for _ in range(chance.randint(1, 4)):
        if not data:
            return data
        data = chance.choice(DAMAGES)(data, chance)
    return data


def _flip(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _cut(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.randint(1, 40) :]


def _insert(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    piece = chance.choice([chance.randbytes(9), b"\0" * 50, b"\r\n", b'"', b"<", b"," * 300, b";"])
    return data[:at] + piece + data[at:]


def _truncate(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def _line(data: bytes, chance: random.Random) -> bytes:
    lines = data.split(b"\r\n")
    at = chance.randrange(len(lines))
    piece = chance.choice([[], [lines[at]] * 2, [lines[at]] * 600, [chance.choice(lines)]])
    return b"\r\n".join(lines[:at] + piece + lines[at + 1 :])


def _number(data: bytes, chance: random.Random) -> bytes:
    places = [at for at, octet in enumerate(data) if octet in b"0123456789"]
    if not places:
        return data
    start = end = chance.choice(places)
    while end < len(data) and data[end] in b"0123456789":
        end += 1
    return data[:start] + chance.choice(EXTREMES) + data[end:]


DAMAGES = [_flip, _cut, _insert, _truncate, _line, _number]


def texts(value: object) -> Iterator[str]:
    """Every text inside an event."""
    if isinstance(value, str) and not isinstance(value, Enum):
        yield value
    elif isinstance(value, Exception):
        yield from map(str, vars(value).values())
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from texts(getattr(value, field.name))
    elif isinstance(value, dict):
        yield from texts(list(value.items()))
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from texts(inner)
    else:
        assert value is None or isinstance(value, int | float | bytes | datetime | Enum)


@pytest.fixture
def wire(make_wire):
    """A server with a witness and a registered suspect that is then made to misbehave."""
    wire = make_wire()
    wire.credentials[SUSPECT] = wire.credentials[WITNESS]
    assert wire.register().status == 200
    register_suspect(wire)
    yield wire
    assert wire.endpoint.is_registered(WITNESS)
    assert wire.message(xml("Notify", "Keepalive").encode()).status == 200
    gone = wire.heard(DeviceUnregistered | DeviceExpired)
    assert WITNESS not in {event.device_id for event in gone}
    for event in wire.events:
        for text in texts(event):
            text.encode()
            assert "\0" not in text
    misdeeds = wire.heard(PeerMisbehaved)
    assert {event.peer.host for event in misdeeds} <= {SUSPECT_HOST}
    first = [event.reason for event in misdeeds if event.count == 1]
    assert len(first) == len(set(first))
    stats = wire.endpoint.stats()
    malformed = sum(n for name, n in stats.items() if name.startswith("malformed."))
    noted = sum(n for name, n in stats.items() if name.startswith("misbehaved."))
    assert 0 < malformed <= noted


def register_suspect(wire) -> None:
    (challenge,) = wire.send(register(SUSPECT), host=SUSPECT_HOST)
    proof = register(SUSPECT, authorization(challenge.to_bytes(), SUSPECT))
    assert wire.send(proof, host=SUSPECT_HOST)[0].status == 200


def feed(wire, data: bytes) -> list[int]:
    """Send as the suspect; return statuses only: a refusal echoes headers that cannot be read."""
    wire.endpoint.receive(data, Peer("udp", SUSPECT_HOST, 5060), wire.now)
    while (event := wire.endpoint.next_event()) is not None:
        wire.events.append(event)
    return [status(packet) for packet, _ in wire.endpoint.data_to_send(wire.now)]


def test_mutated_registers_never_register_anybody_without_proof(wire):
    chance = random.Random(2801)
    known = len(wire.heard(DeviceRegistered))
    for _ in range(CASES):
        assert 200 not in feed(wire, mutate(register("34020000001180000009"), chance))
        wire.tick(0.01)
    assert len(wire.heard(DeviceRegistered)) == known


def test_mutated_proofs_of_a_device_harm_only_itself(wire):
    chance = random.Random(2802)
    for _ in range(CASES):
        (challenge,) = wire.send(register(SUSPECT), host=SUSPECT_HOST)
        proof = register(SUSPECT, authorization(challenge.to_bytes(), SUSPECT))
        feed(wire, mutate(proof, chance))
        wire.tick(0.1)


BODIES = [
    xml("Notify", "Keepalive", "<Status>OK</Status>", "<Info><DeviceID>1</DeviceID></Info>"),
    xml("Notify", "Alarm", "<AlarmPriority>1</AlarmPriority>", "<AlarmMethod>2</AlarmMethod>",
        "<AlarmTime>2026-05-01T10:00:00</AlarmTime>", "<Longitude>117.1</Longitude>"),
    xml("Response", "Catalog", "<SumNum>2</SumNum>", '<DeviceList Num="1"><Item>',
        f"<DeviceID>{CHANNEL}</DeviceID><Name>东门&amp;</Name><Parental>0</Parental>",
        "<ParentID>34020000001180000001</ParentID><Longitude>117.5</Longitude>",
        "<Info><PTZType>1</PTZType></Info></Item></DeviceList>"),
    xml("Notify", "MediaStatus", "<NotifyType>121</NotifyType>"),
]  # fmt: skip


def test_mutated_messages_are_read_or_dropped(wire):
    chance = random.Random(2803)
    for turn in range(CASES):
        data = message(BODIES[turn % len(BODIES)], sender=SUSPECT)
        feed(wire, mutate(data, chance))
        wire.tick(0.1)


def test_mutated_answers_to_an_invite_end_it_one_way_or_the_other(wire):
    chance = random.Random(2804)
    for turn in range(CASES):
        if turn % 100 == 0:
            # A thousand seconds have passed.
            assert wire.register().status == 200
            register_suspect(wire)
        offer = MediaOffer("192.0.2.20", 30000, "udp", wire.endpoint.new_ssrc(wire.now))
        wire.endpoint.invite(SUSPECT, CHANNEL, offer, wire.now)
        invite = next(sent for sent, _ in wire.flush() if sent.method == "INVITE")
        feed(wire, mutate(answer_to(invite, offer.ssrc), chance))
        for invitation in wire.heard(InvitationAnswered)[-1:]:
            wire.endpoint.bye(invitation.invitation.id, wire.now)
        wire.flush()
        for device, host in ((WITNESS, "192.0.2.101"), (SUSPECT, SUSPECT_HOST)):
            wire.message(xml("Notify", "Keepalive").encode(), device=device, host=host)
        wire.tick(11)
    ends = wire.heard(InvitationAnswered | InvitationRefused)
    assert len(ends) == CASES
    wire.tick(60)
    assert wire.endpoint.stats()["invitations"] == 0


def answer_to(invite, ssrc: int) -> bytes:
    sdp = (
        f"v=0\r\no={CHANNEL} 0 0 IN IP4 {SUSPECT_HOST}\r\ns=Play\r\nc=IN IP4 {SUSPECT_HOST}\r\n"
        "t=0 0\r\nm=video 15060 RTP/AVP 96\r\na=sendonly\r\na=rtpmap:96 PS/90000\r\n"
        f"y={ssrc:010}\r\nf=v/2/5/25/1/4000a/1//\r\n"
    ).encode()
    head = [
        "SIP/2.0 200 OK",
        f"Via: {invite.headers.get('via')}",
        f"From: {invite.headers.get('from')}",
        f"To: {invite.headers.get('to')};tag=camera",
        f"Call-ID: {invite.call_id}",
        f"CSeq: {invite.headers.get('cseq')}",
        f"Contact: <sip:{CHANNEL}@{SUSPECT_HOST}:5060>",
        "Content-Type: application/sdp",
        f"Content-Length: {len(sdp)}",
        "",
        "",
    ]
    return "\r\n".join(head).encode() + sdp


def test_the_unharmed_samples_are_good(wire):
    """What is mutated above must work when it is whole, or the mutations prove nothing."""
    for body in BODIES:
        assert 200 in feed(wire, message(body, sender=SUSPECT))
    assert wire.heard(PeerMisbehaved) == []
    offer = MediaOffer("192.0.2.20", 30000, "udp", wire.endpoint.new_ssrc(wire.now))
    wire.endpoint.invite(SUSPECT, CHANNEL, offer, wire.now)
    (invite, _), *_ = wire.flush()
    feed(wire, answer_to(invite, offer.ssrc))
    assert len(wire.heard(InvitationAnswered)) == 1
    assert parse_message(answer_to(invite, offer.ssrc)).status == 200
    feed(wire, b"not sip at all, so that the fixture has something to count")

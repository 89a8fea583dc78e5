"""Storms and strangers at the signalling plane, in memory and with time as a number.

Cases 12, 16, 17 and 40 of docs/threats.md; the others have their tests where the rule is.
"""

import random
from collections import Counter
from collections.abc import Callable

import pytest

from sip.events import (
    AlarmReceived,
    DeviceExpired,
    DeviceRegistered,
    DeviceUnregistered,
    InvitationEnded,
    KeepalivesMissed,
    RegistrationAttempted,
)
from sip.gb28181 import alarm, catalog
from sip.message import Peer, Request
from sip.message.sdp import MediaOffer
from sip.roles.call import InvitationAnswered
from sip.roles.inquiry import InquiryEnded
from sip.simulator.profile import MediaRequested, RegistrationState
from tests.sip.conftest import DEVICE_HOST, DEVICE_ID, SERVER_HOST, SERVER_ID, Network, Rig
from tests.sip.interop.test_mutations import answer_to
from tests.sip.simulator.test_fleet import HOST, REGISTERED, Harbour

COPIES = 7
LOSS = 0.2
ANSWERS_LATE_S = 5.0
STRANGER = "34020000002000000666"
"""The id of a platform nobody told us of."""


def storm(network: Network, server_is: str = SERVER_HOST, seed: int = 12) -> None:
    """Every request seven times, answers five seconds late, a fifth lost both ways."""
    chance = random.Random(seed)
    carry: Callable[..., None] = network._carry

    def carried(source, data: bytes, peer: Peer) -> None:
        is_answer = data.startswith(b"SIP/2.0")
        network.quality.delay_s = ANSWERS_LATE_S if is_answer and source[1] == server_is else 0.01
        for _ in range(1 if is_answer else COPIES):
            if chance.random() >= LOSS:
                carry(source, data, peer)

    network._carry = carried


def test_a_storm_of_repetitions_with_loss_both_ways_registers_all() -> None:
    harbour = Harbour(100)
    storm(harbour.network)
    harbour.fleet.start(harbour.now)
    harbour.network.run(60)
    registered = {event.device_id for event in harbour.heard(DeviceRegistered)}
    assert len(registered) >= 99
    assert len(harbour.heard(DeviceRegistered)) == len(registered), "nobody twice"
    assert harbour.heard(DeviceUnregistered) == []
    harbour.network.run(60)
    assert harbour.fleet.states[REGISTERED] == 100
    stats = harbour.endpoint.stats()
    assert stats["events.dropped"] == stats["flood.dropped"] == 0


def repeated(rig: Rig) -> Rig:
    """A registered rig on whose network every packet is seven and a fifth of them are lost."""
    rig.accept_media()
    rig.register()
    storm(rig.network)
    return rig


def test_seven_invites_are_one_dialog(make_rig) -> None:
    rig = repeated(make_rig(keepalive_interval_s=600.0))
    rig.invite()
    rig.run(9)
    assert len(rig.heard(InvitationAnswered)) == 1
    assert len(rig.told(MediaRequested)) == 1
    assert rig.endpoint.stats()["invitations"] == rig.device.session_count == 1
    (answered,) = rig.heard(InvitationAnswered)
    rig.endpoint.bye(answered.invitation.id, rig.now)
    rig.run(60)
    assert rig.endpoint.stats()["invitations"] == rig.device.session_count == 0


def test_a_catalogue_of_repeated_packets_has_each_channel_once(make_rig, parts) -> None:
    channels = tuple(parts.camera(number) for number in range(1, 31))
    rig = repeated(make_rig(channels=channels, keepalive_interval_s=600.0))
    key = rig.endpoint.ask(DEVICE_ID, catalog.ask_catalog(), rig.now, 120.0)

    def ended() -> list:
        return [e.outcome for e in rig.heard(InquiryEnded) if e.key == key]

    rig.run(600, lambda: bool(ended()))
    (result,) = ended()
    codes = [item.device_id for item in result.items]
    assert len(codes) == len(set(codes))
    assert set(codes) <= {channel.code for channel in channels}


def test_an_alarm_that_is_sent_seven_times_is_one_alarm(wire) -> None:
    assert wire.register().status == 200
    sent = alarm.Alarm(DEVICE_ID, 7, 1, "5", "2", "1", "2026-05-01T10:00:00", "moved")
    body = alarm.build_alarm(sent)
    data = wire.request("MESSAGE", "Content-Type: Application/MANSCDP+xml", body=body)
    for _ in range(COPIES):
        wire.send(data)
        wire.tick(0.5)
    assert len(wire.heard(AlarmReceived)) == 1


# Tolerance: what a device may get wrong in a call


def shouted(data: bytes, call_id: str) -> bytes:
    return data.replace(call_id.encode(), call_id.swapcase().encode())


def test_a_call_id_in_the_wrong_case_is_still_that_call(wire) -> None:
    assert wire.register().status == 200
    camera = "34020000001320000001"
    offer = MediaOffer("192.0.2.20", 30000, "udp", wire.endpoint.new_ssrc(wire.now))
    wire.endpoint.invite(DEVICE_ID, camera, offer, wire.now)
    (invite,) = [message for message, _ in wire.flush() if message.method == "INVITE"]
    assert invite.call_id != invite.call_id.swapcase()
    wire.endpoint.receive(
        shouted(answer_to(invite, offer.ssrc), invite.call_id),
        Peer("udp", DEVICE_HOST, 5060),
        wire.now,
    )
    sent = [message.method for message, _ in wire.flush() if isinstance(message, Request)]
    assert sent == ["ACK"]
    assert len(wire.heard(InvitationAnswered)) == 1
    bye = wire.request("BYE", call_id=invite.call_id.swapcase())
    assert [answer.status for answer in wire.send(bye)] == [200]
    assert len(wire.heard(InvitationEnded)) == 1
    assert wire.endpoint.stats()["invitations"] == 0


# Upper platforms that are none (16), and ourselves (17)


def test_five_hundred_invites_of_an_unknown_platform_are_refused_and_leave_nothing(wire) -> None:
    assert wire.register().status == 200
    sdp = b"v=0\r\no=x 0 0 IN IP4 1.2.3.4\r\ns=Playback\r\nm=video 6000 RTP/AVP 96\r\n"
    answers: Counter[int] = Counter()
    for number in range(500):
        data = wire.request(
            "INVITE",
            "Subject: 34020000001320000001:0,x:0",
            "Content-Type: application/sdp",
            body=sdp,
            device=STRANGER,
            call_id=f"upper-{number}",
            uri=f"sip:{DEVICE_ID}@3402000000",
        )
        finals = [a for a in wire.send(data, host="203.0.113.9") if a.status >= 200]
        answers.update(answer.status for answer in finals)
    assert answers == {403: 500}
    stats = wire.endpoint.stats()
    assert (stats["invitations"], stats["broadcasts"], stats["uplinks.calls"]) == (0, 0, 0)
    # Their repetitions have died out; the honest device has gone on.
    for _ in range(3):
        wire.tick(40)
        assert wire.message(b"<Notify><CmdType>Keepalive</CmdType></Notify>").status == 200
    wire.tick(33)
    stats = wire.endpoint.stats()
    assert (stats["transactions.servers"], stats["bindings"]) == (0, 1)


@pytest.mark.parametrize("event", ["Catalog", "Alarm", "presence", "x" * 4000])
def test_a_subscription_for_a_year_of_an_unknown_platform_is_refused(wire, event) -> None:
    body = b"<Query><CmdType>Catalog</CmdType><SN>1</SN></Query>"
    lines = (f"Event: {event}", "Expires: 31536000", "Content-Type: Application/MANSCDP+xml")
    data = wire.request("SUBSCRIBE", *lines, body=body, device=STRANGER)
    (answer,) = wire.send(data, host="203.0.113.9")
    assert answer.status in (403, 489)
    stats = wire.endpoint.stats()
    assert stats["uplinks.subscriptions"] == stats["subscriptions"] == 0


@pytest.mark.parametrize("method", ["MESSAGE", "NOTIFY", "INFO", "BYE", "UPDATE", "PRACK"])
def test_what_an_unknown_platform_orders_reaches_no_device(wire, method) -> None:
    """PTZ of who does not own it: a control in a MESSAGE, or inside a dialog that there is not."""
    assert wire.register().status == 200
    wire.flush()
    body = b"<Control><CmdType>DeviceControl</CmdType><SN>1</SN><PTZCmd>A50F0102</PTZCmd></Control>"
    data = wire.request(method, "Content-Type: Application/MANSCDP+xml", body=body, device=STRANGER)
    peer = Peer("udp", "203.0.113.9", 5060)
    wire.endpoint.receive(data, peer, wire.now)
    sent = wire.flush()
    assert {target for _, target in sent} == {peer}
    assert {message.status for message, _ in sent} <= {403, 405, 481}


def test_our_own_id_is_no_device(wire) -> None:
    """17: a platform that is told to register at itself, or somebody who plays us."""
    answer = wire.register(device=SERVER_ID)
    assert answer.status == 403
    assert wire.endpoint.stats()["bindings"] == 0
    keepalive = b"<Notify><CmdType>Keepalive</CmdType><SN>1</SN></Notify>"
    assert wire.message(keepalive, device=SERVER_ID).status == 403


# Partition and heal (40)


def test_a_partition_of_five_minutes_heals_and_leaves_nothing_behind() -> None:
    harbour = Harbour(200, keepalive_interval_s=60, keepalive_count=3)
    harbour.register()
    harbour.network.run(120)
    before = sizes(harbour)
    parties = harbour.network.parties
    for _ in range(3):
        gone = {address: parties.pop(address) for address in list(parties) if address[1] == HOST}
        lost = len(harbour.heard(KeepalivesMissed))
        # Somebody must turn the clock of those that are cut off, too.
        run_apart(harbour, gone, 300)
        missed = harbour.heard(KeepalivesMissed)[lost:]
        assert len({event.device_id for event in missed}) == len(missed) == 200
        assert not any(harbour.endpoint.is_registered(each) for each in harbour.ids)
        parties.update(gone)
        harbour.network.run(
            300, lambda: all(harbour.endpoint.is_registered(each) for each in harbour.ids)
        )
        assert all(harbour.endpoint.is_registered(each) for each in harbour.ids)
    harbour.network.run(120)
    assert harbour.fleet.states[RegistrationState.REGISTERED] == 200
    assert sizes(harbour) == before
    assert harbour.heard(DeviceExpired) == []
    first = harbour.heard(RegistrationAttempted)
    assert len(first) < 10 * 200 * 4, "their repetitions are told as counts"


def sizes(harbour: Harbour) -> dict[str, int]:
    """What the platform keeps of them, once nothing is on the way."""
    stats = harbour.endpoint.stats()
    names = ("bindings", "invitations", "inquiries", "subscriptions", "registrations.waiting")
    return {name: stats[name] for name in names} | {
        "clients": stats["transactions.clients"],
        "sources": stats["flood.sources"],
    }


def run_apart(harbour: Harbour, gone: dict, seconds: float) -> None:
    """Let time pass on both sides of a cut; what they send to each other is lost."""
    end = harbour.now + seconds
    fleet = harbour.fleet
    while harbour.now < end:
        harbour.network.run(1.0)
        timer = fleet.next_timer()
        if timer is not None and timer <= harbour.now:
            fleet.handle_timer(harbour.now)
        fleet.data_to_send(harbour.now)


def test_a_day_with_one_percent_loss_leaves_every_table_flat(make_rig) -> None:
    """A soak in small: twelve hours of keepalives, catalogues and pictures of one device."""
    rig = make_rig(expires_s=3600)
    rig.accept_media()
    rig.register()
    rig.network.quality.loss = 0.01
    kept: list[tuple[int, ...]] = []
    for _ in range(12):
        rig.endpoint.ask(DEVICE_ID, catalog.ask_catalog(), rig.now)
        call_id = rig.invite()
        rig.run(30)
        rig.endpoint.bye(call_id, rig.now)
        rig.network.sent.clear()
        rig.network.parcels.clear()
        rig.run(3600)
        stats = rig.endpoint.stats()
        names = ("invitations", "inquiries", "controls", "transactions.clients", "broadcasts")
        kept.append(tuple(stats[name] for name in names))
        assert stats["bindings"] == 1
        assert stats["transactions.timers"] < 200
    assert set(kept) == {(0, 0, 0, 0, 0)}
    assert rig.endpoint.is_registered(DEVICE_ID)

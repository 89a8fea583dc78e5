"""Every fault of a pretend upper platform, and how our own lower platform bears it."""

import random
from datetime import timedelta

import pytest

from sip.events import InvitationEnded
from sip.message.sdp import MediaOffer
from sip.roles.authentication import Credential
from sip.roles.call import InvitationAnswered, InvitationRefused
from sip.roles.config import SipConfig
from sip.roles.upward.terms import (
    UplinkChanged,
    UplinkState,
    UpperAcked,
    UpperCallEnded,
    UpperInvited,
)
from sip.simulator.upper import WRONG_REALM, FaultyUpper, UpperFaults
from tests.sip.conftest import START, WALL, Network
from tests.sip.roles.upward.conftest import (
    CAMERA,
    LOWER_HOST,
    LOWER_ID,
    PASSWORD,
    UPPER_HOST,
    UPPER_ID,
    Cascade,
    make_platform,
    make_uplink,
)


def errant(faults: UpperFaults, **uplink) -> Cascade:
    """A lower platform of ours below an upper one that errs."""
    network = Network()
    config = SipConfig(
        server_id=UPPER_ID,
        domain=UPPER_ID[:10],
        advertised_host=UPPER_HOST,
        realm=WRONG_REALM if faults.wrong_realm else "",
    )
    credentials = {LOWER_ID: Credential(PASSWORD)}
    upper = FaultyUpper(
        faults,
        config,
        credentials.get,
        lambda: WALL + timedelta(seconds=network.now - START),
        random.Random(6).randbytes,
    )
    lower = make_platform(network, LOWER_ID, LOWER_HOST, {}, 5)
    for kind in ("udp", "tcp"):
        network.attach(lower, kind, LOWER_HOST, 5060)
        network.attach(upper, kind, UPPER_HOST, 5060)
    cascade = Cascade(network, lower, upper, credentials, make_uplink(**uplink))
    cascade.register()

    def react(party, event):
        if party is lower and isinstance(event, UpperInvited):
            lower.uppers.calls.accept(event.call_id, "192.0.2.20", 30100, 0, network.now)

    network.react = react
    return cascade


def invite(cascade: Cascade) -> str:
    offer = MediaOffer("198.51.100.20", 40000, "udp", cascade.upper.new_ssrc(cascade.now))
    return cascade.upper.invite(LOWER_ID, CAMERA, offer, cascade.now)


def reasons(cascade: Cascade) -> list[str]:
    return [event.reason for event in cascade.heard(UpperCallEnded)]


def test_another_realm_is_answered_as_it_is_named():
    cascade = errant(UpperFaults(wrong_realm=True))
    assert any(WRONG_REALM.encode() in data for data in cascade.packets(b"REGISTER"))
    assert cascade.upper.is_registered(LOWER_ID)


def test_a_200_that_nobody_acknowledges_ends_in_bye():
    cascade = errant(UpperFaults(no_ack=True))
    invite(cascade)
    cascade.run(5)
    assert cascade.heard(InvitationAnswered, cascade.upper)
    assert cascade.heard(UpperAcked) == []
    cascade.run(40)
    assert reasons(cascade) == ["no_ack"]
    assert cascade.heard(InvitationEnded, cascade.upper)


def test_three_lost_answers_to_keepalives_bring_a_new_registration():
    cascade = errant(UpperFaults(lost_keepalives=3))
    cascade.run(400)
    states = [event.status.state for event in cascade.heard(UplinkChanged)]
    assert states.count(UplinkState.REGISTERED) == 2
    assert cascade.state is UplinkState.REGISTERED


def test_two_lost_answers_change_nothing():
    cascade = errant(UpperFaults(lost_keepalives=2))
    cascade.run(400)
    states = [event.status.state for event in cascade.heard(UplinkChanged)]
    assert states.count(UplinkState.REGISTERED) == 1


def test_a_lost_bye_ends_with_the_next_call_of_that_source_or_with_the_uplink():
    cascade = errant(UpperFaults(drop_bye=True))
    invitation = invite(cascade)
    cascade.run(2)
    cascade.upper.bye(invitation, cascade.now)
    cascade.run(60)
    assert reasons(cascade) == []
    cascade.lower.uppers.remove(UPPER_ID, cascade.now)
    cascade.run(5)
    assert reasons(cascade) == ["offline"]
    assert len(cascade.lower.uppers.calls) == 0


@pytest.mark.parametrize("faults", [UpperFaults(omit_ssrc=True), UpperFaults(long_ssrc=True)])
def test_without_a_usable_y_ours_is_taken_over(faults):
    cascade = errant(faults)
    invite(cascade)
    cascade.run(2)
    [invited] = cascade.heard(UpperInvited)
    assert invited.ssrc is None
    [answered] = cascade.heard(InvitationAnswered, cascade.upper)
    [acked] = cascade.heard(UpperAcked)
    assert answered.invitation.ssrc == acked.ssrc


def test_port_zero_is_waited_for_and_given_up():
    cascade = errant(UpperFaults(port_zero=True))
    invite(cascade)
    cascade.run(2)
    assert cascade.heard(InvitationRefused, cascade.upper) == []
    assert cascade.heard(UpperAcked) == []
    cascade.run(20)
    assert reasons(cascade) == ["no_port"]


def test_a_good_platform_is_not_touched():
    cascade = errant(UpperFaults())
    invitation = invite(cascade)
    cascade.run(2)
    cascade.upper.bye(invitation, cascade.now)
    cascade.run(2)
    assert reasons(cascade) == ["bye"]

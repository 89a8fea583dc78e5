"""Answers of every kind to an INVITE (threat 15): each ends in a defined outcome, in time."""

import pytest

from sip.errors import LocalProtocolError
from sip.events import InvitationEnded
from sip.message import Peer
from sip.message.sdp import MediaOffer
from sip.roles.call import (
    TRANSITIONS,
    Call,
    CallInput,
    CallState,
    InvitationAnswered,
    InvitationFailed,
    InvitationRefused,
)
from sip.roles.inquiry import PeerUnreachable
from sip.simulator.profile import Faults, MediaRequested, MediaStarted, MediaStopped
from tests.sip.conftest import DEVICE_HOST, DEVICE_ID, camera

SDP = "v=0\r\no=x 0 0 IN IP4 {host}\r\ns=Play\r\nc=IN IP4 {host}\r\nt=0 0\r\n"


def sdp(*lines, host="192.0.2.101"):
    return (SDP.format(host=host) + "".join(f"{line}\r\n" for line in lines)).encode()


def call_rig(make_rig, faults=None, transport="udp", **kinds):
    rig = make_rig(faults=faults or Faults(), **kinds)
    rig.accept_media()
    rig.register()
    call_id = rig.invite(1, transport)
    rig.run(12)
    return rig, call_id


def refusal(rig):
    assert not rig.heard(InvitationAnswered)
    errors = [event.error for event in rig.heard(InvitationRefused)]
    assert len(errors) == 1
    return errors[0].status, errors[0].reason


@pytest.mark.parametrize("status", [403, 404, 480, 486, 488, 500, 603])
def test_a_refusal_is_told_with_its_status(make_rig, status):
    rig, _ = call_rig(make_rig, Faults(answer_status=status))
    assert refusal(rig) == (status, "refused")
    assert not rig.packets(b"BYE")
    assert len(rig.packets(b"ACK")) == 1


def test_silence_ends_after_ten_seconds(make_rig):
    rig, _ = call_rig(make_rig, Faults(no_answer=True))
    assert refusal(rig) == (408, "timeout")
    assert not rig.packets(b"CANCEL")
    rig.run(60)
    assert rig.endpoint.stats()["invitations"] == 0


def test_trying_for_ever_is_cancelled(make_rig):
    rig, _ = call_rig(make_rig, Faults(trying_only=True))
    assert refusal(rig) == (408, "timeout")
    assert rig.packets(b"CANCEL")
    rig.run(60)
    assert rig.endpoint.stats()["invitations"] == 0
    assert [event.reason for event in rig.told(MediaStopped)] == ["cancelled"]


@pytest.mark.parametrize("faults", [Faults(trying_only=True), Faults(no_answer=True)])
def test_whether_the_device_was_at_it_is_told_with_the_failure(make_rig, faults):
    rig, call_id = call_rig(make_rig, faults)
    [error] = [event.error for event in rig.heard(InvitationRefused)]
    assert error.has_provisional is faults.trying_only
    assert error.invitation_id == call_id


def test_a_late_200_gets_ack_and_bye(make_rig):
    rig = make_rig(faults=Faults(answer_delay_s=9.995))
    rig.accept_media()
    rig.register()
    rig.invite()
    rig.run(15)
    assert refusal(rig) == (408, "timeout")
    assert rig.packets(b"ACK")
    assert rig.packets(b"BYE")
    rig.run(60)
    assert rig.device.session_count == 0
    assert [event.reason for event in rig.heard(InvitationEnded)] == ["late"]


def test_a_slow_answer_within_the_time_is_fine(make_rig):
    rig, _ = call_rig(make_rig, Faults(answer_delay_s=8.0))
    assert len(rig.heard(InvitationAnswered)) == 1


def test_101_before_the_200_is_fine(make_rig):
    rig, _ = call_rig(make_rig, Faults(early_dialog=True))
    assert len(rig.heard(InvitationAnswered)) == 1


@pytest.mark.parametrize(
    ("body", "transport", "reason"),
    [
        (b" ", "udp", "no_sdp"),
        (b"v=0\r\ns=Play\r\n", "udp", "bad_sdp"),
        (b"\x00\xff\xfe", "udp", "bad_sdp"),
        (sdp("m=video x RTP/AVP 96"), "udp", "bad_sdp"),
        (sdp("m=video 0 RTP/AVP 96"), "udp", "port_zero"),
        (sdp("m=video 0 TCP/RTP/AVP 96", "a=setup:passive"), "tcp-active", "port_zero"),
        (sdp("m=video 6000 TCP/RTP/AVP 96"), "udp", "transport_mismatch"),
    ],
)
def test_an_answer_no_media_can_come_of_is_acknowledged_ended_and_told(
    make_rig, body, transport, reason
):
    rig, _ = call_rig(make_rig, Faults(answer_body=body), transport)
    assert refusal(rig) == (488, reason)
    assert rig.packets(b"ACK")
    assert len(rig.packets(b"BYE")) == 1
    rig.run(60)
    assert rig.device.session_count == 0
    assert rig.endpoint.stats()["invitations"] == 0


def test_a_200_without_a_body_has_no_sdp(make_rig):
    rig, _ = call_rig(make_rig, Faults(omit_sdp=True))
    assert refusal(rig) == (488, "no_sdp")


@pytest.mark.parametrize(
    ("body", "transport", "host", "port", "agreed"),
    [
        (sdp("m=video 6000 RTP/AVP 96", host="0.0.0.0"), "udp", "192.0.2.101", 6000, "udp"),
        (sdp("m=video 0 TCP/RTP/AVP 96"), "tcp-passive", "192.0.2.101", 0, "tcp-passive"),
        (sdp("m=video 9 RTP/AVP 96"), "tcp-passive", "192.0.2.101", 9, "udp"),
        (b"m=video 6000 RTP/AVP 96", "udp", "192.0.2.101", 6000, "udp"),
    ],
)
def test_odd_answers_media_can_come_of_are_taken(make_rig, body, transport, host, port, agreed):
    rig, _ = call_rig(make_rig, Faults(answer_body=body), transport)
    remote = rig.heard(InvitationAnswered)[0].invitation.remote
    assert (remote.host, remote.port, remote.transport) == (host, port, agreed)
    assert remote.payloads == {96: "PS"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("y=0200000042", 200000042),
        ("y=200000042", 200000042),
        ("y= 200000042 ", 200000042),
        ("y=12345678901234567890", 200000001),
        ("y=0000000000", 200000001),
        ("a=x", 200000001),
    ],
)
def test_another_ssrc_is_adopted_and_a_senseless_one_keeps_ours(make_rig, line, expected):
    rig = make_rig(faults=Faults(answer_body=sdp("m=video 6000 RTP/AVP 96", line)))
    rig.accept_media()
    rig.register()
    rig.invite(ssrc=200000001)
    rig.run(1)
    assert rig.heard(InvitationAnswered)[0].invitation.ssrc == expected


@pytest.mark.parametrize("faults", [Faults(omit_ssrc=True), Faults(answer_ssrc=200000099)])
def test_the_simulators_ssrc_faults(make_rig, faults):
    rig, _ = call_rig(make_rig, faults)
    invitation = rig.heard(InvitationAnswered)[0].invitation
    assert (invitation.remote.ssrc is None) == faults.omit_ssrc
    if faults.answer_ssrc:
        assert invitation.ssrc == 200000099
    assert [event.ssrc for event in rig.told(MediaStarted)] == [invitation.ssrc]


def test_a_repeated_200_is_acknowledged_again(make_rig, parts):
    rig, _ = call_rig(make_rig)
    answer = next(d for s, d in rig.network.sent if d.startswith(b"SIP/2.0 200") and b"y=" in d)
    before = len(rig.packets(b"ACK"))
    rig.endpoint.receive(answer, Peer("udp", parts.DEVICE_HOST, 5060), rig.now)
    rig.run(0)
    assert len(rig.packets(b"ACK")) == before + 1
    assert not rig.packets(b"BYE")


def test_a_second_200_of_another_tag_is_acknowledged_and_ended(make_rig, parts):
    rig, _ = call_rig(make_rig)
    answer = next(d for s, d in rig.network.sent if d.startswith(b"SIP/2.0 200") and b"y=" in d)
    lines = answer.split(b"\r\n")
    forked = b"\r\n".join(
        line.split(b";tag=")[0] + b";tag=other" if line.startswith(b"To:") else line
        for line in lines
    )
    rig.endpoint.receive(forked, Peer("udp", parts.DEVICE_HOST, 5060), rig.now)
    rig.run(0)
    assert [b"tag=other" in data for data in rig.packets(b"ACK")] == [False, True]
    assert [b"tag=other" in data for data in rig.packets(b"BYE")] == [True]
    assert rig.endpoint.stats()["invitations"] == 1


def test_giving_up_before_the_answer_cancels(make_rig):
    rig = make_rig()
    rig.register()
    call_id = rig.invite()
    rig.run(1)
    rig.endpoint.bye(call_id, rig.now)
    rig.run(5)
    assert refusal(rig) == (487, "cancelled")
    assert [event.reason for event in rig.told(MediaStopped)] == ["cancelled"]
    assert rig.endpoint.stats()["invitations"] == 0


def test_bye_of_a_device_that_never_answers_it_still_ends(make_rig):
    rig, call_id = call_rig(make_rig, Faults(refuse_bye=True))
    rig.endpoint.bye(call_id, rig.now)
    rig.run(100)
    assert [event.reason for event in rig.heard(InvitationEnded)] == ["local"]
    assert rig.endpoint.stats()["transactions.clients"] == 0


def test_a_session_without_media_is_ended_by_whoever_waits_for_it(make_rig):
    rig, call_id = call_rig(make_rig, Faults(no_media=True))
    assert len(rig.told(MediaRequested)) == 1
    rig.endpoint.bye(call_id, rig.now)
    rig.run(2)
    assert [event.reason for event in rig.told(MediaStopped)] == ["bye"]


def test_nobody_registered_is_unreachable(make_rig):
    rig = make_rig()
    with pytest.raises(PeerUnreachable):
        rig.endpoint.invite("x", "y", MediaOffer("192.0.2.20", 1, "udp", 1), rig.now)


def test_the_ssrc_of_a_running_stream_is_not_given_out(make_rig):
    rig, call_id = call_rig(make_rig)
    running = rig.heard(InvitationAnswered)[0].invitation.ssrc
    taken = {rig.endpoint.new_ssrc(rig.now) for _ in range(2000)}
    assert running not in taken
    assert len(taken) == 2000


def forged_bye(call_id, tags=("x", "y")):
    return (
        "BYE sip:34020000002000000001@192.0.2.10:5060 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 203.0.113.9:5060;rport;branch=z9hG4bKforged\r\n"
        f"From: <sip:34020000001320000001@3402000000>;tag={tags[0]}\r\n"
        f"To: <sip:34020000002000000001@3402000000>;tag={tags[1]}\r\n"
        f"Call-ID: {call_id}\r\nCSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n"
    ).encode()


@pytest.mark.parametrize(("host", "status"), [("203.0.113.9", b"481"), ("192.0.2.101", b"200")])
def test_a_bye_by_call_id_alone_counts_from_the_devices_host_only(make_rig, host, status):
    rig, call_id = call_rig(make_rig)
    rig.network.sent.clear()
    rig.endpoint.receive(forged_bye(call_id), Peer("udp", host, 5060), rig.now)
    rig.run(0)
    assert rig.network.sent[-1][1].startswith(b"SIP/2.0 " + status)
    assert len(rig.heard(InvitationEnded)) == (status == b"200")


def answer_to(invite, call_id, port, ssrc):
    """A 200 as a device would write it, under this Call-ID."""
    body = sdp(f"m=video {port} RTP/AVP 96", f"y={ssrc:010d}")
    head = (
        f"SIP/2.0 200 OK\r\nVia: {invite.headers.get('via')}\r\n"
        f"From: {invite.headers.get('from')}\r\nTo: {invite.headers.get('to')};tag=9\r\n"
        f"Call-ID: {call_id}\r\nCSeq: {invite.headers.get('cseq')}\r\n"
        f"Contact: <sip:{DEVICE_ID}@{DEVICE_HOST}:5060>\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def two_invites(wire):
    """Two cameras of one device are asked for at the same time."""
    wire.register()
    for number in (1, 2):
        offer = MediaOffer("192.0.2.20", 30000 + 2 * number, "udp", 100_000_000 + number)
        wire.endpoint.invite(DEVICE_ID, camera(number).code, offer, wire.now)
    return [message for message, _ in wire.flush() if message.method == "INVITE"]


def test_an_answer_under_the_call_id_of_another_dialog_opens_neither(wire):
    one, two = two_invites(wire)
    wire.send(answer_to(one, two.call_id, 6000, 100_000_002))
    assert not wire.heard(InvitationAnswered)
    wire.send(answer_to(two, two.call_id, 6002, 100_000_002))
    answered = [event.invitation for event in wire.heard(InvitationAnswered)]
    assert [(each.channel_id, each.remote.port) for each in answered] == [(camera(2).code, 6002)]


def test_a_call_id_in_another_case_is_the_same_dialog(wire):
    one, two = two_invites(wire)
    wire.send(answer_to(one, one.call_id.upper(), 6000, 100_000_001))
    answered = [event.invitation for event in wire.heard(InvitationAnswered)]
    assert [each.channel_id for each in answered] == [camera(1).code]
    assert two.call_id != one.call_id


def test_a_bye_nobody_knows_gets_481(wire):
    wire.register()
    assert wire.send(wire.request("BYE"))[0].status == 481


def test_a_step_that_is_not_in_the_table_changes_nothing():
    call = Call("i", "d", "c", MediaOffer("h", 1, "udp", 1), 0.0, CallState.ENDED)
    with pytest.raises(LocalProtocolError):
        call.step(CallInput.ANSWER)
    assert call.state is CallState.ENDED


def test_every_state_can_be_left_and_the_end_is_final():
    sources = {state for state, _ in TRANSITIONS}
    assert sources == set(CallState) - {CallState.ENDED}


def test_the_error_says_what_happened():
    assert str(InvitationFailed(486, "refused", "Busy Here")) == "refused (486) Busy Here"

"""Calls of upper platforms: an upper one of ours invites, controls and hangs up; then raw text."""

import itertools

import pytest

from sip.events import InvitationEnded, MediaStatusReceived
from sip.gb28181 import mansrtsp
from sip.gb28181.mansrtsp import PlaybackReply
from sip.message import parse_message
from sip.message.sdp import History, MediaOffer, parse_sdp
from sip.roles.call import InvitationAnswered, InvitationRefused
from sip.roles.playback import ControlEnded, PlaybackRefused
from sip.roles.upward.calls import ANSWER_WAIT_S, MOST_CALLS_OF_ONE, PLACE_WAIT_S
from sip.roles.upward.controls import CONTROL_WAIT_S, MOST_CONTROLS_OF_ONE
from sip.roles.upward.terms import (
    UpperAcked,
    UpperCallEnded,
    UpperControlled,
    UpperInvited,
)
from tests.sip.roles.upward.conftest import LOWER_HOST, LOWER_ID, UPPER_ID

CAMERA = "34020000001320000001"
OTHER = "34020000001320000002"
MEDIA = ("192.0.2.20", 30100)
START = 1714528800
PLAYBACK = History("Playback", START, START + 3600)
DOWNLOAD = History("Download", START, START + 3600, download_speed=4)


def accept_all(cascade, ssrc=None, **kinds):
    """The service of the lower platform: media is always at hand."""

    def react(party, event):
        if party is cascade.lower and isinstance(event, UpperInvited):
            chosen = (event.ssrc or 0) if ssrc is None else ssrc
            cascade.lower.uppers.calls.accept(event.call_id, *MEDIA, chosen, cascade.now, **kinds)

    cascade.network.react = react


def invite(cascade, transport="udp", channel=CAMERA, history=None, port=40000):
    ssrc = cascade.upper.new_ssrc(cascade.now, is_history=history is not None)
    offer = MediaOffer("198.51.100.20", port, transport, ssrc, history=history)
    return cascade.upper.invite(LOWER_ID, channel, offer, cascade.now), ssrc


def call(cascade, **kinds):
    """An established call; returns the upper's id of it and what the lower was told."""
    invitation, _ = invite(cascade, **kinds)
    before = len(cascade.heard(UpperAcked))
    cascade.run(5, lambda: len(cascade.heard(UpperAcked)) > before)
    return invitation, cascade.heard(UpperInvited)[-1]


def answers(cascade, status=200):
    """Answers of the lower platform to INVITE."""
    read = (parse_message(data) for data in cascade.packets(b"SIP/2.0 %d" % status))
    return [each for each in read if each.cseq.method == "INVITE"]


def reasons(cascade):
    return [event.reason for event in cascade.heard(UpperCallEnded)]


@pytest.mark.parametrize("signalling", ["udp", "tcp"])
@pytest.mark.parametrize("transport", ["udp", "tcp-passive", "tcp-active"])
def test_live_pictures_from_invite_to_bye(make_cascade, signalling, transport):
    cascade = make_cascade(transport=signalling)
    cascade.register()
    accept_all(cascade)
    invitation, ssrc = invite(cascade, transport)
    cascade.run(5, lambda: bool(cascade.heard(UpperAcked)))
    [invited] = cascade.heard(UpperInvited)
    assert (invited.platform_id, invited.channel_id, invited.kind) == (UPPER_ID, CAMERA, "live")
    assert (invited.host, invited.port, invited.ssrc) == ("198.51.100.20", 40000, ssrc)
    assert (invited.transport, invited.stream, invited.history) == (transport, "main", None)
    [acked] = cascade.heard(UpperAcked)
    assert (acked.host, acked.port, acked.ssrc) == ("198.51.100.20", 40000, ssrc)
    [answered] = cascade.heard(InvitationAnswered, cascade.upper)
    remote = answered.invitation.remote
    assert (remote.host, remote.port, remote.ssrc) == (*MEDIA, ssrc)
    assert (remote.transport, dict(remote.payloads)) == (transport, {96: "PS"})
    assert cascade.status.calls == 1
    cascade.upper.bye(invitation, cascade.now)
    cascade.run(5)
    assert reasons(cascade) == ["bye"]
    assert cascade.status.calls == 0


def test_the_answer_is_that_of_the_profile(cascade):
    accept_all(cascade)
    call(cascade, transport="tcp-passive")
    [answer] = answers(cascade)
    assert f"sip:{LOWER_ID}@{LOWER_HOST}" in answer.headers.get("contact")
    described = parse_sdp(answer.body)
    assert (described.origin, described.name, described.format) == (LOWER_ID, "Play", "v/////a///")
    media = described.main_media
    assert (media.setup, media.attribute("connection")) == ("active", "new")
    assert media.attribute("sendonly") == ""


def test_playback_is_controlled_and_ends_with_media_status(cascade):
    accept_all(cascade)
    invitation, invited = call(cascade, history=PLAYBACK)
    assert (invited.kind, invited.history) == ("playback", PLAYBACK)
    [answer] = answers(cascade)
    described = parse_sdp(answer.body)
    assert (described.name, described.uri) == ("Playback", f"{CAMERA}:0")
    assert (described.start, described.stop) == (START, START + 3600)

    key = cascade.upper.control_playback(invitation, mansrtsp.set_speed(2), cascade.now)
    cascade.run(1, lambda: bool(cascade.heard(UpperControlled)))
    [controlled] = cascade.heard(UpperControlled)
    assert (controlled.call_id, controlled.command.scale) == (invited.call_id, 2.0)
    calls = cascade.lower.uppers.calls
    reply = PlaybackReply(scale=2.0, rtp_time=77)
    calls.reply_control(controlled.call_id, controlled.control_id, reply, cascade.now)
    calls.reply_control(controlled.call_id, controlled.control_id, reply, cascade.now)
    cascade.run(1, lambda: bool(cascade.heard(ControlEnded, cascade.upper)))
    [ended] = cascade.heard(ControlEnded, cascade.upper)
    assert ended.key == key
    assert (ended.outcome.scale, ended.outcome.rtp_time, ended.outcome.cseq) == (2.0, 77, 1)

    calls.file_ended(invited.call_id, cascade.now)
    cascade.run(1)
    [told] = cascade.heard(MediaStatusReceived, cascade.upper)
    assert (told.invitation_id, told.notify_type) == (invitation, "121")
    cascade.upper.bye(invitation, cascade.now)
    cascade.run(1)
    assert reasons(cascade) == ["bye"]


def test_a_refused_command_is_refused_upward(cascade):
    accept_all(cascade)
    invitation, _ = call(cascade, history=PLAYBACK)
    cascade.upper.control_playback(invitation, mansrtsp.reverse(60), cascade.now)
    cascade.run(1, lambda: bool(cascade.heard(UpperControlled)))
    [controlled] = cascade.heard(UpperControlled)
    reply = PlaybackReply(457, "Invalid Range")
    cascade.lower.uppers.calls.reply_control(
        controlled.call_id, controlled.control_id, reply, cascade.now
    )
    cascade.run(1)
    [ended] = cascade.heard(ControlEnded, cascade.upper)
    assert isinstance(ended.outcome, PlaybackRefused)
    assert ended.outcome.status == 457


def test_a_recorder_that_does_not_answer_costs_the_command_only(cascade):
    accept_all(cascade)
    invitation, _ = call(cascade, history=PLAYBACK)
    cascade.upper.control_playback(invitation, mansrtsp.pause(), cascade.now)
    cascade.run(CONTROL_WAIT_S + 1)
    [ended] = cascade.heard(ControlEnded, cascade.upper)
    assert ended.outcome.status == 504
    assert reasons(cascade) == []


def test_download_names_its_size(cascade):
    accept_all(cascade, size_bytes=104857600)
    _, invited = call(cascade, history=DOWNLOAD, transport="tcp-passive")
    assert (invited.kind, invited.history) == ("download", DOWNLOAD)
    [answered] = cascade.heard(InvitationAnswered, cascade.upper)
    assert answered.invitation.remote.size_bytes == 104857600


@pytest.mark.parametrize("status", [403, 404, 480, 486, 488])
def test_a_refusal_of_the_service_ends_the_call_without_event(cascade, status):
    invite(cascade)
    cascade.run(1)
    [invited] = cascade.heard(UpperInvited)
    calls = cascade.lower.uppers.calls
    calls.refuse(invited.call_id, status, cascade.now)
    calls.refuse(invited.call_id, status, cascade.now)
    calls.accept(invited.call_id, *MEDIA, 1, cascade.now)
    cascade.run(1)
    [refused] = cascade.heard(InvitationRefused, cascade.upper)
    assert refused.error.status == status
    assert cascade.heard(UpperCallEnded) == []
    assert len(calls) == 0


def test_a_service_that_never_answers_gets_480_and_an_event(make_cascade):
    cascade = make_cascade(upper={"invite_timeout_s": 100.0})
    cascade.register()
    invite(cascade)
    cascade.run(ANSWER_WAIT_S + 2)
    [refused] = cascade.heard(InvitationRefused, cascade.upper)
    assert refused.error.status == 480
    assert reasons(cascade) == ["timeout"]


def test_a_call_that_is_taken_back_gets_487(cascade):
    invitation, _ = invite(cascade)
    cascade.run(1)
    cascade.upper.bye(invitation, cascade.now)
    cascade.run(2)
    assert reasons(cascade) == ["cancel"]
    assert [each.status for each in answers(cascade, 487)] == [487]


@pytest.mark.parametrize("signalling", ["udp", "tcp"])
def test_our_bye_ends_the_call_above(make_cascade, signalling):
    cascade = make_cascade(transport=signalling)
    cascade.register()
    accept_all(cascade)
    invitation, invited = call(cascade)
    for _ in range(2):
        cascade.lower.uppers.calls.end(invited.call_id, cascade.now)
    cascade.run(2)
    assert reasons(cascade) == ["local"]
    [ended] = cascade.heard(InvitationEnded, cascade.upper)
    assert (ended.invitation_id, ended.reason) == (invitation, "bye")


def test_the_same_source_replaces_the_running_call(cascade):
    accept_all(cascade)
    ssrc = cascade.upper.new_ssrc(cascade.now)
    offer = MediaOffer("198.51.100.20", 40000, "udp", ssrc)
    for _ in range(2):
        cascade.upper.invite(LOWER_ID, CAMERA, offer, cascade.now)
        cascade.run(2)
    assert reasons(cascade) == ["replaced"]
    assert cascade.status.calls == 1


def test_live_and_history_of_one_source_live_side_by_side(upper_wire):
    """Some platforms write the same serial whatever they ask for."""
    upper_wire.invite(subject=f"{CAMERA}:0,{UPPER_ID}:0")
    history = (f"s=Playback\r\nu={CAMERA}:0", f"t={START} {START + 60}")
    upper_wire.invite(history, subject=f"{CAMERA}:0,{UPPER_ID}:0")
    assert len(upper_wire.heard(UpperInvited)) == 2
    assert upper_wire.heard(UpperCallEnded) == []


def test_an_uplink_that_is_down_ends_its_calls(cascade):
    accept_all(cascade)
    call(cascade)
    cascade.lower.uppers.remove(UPPER_ID, cascade.now)
    cascade.run(3)
    assert reasons(cascade) == ["offline"]
    assert cascade.heard(InvitationEnded, cascade.upper)
    assert len(cascade.lower.uppers.calls) == 0


def test_one_more_call_than_there_may_be_gets_486(cascade):
    serials = itertools.count(1)
    for _ in range(MOST_CALLS_OF_ONE):
        offer = MediaOffer("198.51.100.20", 40000, "udp", next(serials))
        cascade.upper.invite(LOWER_ID, CAMERA, offer, cascade.now)
    cascade.run(0.5)
    assert cascade.status.calls == MOST_CALLS_OF_ONE
    offer = MediaOffer("198.51.100.20", 40000, "udp", next(serials))
    cascade.upper.invite(LOWER_ID, CAMERA, offer, cascade.now)
    cascade.run(0.5)
    [refused] = cascade.heard(InvitationRefused, cascade.upper)
    assert refused.error.status == 486
    assert cascade.lower.stats()["uplinks.calls.refused.too_many"] == 1


def test_loss_on_the_way_changes_nothing(make_cascade, parts):
    cascade = make_cascade(quality=parts.Quality(loss=0.3, doubling=0.2, jitter_s=0.05))
    cascade.register()
    accept_all(cascade)
    for _ in range(10):
        invitation, _ = invite(cascade)
        count = len(cascade.heard(UpperAcked))
        cascade.run(60, lambda count=count: len(cascade.heard(UpperAcked)) > count)
        cascade.upper.bye(invitation, cascade.now)
        cascade.run(40)
    assert len(cascade.lower.uppers.calls) == 0
    invited = [event.call_id for event in cascade.heard(UpperInvited)]
    ended = [event.call_id for event in cascade.heard(UpperCallEnded)]
    assert sorted(ended) == sorted(invited)
    assert len(set(invited)) == len(invited)


# Raw text of an upper platform, honest and dishonest

OFFER = ("s=Play", "t=0 0")
M_UDP = ("m=video 40000 RTP/AVP 96", "a=rtpmap:96 PS/90000", "a=recvonly")


def status_of(messages):
    return [each.status for each in messages]


def test_a_platform_that_lost_our_200_gets_it_again(upper_wire):
    [trying] = upper_wire.invite()
    assert trying.status == 100
    [invited] = upper_wire.heard(UpperInvited)
    upper_wire.calls.accept(invited.call_id, *MEDIA, 0, upper_wire.now)
    times = [each for each, _ in upper_wire.tick(10) if each.status == 200]
    assert len(times) >= 4
    assert upper_wire.heard(UpperAcked) == []


def test_no_ack_at_all_means_bye(upper_wire):
    upper_wire.invite()
    [invited] = upper_wire.heard(UpperInvited)
    upper_wire.calls.accept(invited.call_id, *MEDIA, 0, upper_wire.now)
    sent = [each for each, _ in upper_wire.tick(40)]
    assert any(getattr(each, "method", "") == "BYE" for each in sent)
    assert [event.reason for event in upper_wire.heard(UpperCallEnded)] == ["no_ack"]
    assert upper_wire.tick(100) is not None
    assert upper_wire.endpoint.stats()["uplinks.calls"] == 0


@pytest.mark.parametrize(
    ("lines", "kind", "leading"),
    [
        (OFFER, "live", 0),
        ((f"s=Playback\r\nu={CAMERA}:0", f"t={START} {START + 60}"), "playback", 1),
        ((f"s=Download\r\nu={CAMERA}:0", f"t={START} {START + 60}"), "download", 1),
    ],
)
@pytest.mark.parametrize("y", ["", "y=01234567890123456789"])
def test_without_a_usable_y_the_number_is_ours(upper_wire, lines, kind, leading, y):
    upper_wire.invite(lines, y=y)
    [invited] = upper_wire.heard(UpperInvited)
    assert (invited.kind, invited.ssrc) == (kind, None)
    [answer] = upper_wire.accept(invited)
    ssrc = parse_sdp(answer.body).ssrc
    assert f"{ssrc:010d}"[0] == str(leading)
    assert f"{ssrc:010d}"[1:6] == LOWER_ID[3:8]


def test_the_uppers_y_is_repeated(upper_wire):
    upper_wire.invite()
    [invited] = upper_wire.heard(UpperInvited)
    [answer] = upper_wire.accept(invited)
    assert b"y=0200000042\r\n" in answer.body


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"nonsense", 400),
        (b"v=0\r\nm=video\r\n", 400),
        (b"v=0\r\ns=Play\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n", 488),
        (b"v=0\r\ns=Play\r\nm=video 4000 RTP/AVP 98\r\na=rtpmap:98 H264/90000\r\n", 488),
        (b"v=0\r\ns=Playback\r\nt=0 0\r\nm=video 4000 RTP/AVP 96\r\n", 400),
        (b"v=0\r\ns=Playback\r\nt=9 1\r\nm=video 4000 RTP/AVP 96\r\n", 400),
        (b"v=0\r\ns=Download\r\nt=1 99999999\r\nm=video 4000 RTP/AVP 96\r\n", 488),
        (b"v=0\r\ns=Play\r\nc=IN IP4 239.1.1.1\r\nm=video 4000 RTP/AVP 96\r\n", 488),
        (b"v=0\r\ns=Talk\r\nt=0 0\r\nm=video 4000 RTP/AVP 96\r\n", 488),
    ],
)
def test_what_cannot_be_served_is_refused_at_once(upper_wire, body, status):
    assert status_of(upper_wire.invite(body=body)) == [status]
    assert upper_wire.heard(UpperInvited) == []
    assert upper_wire.endpoint.stats()["uplinks.calls"] == 0


@pytest.mark.parametrize("uri", ["sip:192.0.2.10", "sip:%0d%0aa@192.0.2.10", f"sip:{'9' * 80}@x"])
def test_what_can_be_no_channel_gets_404(upper_wire, uri):
    assert status_of(upper_wire.invite(uri=uri, subject="")) == [404]


@pytest.mark.parametrize("uri", [f"sip:{LOWER_ID}@192.0.2.10:5060", "sip:192.0.2.10:5060"])
def test_the_subject_names_the_channel_where_the_uri_does_not(upper_wire, uri):
    upper_wire.invite(uri=uri, subject=f"{OTHER}:0200000042,{UPPER_ID}:0")
    [invited] = upper_wire.heard(UpperInvited)
    assert invited.channel_id == OTHER


def test_the_preferred_path_is_told_without_ourselves(upper_wire):
    below = "34020000002000000009"
    upper_wire.invite(lines=[f"X-PreferredPath: {LOWER_ID}-{below}"])
    [invited] = upper_wire.heard(UpperInvited)
    assert invited.path == (below,)


def test_a_reinvite_is_answered_as_before_and_other_media_refused(upper_wire):
    call_id, tag = upper_wire.establish()
    same = upper_wire.invite(call_id=call_id, to_tag=tag, cseq=2)
    assert status_of(same) == [200]
    assert parse_sdp(same[0].body).ssrc == 200000042
    upper_wire.ack(call_id, tag, 2)
    assert status_of(upper_wire.invite(call_id=call_id, to_tag=tag, cseq=3, body=b"")) == [200]
    moved = upper_wire.invite(
        call_id=call_id, to_tag=tag, cseq=4, media=("m=video 50000 RTP/AVP 96",)
    )
    assert status_of(moved) == [488]
    assert status_of(upper_wire.invite(call_id=call_id, to_tag=tag, cseq=1)) == [500]
    assert len(upper_wire.heard(UpperAcked)) == 1


def test_port_zero_waits_for_the_reinvite_that_names_it(upper_wire):
    media = ("m=video 0 RTP/AVP 96",)
    call_id, tag = upper_wire.establish(media=media)
    [invited] = upper_wire.heard(UpperInvited)
    assert (invited.port, invited.has_offer) == (0, False)
    assert upper_wire.heard(UpperAcked) == []
    again = upper_wire.invite(call_id=call_id, to_tag=tag, cseq=2)
    assert status_of(again) == [200]
    upper_wire.ack(call_id, tag, 2)
    [acked] = upper_wire.heard(UpperAcked)
    assert (acked.host, acked.port) == ("198.51.100.20", 40000)


def test_port_zero_for_ever_ends_the_call(upper_wire):
    upper_wire.establish(media=("m=video 0 RTP/AVP 96",))
    upper_wire.tick(PLACE_WAIT_S + 1)
    assert [event.reason for event in upper_wire.heard(UpperCallEnded)] == ["no_port"]


def test_an_invite_without_sdp_gets_an_offer_and_its_ack_answers(upper_wire):
    upper_wire.invite(body=b"")
    [invited] = upper_wire.heard(UpperInvited)
    assert (invited.has_offer, invited.port, invited.kind) == (False, 0, "live")
    [answer] = upper_wire.accept(invited)
    offered = parse_sdp(answer.body)
    assert offered.main_media.attribute("sendonly") == ""
    assert (offered.main_media.host, offered.main_media.port) == MEDIA
    upper_wire.ack("call-1", answer.to.tag, 1, upper_wire.sdp())
    [acked] = upper_wire.heard(UpperAcked)
    assert (acked.host, acked.port, acked.ssrc) == ("198.51.100.20", 40000, offered.ssrc)


@pytest.mark.parametrize(
    "body",
    [b"", b"junk", b"v=0\r\nm=video 0 RTP/AVP 96\r\n", b"v=0\r\nm=video 9 TCP/RTP/AVP 96\r\n"],
)
def test_an_ack_that_answers_nothing_ends_the_call(upper_wire, body):
    upper_wire.invite(body=b"")
    [invited] = upper_wire.heard(UpperInvited)
    [answer] = upper_wire.accept(invited)
    upper_wire.ack("call-1", answer.to.tag, 1, body)
    assert upper_wire.heard(UpperAcked) == []
    assert [event.reason for event in upper_wire.heard(UpperCallEnded)] == ["bad_answer"]


def test_the_same_invite_from_another_port_takes_the_call_over(upper_wire):
    """A NAT that forgets its binding between two repetitions."""
    data = upper_wire.build_invite()
    upper_wire.send(data)
    [trying] = upper_wire.send(data, port=6060)
    assert trying.status == 100
    [invited] = upper_wire.heard(UpperInvited)
    upper_wire.calls.accept(invited.call_id, *MEDIA, 0, upper_wire.now)
    assert [peer.port for _, peer in upper_wire.flush()] == [6060]


@pytest.mark.parametrize("other", [{"cseq": 9}, {"cseq": 1, "from_tag": "u2"}])
def test_a_call_id_used_again_for_a_new_call_ends_the_old_one(upper_wire, other):
    upper_wire.establish(call_id="again")
    assert status_of(upper_wire.invite(call_id="again", subject="", **other))[-1] == 100
    assert [event.reason for event in upper_wire.heard(UpperCallEnded)] == ["replaced"]
    assert len(upper_wire.heard(UpperInvited)) == 2


def test_strangers_cannot_end_or_control_a_call(upper_wire):
    call_id, tag = upper_wire.establish()
    guess = dict(call_id=call_id, to_tag="guessed", cseq=2)
    for method in ("BYE", "INFO"):
        answer = upper_wire.send(upper_wire.build(method, **guess), host="203.0.113.9")
        assert status_of(answer) == [481]
    assert status_of(upper_wire.send(upper_wire.build("BYE", call_id="none", cseq=2))) == [481]
    assert upper_wire.heard(UpperCallEnded) == []
    assert status_of(upper_wire.invite(call_id="none", to_tag="x", cseq=2)) == [481]
    right = upper_wire.build("BYE", call_id=call_id, to_tag=tag, cseq=2)
    assert status_of(upper_wire.send(right, port=7777)) == [200]


def test_info_is_judged(upper_wire):
    lines = (f"s=Playback\r\nu={CAMERA}:0", f"t={START} {START + 60}")
    call_id, tag = upper_wire.establish(lines=lines)
    numbers = itertools.count(2)

    def info(body):
        return upper_wire.send(
            upper_wire.build("INFO", call_id=call_id, to_tag=tag, cseq=next(numbers), body=body)
        )

    assert status_of(info(b"")) == [200]
    assert status_of(info(b"dance")) == [400]
    body = mansrtsp.build_command(mansrtsp.pause(), 1)
    for _ in range(MOST_CONTROLS_OF_ONE):
        assert info(body) == []
    assert status_of(info(body)) == [503]
    [invited] = upper_wire.heard(UpperInvited)
    upper_wire.calls.end(invited.call_id, upper_wire.now)
    ended = [each for each, _ in upper_wire.flush() if getattr(each, "status", 0) == 481]
    assert len(ended) == MOST_CONTROLS_OF_ONE


def test_live_pictures_cannot_be_controlled(upper_wire):
    call_id, tag = upper_wire.establish()
    body = mansrtsp.build_command(mansrtsp.pause(), 1)
    info = upper_wire.build("INFO", call_id=call_id, to_tag=tag, cseq=2, body=body)
    assert status_of(upper_wire.send(info)) == [400]


def test_talk_is_told_and_answered_with_sound(upper_wire):
    media = ("m=audio 40010 RTP/AVP 8", "a=rtpmap:8 PCMA/8000", "a=sendrecv")
    upper_wire.invite(("s=Talk", "t=0 0"), media=media)
    [invited] = upper_wire.heard(UpperInvited)
    assert (invited.kind, invited.port) == ("talk", 40010)
    [answer] = upper_wire.accept(invited)
    media_line = parse_sdp(answer.body).media[0]
    assert (media_line.kind, media_line.attribute("sendrecv")) == ("audio", "")


def test_an_upper_that_is_not_registered_gets_403(upper_wire):
    upper_wire.endpoint.uppers.remove(UPPER_ID, upper_wire.now)
    assert status_of(upper_wire.invite()) == [403]

"""Recordings of a device, searched, played back and downloaded, over good and bad networks."""

from datetime import UTC, datetime, timedelta

import pytest

from sip.events import InvitationEnded, MediaStatusReceived
from sip.gb28181 import mansrtsp
from sip.gb28181.mansrtsp import PlaybackReply, Range
from sip.gb28181.record_info import RecordQuery, ask_record_info
from sip.message import parse_message
from sip.message.sdp import History, parse_sdp
from sip.roles.call import InvitationAnswered, InvitationRefused
from sip.roles.inquiry import InquiryEnded, PeerUnreachable
from sip.roles.playback import ControlEnded, PlaybackRefused
from sip.simulator.playback import obey
from sip.simulator.profile import Faults, MediaRequested, MediaStarted, PlaybackControlled
from sip.simulator.timetable import Timetable

NOW = datetime(2026, 5, 1, 2, tzinfo=UTC)
START = int((NOW - timedelta(hours=2)).timestamp())
TABLE = Timetable(lambda: NOW, clip_s=600, gap_every=1000)
HISTORY = History("Playback", START, START + 3600)


def playback_rig(make_rig, *, faults=None, history=HISTORY, transport="udp", **kinds):
    rig = make_rig(faults=faults, recordings=TABLE, transport=transport, **kinds)
    rig.accept_media()
    rig.register()
    call_id = start(rig, history)
    return rig, call_id


def start(rig, history=HISTORY, number=1):
    ssrc = rig.endpoint.new_ssrc(rig.now, is_history=True)
    call_id = rig.invite(number, ssrc=ssrc, history=history)
    rig.run(12, lambda: any(e.invitation.id == call_id for e in rig.heard(InvitationAnswered)))
    rig.run(0.1)
    return call_id


def control(rig, call_id, command):
    key = rig.endpoint.control_playback(call_id, command, rig.now)
    rig.run(40, lambda: any(event.key == key for event in rig.heard(ControlEnded)))
    (event,) = (event for event in rig.heard(ControlEnded) if event.key == key)
    return event.outcome


def bodies(rig):
    return [parse_message(data).body for data in rig.packets(b"INFO")]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_recordings_come_in_pages_and_are_merged(make_rig, parts, transport):
    rig = make_rig(recordings=TABLE, transport=transport, faults=Faults(record_disordered=True))
    rig.register()
    query = RecordQuery(parts.camera(1).code, NOW - timedelta(hours=5), NOW)
    rig.endpoint.ask(parts.DEVICE_ID, ask_record_info(query), rig.now)
    rig.run(60, lambda: bool(rig.heard(InquiryEnded)))
    found = rig.heard(InquiryEnded)[0].outcome
    assert found.complete
    assert len(found.items) == found.sum_num > rig.device.profile.items_per_message
    assert list(found.items) == sorted(found.items, key=lambda item: item.start)
    assert found.items == tuple(TABLE.clips(query.channel_id, query.start, query.end))


def test_a_lossy_network_brings_the_same_recordings(make_rig, parts):
    rig = make_rig(recordings=TABLE, quality=parts.Quality(loss=0.2, doubling=0.2, jitter_s=0.05))
    rig.register()
    query = RecordQuery(parts.camera(1).code, NOW - timedelta(hours=5), NOW)
    rig.endpoint.ask(parts.DEVICE_ID, ask_record_info(query), rig.now, 120)
    rig.run(400, lambda: bool(rig.heard(InquiryEnded)))
    expected = tuple(TABLE.clips(query.channel_id, query.start, query.end))
    assert rig.heard(InquiryEnded)[0].outcome.items == expected


def test_a_short_answer_says_so(make_rig, parts):
    rig = make_rig(recordings=TABLE, faults=Faults(record_short_by=3))
    rig.register()
    query = RecordQuery(parts.camera(1).code, NOW - timedelta(hours=5), NOW)
    rig.endpoint.ask(parts.DEVICE_ID, ask_record_info(query), rig.now)
    rig.run(60, lambda: bool(rig.heard(InquiryEnded)))
    found = rig.heard(InquiryEnded)[0].outcome
    assert not found.complete
    assert len(found.items) == found.sum_num - 3


def test_a_device_without_recordings_says_none(make_rig, parts):
    rig = make_rig()
    rig.register()
    query = RecordQuery(parts.camera(1).code, NOW - timedelta(hours=5), NOW)
    rig.endpoint.ask(parts.DEVICE_ID, ask_record_info(query), rig.now)
    rig.run(60, lambda: bool(rig.heard(InquiryEnded)))
    found = rig.heard(InquiryEnded)[0].outcome
    assert (found.items, found.complete) == ((), True)


def test_the_offer_names_the_window_and_the_device_hears_it(make_rig, parts):
    rig, _ = playback_rig(make_rig)
    invite = parse_message(rig.packets(b"INVITE")[0])
    offer = parse_sdp(invite.body)
    assert f"u={parts.camera(1).code}:0\r\n".encode() in invite.body
    assert (offer.name, offer.start, offer.stop) == ("Playback", START, START + 3600)
    assert f"y=1{parts.SERVER_ID[3:8]}".encode() in invite.body
    assert rig.told(MediaRequested)[0].history == HISTORY
    assert rig.told(MediaStarted)
    assert rig.heard(InvitationAnswered)[0].invitation.remote.size_bytes is None


def test_a_download_says_how_large_it_is(make_rig):
    history = History("Download", START, START + 60, 0, 4)
    rig, _ = playback_rig(make_rig, history=history)
    invite = rig.packets(b"INVITE")[0]
    assert b"s=Download\r\n" in invite
    assert b"a=downloadspeed:4\r\n" in invite
    assert rig.told(MediaRequested)[0].history == history
    answer = rig.heard(InvitationAnswered)[0].invitation.remote
    assert answer.size_bytes == TABLE.size_bytes(START, START + 60)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_pause_resume_seek_and_speed_in_the_dialog(make_rig, transport):
    rig, call_id = playback_rig(make_rig, transport=transport)
    commands = [
        mansrtsp.pause(),
        mansrtsp.resume(),
        mansrtsp.seek(100),
        *map(mansrtsp.set_speed, mansrtsp.SPEEDS),
        mansrtsp.teardown(),
    ]
    for command in commands:
        assert control(rig, call_id, command).status == 200
    assert [event.command for event in rig.told(PlaybackControlled)] == commands
    numbers = [mansrtsp.parse_command(body)[1] for body in bodies(rig)]
    assert numbers == list(range(1, len(commands) + 1))
    sip_numbers = [parse_message(data).cseq.number for data in rig.packets(b"INFO")]
    assert sip_numbers == list(range(2, len(commands) + 2))


def test_the_reply_repeats_what_is_granted(make_rig):
    rig, call_id = playback_rig(make_rig)
    expected = PlaybackReply(cseq=1, scale=-1.0, range=Range(600, 0))
    assert control(rig, call_id, mansrtsp.reverse(600)) == expected


def test_backwards_is_refused_by_a_device_of_2016(make_rig):
    rig, call_id = playback_rig(make_rig, gb_version="2.0")
    outcome = control(rig, call_id, mansrtsp.reverse(600))
    assert isinstance(outcome, PlaybackRefused)
    assert outcome.status == 400
    assert control(rig, call_id, mansrtsp.set_speed(4)).status == 200


@pytest.mark.parametrize(
    ("faults", "sign"),
    [
        (Faults(info_only_mansrtsp=True), b"MANSRTSP/1.0"),
        (Faults(info_wants_range=True), b"Range: npt=now-"),
    ],
)
def test_a_device_that_wants_another_form_gets_it_and_is_remembered(make_rig, faults, sign):
    rig, call_id = playback_rig(make_rig, faults=faults)
    assert control(rig, call_id, mansrtsp.set_speed(4)).status == 200
    tried = len(bodies(rig))
    assert tried > 1
    assert sign in bodies(rig)[-1]
    assert control(rig, call_id, mansrtsp.set_speed(2)).status == 200
    assert len(bodies(rig)) == tried + 1
    assert sign in bodies(rig)[-1]


def test_a_refusal_of_every_form_is_told(make_rig):
    rig, call_id = playback_rig(make_rig, faults=Faults(info_status=400))
    assert control(rig, call_id, mansrtsp.set_speed(4)).status == 400
    assert len(bodies(rig)) == 3
    assert not rig.told(PlaybackControlled)


def test_a_refusal_for_another_reason_is_not_tried_again(make_rig):
    rig, call_id = playback_rig(make_rig, faults=Faults(info_status=488))
    assert control(rig, call_id, mansrtsp.set_speed(4)).status == 488
    assert len(bodies(rig)) == 1


def test_silence_after_a_command_is_an_error_and_not_for_ever(make_rig, parts):
    rig, call_id = playback_rig(make_rig)
    rig.network.parties.pop(("udp", parts.DEVICE_HOST, 5060))
    assert isinstance(control(rig, call_id, mansrtsp.pause()), PeerUnreachable)
    assert rig.endpoint.stats()["controls"] == 0


def test_a_playback_that_is_over_takes_no_command(make_rig):
    rig, call_id = playback_rig(make_rig)
    rig.endpoint.bye(call_id, rig.now)
    with pytest.raises(PeerUnreachable):
        rig.endpoint.control_playback(call_id, mansrtsp.pause(), rig.now)


def test_impatience_is_bounded(make_rig):
    rig, call_id = playback_rig(make_rig)
    for _ in range(4):
        rig.endpoint.control_playback(call_id, mansrtsp.seek(5), rig.now)
    with pytest.raises(PlaybackRefused):
        rig.endpoint.control_playback(call_id, mansrtsp.seek(5), rig.now)


def test_commands_survive_a_lossy_network(make_rig, parts):
    rig, call_id = playback_rig(make_rig, quality=parts.Quality(loss=0.15, doubling=0.3))
    for position in range(10, 100, 10):
        assert control(rig, call_id, mansrtsp.seek(position)).status == 200
    seen = [event.command.range.start_s for event in rig.told(PlaybackControlled)]
    assert seen == list(range(10, 100, 10))


def test_the_end_of_the_file_is_told_in_the_dialog(make_rig, parts):
    rig, call_id = playback_rig(make_rig)
    rig.device.end_file(call_id, rig.now)
    rig.run(1)
    (event,) = rig.heard(MediaStatusReceived)
    assert (event.device_id, event.invitation_id) == (parts.DEVICE_ID, call_id)
    assert event.notify_type == "121"
    rig.endpoint.bye(call_id, rig.now)
    rig.run(1)
    assert rig.device.session_count == 0


def test_the_end_of_the_file_may_be_a_bye_or_nothing(make_rig):
    rig, call_id = playback_rig(make_rig, faults=Faults(bye_at_end=True))
    rig.device.end_file(call_id, rig.now)
    rig.run(1)
    assert [event.reason for event in rig.heard(InvitationEnded)] == ["bye"]
    rig, call_id = playback_rig(make_rig, faults=Faults(no_media_status=True))
    rig.device.end_file(call_id, rig.now)
    rig.run(1)
    assert not rig.heard(MediaStatusReceived)


def test_one_playback_too_many_is_refused_and_live_goes_on(make_rig):
    rig, _ = playback_rig(make_rig, playback_limit=1)
    start(rig, number=2)
    assert [event.error.status for event in rig.heard(InvitationRefused)] == [486]
    rig.invite(3)
    rig.run(2)
    assert len(rig.heard(InvitationAnswered)) == 2


def test_a_window_without_a_recording_is_refused(make_rig):
    past = History("Playback", START - 30 * 86_400, START - 29 * 86_400)
    rig, _ = playback_rig(make_rig, history=past)
    assert [event.error.status for event in rig.heard(InvitationRefused)] == [404]


@pytest.mark.parametrize(
    ("body", "history"),
    [
        (b"DANCE RTSP/1.0\r\n\r\n", HISTORY),
        (b"", HISTORY),
        (b"PLAY RTSP/1.0\r\nScale: 99.0\r\n\r\n", HISTORY),
        (b"PLAY RTSP/1.0\r\nRange: npt=9999-\r\n\r\n", HISTORY),
        (b"PAUSE RTSP/1.0\r\nCSeq: 1\r\n\r\n", None),
        (b"PAUSE RTSP/1.0\r\nCSeq: 1\r\n\r\n", History("Download", START, START + 60)),
    ],
)
def test_a_wrong_body_is_refused(make_rig, body, history):
    profile = make_rig().device.profile
    assert obey(body, history, profile, Faults()) == (400, None, None)

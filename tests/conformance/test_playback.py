"""Recordings, playback and download: numbers 53, 54 and 94 to 100."""

from datetime import UTC, datetime, timedelta

import pytest

from sip.events import InvitationEnded, MediaStatusReceived
from sip.gb28181 import mansrtsp
from sip.gb28181.record_info import RecordQuery, ask_record_info
from sip.message import parse_message
from sip.message.sdp import History, parse_sdp
from sip.roles.call import InvitationAnswered
from sip.roles.inquiry import InquiryEnded
from sip.roles.playback import ControlEnded, PlaybackRefused
from sip.simulator.playback import obey
from sip.simulator.profile import Faults, MediaRequested, PlaybackControlled
from sip.simulator.timetable import Timetable
from tests.vms.bench import DEVICE, HandClock, eventually
from tests.vms.services.recorder_stage import MEDIA, open_recorder_stage
from vms.records import DownloadState, PlaybackState

NOW = datetime(2026, 5, 1, 2, tzinfo=UTC)
START = int((NOW - timedelta(hours=2)).timestamp())
TABLE = Timetable(lambda: NOW, gap_every=1000)
HISTORY = History("Playback", START, START + 3600)


def played(make_rig, history=HISTORY, **kinds):
    """A platform that plays a recording of a device."""
    rig = make_rig(recordings=TABLE, **kinds)
    rig.accept_media()
    rig.register()
    ssrc = rig.endpoint.new_ssrc(rig.now, is_history=True)
    call_id = rig.invite(ssrc=ssrc, history=history)
    rig.run(5, lambda: bool(rig.heard(InvitationAnswered)))
    rig.run(1)
    return rig, call_id


def control(rig, call_id, command):
    key = rig.endpoint.control_playback(call_id, command, rig.now)
    rig.run(40, lambda: any(event.key == key for event in rig.heard(ControlEnded)))
    return rig.heard(ControlEnded)[-1].outcome


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_c053_recordings_go_there_and_back(make_rig, parts, transport):
    rig = make_rig(recordings=TABLE, transport=transport)
    rig.register()
    query = RecordQuery(parts.camera(1).code, NOW - timedelta(hours=2), NOW)
    rig.endpoint.ask(parts.DEVICE_ID, ask_record_info(query), rig.now)
    rig.run(60, lambda: bool(rig.heard(InquiryEnded)))
    found = rig.heard(InquiryEnded)[0].outcome
    assert found.items == tuple(TABLE.clips(query.channel_id, query.start, query.end))
    assert found.items


def test_c054_recordings_over_several_messages_are_merged_and_sorted(make_rig, parts):
    rig = make_rig(recordings=TABLE, faults=Faults(record_disordered=True, catalog_duplicates=True))
    rig.register()
    query = RecordQuery(parts.camera(1).code, NOW - timedelta(hours=6), NOW)
    rig.endpoint.ask(parts.DEVICE_ID, ask_record_info(query), rig.now)
    rig.run(60, lambda: bool(rig.heard(InquiryEnded)))
    found = rig.heard(InquiryEnded)[0].outcome
    asked = next(d for _, d in rig.network.sent if b"<Query>" in d and b"RecordInfo" in d)
    assert b"<Type>all</Type>" in asked
    assert sum(b"<RecordList" in data for _, data in rig.network.sent) > 1
    assert found.items == tuple(TABLE.clips(query.channel_id, query.start, query.end))


def test_c094_t_has_unix_seconds_u_the_channel_and_y_begins_with_1(make_rig, parts):
    rig, _ = played(make_rig)
    body = parse_message(rig.packets(b"INVITE")[0]).body
    offer = parse_sdp(body)
    assert (offer.name, offer.uri) == ("Playback", f"{parts.camera(1).code}:0")
    assert (offer.start, offer.stop) == (START, START + 3600)
    assert b"\r\ny=1" + parts.SERVER_ID[3:8].encode() in body


def test_c095_commands_have_the_bodies_of_annex_b_with_rising_cseq(make_rig):
    rig, call_id = played(make_rig)
    commands = [mansrtsp.pause(), mansrtsp.resume(), mansrtsp.seek(100)]
    commands += map(mansrtsp.set_speed, mansrtsp.SPEEDS)
    for command in commands:
        assert control(rig, call_id, command).status == 200
    assert [parse_message(data).body for data in rig.packets(b"INFO")] == [
        b"PAUSE RTSP/1.0\r\nCSeq: 1\r\nPauseTime: now\r\n\r\n",
        b"PLAY RTSP/1.0\r\nCSeq: 2\r\nRange: npt=now-\r\n\r\n",
        b"PLAY RTSP/1.0\r\nCSeq: 3\r\nRange: npt=100-\r\n\r\n",
        b"PLAY RTSP/1.0\r\nCSeq: 4\r\nScale: 0.25\r\n\r\n",
        b"PLAY RTSP/1.0\r\nCSeq: 5\r\nScale: 0.5\r\n\r\n",
        b"PLAY RTSP/1.0\r\nCSeq: 6\r\nScale: 1.0\r\n\r\n",
        b"PLAY RTSP/1.0\r\nCSeq: 7\r\nScale: 2.0\r\n\r\n",
        b"PLAY RTSP/1.0\r\nCSeq: 8\r\nScale: 4.0\r\n\r\n",
    ]


def test_c096_the_device_obeys_and_refuses_a_wrong_body(make_rig):
    rig, call_id = played(make_rig)
    for command in (mansrtsp.set_speed(4), mansrtsp.seek(60), mansrtsp.pause()):
        assert control(rig, call_id, command).status == 200
        assert rig.told(PlaybackControlled)[-1].command == command
    profile = rig.device.profile
    for body in (b"", b"DANCE RTSP/1.0\r\n\r\n", b"PLAY RTSP/1.0\r\nScale: x\r\n\r\n"):
        assert obey(body, HISTORY, profile, Faults())[0] == 400


async def test_c097_the_end_is_told_in_the_dialog_and_answered_by_bye(make_rig, parts, tmp_path):
    rig, call_id = played(make_rig)
    rig.device.end_file(call_id, rig.now)
    rig.run(1)
    told = parse_message(rig.packets(b"MESSAGE")[-1])
    assert told.call_id == call_id and b"<NotifyType>121</NotifyType>" in told.body
    answers = [d for _, d in rig.network.sent if d.startswith(b"SIP/2.0 200")]
    assert call_id.encode() in answers[-1] and b"MESSAGE" in answers[-1]
    (event,) = rig.heard(MediaStatusReceived)
    assert event.invitation_id == call_id
    async with open_recorder_stage(HandClock(), tmp_path) as stage:
        playback = await stage.until_playing(await stage.create())
        stage.service.file_ended(DEVICE, "invitation-1")
        over = await stage.until_over(playback)
        assert (over.state, over.reason) == (PlaybackState.ENDED, "finished")
        assert stage.device.ended == ["invitation-1"]


async def test_c098_silence_or_a_bye_also_ends_it(make_rig, tmp_path):
    rig, call_id = played(make_rig, faults=Faults(bye_at_end=True))
    rig.device.end_file(call_id, rig.now)
    rig.run(1)
    assert [event.reason for event in rig.heard(InvitationEnded)] == ["bye"]
    settings = MEDIA.model_copy(update={"stall_timeout_s": 0.3})
    async with open_recorder_stage(HandClock(), tmp_path, media_settings=settings) as stage:
        playback = await stage.until_playing(await stage.create())
        assert (await stage.until_over(playback)).reason == "silent"
        playback = await stage.until_playing(await stage.create())
        stage.service.invitation_ended("invitation-2", "bye")
        assert (await stage.until_over(playback)).state is PlaybackState.ENDED


async def test_c099_a_download_has_speed_size_and_progress(make_rig, tmp_path):
    history = History("Download", START, START + 60, download_speed=4)
    rig, _ = played(make_rig, history)
    assert b"a=downloadspeed:4\r\n" in rig.packets(b"INVITE")[0]
    assert rig.told(MediaRequested)[0].history == history
    size = rig.heard(InvitationAnswered)[0].invitation.remote.size_bytes
    assert size == TABLE.size_bytes(START, START + 60)
    async with open_recorder_stage(HandClock(), tmp_path) as stage:
        noon = datetime(2026, 7, 1, 4, tzinfo=UTC)
        download = await stage.downloads.create(
            "14040000001320000001", noon, noon + timedelta(minutes=1)
        )
        [session] = await eventually(lambda: [*stage.service._sessions.values()])
        await eventually(lambda: session.invitation_id)
        stage.bring_picture(session.stream_id)
        await eventually(lambda: session.stream is not None)
        stage.service.file_ended(DEVICE, "invitation-1")
        await eventually(lambda: stage.downloads.get(download.id).state is DownloadState.DONE)
        assert stage.downloads.get(download.id).progress == 1.0


def test_c100_backwards_is_granted_by_2022_and_refused_by_2016(make_rig):
    rig, call_id = played(make_rig)
    reply = control(rig, call_id, mansrtsp.reverse(600))
    assert (reply.status, reply.scale) == (200, -1.0)
    body = parse_message(rig.packets(b"INFO")[-1]).body
    assert body == b"PLAY RTSP/1.0\r\nCSeq: 1\r\nScale: -1.0\r\nRange: npt=600-0\r\n\r\n"
    old, call_id = played(make_rig, gb_version="2.0")
    outcome = control(old, call_id, mansrtsp.reverse(600))
    assert isinstance(outcome, PlaybackRefused) and outcome.status == 400

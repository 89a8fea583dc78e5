"""Quirks of devices in signalling (gb28181.md section 9 and peers.md section 3): tolerated.

One test for each, with the offending bytes; `quirks_list.csv` has the numbers and the switches.
"""

from datetime import UTC, datetime, timedelta

import pytest

from channel_registry.catalog import read_catalog
from channel_registry.records import CatalogEntry
from sip.events import (
    CatalogReceived,
    DeviceRegistered,
    KeepaliveReceived,
    KeepalivesMissed,
    MediaStatusReceived,
)
from sip.gb28181 import device_config, mansrtsp
from sip.gb28181.catalog import ask_catalog, parse_catalog
from sip.gb28181.clock import find_zone, read_offset
from sip.gb28181.manscdp import Root, build_envelope, parse_envelope
from sip.gb28181.quirks import Quirk, QuirkRow, Quirks
from sip.gb28181.record_info import RecordQuery, ask_record_info
from sip.gb28181.subscription import Topic, Wish
from sip.message import parse_message
from sip.message.sdp import History, parse_sdp
from sip.roles.call import InvitationAnswered, InvitationRefused
from sip.roles.inquiry import InquiryEnded
from sip.roles.playback import ControlEnded
from sip.roles.subscription import SubscriptionPhase
from sip.simulator.profile import Faults, MediaStarted, PlaybackControlled
from sip.simulator.timetable import Timetable
from tests.sip.conftest import DEVICE_HOST, DEVICE_ID, SERVER_ID, WALL, camera
from tests.sip.conftest import organisations as groups
from tests.vms.bench import HandClock
from tests.vms.services.recorder_stage import open_recorder_stage
from vms.config import Config
from vms.errors import Conflict

CAMERA = camera(1).code
NOW = datetime(2026, 5, 1, 2, tzinfo=UTC)
START = int((NOW - timedelta(hours=2)).timestamp())
HISTORY = History("Playback", START, START + 3600)
TABLE = Timetable(lambda: NOW, gap_every=1000)


def sent(rig, *pieces: bytes) -> list[bytes]:
    """What the device sent with all of these bytes."""
    ours = [data for source, data in rig.network.sent if source[1] == DEVICE_HOST]
    return [data for data in ours if all(piece in data for piece in pieces)]


def ask(rig, question, seconds: float = 400):
    before = len(rig.heard(InquiryEnded))
    rig.endpoint.ask(DEVICE_ID, question, rig.now)
    rig.run(seconds, lambda: len(rig.heard(InquiryEnded)) > before)
    return rig.heard(InquiryEnded)[-1].outcome


def listed(make_rig, *offending: bytes, faults: Faults, **kinds):
    """The catalogue of a device that writes like this."""
    rig = make_rig(faults=faults, **kinds)
    rig.register()
    found = ask(rig, ask_catalog())
    for piece in offending:
        assert sent(rig, piece), piece
    assert found.complete
    return found.items


def answered(make_rig, *offending: bytes, faults: Faults, transport="udp", **kinds):
    """The invitation of a device that answers like this."""
    rig = make_rig(faults=faults, **kinds)
    rig.accept_media()
    rig.register()
    rig.invite(1, transport)
    rig.run(5)
    for piece in offending:
        assert sent(rig, piece), piece
    (found,) = rig.heard(InvitationAnswered)
    assert rig.told(MediaStarted)
    return rig, found.invitation


def parsed_item(fields: str):
    """One catalogue item with these elements."""
    body = (
        f"<Response><CmdType>Catalog</CmdType><SN>7</SN><DeviceID>{DEVICE_ID}</DeviceID>"
        f"<SumNum>1</SumNum><DeviceList Num='1'><Item><DeviceID>{CAMERA}</DeviceID>{fields}"
        "</Item></DeviceList></Response>"
    )
    return parse_catalog(parse_envelope(body.encode())).items[0]


# SIP


@pytest.mark.parametrize(
    ("faults", "offending"),
    [
        (Faults(digest_nameless=True), b'username=""'),
        (Faults(digest_other_uri=True), f'uri="sip:{SERVER_ID}@192.0.2.10:5060"'.encode()),
        (Faults(), b"Authorization: Digest"),
    ],
)
def test_q01_digest_without_qop_name_or_the_request_uri(make_rig, wire, faults, offending):
    rig = make_rig(faults=faults)
    rig.register()
    assert sent(rig, offending) and not sent(rig, b"Authorization", b"qop=")
    extra = ', cnonce="0a4f113b"'
    authorization = wire.authorization(wire.challenge(), extra=extra)
    register = wire.request("REGISTER", *wire.register_lines(), authorization)
    assert wire.send(register)[0].status == 200


def test_q02_register_storm_with_new_call_ids(make_rig):
    faults = Faults(doubled_register=True, new_call_id_on_refresh=True)
    rig = make_rig(faults=faults, expires_s=120)
    rig.register()
    rig.run(300)
    registers = rig.packets(b"REGISTER")
    assert len({parse_message(data).call_id for data in registers}) > 2
    assert len(registers) == 2 * len(set(registers))
    assert len(rig.heard(DeviceRegistered)) == 1 and rig.endpoint.is_registered(DEVICE_ID)


def test_q03_source_port_changes_and_keepalive_after_our_restart(wire, make_wire):
    body = f"<Notify><CmdType>Keepalive</CmdType><SN>1</SN><DeviceID>{DEVICE_ID}</DeviceID><Status>OK</Status></Notify>"  # noqa: E501
    assert wire.register(port=5060).status == 200
    assert wire.message(body.encode(), port=40001).status == 200
    assert wire.register(port=40002).status == 200
    assert wire.message(body.encode(), port=40003).status == 200
    assert len(wire.heard(KeepaliveReceived)) == 2
    # A restarted server knows nobody: the refusal makes a device register again.
    assert make_wire().message(body.encode(), port=40003).status in (401, 403)


def test_q04_route_with_the_server_itself(make_rig):
    route = f"\r\nRoute: <sip:{SERVER_ID}@".encode()
    assert len(listed(make_rig, route, faults=Faults(route_header=True))) == 3


def test_q05_refusals_of_messages_are_ignored(make_rig):
    rig = make_rig(faults=Faults(refusals_ignored=True), keepalive_interval_s=5)
    rig.register()
    rig.endpoint.forget(DEVICE_ID, rig.now)
    rig.run(6)
    assert not rig.endpoint.is_registered(DEVICE_ID)  # 403 said nothing to it …
    rig.run(60, lambda: rig.endpoint.is_registered(DEVICE_ID))
    assert rig.endpoint.is_registered(DEVICE_ID)  # … three of them did


def test_q06_101_before_200(make_rig):
    answered(make_rig, b"SIP/2.0 101 Dialog Establishment", faults=Faults(early_dialog=True))


def test_q07_media_status_from_another_id(make_rig):
    rig = make_rig(faults=Faults(media_status_as_channel=True), recordings=TABLE)
    rig.accept_media()
    rig.register()
    call_id = rig.invite(history=HISTORY)
    rig.run(2)
    rig.device.end_file(call_id, rig.now)
    rig.run(2)
    assert sent(rig, b">MediaStatus<", b"From: <sip:3402000000132")
    assert [each.invitation_id for each in rig.heard(MediaStatusReceived)] == [call_id]


def test_q08_another_id_in_from_than_configured(wire):
    wire.register()
    body = build_envelope(Root.QUERY, "Catalog", 3, SERVER_ID, [])
    stranger = "34020000002000000077"
    assert wire.message(body, device=stranger, host="192.0.2.99").status == 403
    assert wire.message(body, device=stranger).status == 200  # its route tells who it is
    assert wire.endpoint.is_registered(DEVICE_ID)


def test_q09_request_uri_and_contact_without_a_port(make_rig):
    contact = f"Contact: <sip:{DEVICE_ID}@{DEVICE_HOST}>\r\n".encode()
    faults = Faults(contact_without_port=True)
    assert len(listed(make_rig, contact, faults=faults, local_port=40001)) == 3


def test_q10_each_keepalive_is_answered_at_once(make_rig):
    rig = make_rig(keepalive_interval_s=5)
    rig.register()
    rig.run(60)
    sent_at = {parse_message(d).call_id for d in sent(rig, b">Keepalive<")}
    answers = [d for _, d in rig.network.sent if d.startswith(b"SIP/2.0 200") and b" MESSAGE" in d]
    assert sent_at == {parse_message(data).call_id for data in answers}
    assert not rig.heard(KeepalivesMissed)


def test_q11_event_presence_and_no_expires_in_the_200(make_rig):
    rig = make_rig(faults=Faults(subscribe_omit_expires=True, notify_presence=True))
    rig.register()
    rig.endpoint.follow(DEVICE_ID, Wish(Topic.CATALOG), rig.now)
    rig.run(5)
    assert sent(rig, b"NOTIFY ", b"Event: presence")
    (granted,) = [d for d in sent(rig, b"SIP/2.0 200", b" SUBSCRIBE\r\n")]
    assert b"Expires" not in granted
    (status,) = rig.endpoint.subscriptions(DEVICE_ID)
    assert status.phase is SubscriptionPhase.ACTIVE and status.notifications == 1


def test_q12_notify_outside_its_dialog_and_as_message(make_rig, wire):
    rig = make_rig(faults=Faults(notify_outside=True))
    rig.register()
    rig.endpoint.follow(DEVICE_ID, Wish(Topic.CATALOG), rig.now)
    rig.run(5)
    rig.device.reports.turn(CAMERA, "OFF", rig.now)
    rig.run(5)
    events = [i.event for e in rig.heard(CatalogReceived) for i in e.items]
    assert events == ["OFF"]
    wire.register()
    item = [("Item", [("DeviceID", CAMERA), ("Event", "OFF")])]
    body = build_envelope(
        Root.NOTIFY, "Catalog", 9, DEVICE_ID, [("SumNum", "1"), ('DeviceList Num="1"', item)]
    )
    assert wire.message(body).status == 200
    assert [i.event for e in wire.heard(CatalogReceived) for i in e.items] == ["OFF"]


@pytest.mark.parametrize(
    "text", ["Fri, 01 May 2026 02:00:07 GMT", "2026-05-01T10:00:07.123", "2026-05-01T02:00:07Z"]
)
def test_q13_date_in_either_form_or_left_out(make_wire, text):
    assert read_offset(text, WALL, find_zone("Asia/Shanghai")) == pytest.approx(7, abs=1)
    silent = make_wire(send_date=False)
    assert silent.register().headers.get("date") is None


def test_q14_ports_that_firewalls_drop_are_not_used():
    ports = Config().media.port_range
    dropped = (6081, 6784)
    assert not any(ports.first <= port <= ports.last for port in dropped)
    assert Config().sip.port not in dropped


# XML


@pytest.mark.parametrize(
    ("faults", "offending"),
    [
        (Faults(wrong_charset=True), "1号摄像机".encode()),
        (Faults(byte_order_mark=True), b"\r\n\r\n\xef\xbb\xbf<?xml"),
        (Faults(no_prolog=True), b"\r\n\r\n<Response>"),
    ],
)
def test_q15_charsets_prologs_and_marks(make_rig, faults, offending):
    items = listed(make_rig, offending, faults=faults)
    assert [item.name for item in items] == [camera(n).name for n in (1, 2, 3)]


def test_q16_raw_markup_in_names_and_addresses(make_rig):
    items = listed(make_rig, b" A&B <1</Name>", faults=Faults(raw_ampersand=True))
    assert [item.name for item in items] == [f"{camera(n).name} A&B <1" for n in (1, 2, 3)]
    assert parsed_item("<Name>n</Name><Address>x<y & z</Address>").address == "x<y & z"


def test_q17_parental_65535(make_rig):
    items = listed(make_rig, b"<Parental>65535<", faults=Faults(parental_65535=True))
    assert all(item.parental is True for item in items)


def test_q18_words_for_status(make_rig):
    channels = (camera(1), camera(2, status_on=False))
    items = listed(
        make_rig, b">ONLINE<", b">OFFLINE<", faults=Faults(status_words=True), channels=channels
    )
    assert [item.status_on for item in items] == [True, False]
    words = {"OK": True, "On": True, "off": False, "": True}
    assert {w: parsed_item(f"<Status>{w}</Status>").status_on for w in words} == words
    assert parsed_item("").status_on


@pytest.mark.parametrize("parent", ["null", CAMERA, f"{DEVICE_ID}/{CAMERA}", "3402", "x" * 33])
def test_q19_parents_and_regions_that_are_none(make_rig, parent):
    items = listed(make_rig, b"<ParentID>null<", faults=Faults(parent_null=True))
    assert {item.parent_ids for item in items} == {()}
    item = parsed_item(f"<ParentID>{parent}</ParentID><CivilCode>340200000000</CivilCode>")
    facts = read_catalog(
        DEVICE_ID,
        [CatalogEntry(CAMERA, parent_ids=item.parent_ids, civil_code=item.civil_code)],
    )
    assert [channel.code for channel in facts.channels] == [CAMERA]


def test_q20_business_group_inside_or_beside_info(make_rig):
    group = "34020000002150000001"
    inside = f"<Info><BusinessGroupID>{group}".encode()
    items = listed(
        make_rig, inside, faults=Faults(group_inside=True), organisations=groups(), gb_version="2.0"
    )
    assert group in {item.business_group_id for item in items}
    assert parsed_item(f"<BusinessGroupID>{group}</BusinessGroupID>").business_group_id == group


def test_q21_ptz_type_beside_info(make_rig):
    items = listed(make_rig, faults=Faults(ptz_type_beside=True))
    assert {item.ptz_type for item in items} == {3}
    assert parsed_item("<PTZType>1</PTZType>").ptz_type == 1
    assert parsed_item("<Info><PTZType>2</PTZType></Info>").ptz_type == 2


@pytest.mark.parametrize("total", [2, 9])
def test_q22_sum_num_and_num_that_lie(make_rig, total):
    faults = Faults(
        catalog_sum_num=total, num_quoted=True, catalog_duplicates=True,
        catalog_one_per_message=True,
    )  # fmt: skip
    rig = make_rig(faults=faults)
    rig.register()
    found = ask(rig, ask_catalog())
    assert sent(rig, b"""Num = "'1 '\"""")
    assert len({item.device_id for item in found.items}) == len(found.items) >= 2
    assert found.complete is (total == 2)


def test_q23_a_catalogue_that_begins_after_two_minutes(make_rig):
    rig = make_rig(faults=Faults(query_delay_s=100), config={"catalog_timeout_s": 180})
    rig.register()
    assert len(ask(rig, ask_catalog()).items) == 3
    late = make_rig(faults=Faults(query_delay_s=100), config={"catalog_timeout_s": 30})
    late.register()
    ask(late, ask_catalog())
    late.run(200)
    assert [len(event.items) for event in late.heard(CatalogReceived)] == [3]


def test_q24_record_info_needs_type_all(make_rig):
    rig = make_rig(faults=Faults(record_wants_type=True), recordings=TABLE)
    rig.register()
    question = ask_record_info(RecordQuery(CAMERA, NOW - timedelta(hours=3), NOW))
    assert ("Type", "all") in question.fields
    assert ask(rig, question).items


def test_q25_basic_param_of_the_device_or_a_restart(make_rig):
    rig = make_rig(faults=Faults(config_wants_device=True))
    rig.register()
    question = device_config.ask_config(["BasicParam"], "")
    assert "BasicParam" in ask(rig, question).configs
    shy = make_rig(faults=Faults(config_restarts=True))
    shy.register()
    assert isinstance(ask(shy, question), Exception)
    assert not sent(shy, b">ConfigDownload<", b"<BasicParam>")


def test_q26_a_configuration_under_another_name(make_rig):
    rig = make_rig(faults=Faults(config_other_name=True))
    rig.register()
    found = ask(rig, device_config.ask_config(["BasicParam"], ""))
    assert sent(rig, b"<BasicParamConfig>")
    assert found.configs["BasicParam"].name == rig.device.profile.name


def test_q27_lower_case_info(make_rig):
    items = listed(make_rig, b"<info>", faults=Faults(lower_case_info=True))
    assert {item.ptz_type for item in items} == {3}


def test_q28_absurd_heartbeats_are_clamped(make_rig):
    rig = make_rig(faults=Faults(heartbeat_absurd=True), keepalive_interval_s=60)
    rig.register()
    found = ask(rig, device_config.ask_config(["BasicParam"], ""))
    assert sent(rig, b"<HeartBeatInterval>0<", b"<HeartBeatCount>255<")
    basic = found.configs["BasicParam"]
    assert (basic.heartbeat_interval_s, basic.heartbeat_count) == (5, 10)
    rig.run(600)
    assert not rig.heard(KeepalivesMissed)


def test_q29_names_in_other_case_or_misspelled(make_rig):
    items = listed(make_rig, b"<devicelist", b"<cmdtype>", faults=Faults(lower_case_names=True))
    assert [item.name for item in items] == [camera(n).name for n in (1, 2, 3)]


def test_q30_spaces_behind_values(make_rig):
    items = listed(make_rig, b"<CmdType>Catalog </CmdType>", faults=Faults(trailing_spaces=True))
    assert [item.device_id for item in items] == [camera(n).code for n in (1, 2, 3)]


# SDP


@pytest.mark.parametrize(
    ("faults", "offending"),
    [
        (Faults(ssrc_short=True), b"\r\ny=200"),
        (Faults(omit_ssrc=True), b"\r\nm=video"),
        (Faults(ssrc_zero=True), b"\r\ny=0000000000"),
        (Faults(ssrc_first=True), b"\r\nm=video"),
    ],
)
def test_q31_y_short_missing_zero_or_early(make_rig, faults, offending):
    rig, invitation = answered(make_rig, offending, faults=faults)
    offered = parse_sdp(parse_message(rig.packets(b"INVITE")[0]).body).ssrc
    assert invitation.ssrc == offered
    if faults.ssrc_first:
        (body,) = sent(rig, b"\r\nm=video")
        assert body.index(b"\r\ny=") < body.index(b"\r\nm=")


@pytest.mark.parametrize(
    ("faults", "offending"),
    [
        (Faults(answer_rtp_avp=True), b" RTP/AVP 96"),
        (Faults(answer_no_setup=True), b" TCP/RTP/AVP 96"),
        (Faults(answer_port_zero=True), b"m=video 0 "),
    ],
)
def test_q32_rtp_avp_no_setup_or_port_zero_over_tcp(make_rig, faults, offending):
    answered(make_rig, offending, faults=faults, transport="tcp-passive")


@pytest.mark.parametrize(
    ("faults", "offending"),
    [
        (Faults(answer_glued=True), b"a=sendonlya=rtpmap:96 PS/90000"),
        (Faults(answer_two_media=True), b"m=audio 0 RTP/AVP 8"),
    ],
)
def test_q33_glued_attributes_and_two_media_lines(make_rig, faults, offending):
    _, invitation = answered(make_rig, offending, faults=faults)
    assert invitation.remote.payloads[96] == "PS"


def test_q34_f_without_grammar(make_rig):
    answered(make_rig, b"\r\nf=v/a/1/8/1\r\n", faults=Faults(answer_bad_f=True))


# Playback


def played(make_rig, **kinds):
    """A recording that a device plays to us."""
    rig = make_rig(recordings=TABLE, **kinds)
    rig.accept_media()
    rig.register()
    call_id = rig.invite(history=HISTORY)
    rig.run(2)
    return rig, call_id


def control(rig, call_id, command):
    key = rig.endpoint.control_playback(call_id, command, rig.now)
    rig.run(40, lambda: any(event.key == key for event in rig.heard(ControlEnded)))
    return rig.heard(ControlEnded)[-1].outcome


@pytest.mark.parametrize("switch", ["info_only_mansrtsp", "info_wants_range"])
def test_q49_400_to_scale_until_it_is_said_otherwise(make_rig, switch):
    rig, call_id = played(make_rig, faults=Faults(**{switch: True}))
    assert control(rig, call_id, mansrtsp.set_speed(2)).status == 200
    assert sent(rig, b"SIP/2.0 400", b" INFO\r\n")
    assert b"\r\nScale: 2.0\r\n" in rig.packets(b"INFO")[0]
    refusals = len(sent(rig, b"SIP/2.0 400", b" INFO\r\n"))
    assert control(rig, call_id, mansrtsp.set_speed(4)).status == 200
    assert len(sent(rig, b"SIP/2.0 400", b" INFO\r\n")) == refusals  # learned


def test_q49_the_form_of_the_table_comes_first(make_rig):
    row = QuirkRow("FengsuiSim", "", "", "", Quirk.PLAYBACK_FORM, "mansrtsp", "this test")
    rig, call_id = played(make_rig, faults=Faults(info_only_mansrtsp=True))
    rig.endpoint._controls._quirks = lambda device_id: Quirks([row])
    assert control(rig, call_id, mansrtsp.set_speed(2)).status == 200
    assert not sent(rig, b"SIP/2.0 400")


def test_q50_pause_is_answered_and_ignored(make_rig):
    rig, call_id = played(make_rig, faults=Faults(pause_ignored=True))
    assert control(rig, call_id, mansrtsp.pause()).status == 200
    assert not rig.told(PlaybackControlled)
    assert control(rig, call_id, mansrtsp.resume()).status == 200


def test_q51_no_media_status_at_the_end(make_rig):
    """The service ends by silence and time: tests/vms/services/test_playback.py."""
    rig, call_id = played(make_rig, faults=Faults(no_media_status=True))
    rig.device.end_file(call_id, rig.now)
    rig.run(5)
    assert not sent(rig, b">MediaStatus<") and not rig.heard(MediaStatusReceived)
    rig.endpoint.bye(call_id, rig.now)
    rig.run(5)
    assert rig.device.session_count == 0


@pytest.mark.parametrize("status", [404, 486, 488])
def test_q52_times_without_a_recording_are_refused(make_rig, status):
    rig, _ = played(make_rig, faults=Faults(answer_status=status))
    assert [event.error.status for event in rig.heard(InvitationRefused)] == [status]


async def test_q53_the_limit_of_a_device_is_kept(make_rig, tmp_path):
    rig, _ = played(make_rig, playback_limit=1)
    rig.invite(2, history=HISTORY)
    rig.run(2)
    assert [event.error.status for event in rig.heard(InvitationRefused)] == [486]
    row = QuirkRow("", "", "", "", Quirk.PLAYBACK_LIMIT, "1", "this test")
    async with open_recorder_stage(HandClock(), tmp_path) as stage:
        stage.service._quirks = lambda device_id: Quirks([row])
        first = await stage.until_playing(await stage.create())
        with pytest.raises(Conflict) as caught:
            await stage.create()
        assert (caught.value.code, caught.value.fields["limit"]) == ("playback_limit", 1)
        await stage.service.stop(first.id)

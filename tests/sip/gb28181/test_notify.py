from sip.gb28181.alarm import (
    Alarm,
    build_alarm,
    build_alarm_response,
    parse_alarm,
    split_methods,
)
from sip.gb28181.control import (
    ANSWERED,
    UNANSWERED,
    build_control,
    build_control_response,
    build_key_frame_request,
    parse_control,
)
from sip.gb28181.keepalive import (
    build_keepalive,
    build_media_status,
    parse_keepalive,
)
from sip.gb28181.manscdp import parse_envelope

DEVICE = "34020000001180000001"
CHANNEL = "34020000001320000001"


def test_keepalive_names_faulty_children():
    read = parse_keepalive(parse_envelope(build_keepalive(DEVICE, 43, [CHANNEL])))
    assert (read.device_id, read.sn, read.status, read.faulty) == (DEVICE, 43, "OK", (CHANNEL,))


def test_plain_keepalive_has_the_size_of_the_example():
    assert len(build_keepalive(DEVICE, 43)) == 169


def test_media_status_has_the_size_of_the_example():
    body = build_media_status(CHANNEL, 8)
    assert len(body) == 179
    assert parse_envelope(body).body.value("NotifyType") == "121"


def test_alarm_survives_a_round_trip():
    alarm = Alarm(CHANNEL, 9001, 1, "5", "2026-05-01T10:00:00", "越界", "6", "1", 118.376451, 31.0)
    assert parse_alarm(parse_envelope(build_alarm(alarm))) == alarm


def test_alarm_with_lower_case_info_is_read():
    body = build_alarm(Alarm(CHANNEL, 1, 4, "2", alarm_type="3")).replace(b"Info>", b"info>")
    assert parse_alarm(parse_envelope(body)).alarm_type == "3"


def test_a_priority_out_of_range_is_zero():
    body = build_alarm(Alarm(CHANNEL, 1, 9, "2"))
    assert parse_alarm(parse_envelope(body)).priority == 0


def test_alarm_answer_repeats_sn_and_device():
    envelope = parse_envelope(build_alarm_response(CHANNEL, 9001))
    assert (envelope.sn, envelope.device_id, envelope.body.value("Result")) == (9001, CHANNEL, "OK")


def test_alarm_methods_of_both_editions():
    assert split_methods("12") == split_methods("1/2") == ("1", "2")
    assert split_methods("0") == ("0",)
    assert split_methods("") == ()


def test_key_frame_request_has_both_spellings():
    body = build_key_frame_request(CHANNEL, 3)
    assert b"<IFameCmd>Send" in body
    assert b"<IFrameCmd>Send" in body
    assert parse_control(parse_envelope(body)).command in UNANSWERED


def test_commands_are_found_without_case():
    body = build_control(DEVICE, 4, [("guardcmd", "SetGuard")])
    control = parse_control(parse_envelope(body))
    assert (control.command, control.value) == ("GuardCmd", "SetGuard")
    assert control.command in ANSWERED


def test_an_unknown_command_is_empty():
    assert parse_control(parse_envelope(build_control(DEVICE, 4, [("Dance", "1")]))).command == ""


def test_control_answer():
    body = build_control_response(DEVICE, 4, is_ok=False)
    assert parse_envelope(body).body.value("Result") == "ERROR"

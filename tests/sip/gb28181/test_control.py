import pytest

from sip.errors import LocalProtocolError
from sip.gb28181 import control, ptz
from sip.gb28181.control import Frame, HomePosition
from sip.gb28181.manscdp import parse_envelope

DEVICE = "34020000001180000001"
CAMERA = "34020000001320000001"
SESSION = "5f0c6f2e-4a1b-4d0e-9c8a-7d6e5f4a3b2c"
FRAME = Frame(1920, 1080, 960, 540, 480, 270)


def built(question, charset="GB2312"):
    return parse_envelope(question.build(DEVICE, 11, charset))


def test_a_preset_is_set_with_its_name():
    question = control.send_ptz(CAMERA, ptz.Preset(ptz.PresetAction.SET, 1), preset_name="Gate")
    envelope = built(question)
    assert envelope.device_id == CAMERA
    assert envelope.body.value("PTZCmd") == "A50F018100010037"
    params = envelope.body.child("PTZCmdParams")
    assert params is not None and params.value("PresetName") == "Gate"
    assert question.collect is None


def test_a_name_is_cut_to_32_bytes_between_two_characters():
    name = "一" * 20
    assert control.cut_name(name) == "一" * 16
    assert control.cut_name("a" + name) == "a" + "一" * 15


def test_drag_zoom_has_the_six_numbers():
    envelope = built(control.drag_zoom(CAMERA, FRAME, is_in=True))
    element = envelope.body.child("DragZoomIn")
    assert element is not None and control.parse_frame(element) == FRAME
    assert built(control.drag_zoom(CAMERA, FRAME, is_in=False)).body.child("DragZoomOut")


@pytest.mark.parametrize("wrong", [{"tilt": -31}, {"pan": 361}, {"zoom": 0.5}])
def test_precise_control_stays_within_the_standard(wrong):
    with pytest.raises(LocalProtocolError):
        control.move_precisely(CAMERA, **wrong)


def test_precise_control_names_only_the_axes_that_move():
    element = built(control.move_precisely(CAMERA, pan=120.5, zoom=4)).body.child("PTZPreciseCtrl")
    assert element is not None
    assert [(c.name, c.text) for c in element.children] == [("Pan", "120.50"), ("Zoom", "4.00")]


@pytest.mark.parametrize(
    ("question", "name", "value"),
    [
        (control.reboot(), "TeleBoot", "Boot"),
        (control.record(CAMERA, is_on=True), "RecordCmd", "Record"),
        (control.record(CAMERA, is_on=False, stream=1), "RecordCmd", "StopRecord"),
        (control.guard(is_on=True), "GuardCmd", "SetGuard"),
        (control.guard(is_on=False), "GuardCmd", "ResetGuard"),
        (control.reset_alarm(method="5", alarm_type="2"), "AlarmCmd", "ResetAlarm"),
        (control.format_card(2), "FormatSDCard", "2"),
        (control.track_target(CAMERA, "Auto"), "TargetTrack", "Auto"),
        (control.request_key_frame(CAMERA), "IFameCmd", "Send"),
        (control.stop(CAMERA), "PTZCmd", "A50F0100000000B5"),
    ],
)
def test_each_command_is_found_and_wants_an_answer_where_the_standard_says(question, name, value):
    envelope = built(question)
    read = control.parse_control(envelope)
    assert (read.command, read.value) == (name, value)
    assert (question.collect is not None) is (name in control.ANSWERED)


def test_an_alarm_is_reset_by_method_and_type():
    info = built(control.reset_alarm(method="5", alarm_type="2")).body.child("Info")
    assert info is not None
    assert (info.value("AlarmMethod"), info.value("AlarmType")) == ("5", "2")


def test_home_survives_a_round_trip():
    home = HomePosition(True, 60, 1)
    element = built(control.set_home(CAMERA, home)).body.child("HomePosition")
    assert element is not None and control.parse_home(element) == home


def test_an_upgrade_needs_a_session_id_of_the_right_form():
    envelope = built(control.upgrade("V2", "http://192.0.2.10/fw", "Sim", SESSION))
    element = envelope.body.child("DeviceUpgrade")
    assert element is not None and element.value("SessionID") == SESSION
    with pytest.raises(LocalProtocolError):
        control.upgrade("V2", "http://192.0.2.10/fw", "Sim", "short")


@pytest.mark.parametrize(("mode", "area"), [("Manual", None), ("Auto", FRAME), ("auto", None)])
def test_a_target_is_tracked_with_an_area_only_by_hand(mode, area):
    with pytest.raises(LocalProtocolError):
        control.track_target(CAMERA, mode, area=area)


@pytest.mark.parametrize("text", ["", "<Length>0</Length>", "<Length>1</Length><Width>x</Width>"])
def test_a_broken_rectangle_is_none(text):
    body = f"<Control><CmdType>DeviceControl</CmdType><DragZoomIn>{text}</DragZoomIn></Control>"
    element = parse_envelope(body.encode()).body.child("DragZoomIn")
    assert element is not None and control.parse_frame(element) is None

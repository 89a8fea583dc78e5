"""Commands of upper platforms to our cameras."""

import pytest

from channel_registry.upper_records import UpperRight
from sip.gb28181 import ptz
from sip.roles.upward.terms import UplinkChanged, UplinkState, UplinkStatus
from sip.server import PeerUnreachable
from tests.vms.bench import CHANNEL, OTHER_CHANNEL, T0, eventually
from tests.vms.services.cascade.stage import OWN, THEIRS, UPPER, Stage, platform
from vms.records import Identity
from vms.storage.records import Role

RIGHT = ptz.encode(ptz.Move(pan=1, pan_speed=0x80))
STOP = ptz.encode(ptz.STOP)


def turn(command: str) -> str:
    return f"<PTZCmd>{command}</PTZCmd>"


def sent_ptz(stage: Stage) -> list[str]:
    questions = [question for _, question in stage.device.asked]
    return [dict(question.fields)["PTZCmd"] for question in questions]  # type: ignore[misc]


async def test_a_head_turns_until_it_is_told_to_stop(stage: Stage) -> None:
    stage.control(turn(RIGHT))
    asked = await stage.until_asked()
    assert (asked.device_id, asked.body.value("PTZCmd")) == (CHANNEL, RIGHT)
    stage.control(turn(STOP))
    await stage.until_asked(2)
    assert sent_ptz(stage) == [RIGHT, STOP]
    assert stage.answers() == []
    assert stage.log == [(f"upper {UPPER}", "upper.PTZCmd", THEIRS, "ok")]


@pytest.mark.parametrize(
    "command",
    [
        ptz.Lens(focus=1, focus_speed=0x40),
        ptz.Preset(ptz.PresetAction.CALL, 7),
        ptz.Cruise(ptz.CruiseAction.START, 2),
        ptz.Auxiliary(1, True),
    ],
)
async def test_every_other_order_to_a_head_passes_as_it_came(
    stage: Stage, command: ptz.PtzCommand
) -> None:
    stage.control(turn(ptz.encode(command)))
    asked = await stage.until_asked()
    assert ptz.decode(asked.body.value("PTZCmd")) == command


async def test_names_of_presets_pass(stage: Stage) -> None:
    order = ptz.encode(ptz.Preset(ptz.PresetAction.SET, 7))
    names = "<PTZCmdParams><PresetName>井口</PresetName></PTZCmdParams>"
    stage.control(turn(order) + names)
    params = (await stage.until_asked()).body.child("PTZCmdParams")
    assert params is not None and params.value("PresetName") == "井口"


async def test_a_head_stops_when_the_line_upward_is_lost(stage: Stage) -> None:
    stage.control(turn(RIGHT))
    await stage.until_asked()
    stage.uplinks.say(UplinkChanged(UplinkStatus(UPPER, UplinkState.WAITING, T0)))
    await stage.until_asked(2)
    assert sent_ptz(stage)[-1] == STOP


async def test_a_damaged_order_is_no_movement(stage: Stage) -> None:
    stage.control(turn("A50F0102FF000000"))
    await stage.counted("control.bad_request")
    assert stage.device.asked == []


async def test_a_key_frame_is_asked_for_in_both_spellings(stage: Stage) -> None:
    stage.control("<IFrameCmd>Send</IFrameCmd>")
    asked = await stage.until_asked()
    assert (asked.body.value("IFameCmd"), asked.body.value("IFrameCmd")) == ("Send", "Send")
    assert stage.answers() == []


@pytest.mark.parametrize(
    "inside",
    [
        "<RecordCmd>Record</RecordCmd>",
        "<GuardCmd>SetGuard</GuardCmd>",
        "<AlarmCmd>ResetAlarm</AlarmCmd><Info><AlarmMethod>2</AlarmMethod></Info>",
        "<HomePosition><Enabled>1</Enabled><PresetIndex>3</PresetIndex></HomePosition>",
    ],
)
async def test_what_the_standard_answers_gets_its_result(stage: Stage, inside: str) -> None:
    stage.control(inside, sn=99)
    answer = await stage.answer()
    assert (answer.command, answer.sn, answer.device_id) == ("DeviceControl", 99, THEIRS)
    assert answer.body.value("Result") == "OK"
    asked = stage.device.control_of()
    assert asked.device_id == CHANNEL
    assert asked.body.children[3].name == inside[1:].partition(">")[0]


@pytest.mark.parametrize(
    "inside", ["<TeleBoot>Boot</TeleBoot>", "<DragZoomIn><Length>9</Length></DragZoomIn>"]
)
async def test_what_the_standard_does_not_answer_passes_in_silence(
    stage: Stage, inside: str
) -> None:
    stage.control(inside)
    asked = await stage.until_asked()
    assert asked.body.children[3].name == inside[1:].partition(">")[0]
    await stage.counted("control")
    assert stage.answers() == []


@pytest.mark.parametrize("inside", ["<RecordCmd>Record</RecordCmd>", turn(RIGHT)])
async def test_a_right_that_is_missing_stops_a_command(stage: Stage, inside: str) -> None:
    rights = frozenset({UpperRight.LIVE})
    stage.platforms.known[UPPER] = platform(rights=rights)
    stage.control(inside)
    await stage.counted("control.not_permitted")
    assert stage.device.asked == []
    assert stage.log[0][3] == "not_permitted"
    if "RecordCmd" in inside:
        assert (await stage.answer()).body.value("Result") == "ERROR"


@pytest.mark.parametrize(
    ("inside", "command"),
    [
        ("<DeviceUpgrade><FileURL>http://192.0.2.66/fw</FileURL></DeviceUpgrade>", "DeviceControl"),
        (
            "<SnapShotConfig><UploadURL>http://192.0.2.66/</UploadURL></SnapShotConfig>",
            "DeviceConfig",
        ),
    ],
)
async def test_no_device_calls_an_address_that_another_platform_names(
    stage: Stage, inside: str, command: str
) -> None:
    stage.control(inside, command=command)
    assert (await stage.answer()).body.value("Result") == "ERROR"
    assert stage.device.asked == []


async def test_our_own_system_takes_no_orders(stage: Stage) -> None:
    stage.control("<TeleBoot>Boot</TeleBoot>", target=OWN)
    await stage.counted("control.not_permitted")
    stage.control("<GuardCmd>ResetGuard</GuardCmd>", target=OWN)
    assert (await stage.answer()).body.value("Result") == "ERROR"
    assert stage.device.asked == []


async def test_a_camera_that_is_not_shared_is_not_there(stage: Stage) -> None:
    stage.control("<GuardCmd>SetGuard</GuardCmd>", target=OTHER_CHANNEL)
    await stage.counted("control.not_shared")
    assert stage.answers() == [] and stage.device.asked == []
    assert stage.log == [(f"upper {UPPER}", "upper.GuardCmd", OTHER_CHANNEL, "not_shared")]


async def test_a_command_that_nobody_knows_is_an_error(stage: Stage) -> None:
    stage.control("<MakeCoffee>Now</MakeCoffee>")
    assert (await stage.answer()).body.value("Result") == "ERROR"


async def test_a_device_that_does_not_answer_is_an_error(stage: Stage) -> None:
    stage.device.silence = PeerUnreachable("no answer")
    stage.control("<GuardCmd>SetGuard</GuardCmd>")
    assert (await stage.answer()).body.value("Result") == "ERROR"
    await stage.counted("control.device_unreachable")


async def test_configuration_is_written_by_permission(stage: Stage) -> None:
    stage.control("<FrameMirror>2</FrameMirror>", command="DeviceConfig")
    assert (await stage.answer()).body.value("Result") == "OK"
    asked = stage.device.control_of()
    assert (asked.command, asked.body.value("FrameMirror")) == ("DeviceConfig", "2")


async def test_a_device_of_2016_gets_its_own_form(stage: Stage) -> None:
    await stage.make_old()
    stage.control("<RecordCmd>Record</RecordCmd><StreamNumber>1</StreamNumber>")
    await stage.answer()
    assert stage.device.control_of().body.child("StreamNumber") is None
    reset = "<AlarmCmd>ResetAlarm</AlarmCmd><Info><AlarmMethod>1/2</AlarmMethod></Info>"
    stage.control(reset)
    await stage.answer(2)
    info = stage.device.control_of().body.child("Info")
    assert info is not None and info.value("AlarmMethod") == "12"
    stage.control("<FrameMirror>2</FrameMirror>", command="DeviceConfig")
    assert (await stage.answer(3)).body.value("Result") == "ERROR"
    stage.control("<PTZPreciseCtrl><Pan>1.00</Pan></PTZPreciseCtrl>")
    await stage.counted("control.edition_too_old", number=2)


async def test_a_head_that_a_person_has_locked_is_not_moved(stage: Stage) -> None:
    admin = Identity(1, "admin", Role.ADMIN, "s", False, T0)
    heads = stage.service._controls._heads
    await heads.lock(admin, CHANNEL, 600)  # type: ignore[attr-defined]
    stage.control(turn(RIGHT))
    await stage.counted("control.ptz_held")
    await eventually(lambda: stage.log)
    assert stage.device.asked == []

"""Queries and commands: numbers 53 (but for RecordInfo), 55 to 58, 63 to 67 and 116."""

import functools
from dataclasses import dataclass

import numpy as np
import pytest

from sip.events import DeviceRegistered, KeepalivesMissed, SnapshotsUploaded, UpgradeEnded
from sip.gb28181 import (
    control,
    device_config,
    presets,
    ptz,
    ptz_queries,
    query,
    sd_card,
    snapshot,
)
from sip.gb28181.control import Frame, HomePosition
from sip.gb28181.manscdp import Root, parse_envelope
from sip.gb28181.question import QueryFailed, Question
from sip.roles.inquiry import InquiryEnded
from sip.simulator.profile import (
    CommandReceived,
    Faults,
    RegistrationChanged,
    RegistrationState,
    SimulatedChannel,
    SnapshotsRequested,
    UpgradeRequested,
)
from stream_relay.access_unit import Kind
from stream_relay.scene import SceneSource
from stream_relay.scenery import Place
from tests.sip.conftest import DEVICE_ID, SERVER_HOST, WALL, camera
from tests.sip.gb28181.ptz_vectors import VECTORS
from tests.sip.simulator.test_device import send

DOME, FIXED = camera(1).code, camera(2).code
INPUT = "34020000001340000001"
SESSION = "5f0c6f2e-4a1b-4d0e-9c8a-7d6e5f4a3b2c"
FRAME = Frame(1920, 1080, 480, 270, 480, 270)


@dataclass
class Desk:
    """A registered device with a dome, a fixed camera and an alarm input, to be asked."""

    rig: object

    def ask(self, question: Question):
        """Put a question and return its outcome; errors come as values."""
        key = self.rig.endpoint.ask(DEVICE_ID, question, self.rig.now)
        self.rig.run(60, lambda: self._ended(key) is not None)
        return self._ended(key).outcome

    def answers(self, question: Question) -> list[str]:
        """The outcome apart, which Responses the device sent because of it."""
        before = len(self.rig.packets(b"MESSAGE"))
        self.ask(question)
        self.rig.run(3)
        sent = self.rig.packets(b"MESSAGE")[before:]
        return [
            envelope.command
            for data in sent
            if (envelope := parse_envelope(data.split(b"\r\n\r\n", 1)[1])).root is Root.RESPONSE
        ]

    def aim(self):
        return self.rig.device.head(DOME).aim(self.rig.now)

    def _ended(self, key):
        return next((e for e in self.rig.heard(InquiryEnded) if e.key == key), None)


@pytest.fixture
def make_desk(make_rig):
    def make(**kinds):
        channels = (
            camera(1, ptz_type=1),
            camera(2, ptz_type=3),
            SimulatedChannel(INPUT, "烟感", ptz_type=None),
        )
        desk = Desk(make_rig(channels=channels, **kinds))
        desk.rig.register()
        return desk

    return make


@pytest.fixture
def desk(make_desk):
    return make_desk()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_c053_what_a_device_tells_of_itself_goes_there_and_back(make_desk, transport):
    desk = make_desk(transport=transport)
    info = desk.ask(query.ask_device_info())
    assert (info.device_id, info.channel_count) == (DEVICE_ID, 2)
    assert desk.ask(query.ask_device_status()).duty == ((INPUT, "OFFDUTY"),)
    assert desk.ask(control.guard(INPUT, is_on=True)) is None
    assert desk.ask(query.ask_device_status()).duty == ((INPUT, "ONDUTY"),)
    types = ("BasicParam", "VideoParamOpt", "SVACEncodeConfig", "SVACDecodeConfig")
    answer = desk.ask(device_config.ask_config(types))
    assert tuple(answer.configs) == types and not answer.missing
    assert desk.ask(presets.ask_presets(DOME)) == ()
    desk.ask(control.send_ptz(DOME, ptz.Preset(ptz.PresetAction.SET, 7), preset_name="井口"))
    assert desk.ask(presets.ask_presets(DOME)) == (presets.NamedPreset(7, "井口"),)


def test_c053_configuration_that_is_written_is_kept(desk):
    home = device_config.BasicParam(name="一号箱", heartbeat_interval_s=30)
    assert desk.ask(device_config.set_config({"BasicParam": home})) is None
    kept = desk.ask(device_config.ask_config(["BasicParam"])).configs["BasicParam"]
    assert (kept.name, kept.heartbeat_interval_s, kept.heartbeat_count) == ("一号箱", 30, 3)


@pytest.mark.parametrize("name", [n for n in device_config.CONFIG_TYPES if n != "SnapShotConfig"])
def test_c053_every_configuration_type_is_read_and_written_back(desk, name):
    read = desk.ask(device_config.ask_config([name], DOME)).configs[name]
    assert desk.ask(device_config.set_config({name: read}, DOME)) is None
    assert desk.ask(device_config.ask_config([name], DOME)).configs[name] == read


@pytest.mark.parametrize("text", VECTORS)
def test_c055_every_vector_encodes_and_decodes_byte_for_byte(text):
    assert ptz.encode(VECTORS[text]) == text
    assert ptz.decode(text) == VECTORS[text]


@pytest.mark.parametrize(
    ("command", "sign"),
    [
        (ptz.Move(pan=1, pan_speed=128), (1, 0, 0)),
        (ptz.Move(pan=-1, pan_speed=128), (-1, 0, 0)),
        (ptz.Move(tilt=1, tilt_speed=128), (0, -1, 0)),
        (ptz.Move(tilt=-1, tilt_speed=128), (0, 1, 0)),
        (ptz.Move(zoom=1, zoom_speed=8), (0, 0, 1)),
        (ptz.Move(1, -1, 1, 50, 50, 5), (1, 1, 1)),
    ],
)
def test_c055_a_head_moves_as_told_until_it_is_stopped(desk, command, sign):
    desk.ask(control.send_ptz(DOME, command))
    desk.rig.run(1)
    moved = desk.aim()
    turned = (moved.pan + 180) % 360 - 180
    assert tuple(int(np.sign(v)) for v in (turned, moved.tilt, moved.zoom - 1)) == sign
    desk.ask(control.stop(DOME))
    stopped = desk.aim()
    desk.rig.run(5)
    assert desk.aim() == stopped


def test_c056_a_wrong_checksum_moves_nothing_and_breaks_nothing(desk):
    before = desk.aim()
    for text in ("A50F01080080003E", "A50F0108008000", "no hex at all!!!", ""):
        sent = send(
            desk.rig, "MESSAGE", control.build_control(DOME, 5, [("PTZCmd", text)]), user=DOME
        )
        assert sent[0].startswith(b"SIP/2.0 200") and len(sent) == 1
        desk.rig.run(2)
    assert desk.aim() == before
    assert desk.ask(presets.ask_presets(DOME)) == ()


SILENT = {
    "PTZCmd": control.stop(DOME),
    "TeleBoot": control.reboot(),
    "IFrameCmd": control.request_key_frame(DOME),
    "DragZoomIn": control.drag_zoom(DOME, FRAME, is_in=True),
    "DragZoomOut": control.drag_zoom(DOME, FRAME, is_in=False),
    "PTZPreciseCtrl": control.move_precisely(DOME, pan=10),
    "FormatSDCard": control.format_card(1),
    "TargetTrack": control.track_target(DOME, "Auto"),
}
LOUD = {
    "RecordCmd": control.record(DOME, is_on=True),
    "GuardCmd": control.guard(is_on=True),
    "AlarmCmd": control.reset_alarm(),
    "HomePosition": control.set_home(DOME, HomePosition(True, 60, 1)),
    "DeviceConfig": device_config.set_config({"FrameMirror": device_config.FrameMirror(mode=1)}),
}


@pytest.mark.parametrize("name", SILENT)
def test_c057_no_response_where_the_standard_wants_none(desk, name):
    assert desk.answers(SILENT[name]) == []


@pytest.mark.parametrize("name", LOUD)
def test_c057_a_response_where_the_standard_wants_one(desk, name):
    command = "DeviceConfig" if name == "DeviceConfig" else "DeviceControl"
    assert desk.answers(LOUD[name]) == [command]


def test_c057_a_device_that_answers_everything_is_accepted(make_desk):
    desk = make_desk(faults=Faults(answers_everything=True))
    assert desk.ask(control.stop(DOME)) is None
    desk.rig.run(3)
    assert desk.ask(presets.ask_presets(DOME)) == ()


@pytest.mark.parametrize("name", LOUD)
def test_c057_an_error_of_the_device_is_told(make_desk, name):
    desk = make_desk(faults=Faults(control_refused=True))
    assert isinstance(desk.ask(LOUD[name]), QueryFailed)


@pytest.mark.parametrize("spelling", ["IFameCmd", "IFrameCmd"])
def test_c058_both_spellings_reach_the_encoder(desk, spelling):
    send(desk.rig, "MESSAGE", control.build_control(DOME, 5, [(spelling, "Send")]), user=DOME)
    desk.rig.run(0)
    assert [e.command for e in desk.rig.told(CommandReceived)] == [spelling]


def test_c058_the_next_picture_is_an_idr():
    source = SceneSource("井口", Place.YARD, 7, lambda: WALL)
    pictures = (unit for unit in source.units() if unit.track is Kind.VIDEO)
    assert [next(pictures).is_key for _ in range(4)] == [True, False, False, False]
    source.request_key_frame()
    assert [next(pictures).is_key for _ in range(3)] == [True, False, False]


def test_c063_precise_control_and_position(desk):
    desk.ask(control.move_precisely(DOME, pan=120.5, tilt=-5, zoom=4))
    desk.rig.run(5)
    position = desk.ask(ptz_queries.ask_position(DOME))
    assert (position.pan, position.tilt, position.zoom) == (120.5, -5, 4)
    assert position.horizontal_angle == 15


def test_c063_home(desk):
    home = HomePosition(True, 10, 3)
    desk.ask(control.send_ptz(DOME, ptz.Preset(ptz.PresetAction.SET, 3)))
    assert desk.ask(control.set_home(DOME, home)) is None
    assert desk.ask(ptz_queries.ask_home(DOME)) == home
    desk.ask(control.move_precisely(DOME, pan=90))
    desk.rig.run(5)
    assert desk.aim().pan == 90
    desk.rig.run(10)
    assert desk.aim().pan == 0


def test_c063_a_fixed_camera_has_no_home(desk):
    assert isinstance(desk.ask(control.set_home(FIXED, HomePosition(True))), QueryFailed)
    assert desk.ask(ptz_queries.ask_home(FIXED)) == HomePosition(False)


def test_c063_cruises(desk):
    tell = functools.partial(control.send_ptz, DOME)
    for number, pan in ((1, 30.0), (2, 60.0)):
        desk.ask(control.move_precisely(DOME, pan=pan))
        desk.rig.run(2)
        desk.ask(tell(ptz.Preset(ptz.PresetAction.SET, number)))
        desk.ask(tell(ptz.Cruise(ptz.CruiseAction.ADD, 0, number), cruise_name="Yard"))
    desk.ask(tell(ptz.Cruise(ptz.CruiseAction.DWELL, 0, 4)))
    desk.ask(tell(ptz.Cruise(ptz.CruiseAction.SPEED, 0, 9)))
    assert desk.ask(ptz_queries.ask_cruises(DOME)) == (ptz_queries.CruiseTrack(0, "Yard"),)
    points = tuple(ptz_queries.CruisePoint(n, 4, 9) for n in (1, 2))
    route = ptz_queries.CruiseRoute(0, "Yard", points)
    assert desk.ask(ptz_queries.ask_cruise(DOME, 0)) == route
    desk.ask(tell(ptz.Cruise(ptz.CruiseAction.START, 0)))
    desk.rig.run(3)
    assert desk.aim().pan == pytest.approx(30)
    desk.rig.run(4.8)
    assert desk.aim().pan == pytest.approx(60)
    desk.ask(control.stop(DOME))
    desk.rig.run(20)
    assert desk.aim().pan == pytest.approx(60)
    desk.ask(tell(ptz.Cruise(ptz.CruiseAction.DELETE, 0, 0)))
    assert desk.ask(ptz_queries.ask_cruises(DOME)) == ()


def test_c063_scan_between_its_edges(desk):
    tell = functools.partial(control.send_ptz, DOME)
    for action, pan in ((ptz.ScanAction.LEFT_EDGE, 350.0), (ptz.ScanAction.RIGHT_EDGE, 10.0)):
        desk.ask(control.move_precisely(DOME, pan=pan))
        desk.rig.run(2)
        desk.ask(tell(ptz.Scan(action, 1)))
    desk.ask(tell(ptz.Scan(ptz.ScanAction.START, 1)))
    seen = set()
    for _ in range(20):
        desk.rig.run(0.25)
        seen.add(round((desk.aim().pan + 180) % 360 - 180))
    assert min(seen) < -5 and max(seen) > 5 and all(-10 <= pan <= 10 for pan in seen)


def test_c063_cards_are_told_and_formatted(desk):
    before = desk.ask(sd_card.ask_cards())
    assert [card.status for card in before] == ["ok", "ok"]
    assert desk.ask(control.format_card(1)) is None
    during = desk.ask(sd_card.ask_cards())
    assert (during[0].status, during[1].status) == ("formatting", "ok")
    desk.rig.run(5)
    after = desk.ask(sd_card.ask_cards())
    assert after[0].free_mb == after[0].capacity_mb and after[1] == before[1]


@pytest.mark.parametrize("mode", ["Auto", "Manual", "Stop"])
def test_c063_a_target_is_tracked(desk, mode):
    area = FRAME if mode == "Manual" else None
    desk.ask(control.track_target(DOME, mode, panorama_id=FIXED, area=area))
    assert desk.rig.device.head(DOME).tracking == mode


def test_c063_drag_zoom_centres_the_rectangle(desk):
    desk.ask(control.drag_zoom(DOME, FRAME, is_in=True))
    desk.rig.run(3)
    aim = desk.aim()
    assert aim.zoom == pytest.approx(4)
    assert (aim.pan, aim.tilt) == (pytest.approx(345), pytest.approx(-8.5))


def order(url=f"http://{SERVER_HOST}:8080/snap/"):
    return snapshot.order_snapshots(DOME, count=2, interval_s=1, upload_url=url, session_id=SESSION)


def test_c064_snapshots_are_ordered_and_their_end_is_told(desk):
    assert desk.ask(order()) is None
    [wanted] = desk.rig.told(SnapshotsRequested)
    assert (wanted.channel_id, wanted.count, wanted.session_id) == (DOME, 2, SESSION)
    names = [snapshot.snapshot_file_id(DOME, WALL, n) for n in (1, 2)]
    assert {len(name) for name in names} == {41}
    desk.rig.device.finish_snapshots(DOME, wanted.session_id, names, desk.rig.now)
    desk.rig.run(2)
    [uploaded] = desk.rig.heard(SnapshotsUploaded)
    assert (uploaded.channel_id, uploaded.session_id) == (DOME, SESSION)
    assert uploaded.file_ids == tuple(names)


def upgrade(url=f"http://{SERVER_HOST}:8080/fw"):
    return control.upgrade("V2.0.0", url, "Fengsui", SESSION)


@pytest.mark.parametrize("fails", [False, True])
def test_c065_an_upgrade_ends_with_a_registration_and_its_result(make_desk, fails):
    desk = make_desk(faults=Faults(upgrade_fails=fails))
    rig = desk.rig
    assert desk.ask(upgrade()) is None
    [wanted] = rig.told(UpgradeRequested)
    rig.device.finish_upgrade(wanted.session_id, wanted.firmware, rig.now)
    rig.run(30, lambda: bool(rig.heard(UpgradeEnded)))
    states = [event.state for event in rig.told(RegistrationChanged)]
    assert states[-3:] == [
        RegistrationState.WAITING, RegistrationState.REGISTERING, RegistrationState.REGISTERED,
    ]  # fmt: skip
    [ended] = rig.heard(UpgradeEnded)
    firmware, reason = ("V1.0.0", "02") if fails else ("V2.0.0", "")
    assert (ended.session_id, ended.is_ok) == (SESSION, not fails)
    assert (ended.firmware, ended.reason) == (firmware, reason)
    assert desk.ask(query.ask_device_info()).firmware == firmware


def test_c066_unknown_elements_and_commands_are_harmless(desk):
    body = (
        b"<Control><CmdType>DeviceControl</CmdType><SN>1</SN><DeviceID>%s</DeviceID><Dance>1</Dance>"
        b"<ExtraInfo>x</ExtraInfo><PTZCmd>A50F010180000036</PTZCmd></Control>" % DOME.encode()
    )
    assert send(desk.rig, "MESSAGE", body, user=DOME)[0].startswith(b"SIP/2.0 200")
    desk.rig.run(1)
    assert desk.aim().pan > 0
    for command in (b"NeverHeardOf", b"x" * 64):
        body = b"<Query><CmdType>%s</CmdType><SN>1</SN></Query>" % command
        assert send(desk.rig, "MESSAGE", body, user=DOME)[0][8:11] in (b"200", b"415")
    assert desk.ask(presets.ask_presets(DOME)) == ()


def test_c066_the_platform_takes_what_it_does_not_know(desk):
    body = (
        b"<Notify><CmdType>NeverHeardOf</CmdType><SN>1</SN><DeviceID>%s</DeviceID></Notify>"
        % DEVICE_ID.encode()
    )
    desk.rig.device._post(body, desk.rig.now)
    desk.rig.run(2)
    assert desk.rig.endpoint.stats()["unread"] == 1
    assert not desk.rig.heard(KeepalivesMissed)
    assert len(desk.rig.heard(DeviceRegistered)) == 1


def test_c067_element_names_without_case_and_values_trimmed(desk):
    body = (
        b"<control><cmdtype> DeviceControl </cmdtype><sn> 9 </sn><DEVICEID> %s </DEVICEID>"
        b"<ptzcmd>\n A50F010180000036 \n</ptzcmd></control>" % DOME.encode()
    )
    send(desk.rig, "MESSAGE", body, user=DOME)
    desk.rig.run(1)
    assert desk.aim().pan > 0
    answer = (
        b"<response><CMDTYPE>PresetQuery </CMDTYPE><Sn>1</Sn><presetlist num='1'><item>"
        b"<presetid> 3 </presetid><PRESETNAME> Gate </PRESETNAME></item></presetlist></response>"
    )
    assert presets.parse_presets(parse_envelope(answer)) == (presets.NamedPreset(3, "Gate"),)


@pytest.mark.parametrize(
    "url", ["http://203.0.113.9/x", "ftp://192.0.2.10/x", "nonsense", "http://["]
)
def test_c116_strange_hosts_are_refused(desk, url):
    assert isinstance(desk.ask(order(url)), QueryFailed)
    assert isinstance(desk.ask(upgrade(url)), QueryFailed)
    assert not desk.rig.told(SnapshotsRequested) and not desk.rig.told(UpgradeRequested)


def test_c116_hosts_on_the_list_are_allowed(make_desk):
    desk = make_desk(allowed_hosts=("203.0.113.9",))
    assert desk.ask(order("http://203.0.113.9/x")) is None


def test_c116_a_2016_device_refuses_what_is_of_2022(make_desk):
    desk = make_desk(gb_version="2.0")
    assert isinstance(desk.ask(order()), QueryFailed)
    assert isinstance(desk.ask(device_config.ask_config(["OSDConfig"], DOME)), QueryFailed)
    assert isinstance(desk.ask(ptz_queries.ask_position(DOME)), QueryFailed)

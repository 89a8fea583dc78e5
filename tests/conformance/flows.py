"""Every flow of the standard once, played by an endpoint and a simulated device for a capture."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sip.events import Position
from sip.gb28181 import (
    catalog,
    control,
    device_config,
    mansrtsp,
    presets,
    ptz,
    ptz_queries,
    query,
    sd_card,
    snapshot,
)
from sip.gb28181.control import Frame, HomePosition
from sip.gb28181.question import Question
from sip.gb28181.record_info import RecordQuery, ask_record_info
from sip.gb28181.subscription import Topic, Wish
from sip.message.digest import Algorithm
from sip.message.sdp import History
from sip.roles.authentication import Credential
from sip.roles.call import InvitationAnswered
from sip.roles.playback import ControlEnded
from sip.roles.rules import ALL_DEVICES, RedirectTarget, RegistrationRule
from sip.roles.voice_call import VoiceRequested, VoiceStarted
from sip.simulator.profile import MediaRequested, VoiceWanted
from sip.simulator.timetable import Timetable
from tests.sip.conftest import (
    DEVICE_HOST,
    DEVICE_ID,
    PASSWORD,
    SERVER_HOST,
    WALL,
    Rig,
    camera,
    make_endpoint,
)
from tests.sip.gb28181.ptz_vectors import VECTORS

DOME, OTHER = camera(1).code, camera(2).code
SESSION = "5f0c6f2e-4a1b-4d0e-9c8a-7d6e5f4a3b2c"
FRAME = Frame(1920, 1080, 480, 270, 480, 270)
NOW = datetime(2026, 5, 1, 2, tzinfo=UTC)
START = int((NOW - timedelta(hours=2)).timestamp())
TARGET = RedirectTarget("34020000002000000002", "192.0.2.11")
CALL_PORT = 15060
VOICE_PORT = 16000
PLATFORM_VOICE = ("192.0.2.20", 30010)


@dataclass(frozen=True)
class Flow:
    """How a flow is played, and what its capture must show."""

    play: Callable[[Rig], None]
    methods: frozenset[str]
    """Methods of SIP, REGISTER apart."""
    words: tuple[bytes, ...] = ()
    """What stands in one of its messages each."""
    kinds: dict[str, object] = field(default_factory=dict)
    """For `make_rig`."""


def answer_calls(rig: Rig) -> None:
    """Both shells: every call gets a port."""

    def react(party: object, event: object) -> None:
        if isinstance(event, VoiceWanted):
            rig.device.call_for_voice(event.call_id, DEVICE_HOST, VOICE_PORT, rig.now)
        elif isinstance(event, VoiceRequested):
            rig.endpoint.accept_voice(event.call_id, *PLATFORM_VOICE, rig.now)
        elif isinstance(event, MediaRequested):
            rig.device.accept_media(event.call_id, DEVICE_HOST, CALL_PORT, rig.now)

    rig.network.react = react


def ask_all(rig: Rig, questions: Iterable[Question]) -> None:
    rig.register()
    for question in questions:
        rig.endpoint.ask(DEVICE_ID, question, rig.now)
        rig.run(3)


# Registration


def register(rig: Rig) -> None:
    rig.register()
    rig.run(200)


def register_anew_and_leave(rig: Rig) -> None:
    rig.register()
    rig.run(700)
    rig.device.stop(rig.now)
    rig.run(5)


def be_refused(rig: Rig) -> None:
    rig.credentials[DEVICE_ID] = Credential("another")
    rig.device.start(rig.now)
    rig.run(5)


def be_redirected(rig: Rig) -> None:
    known = {DEVICE_ID: Credential(PASSWORD)}
    target = make_endpoint(
        rig.network,
        known,
        server_id=TARGET.server_id,
        domain=TARGET.server_id[:10],
        advertised_host=TARGET.host,
    )
    for transport in ("udp", "tcp"):
        rig.network.attach(target, transport, TARGET.host, 5060)
    rig.endpoint.set_rule(ALL_DEVICES, RegistrationRule(redirect_to=TARGET))
    rig.device.start(rig.now)
    rig.run(30, lambda: target.is_registered(DEVICE_ID))
    assert target.is_registered(DEVICE_ID)
    rig.run(70)


# Questions and commands


def ask_everything(rig: Rig) -> None:
    ask_all(
        rig,
        [
            catalog.ask_catalog(),
            query.ask_device_info(),
            query.ask_device_status(),
            presets.ask_presets(DOME),
            ptz_queries.ask_home(DOME),
            ptz_queries.ask_cruises(DOME),
            ptz_queries.ask_cruise(DOME, 0),
            ptz_queries.ask_position(DOME),
            sd_card.ask_cards(),
        ],
    )


def turn_the_head(rig: Rig) -> None:
    named = control.send_ptz(DOME, ptz.Preset(ptz.PresetAction.SET, 7), preset_name="井口")
    ask_all(rig, [*(control.send_ptz(DOME, move) for move in VECTORS.values()), named])


def command_everything(rig: Rig) -> None:
    ask_all(
        rig,
        [
            control.record(DOME, is_on=True),
            control.guard(is_on=True),
            control.reset_alarm(DOME, method="2", alarm_type="1"),
            control.request_key_frame(DOME),
            control.drag_zoom(DOME, FRAME, is_in=True),
            control.drag_zoom(DOME, FRAME, is_in=False),
            control.set_home(DOME, HomePosition(True, 60, 1)),
            control.move_precisely(DOME, pan=10, tilt=5, zoom=2),
            control.track_target(DOME, "Manual", panorama_id=OTHER, area=FRAME),
            control.format_card(1),
            control.reboot(),
        ],
    )


def configure_everything(rig: Rig) -> None:
    ask_all(rig, [])
    for name in (name for name in device_config.CONFIG_TYPES if name != "SnapShotConfig"):
        read = device_config.ask_config([name], DOME)
        rig.endpoint.ask(DEVICE_ID, read, rig.now)
        rig.run(3)
    wanted = {
        "BasicParam": device_config.BasicParam(name="一号箱", heartbeat_interval_s=30),
        "FrameMirror": device_config.FrameMirror(mode=1),
    }
    for name, config in wanted.items():
        order = device_config.set_config({name: config}, DOME)
        rig.endpoint.ask(DEVICE_ID, order, rig.now)
        rig.run(3)


def take_snapshots(rig: Rig) -> None:
    url = f"http://{SERVER_HOST}:8080/snap/"
    order = snapshot.order_snapshots(
        DOME, count=2, interval_s=1, upload_url=url, session_id=SESSION
    )
    ask_all(rig, [order])
    names = [snapshot.snapshot_file_id(DOME, WALL, number) for number in (1, 2)]
    rig.device.finish_snapshots(DOME, SESSION, names, rig.now)
    rig.run(5)


def upgrade(rig: Rig) -> None:
    url = f"http://{SERVER_HOST}:8080/fw"
    ask_all(rig, [control.upgrade("V2.0.0", url, "Fengsui", SESSION)])
    rig.device.finish_upgrade(SESSION, "V2.0.0", rig.now)
    rig.run(60)


def ask_recordings(rig: Rig) -> None:
    ask_all(rig, [ask_record_info(RecordQuery(DOME, NOW - timedelta(hours=6), NOW))])


# Subscriptions and alarms


def follow(rig: Rig, topic: Topic) -> None:
    rig.register()
    rig.endpoint.follow(DEVICE_ID, Wish(topic, expires_s=60), rig.now)
    rig.run(100)


def unfollow(rig: Rig, topic: Topic) -> None:
    rig.run(5)
    rig.endpoint.unfollow(DEVICE_ID, topic, rig.now)
    rig.run(5)


def follow_the_catalog(rig: Rig) -> None:
    follow(rig, Topic.CATALOG)
    for event in ("OFF", "ON", "VLOST", "DEFECT"):
        rig.device.reports.turn(DOME, event, rig.now)
    rig.device.reports.add(camera(7), rig.now)
    rig.device.reports.remove(OTHER, rig.now)
    unfollow(rig, Topic.CATALOG)


def follow_alarms(rig: Rig) -> None:
    follow(rig, Topic.ALARM)
    rig.device.raise_alarm(DOME, rig.now, method="5", alarm_type="6", event_type="1")
    unfollow(rig, Topic.ALARM)


def follow_positions(rig: Rig) -> None:
    follow(rig, Topic.POSITION)
    rig.device.reports.move(Position(DOME, 112.9, 36.2, speed=20.5), rig.now)
    rig.run(20)
    unfollow(rig, Topic.POSITION)


def raise_an_alarm(rig: Rig) -> None:
    rig.register()
    rig.device.raise_alarm(
        DOME,
        rig.now,
        method="2",
        alarm_type="1",
        time_text="2026-05-01T10:00:00",
        description="视频丢失",
    )
    rig.run(5)


# Pictures and sound


def call(rig: Rig, history: History | None = None, transport: str = "udp") -> str:
    """Invite, and wait for the answer."""
    answer_calls(rig)
    rig.register()
    ssrc = rig.endpoint.new_ssrc(rig.now, is_history=history is not None)
    call_id = rig.invite(1, transport, ssrc=ssrc, history=history)
    rig.run(5, lambda: bool(rig.heard(InvitationAnswered)))
    assert rig.heard(InvitationAnswered)
    rig.run(1)
    return call_id


def watch_live(rig: Rig) -> None:
    call_id = call(rig)
    rig.endpoint.bye(call_id, rig.now)
    rig.run(5)


def take_back_an_invitation(rig: Rig) -> None:
    rig.register()
    call_id = rig.invite()
    rig.run(2)
    rig.endpoint.bye(call_id, rig.now)
    rig.run(40)


def play_back(rig: Rig) -> None:
    call_id = call(rig, History("Playback", START, START + 3600))
    commands = [mansrtsp.pause(), mansrtsp.resume(), mansrtsp.seek(100), mansrtsp.reverse(600)]
    for command in (*commands, *map(mansrtsp.set_speed, mansrtsp.SPEEDS), mansrtsp.teardown()):
        key = rig.endpoint.control_playback(call_id, command, rig.now)
        rig.run(5, lambda key=key: any(event.key == key for event in rig.heard(ControlEnded)))
    rig.device.end_file(call_id, rig.now)
    rig.run(2)
    rig.endpoint.bye(call_id, rig.now)
    rig.run(5)


def download(rig: Rig) -> None:
    call_id = call(rig, History("Download", START, START + 60, download_speed=4))
    rig.device.end_file(call_id, rig.now)
    rig.run(2)
    rig.endpoint.bye(call_id, rig.now)
    rig.run(5)


def speak(rig: Rig) -> None:
    answer_calls(rig)
    if not rig.endpoint.is_registered(DEVICE_ID):
        rig.register()
    opened = rig.endpoint.open_broadcast(DEVICE_ID, DOME, rig.now)
    rig.run(10, lambda: bool(rig.heard(VoiceStarted)))
    assert rig.heard(VoiceStarted)
    rig.run(2)
    rig.endpoint.end_broadcast(opened, rig.now)
    rig.run(5)


def talk(rig: Rig) -> None:
    call_id = call(rig)
    speak(rig)
    rig.endpoint.bye(call_id, rig.now)
    rig.run(5)


def _flow(play: Callable[[Rig], None], methods: str, *words: str, **kinds: object) -> Flow:
    return Flow(play, frozenset(methods.split()), tuple(word.encode() for word in words), kinds)


def _digest(algorithm: Algorithm) -> Flow:
    config = {"digest_algorithms": (algorithm,)}
    return _flow(register, "MESSAGE", f"algorithm={algorithm}", config=config)


TABLE = Timetable(lambda: NOW, gap_every=1000)
FLOWS: dict[str, Flow] = {
    "register": _flow(register, "MESSAGE", "Keepalive", "algorithm=MD5"),
    "register_sha256": _digest(Algorithm.SHA_256),
    "register_sm3": _digest(Algorithm.SM3),
    "register_wrong_password": _flow(be_refused, "", "SIP/2.0 403"),
    "redirect": _flow(be_redirected, "MESSAGE", "SIP/2.0 302"),
    "unregister": _flow(register_anew_and_leave, "MESSAGE", "Expires: 0"),
    "queries": _flow(
        ask_everything, "MESSAGE", "Catalog", "DeviceInfo", "DeviceStatus", "PresetQuery",
        "HomePositionQuery", "CruiseTrackListQuery", "CruiseTrackQuery", "PTZPosition",
        "SDCardStatus",
    ),
    "ptz": _flow(turn_the_head, "MESSAGE", "PTZCmd", "PTZCmdParams"),
    "control": _flow(
        command_everything, "MESSAGE", "RecordCmd", "GuardCmd", "AlarmCmd", "IFrameCmd",
        "DragZoomIn", "DragZoomOut", "HomePosition", "PTZPreciseCtrl", "TargetTrack",
        "FormatSDCard", "TeleBoot",
    ),
    "config": _flow(
        configure_everything, "MESSAGE", "DeviceConfig",
        *(name for name in device_config.CONFIG_TYPES if name != "SnapShotConfig"),
    ),
    "snapshot": _flow(take_snapshots, "MESSAGE", "SnapShotConfig", "UploadSnapShotFinished"),
    "upgrade": _flow(upgrade, "MESSAGE", "DeviceUpgrade", "DeviceUpgradeResult"),
    "records": _flow(ask_recordings, "MESSAGE", "RecordInfo", recordings=TABLE),
    "catalog_subscription": _flow(
        follow_the_catalog, "MESSAGE SUBSCRIBE NOTIFY", "Event: Catalog", "VLOST", "Expires: 0"
    ),
    "alarm_subscription": _flow(
        follow_alarms, "MESSAGE SUBSCRIBE NOTIFY", "AlarmMethod", "Event: presence"
    ),
    "position_subscription": _flow(
        follow_positions, "MESSAGE SUBSCRIBE NOTIFY", "MobilePosition", "112.9"
    ),
    "alarm": _flow(raise_an_alarm, "MESSAGE", "AlarmDescription"),
    "live": _flow(watch_live, "INVITE ACK BYE", "s=Play"),
    "cancel": _flow(take_back_an_invitation, "INVITE CANCEL ACK", "SIP/2.0 487"),
    "playback": _flow(
        play_back, "INVITE ACK INFO MESSAGE BYE", "s=Playback", "PAUSE RTSP", "MediaStatus",
        recordings=TABLE,
    ),
    "download": _flow(
        download, "INVITE ACK MESSAGE BYE", "s=Download", "downloadspeed", "filesize",
        recordings=TABLE,
    ),
    "broadcast": _flow(speak, "MESSAGE INVITE ACK BYE", "<CmdType>Broadcast", "a=sendonly"),
    "talk": _flow(talk, "MESSAGE INVITE ACK BYE", "m=audio", "m=video"),
}  # fmt: skip
"""By the name of the capture."""

"""The lower platform that we are, services included: numbers 106, 108 to 110 and 112."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from sip.events import AlarmReceived, Position, PositionsReceived
from sip.gb28181 import mansrtsp, ptz
from sip.gb28181.alarm import parse_alarm
from sip.gb28181.manscdp import parse_envelope
from sip.gb28181.mobile_position import parse_positions
from sip.gb28181.presets import NamedPreset, build_presets, parse_presets
from sip.gb28181.record_info import RecordItem, format_time, parse_record_info
from sip.gb28181.subscription import Topic
from sip.message.sdp import History
from tests.vms.bench import CHANNEL, DEVICE, T0, HandClock, eventually
from tests.vms.conftest import bus, clock, data, mine, secrets, store, worker
from tests.vms.services.cascade.stage import (
    OTHER_UPPER,
    OWN,
    THEIRS,
    UPPER,
    Stage,
    open_cascade,
    platform,
    tree_of,
)
from vms.bus import Bus
from vms.services.alarms import AlarmService
from vms.services.positions import PositionService
from vms.services.store import Store

__all__ = ["bus", "clock", "data", "mine", "secrets", "store", "worker"]

START = int(T0.timestamp()) - 7200
HISTORY = History("Playback", START, START + 3600)


@pytest.fixture
async def stage(mine: Store, clock: HandClock, bus: Bus) -> AsyncIterator[Stage]:
    async with open_cascade(mine, clock, bus) as opened:
        yield opened


@pytest.mark.parametrize("ssrc", [100_000_001, None])
async def test_c106_the_200_waits_for_media_and_keeps_the_ssrc_rule(
    stage: Stage, ssrc: int | None
) -> None:
    stage.invite(ssrc=ssrc)
    await eventually(lambda: any(each.answers for each in stage.relay.open.values()))
    assert stage.uplinks.accepted == {} and stage.uplinks.refused == {}
    stage.relay.bring_picture()
    _, _, answered, _ = await stage.until_accepted()
    assert answered == ssrc or (ssrc is None and 0 < answered < 1_000_000_000)
    [forwarder] = stage.relay.forwards
    assert not forwarder.is_started, "media begins with the ACK"
    assert stage.device.offers[0].ssrc != answered, "towards the device the number is our own"
    stage.acknowledge()
    await eventually(lambda: forwarder.is_started)
    assert forwarder.facts["ssrc"] == answered


async def test_c106_a_recording_waits_for_media_too(stage: Stage) -> None:
    stage.invite(kind="playback", history=HISTORY, ssrc=None)
    await eventually(lambda: any(each.answers for each in stage.relay.open.values()))
    assert stage.uplinks.accepted == {}
    await stage.bring_recording()
    _, _, answered, _ = await stage.until_accepted()
    assert answered >= 1_000_000_000, "the first digit of history is 1"


async def test_c108_two_uppers_share_one_device_session_and_end_alone(stage: Stage) -> None:
    stage.platforms.known[OTHER_UPPER] = platform(OTHER_UPPER)
    stage.platforms.trees[OTHER_UPPER] = tree_of(await stage.channel())
    stage.invite("one")
    await stage.bring_picture()
    await stage.until_accepted("one")
    stage.invite("two", CHANNEL, upper=OTHER_UPPER)
    await stage.until_accepted("two")
    stage.acknowledge("one")
    stage.acknowledge("two", OTHER_UPPER)
    await eventually(lambda: sum(each.is_started for each in stage.relay.sending) == 2)
    assert len(stage.device.offers) == 1
    stage.hang_up("one")
    await eventually(lambda: len(stage.relay.sending) == 1)
    assert stage.device.ended == [], "the other one still looks"
    stage.hang_up("two", OTHER_UPPER)
    await stage.until_idle()
    assert stage.device.ended == ["invitation-1"]


async def test_c109_playback_commands_and_the_end_of_the_file_pass(stage: Stage) -> None:
    stage.invite(kind="playback", history=HISTORY)
    await stage.bring_recording()
    await stage.until_accepted()
    stage.acknowledge()
    await eventually(lambda: stage.relay.sending and stage.relay.sending[0].is_started)
    commands = [mansrtsp.pause(), mansrtsp.seek(100), mansrtsp.set_speed(2)]
    for command in commands:
        stage.info(command)
    await eventually(lambda: len(stage.uplinks.replies) == len(commands))
    assert stage.device.commands == commands
    stage.playback.file_ended(DEVICE, "invitation-1")
    await eventually(lambda: stage.uplinks.files == ["call-1"])


async def test_c109_ptz_and_queries_pass_with_sn_and_codes_mapped(stage: Stage) -> None:
    command = ptz.encode(ptz.Move(tilt=1, tilt_speed=0x80))
    stage.control(f"<PTZCmd>{command}</PTZCmd>")
    asked = await stage.until_asked()
    assert (asked.device_id, asked.body.value("PTZCmd")) == (CHANNEL, command)
    stage.device.answers = [build_presets(CHANNEL, 5, [NamedPreset(1, "井口")])]
    stage.query("PresetQuery", THEIRS, sn=4711)
    answer = await stage.answer()
    assert (answer.sn, answer.device_id) == (4711, THEIRS)
    assert parse_presets(answer) == (NamedPreset(1, "井口"),)


async def test_c109_record_info_passes_with_sn_and_codes_mapped(stage: Stage) -> None:
    hour = (T0.replace(hour=1), T0.replace(hour=2))
    stage.device.packets = [[RecordItem(CHANNEL, *hour, record_type="time")]]
    window = "".join(
        f"<{name}>{format_time(at)}</{name}>"
        for name, at in zip(("StartTime", "EndTime"), (hour[0], T0), strict=True)
    )
    stage.query("RecordInfo", THEIRS, window, sn=4712)
    answer = await stage.answer()
    [item] = parse_record_info(answer).items
    assert (answer.sn, answer.device_id, item.device_id) == (4712, THEIRS, THEIRS)
    assert (item.start, item.end) == hour


async def test_c109_alarms_and_positions_pass_with_codes_mapped(stage: Stage) -> None:
    alarms = AlarmService(stage.store, Path("/nonexistent"), stage.bus, stage.clock)
    event = AlarmReceived(DEVICE, CHANNEL, 1, "2", "2", "", "", "", None, None, T0)
    await alarms.raise_device_alarm(event)
    assert parse_alarm(await stage.answer()).device_id == THEIRS
    stage.subscribe(Topic.POSITION, inside="<Interval>1</Interval>")
    await stage.counted("Subscribe.MobilePosition")
    places = PositionService(stage.store, stage.bus, stage.clock)
    await places.take(PositionsReceived(DEVICE, (Position(CHANNEL, 112.0, 36.0),), T0))
    await eventually(lambda: stage.uplinks.notified)
    envelope = parse_envelope(stage.uplinks.notified[0][2])
    assert [each.device_id for each in parse_positions(envelope, OWN).positions] == [THEIRS]


@pytest.mark.parametrize(
    ("edition", "has_list", "alarm_type"), [("2016", False, "11"), ("2022", True, "13")]
)
async def test_c110_what_goes_up_has_the_fields_of_the_upper_s_edition(
    stage: Stage, edition: str, has_list: bool, alarm_type: str
) -> None:
    stage.platforms.known[UPPER] = platform(edition=edition)
    alarms = AlarmService(stage.store, Path("/nonexistent"), stage.bus, stage.clock)
    event = AlarmReceived(DEVICE, CHANNEL, 1, "5", "13", "", "", "", None, None, T0)
    await alarms.raise_device_alarm(event)
    assert parse_alarm(await stage.answer()).alarm_type == alarm_type
    stage.subscribe(Topic.POSITION, inside="<Interval>1</Interval>")
    await stage.counted("Subscribe.MobilePosition")
    places = PositionService(stage.store, stage.bus, stage.clock)
    await places.take(PositionsReceived(DEVICE, (Position(CHANNEL, 112.0, 36.0),), T0))
    await eventually(lambda: stage.uplinks.notified)
    body = parse_envelope(stage.uplinks.notified[0][2]).body
    assert (body.child("DeviceList") is not None) is has_list


async def test_c110_what_goes_down_has_the_fields_of_the_device_s_edition(stage: Stage) -> None:
    await stage.make_old()
    stage.control("<IFrameCmd>Send</IFrameCmd>")
    asked = await stage.until_asked()
    assert asked.body.value("IFameCmd") == "Send", "2016 spells it so"
    reset = "<AlarmCmd>ResetAlarm</AlarmCmd><Info><AlarmMethod>1/2</AlarmMethod></Info>"
    stage.control(reset)
    info = (await stage.until_asked(2)).body.child("Info")
    assert info is not None and info.value("AlarmMethod") == "12"
    stage.query("SDCardStatus", THEIRS)
    await eventually(lambda: [a for a in stage.answers() if a.body.value("Result") == "ERROR"])
    assert len(stage.device.asked) == 2, "2016 has no cards to ask for"


async def test_c112_what_came_from_a_platform_is_not_served_to_it(stage: Stage) -> None:
    """Even where its tree named a camera of its own: no picture, no answer, no alarm."""
    theirs = replace(await stage.channel(), device_id=UPPER)
    stage.platforms.trees[UPPER] = tree_of(theirs, codes={CHANNEL: THEIRS})
    stage.invite()
    assert await stage.until_refused() == (404, "not_shared")
    stage.query("DeviceStatus", THEIRS)
    await stage.counted("not_shared")
    stage.control("<GuardCmd>SetGuard</GuardCmd>")
    await stage.counted("control.not_shared")
    alarms = AlarmService(stage.store, Path("/nonexistent"), stage.bus, stage.clock)
    await alarms.raise_device_alarm(
        AlarmReceived(UPPER, CHANNEL, 1, "2", "2", "", "", "", None, None, T0)
    )
    stage.platforms.trees[UPPER] = tree_of(await stage.channel(), codes={CHANNEL: THEIRS})
    stage.query("DeviceStatus", THEIRS)
    assert (await stage.answer()).command == "DeviceStatus"
    assert len(stage.answers()) == 1

"""What upper platforms ask, and what they get."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from channel_registry.upper_records import UpperRight
from sip.gb28181.catalog import parse_catalog
from sip.gb28181.manscdp import Root
from sip.gb28181.presets import NamedPreset, build_presets, parse_presets
from sip.gb28181.query import parse_device_info, parse_device_status
from sip.gb28181.record_info import RecordItem, format_time, parse_record_info
from sip.server import PeerUnreachable
from tests.vms.bench import CHANNEL, DEVICE, OTHER_CHANNEL, T0, eventually
from tests.vms.services.cascade.stage import (
    OTHER_UPPER,
    OWN,
    THEIRS,
    UPPER,
    Stage,
    platform,
    tree_of,
)

HOUR = timedelta(hours=1)
WINDOW = f"<StartTime>{format_time(T0 - 6 * HOUR)}</StartTime><EndTime>{format_time(T0)}</EndTime>"


async def test_the_catalogue_comes_whole_with_the_sn_that_was_asked(stage: Stage) -> None:
    stage.query("Catalog", OWN, sn=4711)
    envelope = await stage.answer()
    packet = parse_catalog(envelope)
    assert (envelope.root, envelope.sn, packet.sum_num) == (Root.RESPONSE, 4711, 2)
    assert [item.device_id for item in packet.items] == [OWN, THEIRS]
    await stage.counted("sent")
    catalog = stage.service.scorecard(UPPER).catalog
    assert catalog is not None and catalog.is_equal and catalog.items == 2


async def test_a_large_catalogue_goes_in_messages_that_fit_the_transport(stage: Stage) -> None:
    channel = await stage.channel()
    many = [replace(channel, code=f"1404000000132{n:07d}", name="井" * 20) for n in range(40)]
    stage.platforms.trees[UPPER] = tree_of(*many)
    stage.query("Catalog", OWN)
    await eventually(lambda: sum(len(parse_catalog(each).items) for each in stage.answers()) == 41)
    packets = [parse_catalog(each) for each in stage.answers()]
    assert {packet.sum_num for packet in packets} == {41}
    assert max(map(len, stage.uplinks.sent[UPPER])) <= 1300
    stage.platforms.known[UPPER] = platform(transport="tcp")
    before = len(stage.answers())
    stage.query("Catalog", OWN)
    await stage.answer(before + 1)
    assert len(parse_catalog(stage.answers()[before]).items) == 41


async def test_a_difference_to_what_was_sent_is_shown(stage: Stage) -> None:
    stage.query("Catalog", OWN)
    await stage.answer()
    await eventually(lambda: stage.service.scorecard(UPPER).catalog)
    renamed = replace(await stage.channel(), name="另名")
    other = await stage.channel(OTHER_CHANNEL)
    stage.platforms.trees[UPPER] = tree_of(renamed, other, codes={CHANNEL: THEIRS})
    catalog = stage.service.scorecard(UPPER).catalog
    assert catalog is not None
    assert (catalog.added, catalog.removed, catalog.changed) == (1, 0, 1)


async def test_an_answer_that_breaks_off_is_no_catalogue_sent(stage: Stage) -> None:
    stage.uplinks.failures[UPPER] = PeerUnreachable("no answer")
    stage.query("Catalog", OWN)
    await stage.counted("unsent")
    assert stage.service.scorecard(UPPER).catalog is None


async def test_ourselves_as_a_device(stage: Stage) -> None:
    stage.query("DeviceInfo", OWN)
    info = parse_device_info(await stage.answer())
    assert (info.name, info.manufacturer, info.channel_count) == ("县平台", "Fengsui", 1)
    stage.query("DeviceStatus", OWN)
    status = parse_device_status(await stage.answer(2))
    assert (status.is_online, status.is_ok) == (True, True)
    assert status.device_time == format_time(T0)


async def test_a_channel_answers_under_the_upper_s_code(stage: Stage) -> None:
    stage.query("DeviceInfo", THEIRS)
    info = parse_device_info(await stage.answer())
    assert (info.device_id, info.name) == (THEIRS, "主井口")
    stage.query("DeviceStatus", THEIRS)
    status = parse_device_status(await stage.answer(2))
    assert (status.device_id, status.is_online) == (THEIRS, True)


@pytest.mark.parametrize("command", ["DeviceInfo", "DeviceStatus", "RecordInfo", "PresetQuery"])
async def test_nothing_is_said_about_what_is_not_shared(stage: Stage, command: str) -> None:
    stage.query(command, CHANNEL, WINDOW)
    await stage.counted("not_shared")
    stage.query(command, OTHER_CHANNEL, WINDOW)
    await stage.counted("not_shared", number=2)
    assert stage.answers() == [] and stage.device.asked == []


async def test_what_nobody_knows_is_an_error(stage: Stage) -> None:
    stage.query("MakeCoffee", THEIRS, sn=12)
    answer = await stage.answer()
    assert (answer.command, answer.sn, answer.device_id) == ("MakeCoffee", 12, THEIRS)
    assert answer.body.value("Result") == "ERROR"


async def test_voice_from_above_is_refused_at_once(stage: Stage) -> None:
    stage.ask(
        "<Notify><CmdType>Broadcast</CmdType><SN>5</SN>"
        f"<SourceID>{UPPER}</SourceID><TargetID>{THEIRS}</TargetID></Notify>"
    )
    answer = await stage.answer()
    assert (answer.command, answer.sn, answer.device_id) == ("Broadcast", 5, THEIRS)
    assert answer.body.value("Result") == "ERROR"


async def test_recordings_of_the_device_under_the_upper_s_code(stage: Stage) -> None:
    start = T0 - 3 * HOUR
    stage.device.packets = [
        [RecordItem(CHANNEL, start, start + HOUR, name="一", record_type="time", size_bytes=7)],
        [RecordItem(CHANNEL, start + HOUR, start + 2 * HOUR, record_type="alarm")],
    ]
    stage.device.answering.set()
    stage.query("RecordInfo", THEIRS, WINDOW + "<Type>all</Type>")
    envelope = await stage.answer()
    packet = parse_record_info(envelope)
    assert (envelope.device_id, packet.sum_num, len(packet.items)) == (THEIRS, 2, 2)
    assert {item.device_id for item in packet.items} == {THEIRS}
    assert [item.start for item in packet.items] == [start, start + HOUR]
    stage.query("RecordInfo", THEIRS, WINDOW + "<Type>alarm</Type>", sn=72)
    assert len(parse_record_info(await stage.answer(2)).items) == 1


async def test_no_recordings_are_an_answer_too(stage: Stage) -> None:
    stage.query("RecordInfo", THEIRS, WINDOW)
    envelope = await stage.answer()
    assert (parse_record_info(envelope).sum_num, envelope.body.child("RecordList")) == (0, None)


async def test_recordings_need_a_right_and_a_device_that_answers(stage: Stage) -> None:
    stage.device.registered.clear()
    stage.query("RecordInfo", THEIRS, WINDOW)
    assert (await stage.answer()).body.value("Result") == "ERROR"
    stage.query("RecordInfo", THEIRS, "<StartTime>never</StartTime>")
    assert (await stage.answer(2)).body.value("Result") == "ERROR"
    stage.platforms.known[UPPER] = platform(rights=frozenset({UpperRight.LIVE}))
    stage.query("RecordInfo", THEIRS, WINDOW)
    assert (await stage.answer(3)).body.value("Result") == "ERROR"


async def test_what_only_the_device_knows_passes_with_sn_and_codes_mapped(stage: Stage) -> None:
    presets = [NamedPreset(1, "井口"), NamedPreset(2, "A&B")]
    stage.device.answers = [build_presets(CHANNEL, 3, presets)]
    stage.query("PresetQuery", THEIRS, sn=4712)
    asked = await stage.until_asked()
    assert (asked.command, asked.device_id) == ("PresetQuery", CHANNEL)
    answer = await stage.answer()
    assert (answer.sn, answer.device_id) == (4712, THEIRS)
    assert list(parse_presets(answer)) == presets


async def test_parameters_of_a_question_pass(stage: Stage) -> None:
    stage.query("CruiseTrackQuery", THEIRS, "<Number>3</Number>")
    asked = await stage.until_asked()
    assert asked.body.value("Number") == "3"


async def test_an_answer_in_many_messages_passes_whole(stage: Stage) -> None:
    types = ("BasicParam", "FrameMirror")
    stage.device.answers = [
        (
            "<Response><CmdType>ConfigDownload</CmdType><SN>1</SN>"
            f"<DeviceID>{CHANNEL}</DeviceID><Result>OK</Result><{name}>0</{name}></Response>"
        ).encode()
        for name in types
    ]
    stage.query("ConfigDownload", THEIRS, "<ConfigType>BasicParam/FrameMirror</ConfigType>")
    await stage.answer(2)
    assert [each.body.children[-1].name for each in stage.answers()] == list(types)


async def test_a_device_of_2016_is_not_asked_what_it_cannot_know(stage: Stage) -> None:
    await stage.make_old()
    stage.query("SDCardStatus", THEIRS)
    assert (await stage.answer()).body.value("Result") == "ERROR"
    assert stage.device.asked == []


async def test_a_silent_device_is_an_error(stage: Stage) -> None:
    stage.device.silence = PeerUnreachable("no answer")
    stage.query("PresetQuery", THEIRS)
    assert (await stage.answer()).body.value("Result") == "ERROR"
    assert stage.device.asked[0][0] == DEVICE


async def test_one_platform_that_does_not_take_answers_holds_up_no_other(stage: Stage) -> None:
    stage.platforms.known[OTHER_UPPER] = platform(OTHER_UPPER)
    stage.platforms.trees[OTHER_UPPER] = tree_of(await stage.channel())
    stage.uplinks.gate[UPPER] = asyncio.Event()
    stage.query("Catalog", OWN)
    stage.ask(
        f"<Query><CmdType>Catalog</CmdType><SN>1</SN><DeviceID>{OWN}</DeviceID></Query>",
        OTHER_UPPER,
    )
    await stage.answer(1, OTHER_UPPER)
    assert stage.answers(UPPER) == []
    stage.uplinks.gate[UPPER].set()
    await stage.answer()


async def test_a_platform_that_asks_too_much_is_dropped_and_counted(stage: Stage) -> None:
    stage.uplinks.gate[UPPER] = asyncio.Event()
    for sn in range(1, 400):
        stage.query("DeviceInfo", OWN, sn=sn)
    await stage.counted("dropped", number=100)
    stage.uplinks.gate[UPPER].set()
    await stage.answer(200)


async def test_a_platform_that_was_switched_off_gets_nothing(stage: Stage) -> None:
    stage.platforms.known[UPPER] = platform(is_enabled=False)
    stage.query("DeviceInfo", OWN)
    await stage.counted("Query.DeviceInfo")
    stage.platforms.known[UPPER] = platform()
    stage.query("DeviceStatus", OWN)
    assert (await stage.answer()).command == "DeviceStatus"

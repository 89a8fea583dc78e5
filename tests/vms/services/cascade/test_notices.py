"""What upper platforms are told without asking."""

from dataclasses import replace
from pathlib import Path

import pytest

from channel_registry.upper_records import UpperRight
from sip.events import AlarmReceived, Position, PositionsReceived
from sip.gb28181.alarm import parse_alarm
from sip.gb28181.catalog import parse_catalog
from sip.gb28181.manscdp import Root, parse_envelope
from sip.gb28181.mobile_position import parse_positions
from sip.gb28181.subscription import Topic
from sip.roles.upward.terms import UpperUnsubscribed
from tests.vms.bench import CHANNEL, DEVICE, OTHER_CHANNEL, T0, eventually
from tests.vms.services.cascade.stage import OWN, THEIRS, UPPER, Stage, platform, tree_of
from vms.events import SharesChanged
from vms.records import AlarmLevel
from vms.services.alarms import AlarmService
from vms.services.positions import PositionService
from vms.storage.records import NewAlarm


def told(stage: Stage, topic: Topic) -> list[bytes]:
    return [body for _, of, body in stage.uplinks.notified if of is topic]


def events(stage: Stage, number: int) -> list[tuple[str, str | None]]:
    packet = parse_catalog(parse_envelope(told(stage, Topic.CATALOG)[number]))
    return [(item.device_id, item.event) for item in packet.items]


async def until_told(stage: Stage, topic: Topic, count: int = 1) -> bytes:
    await eventually(lambda: len(told(stage, topic)) >= count)
    return told(stage, topic)[count - 1]


# The catalogue


async def test_the_first_notification_names_what_is_off(stage: Stage) -> None:
    off = replace(await stage.channel(OTHER_CHANNEL), online=False)
    stage.platforms.trees[UPPER] = tree_of(await stage.channel(), off, codes={CHANNEL: THEIRS})
    stage.subscribe(Topic.CATALOG)
    envelope = parse_envelope(await until_told(stage, Topic.CATALOG))
    assert (envelope.root, envelope.command, envelope.device_id) == (Root.NOTIFY, "Catalog", OWN)
    assert events(stage, 0) == [(OTHER_CHANNEL, "OFF")]


async def test_with_everything_on_the_first_notification_is_empty(stage: Stage) -> None:
    stage.subscribe(Topic.CATALOG)
    assert parse_catalog(parse_envelope(await until_told(stage, Topic.CATALOG))).sum_num == 0


async def test_changes_follow_as_add_del_update_on_and_off(stage: Stage) -> None:
    stage.query("Catalog", OWN)
    await eventually(lambda: stage.service.scorecard(UPPER).catalog)
    stage.subscribe(Topic.CATALOG)
    await until_told(stage, Topic.CATALOG)
    channel, other = await stage.channel(), await stage.channel(OTHER_CHANNEL)
    steps = [
        ([channel, other], [(OTHER_CHANNEL, "ADD")]),
        ([replace(channel, online=False), other], [(THEIRS, "OFF")]),
        ([channel, other], [(THEIRS, "ON")]),
        ([replace(channel, name="新名"), other], [(THEIRS, "UPDATE")]),
        ([other], [(THEIRS, "DEL")]),
    ]
    for number, (channels, wanted) in enumerate(steps, 1):
        stage.platforms.trees[UPPER] = tree_of(*channels, codes={CHANNEL: THEIRS})
        stage.bus.publish(SharesChanged(at=T0, platform_ids=(UPPER,)))
        await until_told(stage, Topic.CATALOG, number + 1)
        assert events(stage, number) == wanted
    catalog = stage.service.scorecard(UPPER).catalog
    assert catalog is not None and catalog.is_equal


async def test_a_change_that_is_none_is_not_told(stage: Stage) -> None:
    stage.subscribe(Topic.CATALOG)
    await until_told(stage, Topic.CATALOG)
    stage.bus.publish(SharesChanged(at=T0, platform_ids=(UPPER,)))
    stage.platforms.trees[UPPER] = tree_of()
    stage.bus.publish(SharesChanged(at=T0, platform_ids=(UPPER,)))
    await until_told(stage, Topic.CATALOG, 2)
    assert events(stage, 1) == [(THEIRS, "DEL")]


async def test_who_has_not_subscribed_or_no_more_is_told_nothing(stage: Stage) -> None:
    stage.subscribe(Topic.CATALOG)
    await until_told(stage, Topic.CATALOG)
    stage.uplinks.subscribed.clear()
    stage.uplinks.say(UpperUnsubscribed(UPPER, Topic.CATALOG))
    await eventually(lambda: not stage.service._notices._followers)
    stage.platforms.trees[UPPER] = tree_of()
    stage.bus.publish(SharesChanged(at=T0, platform_ids=(UPPER,)))
    await eventually(lambda: not stage.service._notices._changed)
    assert len(told(stage, Topic.CATALOG)) == 1


async def test_a_renewal_goes_on_where_it_was(stage: Stage) -> None:
    stage.subscribe(Topic.CATALOG)
    await until_told(stage, Topic.CATALOG)
    stage.platforms.trees[UPPER] = tree_of()
    stage.subscribe(Topic.CATALOG, is_renewal=True)
    await stage.counted("Subscribe.Catalog", number=2)
    assert len(told(stage, Topic.CATALOG)) == 1, "a renewal has no first notification"
    stage.bus.publish(SharesChanged(at=T0, platform_ids=(UPPER,)))
    await until_told(stage, Topic.CATALOG, 2)
    assert events(stage, 1) == [(THEIRS, "DEL")]


async def test_a_subscription_to_a_part_is_told_of_that_part(stage: Stage) -> None:
    stage.subscribe(Topic.CATALOG, target=OTHER_CHANNEL)
    await until_told(stage, Topic.CATALOG)
    channel, other = await stage.channel(), await stage.channel(OTHER_CHANNEL)
    off = replace(channel, online=False)
    stage.platforms.trees[UPPER] = tree_of(off, other, codes={CHANNEL: THEIRS})
    stage.bus.publish(SharesChanged(at=T0, platform_ids=(UPPER,)))
    await until_told(stage, Topic.CATALOG, 2)
    assert events(stage, 1) == [(OTHER_CHANNEL, "ADD")]


async def test_what_does_not_fit_follows_later(stage: Stage) -> None:
    channel = await stage.channel()
    many = [replace(channel, code=f"1404000000132{n + 100:07d}") for n in range(30)]
    stage.subscribe(Topic.CATALOG)
    await until_told(stage, Topic.CATALOG)
    stage.uplinks.room = 3
    stage.platforms.trees[UPPER] = tree_of(channel, *many, codes={CHANNEL: THEIRS})
    stage.bus.publish(SharesChanged(at=T0, platform_ids=(UPPER,)))
    await eventually(lambda: stage.uplinks.room == 0)
    stage.uplinks.room = 1_000
    added: list[str] = []

    def are_all_added() -> bool:
        bodies = told(stage, Topic.CATALOG)
        added[:] = [code for n in range(1, len(bodies)) for code, _ in events(stage, n)]
        return len(added) >= len(many)

    await eventually(are_all_added)
    assert sorted(added) == sorted(each.code for each in many)


# Alarms


def alarm(stage: Stage) -> AlarmService:
    return AlarmService(stage.store, Path("/nonexistent"), stage.bus, stage.clock)


def reported(code: str = CHANNEL, **changes: object) -> AlarmReceived:
    event = AlarmReceived(
        device_id=DEVICE,
        at=T0,
        source_id=code,
        priority=2,
        method="5",
        alarm_type="6",
        event_type="1",
        time_text="2026-07-01T16:00:00",
        description="有人进入",
        longitude=112.5,
        latitude=36.2,
    )
    return replace(event, **changes)  # type: ignore[arg-type]


async def test_an_alarm_goes_up_under_the_upper_s_code(stage: Stage) -> None:
    await alarm(stage).raise_device_alarm(reported())
    found = parse_alarm(await stage.answer())
    assert (found.device_id, found.priority, found.method) == (THEIRS, 2, "5")
    assert (found.alarm_type, found.event_type) == ("6", "1")
    assert (found.time_text, found.description) == ("2026-07-01T16:00:00", "有人进入")
    assert (found.longitude, found.latitude) == (112.5, 36.2)


async def test_a_repeated_alarm_is_told_again_and_a_seen_one_is_not(stage: Stage) -> None:
    alarms = alarm(stage)
    await alarms.raise_device_alarm(reported())
    await stage.answer()
    await alarms.raise_device_alarm(reported())
    await stage.answer(2)
    await alarms.acknowledge(1, "admin")
    await alarms.clear(1, "admin")
    await alarms.raise_device_alarm(reported(method="2", alarm_type="1"))
    assert parse_alarm(await stage.answer(3)).method == "2"


async def test_who_subscribed_gets_alarms_by_notify_and_only_those_it_wants(stage: Stage) -> None:
    stage.subscribe(Topic.ALARM, inside="<AlarmMethod>2</AlarmMethod>")
    await stage.counted("Subscribe.Alarm")
    alarms = alarm(stage)
    await alarms.raise_device_alarm(reported())
    await alarms.raise_device_alarm(reported(method="2", alarm_type="2"))
    found = parse_alarm(parse_envelope(await until_told(stage, Topic.ALARM)))
    assert (found.method, found.alarm_type) == ("2", "2")
    assert stage.answers() == []


async def test_alarms_of_what_is_not_shared_or_of_ourselves_stay_here(stage: Stage) -> None:
    alarms = alarm(stage)
    await alarms.raise_device_alarm(reported(OTHER_CHANNEL))
    await alarms.raise_(
        NewAlarm(CHANNEL, "stream_lost", AlarmLevel.YELLOW, dedupe_key="x", source="system")
    )
    stage.platforms.known[UPPER] = platform(rights=frozenset({UpperRight.LIVE}))
    await alarms.raise_device_alarm(reported())
    await eventually(lambda: not any(length for _, length, _ in stage.bus.queues()))
    stage.platforms.known[UPPER] = platform()
    await alarms.raise_device_alarm(reported(method="6", alarm_type="1"))
    assert parse_alarm(await stage.answer()).method == "6"


async def test_what_analysis_sees_is_an_intrusion(stage: Stage) -> None:
    scene = NewAlarm(
        CHANNEL,
        "intrusion",
        AlarmLevel.ORANGE,
        dedupe_key="scene:1",
        source="scene:1",
        detail={"scene": "井口"},
    )
    await alarm(stage).raise_(scene)
    found = parse_alarm(await stage.answer())
    assert (found.method, found.alarm_type, found.priority) == ("5", "6", 2)
    assert found.description == "井口"


@pytest.mark.parametrize(("edition", "alarm_type"), [("2016", "11"), ("2022", "13")])
async def test_a_type_that_2016_does_not_have_becomes_the_nearest(
    stage: Stage, edition: str, alarm_type: str
) -> None:
    stage.platforms.known[UPPER] = platform(edition=edition)
    await alarm(stage).raise_device_alarm(reported(alarm_type="13", event_type=""))
    assert parse_alarm(await stage.answer()).alarm_type == alarm_type


# Positions


async def move(stage: Stage, code: str, longitude: float) -> None:
    place = Position(code, longitude, 36.0, time_text="2026-07-01T16:00:00", speed=12.0)
    await PositionService(stage.store, stage.bus, stage.clock).take(
        PositionsReceived(device_id=DEVICE, at=T0, positions=(place,))
    )


@pytest.mark.parametrize("edition", ["2016", "2022"])
async def test_positions_go_to_who_subscribed_in_the_form_of_its_edition(
    stage: Stage, edition: str
) -> None:
    stage.platforms.known[UPPER] = platform(edition=edition)
    await move(stage, CHANNEL, 112.0)
    stage.subscribe(Topic.POSITION, inside="<Interval>1</Interval>")
    await stage.counted("Subscribe.MobilePosition")
    await move(stage, OTHER_CHANNEL, 111.0)
    await move(stage, CHANNEL, 113.0)
    envelope = parse_envelope(await until_told(stage, Topic.POSITION))
    has_list = envelope.body.child("DeviceList") is not None
    assert has_list is (edition == "2022")
    [place] = parse_positions(envelope, OWN).positions
    assert (place.device_id, place.longitude, place.speed) == (THEIRS, 113.0, 12.0)


async def test_a_place_is_told_once(stage: Stage) -> None:
    stage.subscribe(Topic.POSITION, inside="<Interval>1</Interval>")
    await stage.counted("Subscribe.MobilePosition")
    await move(stage, CHANNEL, 113.0)
    await until_told(stage, Topic.POSITION)
    await move(stage, CHANNEL, 114.0)
    last = parse_envelope(await until_told(stage, Topic.POSITION, 2))
    assert parse_positions(last, OWN).positions[0].longitude == 114.0
    assert len(told(stage, Topic.POSITION)) == 2

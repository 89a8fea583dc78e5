import asyncio
from pathlib import Path
from typing import Any

import pytest

from channel_registry.errors import DatabaseUnavailable
from sip import events as sip
from tests.vms.bench import CHANNEL, DEVICE, OTHER_CHANNEL, T0, HandClock, eventually
from vms.bus import Bus
from vms.errors import Conflict, NotFound
from vms.events import AlarmRaised, AlarmUpdated, DeviceStatusChanged, LiveStatusChanged
from vms.records import AlarmFilter, AlarmLevel, AlarmState, LiveReason, LiveState, LiveStatus
from vms.services.alarms import AlarmService
from vms.services.store import Store
from vms.storage.errors import DatabaseBusy
from vms.storage.queries.alarms import set_snapshot
from vms.storage.queries.audit import list_audit
from vms.storage.records import NewAlarm, SpanCause
from vms.storage.worker import DatabaseWorker

PICTURE = b"\xff\xd8\xff\xe0 a picture"
INTRUSION = NewAlarm(
    channel=CHANNEL, kind="intrusion", level=AlarmLevel.ORANGE, dedupe_key="scene:1:intrusion"
)


@pytest.fixture
def alarms(mine: Store, data: Path, bus: Bus, clock: HandClock) -> AlarmService:
    return AlarmService(mine, data, bus, clock)


async def test_same_cause_is_one_alarm_until_it_is_cleared(alarms: AlarmService) -> None:
    first = await alarms.raise_(INTRUSION)
    again = await alarms.raise_(INTRUSION)
    assert (again.id, again.count, again.state) == (first.id, 2, AlarmState.RAISED)
    await alarms.clear(first.id, "admin", "a cat")
    new = await alarms.raise_(INTRUSION)
    assert new.id != first.id


async def test_alarm_is_told_once_as_raised_and_then_as_updated(
    alarms: AlarmService, bus: Bus
) -> None:
    with bus.subscribe(AlarmRaised, AlarmUpdated) as events:
        alarm = await alarms.raise_(INTRUSION)
        await alarms.raise_(INTRUSION)
        await alarms.acknowledge(alarm.id, "admin")
        kinds = [type(await events.next()) for _ in range(3)]
    assert kinds == [AlarmRaised, AlarmUpdated, AlarmUpdated]


async def test_alarm_names_its_channel(alarms: AlarmService) -> None:
    assert (await alarms.raise_(INTRUSION)).channel_name == "主井口"


async def test_life_of_an_alarm_is_raised_acknowledged_cleared(
    alarms: AlarmService, clock: HandClock
) -> None:
    alarm = await alarms.raise_(INTRUSION)
    clock.turn(5)
    seen = await alarms.acknowledge(alarm.id, "operator")
    assert (seen.state, seen.acknowledged_by) == (AlarmState.ACKNOWLEDGED, "operator")
    assert seen.acknowledged_at == clock.wall()
    done = await alarms.clear(alarm.id, "admin", "nothing found")
    assert (done.state, done.cleared_by, done.note) == (
        AlarmState.CLEARED,
        "admin",
        "nothing found",
    )


async def test_step_that_does_not_fit_is_refused_and_changes_nothing(alarms: AlarmService) -> None:
    alarm = await alarms.raise_(INTRUSION)
    await alarms.clear(alarm.id, "admin")
    with pytest.raises(Conflict, match="clear"):
        await alarms.acknowledge(alarm.id, "other")
    assert (await alarms.alarm(alarm.id)).acknowledged_by is None
    with pytest.raises(NotFound):
        await alarms.clear(4711, "admin")


async def test_snapshot_lies_below_the_data_folder_under_a_name_made_here(
    alarms: AlarmService, data: Path
) -> None:
    alarm = await alarms.raise_(INTRUSION, PICTURE)
    path = await alarms.snapshot_path(alarm.id)
    assert path.read_bytes() == PICTURE
    assert path.parent.parent == data / "alarms"
    assert path.parent.name == "20260701"
    assert CHANNEL not in str(path)


async def test_repeated_alarm_keeps_its_first_picture(alarms: AlarmService, data: Path) -> None:
    await alarms.raise_(INTRUSION, PICTURE)
    await alarms.raise_(INTRUSION, b"another")
    assert len(list((data / "alarms").rglob("*.jpg"))) == 1


async def test_alarm_without_picture_has_none(alarms: AlarmService) -> None:
    alarm = await alarms.raise_(INTRUSION)
    with pytest.raises(NotFound) as refusal:
        await alarms.snapshot_path(alarm.id)
    assert refusal.value.code == "snapshot_not_found"


@pytest.mark.parametrize(
    "name", ["../secret.key", "/etc/passwd", "alarms/../secret.key", "alarms_backup/x.jpg", "."]
)
async def test_picture_outside_the_folder_is_never_served(
    name: str, alarms: AlarmService, mine: Store, data: Path
) -> None:
    (data / "secret.key").write_text("secret")
    (data / "alarms_backup").mkdir()
    (data / "alarms_backup" / "x.jpg").write_text("secret")
    alarm = await alarms.raise_(INTRUSION)
    await mine.run(set_snapshot, alarm.id, name)
    with pytest.raises(NotFound):
        await alarms.snapshot_path(alarm.id)


async def test_link_out_of_the_folder_is_never_followed(
    alarms: AlarmService, mine: Store, data: Path
) -> None:
    (data / "secret.key").write_text("secret")
    (data / "alarms").mkdir()
    (data / "alarms" / "x.jpg").symlink_to(data / "secret.key")
    alarm = await alarms.raise_(INTRUSION)
    await mine.run(set_snapshot, alarm.id, "alarms/x.jpg")
    with pytest.raises(NotFound):
        await alarms.snapshot_path(alarm.id)


async def test_disk_that_refuses_the_picture_does_not_stop_the_alarm(
    alarms: AlarmService, data: Path
) -> None:
    (data / "alarms").write_text("a file where the folder should be")
    alarm = await alarms.raise_(INTRUSION, PICTURE)
    assert (alarm.state, alarm.snapshot) == (AlarmState.RAISED, "")


async def test_old_pictures_are_removed_and_young_ones_stay(
    alarms: AlarmService, data: Path, clock: HandClock
) -> None:
    old = await alarms.raise_(INTRUSION, PICTURE)
    await alarms.clear(old.id, "admin")
    clock.turn(10 * 86_400)
    young = await alarms.raise_(INTRUSION, PICTURE)
    assert await alarms.prune(keep_days=5) == 1
    assert await alarms.snapshot_path(young.id)
    with pytest.raises(NotFound):
        await alarms.snapshot_path(old.id)
    assert len(list((data / "alarms").iterdir())) == 1


async def test_stalled_picture_raises_one_alarm(alarms: AlarmService, bus: Bus) -> None:
    stalled = LiveStatus(CHANNEL, LiveState.STALLED, reason=LiveReason.STALLED, detail="15 s")
    failed = LiveStatus(CHANNEL, LiveState.FAILED, reason=LiveReason.NO_MEDIA)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(alarms.run())
        await asyncio.sleep(0)
        with bus.subscribe(AlarmRaised) as events:
            for status in (failed, stalled):
                bus.publish(LiveStatusChanged(at=T0, status=status))
            event = await events.next()
        running.cancel()
    assert isinstance(event, AlarmRaised)
    assert (event.alarm.kind, event.alarm.channel) == ("stream_lost", CHANNEL)
    page = await alarms.alarms(AlarmFilter())
    assert page.total == 1


@pytest.mark.parametrize(
    ("priority", "level"),
    [(1, AlarmLevel.RED), (2, AlarmLevel.ORANGE), (3, AlarmLevel.YELLOW), (0, AlarmLevel.BLUE)],
)
async def test_alarm_of_a_device_gets_the_level_of_its_priority(
    priority: int, level: AlarmLevel, alarms: AlarmService
) -> None:
    event = sip.AlarmReceived(
        DEVICE, CHANNEL, priority, "5", "2", "1", "2026-07-01T16:00:00", "moved", None, None, T0
    )
    await alarms.raise_device_alarm(event)
    await alarms.raise_device_alarm(event)
    (alarm,) = (await alarms.alarms(AlarmFilter())).items
    assert (alarm.level, alarm.kind, alarm.source, alarm.count) == (
        level,
        "device_alarm",
        "device",
        2,
    )


async def test_second_address_of_a_living_device_is_an_alarm_with_both(
    alarms: AlarmService,
) -> None:
    before = sip.PeerAddress("udp", "10.0.0.1", 5060)
    now = sip.PeerAddress("tcp", "10.0.0.2", 5060)
    await alarms.raise_moved_device(sip.DeviceMoved(DEVICE, before, now, T0))
    (alarm,) = (await alarms.alarms(AlarmFilter())).items
    assert alarm.detail == {"before": "udp:10.0.0.1:5060", "now": "tcp:10.0.0.2:5060"}
    assert alarm.channel_name == "矿"


def stalled(code: str) -> LiveStatusChanged:
    status = LiveStatus(code, LiveState.STALLED, reason=LiveReason.STALLED)
    return LiveStatusChanged(at=T0, status=status)


def gone(device_id: str, cause: SpanCause = SpanCause.KEEPALIVE_LOST) -> DeviceStatusChanged:
    return DeviceStatusChanged(
        at=T0, device_id=device_id, online=False, registered=True, cause=cause.value
    )


def back(device_id: str) -> DeviceStatusChanged:
    return DeviceStatusChanged(
        at=T0, device_id=device_id, online=True, registered=True, cause="registered"
    )


CROWD = [f"1404000000118{number:07}" for number in range(200)]


async def test_pictures_that_all_stall_at_once_are_one_alarm_that_counts_them_all(
    alarms: AlarmService, bus: Bus
) -> None:
    codes = [f"1404000000132{number:07}" for number in range(300)]
    async with asyncio.TaskGroup() as group:
        running = group.create_task(alarms.run())
        await asyncio.sleep(0)
        for code in codes:
            bus.publish(stalled(code))
        await eventually(lambda: found(alarms, 1))
        running.cancel()
    (alarm,) = (await alarms.alarms(AlarmFilter())).items
    assert (alarm.kind, alarm.detail["lost"]) == ("streams_lost", 300)
    assert alarm.detail["names"].split() == codes[:50]


async def test_two_hundred_devices_that_fall_silent_one_by_one_are_one_alarm(
    alarms: AlarmService, bus: Bus, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threat 40: their keepalives end within one interval, not at one moment."""
    monkeypatch.setattr("vms.services.outages.GATHER_S", 0.0)

    async def told(count: int) -> bool:
        items = (await alarms.alarms(AlarmFilter())).items
        return bool(items) and items[0].detail["lost"] == count

    async with asyncio.TaskGroup() as group:
        running = group.create_task(alarms.run())
        await asyncio.sleep(0)
        for number, device_id in enumerate(CROWD, 1):
            bus.publish(gone(device_id))
            clock.turn(0.3)
            if number % 50 == 0:
                await eventually(lambda expected=number: told(expected))
        running.cancel()
    (alarm,) = (await alarms.alarms(AlarmFilter())).items
    assert alarm.kind == "devices_offline"


async def test_devices_that_say_goodbye_or_come_back_are_no_outage(
    alarms: AlarmService, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vms.services.outages.GATHER_S", 0.0)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(alarms.run())
        await asyncio.sleep(0)
        for device_id in CROWD:
            bus.publish(gone(device_id, SpanCause.UNREGISTERED))
        for _ in range(40):
            bus.publish(gone(DEVICE))
            bus.publish(back(DEVICE))
        bus.publish(stalled(CHANNEL))
        await eventually(lambda: found(alarms, 1))
        running.cancel()
    assert [a.kind for a in (await alarms.alarms(AlarmFilter())).items] == ["stream_lost"]


async def test_guessing_is_in_the_audit_log_and_one_alarm_per_device(
    alarms: AlarmService, mine: Store
) -> None:
    for last in (9, 10):
        peer = sip.PeerAddress("udp", f"203.0.113.{last}", 5060)
        await alarms.raise_guessing(sip.GuessingLocked(DEVICE, peer, T0))
    (alarm,) = (await alarms.alarms(AlarmFilter())).items
    assert (alarm.kind, alarm.channel, alarm.count) == ("password_guessing", DEVICE, 2)
    assert alarm.detail == {"address": "203.0.113.10"}
    entries = (await mine.run(list_audit, action="device.register")).items
    assert [(e.source, e.result) for e in entries] == [
        ("203.0.113.10", "locked_out"),
        ("203.0.113.9", "locked_out"),
    ]


async def test_stall_that_is_told_again_is_counted_once(alarms: AlarmService, bus: Bus) -> None:
    async with asyncio.TaskGroup() as group:
        running = group.create_task(alarms.run())
        await asyncio.sleep(0)
        for event in (stalled(CHANNEL), stalled(CHANNEL), stalled(OTHER_CHANNEL)):
            bus.publish(event)
        await eventually(lambda: found(alarms, 2))
        running.cancel()
    assert [a.count for a in (await alarms.alarms(AlarmFilter())).items] == [1, 1]


async def found(alarms: AlarmService, count: int) -> bool:
    return (await alarms.alarms(AlarmFilter())).total == count


async def test_alarm_waits_for_a_database_that_is_busy(
    alarms: AlarmService, worker: DatabaseWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vms.services.store.ASK_AGAIN_S", 0.0)
    run, refusals = worker.run, iter([DatabaseBusy("full"), DatabaseUnavailable("away")])

    async def refuse_twice(*args: Any, **kwargs: Any) -> Any:
        if error := next(refusals, None):
            raise error
        return await run(*args, **kwargs)

    monkeypatch.setattr(worker, "run", refuse_twice)
    assert (await alarms.raise_(INTRUSION)).count == 1

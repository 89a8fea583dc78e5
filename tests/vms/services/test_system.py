from collections import namedtuple
from pathlib import Path

import pytest

from tests.vms.bench import CHANNEL, HandClock
from vms.bus import Bus
from vms.metrics import Kind, Sample
from vms.records import AlarmFilter, LiveState, LiveStatus
from vms.services import system as system_module
from vms.services.alarms import AlarmService
from vms.services.store import Store
from vms.services.system import Gauges, SystemService

Disk = namedtuple("Disk", "total used free")


@pytest.fixture
def alarms(mine: Store, data: Path, bus: Bus, clock: HandClock) -> AlarmService:
    return AlarmService(mine, data, bus, clock)


@pytest.fixture
def system(
    mine: Store, alarms: AlarmService, data: Path, bus: Bus, clock: HandClock
) -> SystemService:
    gauges = Gauges(
        live=lambda: (LiveStatus(CHANNEL, LiveState.LIVE, viewers=3),),
        recording=lambda: 1,
        signalling=lambda: {"received.register": 7},
        database_pending=lambda: 0,
        relay=lambda: [Sample("stream_lost_total", Kind.COUNTER, "Lost.", 2, {"channel": "x"})],
    )
    return SystemService(
        mine,
        alarms,
        gauges,
        data=data,
        reserve_bytes=1000,
        time_zone="Asia/Shanghai",
        version="1.2.3",
        clock=clock,
        bus=bus,
    )


async def test_status_counts_what_there_is(system: SystemService, clock: HandClock) -> None:
    clock.turn(90)
    status = await system.status()
    assert (status.devices, status.devices_online) == (1, 1)
    assert (status.channels, status.channels_online, status.channels_proven) == (2, 2, 0)
    assert (status.streams, status.viewers, status.recording) == (1, 3, 1)
    assert (status.uptime_s, status.version) == (90, "1.2.3")
    assert 0 < status.disk_free_bytes <= status.disk_total_bytes


async def test_metrics_are_in_the_text_format(system: SystemService, bus: Bus) -> None:
    with bus.subscribe(name="web"):
        text = await system.metrics()
    assert "vms_devices_online 1\n" in text
    assert 'vms_sip_events_total{kind="received.register"} 7\n' in text
    assert 'vms_bus_queue{queue="web"} 0\n' in text
    assert 'vms_stream_lost_total{channel="x"} 2\n' in text


async def test_ready_is_what_the_application_says(system: SystemService) -> None:
    assert not system.is_ready()
    system.set_ready(True)
    assert system.is_ready()


@pytest.mark.parametrize(("free", "alarmed"), [(999, 1), (1000, 0)])
async def test_little_disk_space_is_one_alarm(
    free: int,
    alarmed: int,
    system: SystemService,
    alarms: AlarmService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(system_module.shutil, "disk_usage", lambda _: Disk(10**6, 0, free))
    await system.check_disk()
    await system.check_disk()
    page = await alarms.alarms(AlarmFilter())
    assert page.total == alarmed
    assert all(alarm.kind == "disk_low" for alarm in page.items)

import asyncio

import pytest

from tests.vms.bench import T0
from vms.bus import Bus
from vms.events import CatalogMerged, DeviceStatusChanged, Event


def device_event(device_id: str) -> DeviceStatusChanged:
    return DeviceStatusChanged(
        at=T0, device_id=device_id, online=True, registered=True, cause="registered"
    )


def catalog_event() -> CatalogMerged:
    return CatalogMerged(
        at=T0, device_id="1", added=0, updated=0, missing=0, returned=0, complete=True
    )


async def test_subscriber_gets_the_types_it_asked_for_in_order() -> None:
    bus = Bus()
    with bus.subscribe(DeviceStatusChanged) as events:
        bus.publish(device_event("1"))
        bus.publish(catalog_event())
        bus.publish(device_event("2"))
        first, second = await events.next(), await events.next()
    assert isinstance(first, DeviceStatusChanged)
    assert isinstance(second, DeviceStatusChanged)
    assert (first.device_id, second.device_id) == ("1", "2")


async def test_subscriber_without_types_gets_everything() -> None:
    bus = Bus()
    with bus.subscribe() as events:
        bus.publish(catalog_event())
        assert isinstance(await events.next(), Event)


async def test_slow_subscriber_loses_its_oldest_and_the_others_lose_nothing() -> None:
    bus = Bus()
    with bus.subscribe(name="slow", limit=2) as slow, bus.subscribe(name="fast") as fast:
        for number in range(5):
            bus.publish(device_event(str(number)))
        assert (len(slow), slow.dropped) == (2, 3)
        assert (len(fast), fast.dropped) == (5, 0)
        kept = await slow.next()
        assert isinstance(kept, DeviceStatusChanged)
        assert kept.device_id == "3"
        assert bus.queues() == (("slow", 1, 3), ("fast", 5, 0))
    assert bus.dropped == 3


async def test_subscriber_that_left_gets_nothing_and_costs_nothing() -> None:
    bus = Bus()
    with bus.subscribe() as events:
        pass
    bus.publish(catalog_event())
    assert len(events) == 0
    assert bus.queues() == ()


async def test_subscriber_waits_until_something_happens() -> None:
    bus = Bus()
    with bus.subscribe() as events:
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(events.next())
            await asyncio.sleep(0)
            assert not waiting.done()
            bus.publish(catalog_event())
    assert isinstance(waiting.result(), CatalogMerged)


async def test_iteration_can_be_cancelled() -> None:
    bus = Bus()

    async def follow() -> None:
        with bus.subscribe() as events:
            async for _ in events:
                pass

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await follow()
    assert bus.queues() == ()

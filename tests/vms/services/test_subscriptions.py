"""Which device is asked to report what, and what becomes of what it reports."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from channel_registry.queries.channels import get_channel
from channel_registry.queries.devices import get_device
from channel_registry.records import CatalogEntry
from sip import events as sip
from sip.events import CatalogItem, Position
from sip.roles.subscription import SubscriptionPhase
from sip.subscriptions import SubscriptionStatus, Topic
from tests.vms.bench import (
    CHANNEL,
    DEVICE,
    OTHER_CHANNEL,
    OTHER_DEVICE,
    T0,
    HandClock,
    camera,
    eventually,
)
from tests.vms.services.capability_ear import CapabilityEar
from tests.vms.services.registrar import FakeRegistrar
from vms.bus import Bus
from vms.config_sections import SipSection, SubscriptionsSection
from vms.errors import NotFound
from vms.events import DeviceStatusChanged, PositionReported, SubscriptionUpdated
from vms.records import SubscriptionTopic, SubscriptionView
from vms.services.catalogs import CatalogService
from vms.services.positions import PositionService
from vms.services.presence import catalog_came
from vms.services.presence_news import PresenceNews
from vms.services.signalling_writes import build_write, write_all
from vms.services.store import Store
from vms.services.subscriptions import SubscriptionService
from vms.storage.device_records import Verdict
from vms.storage.queries.spans import list_spans, open_spans
from vms.storage.records import SpanCause, SubjectKind

CATALOG, ALARM, POSITION = SubscriptionTopic


class FakeSubscriptions:
    """Remembers what is wanted."""

    def __init__(self) -> None:
        self.wanted: dict[tuple[str, Topic], int] = {}
        self.phases: dict[Topic, SubscriptionPhase] = {}
        self.calls: list[tuple[str, Topic]] = []

    async def follow_catalog(self, device_id: str, expires_s: int = 600) -> None:
        self._follow(device_id, Topic.CATALOG, expires_s)

    async def follow_alarms(self, device_id: str, expires_s: int = 600) -> None:
        self._follow(device_id, Topic.ALARM, expires_s)

    async def follow_positions(
        self, device_id: str, expires_s: int = 600, *, interval_s: int = 5
    ) -> None:
        self._follow(device_id, Topic.POSITION, interval_s)

    async def end(self, device_id: str, topic: Topic) -> None:
        self.wanted.pop((device_id, topic), None)

    def statuses(self, device_id: str) -> tuple[SubscriptionStatus, ...]:
        return tuple(
            SubscriptionStatus(
                device_id,
                topic,
                self.phases.get(topic, SubscriptionPhase.ACTIVE),
                T0,
                600,
                "",
                T0,
                2,
            )
            for (device, topic) in self.wanted
            if device == device_id
        )

    def topics(self, device_id: str = DEVICE) -> set[Topic]:
        return {topic for device, topic in self.wanted if device == device_id}

    def _follow(self, device_id: str, topic: Topic, value: int) -> None:
        self.wanted[device_id, topic] = value
        self.calls.append((device_id, topic))


class Desk:
    """The service with everything around it."""

    def __init__(
        self, store: Store, clock: HandClock, bus: Bus, settings: SubscriptionsSection
    ) -> None:
        self.fake = FakeSubscriptions()
        self.store, self.clock, self.bus = store, clock, bus
        news = PresenceNews(bus, clock)
        self.catalogs = CatalogService(FakeRegistrar(), store, news, SipSection(), clock)
        self.service = SubscriptionService(self.fake, store, self.catalogs, settings, bus, clock)

    def come(self, device_id: str = DEVICE) -> None:
        self.bus.publish(
            DeviceStatusChanged(
                at=T0, device_id=device_id, online=True, registered=True, cause="registered"
            )
        )

    async def view(self, topic: SubscriptionTopic) -> SubscriptionView:
        return next(v for v in await self.service.of_device(DEVICE) if v.topic is topic)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.service.run())
            await asyncio.sleep(0)
            yield
            task.cancel()


@pytest.fixture
def make_desk(mine: Store, clock: HandClock, bus: Bus) -> Callable[..., Desk]:
    def make(**settings: object) -> Desk:
        return Desk(mine, clock, bus, SubscriptionsSection(**settings))

    return make


async def test_a_device_that_comes_on_is_asked_for_changes_and_alarms(
    make_desk: Callable[..., Desk],
) -> None:
    desk = make_desk(expires_s=900)
    async with desk.running():
        desk.come()
        await eventually(lambda: len(desk.fake.wanted) == 2)
    assert desk.fake.topics() == {Topic.CATALOG, Topic.ALARM}
    assert desk.fake.wanted[DEVICE, Topic.CATALOG] == 900


@pytest.mark.parametrize(
    ("settings", "topics"),
    [
        ({"catalog": False}, {Topic.ALARM}),
        ({"alarm": False}, {Topic.CATALOG}),
        ({"position": "always"}, set(Topic)),
        ({"catalog": False, "alarm": False}, set()),
    ],
)
async def test_the_configuration_says_what_is_asked_for(
    make_desk: Callable[..., Desk], settings: dict[str, object], topics: set[Topic]
) -> None:
    desk = make_desk(**settings)
    async with desk.running():
        desk.come("14040000001180000099")  # unknown: logged, and the next one is served
        desk.come()
        await eventually(lambda: desk.fake.topics() == topics)
        await desk.service.of_device(DEVICE)
    assert desk.fake.topics() == topics


async def test_a_device_with_something_mobile_is_asked_for_positions(
    make_desk: Callable[..., Desk], mine: Store
) -> None:
    car = replace(camera(OTHER_CHANNEL), extra={"Info/MobileDeviceType": "4"})
    await mine.run(catalog_came, DEVICE, [car], T0, complete=False)
    desk = make_desk(position_interval_s=7)
    async with desk.running():
        desk.come()
        await eventually(lambda: Topic.POSITION in desk.fake.topics())
    assert desk.fake.wanted[DEVICE, Topic.POSITION] == 7


async def test_what_people_say_counts_more_and_is_kept(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    await desk.service.wish(DEVICE, CATALOG, False)
    await desk.service.wish(DEVICE, POSITION, True)
    async with desk.running():
        desk.come()
        await eventually(lambda: Topic.ALARM in desk.fake.topics())
    assert desk.fake.topics() == {Topic.ALARM, Topic.POSITION}
    assert (await desk.view(CATALOG)).state == "none"
    assert (await desk.view(CATALOG)).given is False
    views = await desk.service.wish(DEVICE, CATALOG, None)
    assert (views[0].wanted, views[0].given) == (True, None)
    assert Topic.CATALOG in desk.fake.topics()


async def test_a_device_that_refused_is_left_alone_for_a_day_and_polled(
    make_desk: Callable[..., Desk], clock: HandClock, bus: Bus
) -> None:
    desk = make_desk()
    refused = sip.SubscriptionChanged(DEVICE, "Catalog", "refused", "489", T0)
    with bus.subscribe(SubscriptionUpdated) as news:
        write = build_write(refused, {})
        assert write is not None
        await desk.store.run(write_all, [write])
        desk.service.on_capability = ear = CapabilityEar()
        desk.service.tell(refused)
    assert ear.heard == [(DEVICE, "subscription_catalog", Verdict.REFUSED)]
    with bus.subscribe(SubscriptionUpdated) as news:
        desk.service.tell(refused)
        told = await news.next()
    assert isinstance(told, SubscriptionUpdated)
    assert (told.topic, told.state, told.reason) == ("catalog", "refused", "489")
    async with desk.running():
        desk.come()
        await eventually(lambda: Topic.ALARM in desk.fake.topics())
        assert Topic.CATALOG not in desk.fake.topics()
        view = await desk.view(CATALOG)
        assert (view.state, view.reason) == ("refused", "489")
        assert await desk.service.poll() == 1
        assert desk.catalogs.waiting == 1
        clock.turn(90_000)
        desk.come()
        await eventually(lambda: Topic.CATALOG in desk.fake.topics())
    assert await desk.service.poll() == 0


async def test_a_subscription_that_is_not_active_is_polled_for(
    make_desk: Callable[..., Desk],
) -> None:
    desk = make_desk()
    await desk.fake.follow_catalog(DEVICE)
    desk.fake.phases[Topic.CATALOG] = SubscriptionPhase.WAITING
    assert await desk.service.poll() == 1


async def test_an_unknown_device_has_no_subscriptions(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    with pytest.raises(NotFound):
        await desk.service.of_device(OTHER_DEVICE)
    with pytest.raises(NotFound):
        await desk.service.wish(OTHER_DEVICE, CATALOG, True)


# What notifications change


async def notify(store: Store, *items: CatalogItem, seconds: int = 1) -> None:
    at = T0 + timedelta(seconds=seconds)
    write = build_write(sip.CatalogReceived(DEVICE, items, len(items), False, True, at), {})
    assert write is not None
    await store.run(write)


async def cause_of(store: Store, code: str = CHANNEL) -> SpanCause:
    return (await store.run(open_spans, SubjectKind.CHANNEL, [code]))[code].cause


@pytest.mark.parametrize(
    ("event", "cause"),
    [
        ("OFF", SpanCause.REPORTED_OFF),
        ("VLOST", SpanCause.VIDEO_LOST),
        ("DEFECT", SpanCause.DEFECT),
    ],
)
async def test_off_video_lost_and_defect_are_off_with_their_cause(
    mine: Store, event: str, cause: SpanCause
) -> None:
    await notify(mine, CatalogItem(CHANNEL, event=event))
    assert not (await mine.run(get_channel, CHANNEL)).online
    assert await cause_of(mine) is cause
    await notify(mine, CatalogItem(CHANNEL, event="ON"), seconds=2)
    assert (await mine.run(get_channel, CHANNEL)).online
    assert await cause_of(mine) is SpanCause.REPORTED_ON
    spans = (await mine.run(list_spans, kind=SubjectKind.CHANNEL, subject=CHANNEL)).items
    assert [span.cause for span in spans][:2] == [SpanCause.REPORTED_ON, cause]


async def test_the_last_of_several_events_of_a_channel_counts(mine: Store) -> None:
    await notify(mine, CatalogItem(CHANNEL, event="OFF"), CatalogItem(CHANNEL, event="ON"))
    assert (await mine.run(get_channel, CHANNEL)).online
    added = CatalogItem(CHANNEL, name="新名", event="ADD", parent_ids=(DEVICE,))
    await notify(mine, CatalogItem(CHANNEL, event="DEL"), added, seconds=2)
    channel = await mine.run(get_channel, CHANNEL)
    assert (channel.missing_since, channel.reported_name) == (None, "新名")


async def test_a_deleted_channel_is_kept_as_missing_since(mine: Store) -> None:
    await notify(mine, CatalogItem(CHANNEL, event="DEL"))
    channel = await mine.run(get_channel, CHANNEL)
    assert channel.missing_since == T0 + timedelta(seconds=1)
    assert await cause_of(mine) is SpanCause.MISSING


async def test_a_notification_adds_and_changes_and_leaves_the_catalogue_complete(
    mine: Store,
) -> None:
    new = CatalogItem("14040000001320000009", name="风井口", event="ADD", parent_ids=(DEVICE,))
    renamed = CatalogItem(CHANNEL, name="主井口二", event="UPDATE", parent_ids=(DEVICE,))
    await notify(mine, new, renamed)
    assert (await mine.run(get_channel, new.device_id)).reported_name == "风井口"
    assert (await mine.run(get_channel, CHANNEL)).reported_name == "主井口二"
    assert (await mine.run(get_channel, OTHER_CHANNEL)).missing_since is None
    assert (await mine.run(get_device, DEVICE)).catalog_complete


async def test_tens_of_thousands_of_channels_are_merged(mine: Store) -> None:
    entries = [
        CatalogEntry(f"1404000000132{number:07}", f"{number}号", parent_ids=(DEVICE,))
        for number in range(1, 20_001)
    ]
    change = await mine.run(catalog_came, DEVICE, entries, T0, complete=True)
    assert change.summary is not None
    assert len(change.summary.added) == 19_998
    await notify(mine, CatalogItem(entries[-1].code, event="VLOST"))
    assert not (await mine.run(get_channel, entries[-1].code)).online


# Positions


async def test_positions_are_kept_as_last_place_and_as_track(
    mine: Store, clock: HandClock, bus: Bus
) -> None:
    service = PositionService(mine, bus, clock)
    assert await service.last(CHANNEL) is None
    with bus.subscribe(PositionReported) as news:
        for number in range(3):
            at = T0 + timedelta(seconds=5 * number)
            place = Position(CHANNEL, 112.0 + number, 36.0, "2026-07-01T16:00:00", 20.0)
            await service.take(sip.PositionsReceived(DEVICE, (place,), at))
        told = await news.next()
    assert isinstance(told, PositionReported)
    assert told.position.longitude == 112.0
    last = await service.last(CHANNEL)
    assert last is not None
    assert (last.longitude, last.speed, last.at) == (114.0, 20.0, T0 + timedelta(seconds=10))
    points = await service.track(CHANNEL, T0, T0 + timedelta(seconds=10))
    assert [point.longitude for point in points] == [112.0, 113.0]
    clock.turn(40 * 86_400)
    assert await service.prune(keep_days=30) == 3
    assert await service.track(CHANNEL, T0, clock.wall()) == ()
    last = await service.last(CHANNEL)
    assert last is not None
    assert last.longitude == 114.0


async def test_a_code_that_is_no_code_is_not_kept(mine: Store, clock: HandClock, bus: Bus) -> None:
    service = PositionService(mine, bus, clock)
    place = Position("9" * 64, 112.0, 36.0)
    await service.take(sip.PositionsReceived(DEVICE, (place, Position(CHANNEL, 1, 2)), T0))
    last = await service.last(CHANNEL)
    assert last is not None
    assert last.longitude == 1

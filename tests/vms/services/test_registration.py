import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from channel_registry.queries.channels import get_channel
from channel_registry.queries.devices import add_device, delete_device, get_device
from sip import events as sip
from sip.events import CatalogItem
from sip.server import CatalogResult
from tests.vms.bench import CHANNEL, DEVICE, OTHER_CHANNEL, OTHER_DEVICE, T0, HandClock, eventually
from tests.vms.services.registrar import (
    ELSEWHERE,
    PEER,
    FakeRegistrar,
    attempt,
    keepalive,
    registered,
)
from vms.bus import Bus, Subscription
from vms.config_sections import SipSection
from vms.events import (
    CatalogMerged,
    ChannelStatusChanged,
    DeviceStatusChanged,
    Event,
    RegistrationAttempted,
    VideoUploadAnnounced,
)
from vms.secrets import Secrets
from vms.services import catalogs as catalogs_module
from vms.services.catalogs import CatalogService
from vms.services.credentials import CredentialCache
from vms.services.offline import SpanService
from vms.services.presence_news import PresenceNews
from vms.services.registration import Listeners, RegistrationService
from vms.services.store import Store
from vms.storage.queries.attempts import list_attempts
from vms.storage.queries.spans import list_spans, open_spans
from vms.storage.records import SpanCause, SpanState, SubjectKind

ACCEPTED = sip.AttemptOutcome.ACCEPTED


@dataclass
class Office:
    """A running registration service and everything around it."""

    service: RegistrationService
    registrar: FakeRegistrar
    credentials: CredentialCache
    store: Store
    catalogs: CatalogService
    news: Subscription
    ended: list[tuple[str, str]] = field(default_factory=list)
    alarms: list[sip.AlarmReceived] = field(default_factory=list)
    moves: list[sip.DeviceMoved] = field(default_factory=list)
    reports: list[sip.SubscriptionChanged | sip.PositionsReceived] = field(default_factory=list)
    clocks: list[sip.DeviceClockChecked] = field(default_factory=list)
    guesses: list[sip.GuessingLocked] = field(default_factory=list)
    reported: list[sip.SnapshotsUploaded | sip.UpgradeEnded] = field(default_factory=list)

    async def next(self, kind: type[Event]) -> Event:
        async with asyncio.timeout(60):
            while not isinstance(event := await self.news.next(), kind):
                pass
        return event


@pytest.fixture
async def office(
    mine: Store, secrets: Secrets, clock: HandClock, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    monkeypatch.setattr(catalogs_module, "RETRY_S", 0.01)
    registrar = FakeRegistrar()
    credentials = CredentialCache(mine, secrets)
    await credentials.reload()
    news = PresenceNews(bus, clock)
    catalogs = CatalogService(registrar, mine, news, SipSection(), clock)
    with bus.subscribe(limit=1000) as subscription:
        made = Office(
            service=None,  # type: ignore[arg-type]  # filled in below: the listeners need the office
            registrar=registrar,
            credentials=credentials,
            store=mine,
            catalogs=catalogs,
            news=subscription,
        )

        async def hear_alarm(event: sip.AlarmReceived) -> None:
            made.alarms.append(event)

        async def hear_move(event: sip.DeviceMoved) -> None:
            made.moves.append(event)

        async def hear_clock(event: sip.DeviceClockChecked) -> None:
            made.clocks.append(event)

        async def hear_report(event: sip.SubscriptionChanged | sip.PositionsReceived) -> None:
            made.reports.append(event)

        async def hear_guessing(event: sip.GuessingLocked) -> None:
            made.guesses.append(event)

        made.service = RegistrationService(
            registrar,
            mine,
            credentials,
            catalogs,
            news,
            bus=bus,
            clock=clock,
            listeners=Listeners(
                lambda name, reason: made.ended.append((name, reason)),
                lambda device, name: made.ended.append((name, f"file of {device}")),
                hear_alarm,
                hear_move,
                hear_clock,
                made.reported.append,
                made.reported.append,
                made.reports.append,
                hear_report,
                hear_guessing,
            ),
        )
        async with asyncio.TaskGroup() as group:
            running = group.create_task(made.service.run())
            yield made
            running.cancel()


async def leave(office: Office) -> DeviceStatusChanged:
    office.registrar.say(sip.DeviceUnregistered(DEVICE, PEER, T0 + timedelta(seconds=1)))
    event = await office.next(DeviceStatusChanged)
    assert isinstance(event, DeviceStatusChanged)
    return event


async def come(office: Office) -> DeviceStatusChanged:
    office.registrar.registered.add(DEVICE)
    office.registrar.say(registered())
    event = await office.next(DeviceStatusChanged)
    assert isinstance(event, DeviceStatusChanged)
    return event


async def test_device_that_leaves_takes_its_channels_off_with_cause(office: Office) -> None:
    event = await leave(office)
    assert (event.online, event.registered, event.cause) == (False, False, "unregistered")
    channel = await office.next(ChannelStatusChanged)
    assert isinstance(channel, ChannelStatusChanged)
    assert (channel.online, channel.cause) == (False, "device_offline")
    spans = await office.store.run(open_spans, SubjectKind.CHANNEL)
    assert {span.state for span in spans.values()} == {SpanState.OFF}
    device = await office.store.run(get_device, DEVICE)
    assert (device.online, device.registered, device.cause) == (False, False, "unregistered")


async def test_device_that_comes_back_is_told_with_its_address(office: Office) -> None:
    await leave(office)
    event = await come(office)
    assert (event.online, event.address, event.cause) == (True, "127.0.0.1:5061", "registered")
    device = await office.store.run(get_device, DEVICE)
    assert (device.user_agent, device.gb_version) == ("agent", "3.0")


@pytest.mark.parametrize(
    ("event", "cause", "still_registered"),
    [
        (sip.DeviceExpired(DEVICE, T0), "expired", False),
        (sip.DeviceDisconnected(DEVICE, PEER, T0), "connection_lost", False),
        (sip.KeepalivesMissed(DEVICE, 3, 180.0, T0), "keepalive_lost", True),
    ],
)
async def test_each_way_to_go_off_has_its_cause(
    event: sip.Event, cause: str, still_registered: bool, office: Office
) -> None:
    office.registrar.say(event)
    told = await office.next(DeviceStatusChanged)
    assert isinstance(told, DeviceStatusChanged)
    assert (told.online, told.cause, told.registered) == (False, cause, still_registered)


async def test_refresh_of_a_device_that_is_on_is_no_news(office: Office, bus: Bus) -> None:
    with bus.subscribe(DeviceStatusChanged) as changes:
        office.registrar.say(
            sip.DeviceRefreshed(DEVICE, PEER, 3600, T0), attempt("9" * 20, ACCEPTED)
        )
        await office.next(RegistrationAttempted)
        assert len(changes) == 0


async def test_first_registration_asks_for_device_info_and_catalog(office: Office) -> None:
    await leave(office)
    item = CatalogItem(device_id="14040000001320000009", name="风井口")
    office.registrar.catalogs = [CatalogResult((item,), 1, complete=True)]
    await come(office)
    merged = await office.next(CatalogMerged)
    assert isinstance(merged, CatalogMerged)
    assert (merged.added, merged.missing, merged.complete) == (1, 2, True)
    device = await office.store.run(get_device, DEVICE)
    assert (device.manufacturer, device.model, device.firmware) == ("Maker", "M1", "1.0")


async def test_incomplete_catalog_deletes_nothing_and_is_asked_for_again(office: Office) -> None:
    await leave(office)
    items = tuple(CatalogItem(device_id=code, name="x") for code in (CHANNEL, OTHER_CHANNEL))
    office.registrar.catalogs = [
        CatalogResult(items[:1], 2, complete=False),
        CatalogResult(items, 2, complete=True),
    ]
    await come(office)
    first = await office.next(CatalogMerged)
    second = await office.next(CatalogMerged)
    assert isinstance(first, CatalogMerged)
    assert isinstance(second, CatalogMerged)
    assert (first.complete, first.missing) == (False, 0)
    assert second.complete
    channel = await office.store.run(get_channel, OTHER_CHANNEL)
    assert channel.missing_since is None
    assert len(office.registrar.asked) == 2


async def test_device_that_does_not_answer_is_given_up_after_the_configured_attempts(
    office: Office,
) -> None:
    await leave(office)
    await come(office)
    await eventually(lambda: len(office.registrar.asked) == SipSection().catalog_attempts)
    await asyncio.sleep(0.1)
    assert len(office.registrar.asked) == SipSection().catalog_attempts


async def test_notification_turns_a_channel_off_and_names_why(office: Office) -> None:
    item = CatalogItem(device_id=CHANNEL, event="OFF")
    office.registrar.say(sip.CatalogReceived(DEVICE, (item,), 1, False, True, T0))
    told = await office.next(ChannelStatusChanged)
    assert isinstance(told, ChannelStatusChanged)
    assert (told.code, told.online, told.says_on, told.cause) == (
        CHANNEL,
        False,
        False,
        "reported_off",
    )


async def test_late_catalog_packets_add_and_never_delete(office: Office) -> None:
    item = CatalogItem(device_id="14040000001320000009", name="风井口")
    office.registrar.say(sip.CatalogReceived(DEVICE, (item,), 3, False, False, T0))
    merged = await office.next(CatalogMerged)
    assert isinstance(merged, CatalogMerged)
    assert (merged.added, merged.missing) == (1, 0)


async def test_attempts_are_recorded_and_told_known_or_not(office: Office) -> None:
    refused = sip.AttemptOutcome.REFUSED_UNKNOWN
    wrong = sip.AttemptOutcome.REFUSED_PASSWORD
    office.registrar.say(attempt(OTHER_DEVICE, refused), attempt(DEVICE, wrong))
    first = await office.next(RegistrationAttempted)
    second = await office.next(RegistrationAttempted)
    assert isinstance(first, RegistrationAttempted)
    assert isinstance(second, RegistrationAttempted)
    assert (first.attempt.outcome, first.attempt.known) == ("refused_unknown", False)
    assert (second.attempt.outcome, second.attempt.known) == ("refused_password", True)
    stored = await office.store.run(list_attempts)
    assert {each.outcome for each in stored} == {"refused_unknown", "refused_password"}


async def test_device_added_beside_the_running_platform_is_let_in_soon(
    office: Office, secrets: Secrets
) -> None:
    assert office.credentials.lookup(OTHER_DEVICE) is None
    token = secrets.encrypt("secret")
    await office.store.run(add_device, OTHER_DEVICE, at=T0, secret=token)
    office.credentials.lookup(OTHER_DEVICE)
    await office.credentials.reload()
    credential = office.credentials.lookup(OTHER_DEVICE)
    assert credential is not None
    assert credential.password == "secret"


async def test_device_removed_beside_the_running_platform_is_forgotten(office: Office) -> None:
    await office.store.run(delete_device, DEVICE)
    assert await office.credentials.reload() == {DEVICE}
    assert office.credentials.lookup(DEVICE) is None


async def test_signalling_about_a_removed_device_harms_nothing(office: Office) -> None:
    office.registrar.say(registered(OTHER_DEVICE), sip.DeviceExpired(OTHER_DEVICE, T0))
    assert (await leave(office)).device_id == DEVICE


async def test_events_for_others_reach_them(office: Office) -> None:
    alarm = sip.AlarmReceived(DEVICE, CHANNEL, 1, "5", "2", "", "", "moved", None, None, T0)
    office.registrar.say(
        sip.InvitationEnded("id-1", DEVICE, CHANNEL, "bye", T0),
        sip.DeviceMoved(DEVICE, PEER, ELSEWHERE, T0),
        alarm,
        attempt(DEVICE, ACCEPTED),
    )
    await office.next(RegistrationAttempted)
    assert office.ended == [("id-1", "bye")]
    assert (len(office.moves), office.alarms) == (1, [alarm])


async def test_what_devices_were_ordered_to_do_is_passed_on(office: Office) -> None:
    events = [
        sip.SnapshotsUploaded(DEVICE, DEVICE, "s1", (), T0),
        sip.UpgradeEnded(DEVICE, "s2", True, "V2", "", T0),
    ]
    office.registrar.say(*events)
    await eventually(lambda: office.reported == events)


async def test_keepalives_are_written_together_at_the_end_at_the_latest(
    mine: Store, secrets: Secrets, clock: HandClock, bus: Bus
) -> None:
    registrar, credentials = FakeRegistrar(), CredentialCache(mine, secrets)
    news = PresenceNews(bus, clock)

    async def nothing(_: object) -> None: ...

    service = RegistrationService(
        registrar,
        mine,
        credentials,
        CatalogService(registrar, mine, news, SipSection(), clock),
        news,
        bus=bus,
        clock=clock,
        listeners=Listeners(
            *([lambda *_: None] * 2 + [nothing] * 3 + [lambda _: None] * 2 + [nothing] * 3)
        ),
    )
    later = T0 + timedelta(seconds=50)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(service.run())
        registrar.say(sip.KeepaliveReceived(DEVICE, PEER, "OK", (), later))
        await eventually(lambda: registrar.is_heard)
        assert (await mine.run(get_device, DEVICE)).last_seen_at == T0
        running.cancel()
    assert (await mine.run(get_device, DEVICE)).last_seen_at == later


async def test_registrations_survive_a_restart_and_lost_ones_are_ended(
    office: Office, clock: HandClock
) -> None:
    assert await office.service.restore() == 1
    (snapshot,) = office.registrar.restored
    assert (snapshot.device_id, snapshot.peer) == (DEVICE, PEER)
    clock.turn(7200)
    assert await office.service.restore() == 0
    device = await office.store.run(get_device, DEVICE)
    assert (device.online, device.registered, device.cause) == (False, False, "expired")


async def test_first_keepalive_after_a_restart_ends_the_unknown_time(
    office: Office, clock: HandClock
) -> None:
    spans = SpanService(office.store, clock)
    clock.turn(100)
    await spans.end()
    clock.turn(300)
    assert await spans.begin() == 3
    await office.service.restore()
    clock.turn(10)
    office.registrar.say(sip.KeepaliveReceived(DEVICE, PEER, "OK", (), clock.wall()))
    told = await office.next(DeviceStatusChanged)
    assert isinstance(told, DeviceStatusChanged)
    assert told.online
    page = await office.store.run(list_spans, kind=SubjectKind.DEVICE, subject=DEVICE)
    history = [(span.state, span.cause) for span in reversed(page.items)]
    assert history == [
        (SpanState.ON, SpanCause.REGISTERED),
        (SpanState.UNKNOWN, SpanCause.PLATFORM_DOWN),
        (SpanState.ON, SpanCause.RETURNED),
    ]


async def test_keepalive_of_a_device_that_was_never_away_writes_no_span(office: Office) -> None:
    office.registrar.say(keepalive(), attempt(DEVICE, ACCEPTED))
    await office.next(RegistrationAttempted)
    page = await office.store.run(list_spans, kind=SubjectKind.DEVICE)
    assert page.total == 1


async def test_catalog_that_never_came_whole_is_asked_for_again_later(office: Office) -> None:
    items = (CatalogItem(device_id=CHANNEL, name="x"),)
    office.registrar.registered.add(DEVICE)
    office.registrar.catalogs = [CatalogResult(items, 2, complete=False)]
    await leave(office)
    await come(office)
    attempts = SipSection().catalog_attempts
    await eventually(lambda: len(office.registrar.asked) == attempts)
    office.registrar.catalogs = [CatalogResult(items, 1, complete=True)]
    await office.catalogs.ask_incomplete()
    await eventually(lambda: len(office.registrar.asked) == attempts + 1)


def with_faults(*codes: str, seconds: int = 1) -> sip.KeepaliveReceived:
    return sip.KeepaliveReceived(DEVICE, PEER, "OK", codes, T0 + timedelta(seconds=seconds))


async def next_channel(office: Office) -> ChannelStatusChanged:
    event = await office.next(ChannelStatusChanged)
    assert isinstance(event, ChannelStatusChanged)
    return event


async def test_channels_that_a_keepalive_calls_faulty_go_off_and_recover(office: Office) -> None:
    await come_back(office)
    office.registrar.say(with_faults(CHANNEL, "34020000001329999999"))
    event = await next_channel(office)
    assert (event.code, event.online, event.cause) == (CHANNEL, False, "faulty")
    office.registrar.say(with_faults(CHANNEL, seconds=2), with_faults(seconds=3))
    event = await next_channel(office)
    assert (event.code, event.online, event.cause) == (CHANNEL, True, "repaired")


async def test_a_fault_that_ended_while_we_were_down_is_noticed(office: Office) -> None:
    await come_back(office)
    office.registrar.say(with_faults(CHANNEL))
    assert not (await next_channel(office)).online
    await office.service.restore()
    office.registrar.say(with_faults(seconds=2))
    assert (await next_channel(office)).cause == "repaired"


async def test_a_channel_that_says_off_does_not_come_on_by_a_keepalive(office: Office) -> None:
    await come_back(office)
    off = sip.CatalogItem(CHANNEL, event="OFF")
    office.registrar.say(sip.CatalogReceived(DEVICE, (off,), 1, False, True, T0))
    assert (await next_channel(office)).cause == "reported_off"
    office.registrar.say(with_faults(CHANNEL), with_faults(OTHER_CHANNEL, seconds=2))
    assert (await next_channel(office)).code == OTHER_CHANNEL
    office.registrar.say(with_faults(seconds=3))
    assert (await next_channel(office)).code == OTHER_CHANNEL
    spans = await office.store.run(open_spans, SubjectKind.CHANNEL, [CHANNEL])
    assert (spans[CHANNEL].state, spans[CHANNEL].cause) == (SpanState.OFF, SpanCause.REPORTED_OFF)


async def come_back(office: Office) -> None:
    """Leave and register anew, so that the device's next keepalive is the first of a life."""
    await leave(office)
    office.registrar.registered.add(DEVICE)
    office.registrar.say(registered())
    for _ in range(2):
        while not (await next_channel(office)).online:
            pass


async def test_a_wrong_clock_is_kept_with_the_device_and_told(office: Office) -> None:
    wrong = sip.DeviceClockChecked(DEVICE, 3600.0, True, T0)
    office.registrar.say(wrong, attempt(DEVICE, ACCEPTED))
    await office.next(RegistrationAttempted)
    assert office.clocks == [wrong]
    assert (await office.store.run(get_device, DEVICE)).clock_offset_s == 3600.0
    right = sip.DeviceClockChecked(DEVICE, 0.1, False, T0)
    office.registrar.say(right, attempt(DEVICE, ACCEPTED))
    await office.next(RegistrationAttempted)
    assert office.clocks == [wrong]
    assert (await office.store.run(get_device, DEVICE)).clock_offset_s is None


async def test_devices_that_come_back_together_are_asked_a_few_at_a_time(
    mine: Store, clock: HandClock, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threat 40: two hundred devices are back; their catalogues come in turns, each once."""
    registrar, busy = FakeRegistrar(), 0
    most = 0

    async def query_catalog(device_id: str, timeout_s: float | None = None) -> CatalogResult:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0)
        busy -= 1
        registrar.asked.append(device_id)
        return CatalogResult((), 0, complete=True)

    monkeypatch.setattr(registrar, "query_catalog", query_catalog)
    ids = [f"1404000000118{number:07}" for number in range(200)]
    registrar.registered.update(ids)
    settings = SipSection(parallel_queries=4)
    catalogs = CatalogService(registrar, mine, PresenceNews(bus, clock), settings, clock)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(catalogs.run())
        for device_id in (*ids, *ids):
            await catalogs.ask(device_id)
        await eventually(lambda: catalogs.waiting == 0 and len(registrar.asked) >= len(ids))
        running.cancel()
    assert most <= 4
    assert set(registrar.asked) == set(ids)


async def test_a_lock_after_guessing_is_passed_on(office: Office) -> None:
    locked = sip.GuessingLocked(DEVICE, PEER, T0)
    office.registrar.say(locked, attempt(DEVICE, ACCEPTED))
    await office.next(RegistrationAttempted)
    assert office.guesses == [locked]


async def test_a_new_port_is_kept_with_the_device(office: Office) -> None:
    here = sip.PeerAddress("udp", "127.0.0.1", 7777)
    office.registrar.say(
        sip.DeviceRefreshed(DEVICE, here, 3600, T0, PEER), attempt(DEVICE, ACCEPTED)
    )
    await office.next(RegistrationAttempted)
    assert (await office.store.run(get_device, DEVICE)).address == "127.0.0.1:7777"


async def test_an_older_reading_never_takes_away_a_device_just_added(
    mine: Store, secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With several connections to the database the older of two readings may end last."""
    credentials = CredentialCache(mine, secrets)
    steps: list[str] = []
    plain = mine.run

    async def noted(query: object, *arguments: object, **more: object) -> object:
        steps.append("begin")
        answer = await plain(query, *arguments, **more)
        await asyncio.sleep(0)
        steps.append("end")
        return answer

    monkeypatch.setattr(mine, "run", noted)
    token = secrets.encrypt("secret")
    async with asyncio.TaskGroup() as group:
        group.create_task(credentials.reload())
        await plain(add_device, OTHER_DEVICE, at=T0, secret=token)
        group.create_task(credentials.reload())
    assert steps == ["begin", "end"] * 2
    assert credentials.lookup(OTHER_DEVICE) is not None


async def test_a_device_that_begins_to_send_video_is_told(office: Office) -> None:
    begun = sip.VideoUploadBegun(DEVICE, CHANNEL, "2026-05-01T10:00:00", 118.3, 31.3, T0)
    office.registrar.say(begun)
    event = await office.next(VideoUploadAnnounced)
    assert isinstance(event, VideoUploadAnnounced)
    assert (event.device_id, event.channel, event.longitude) == (DEVICE, CHANNEL, 118.3)

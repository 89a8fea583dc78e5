"""Many events of signalling in one transaction come to the same as one after the other."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from peewee import Database

from channel_registry.database import close_database
from channel_registry.queries.devices import add_device, get_device
from sip import events as sip
from sip.events import CatalogItem
from tests.vms.bench import CHANNEL, DEVICE, OTHER_CHANNEL, T0, camera
from tests.vms.services.registrar import PEER
from vms.services.presence import CatalogChange, PresenceChange, catalog_came
from vms.services.signalling_writes import Outcome, Write, build_write, write_all
from vms.storage.queries.attempts import list_attempts
from vms.storage.queries.spans import list_spans, open_spans
from vms.storage.queries.subscriptions import subscriptions_of
from vms.storage.records import SpanCause, SubjectKind
from vms.storage.worker import open_storage

DEVICES = [f"140400000011800000{number:02}" for number in range(1, 9)]
STRANGER = "14040000001180000099"
SECOND = timedelta(seconds=1)


@contextmanager
def registry(path: Path) -> Iterator[Database]:
    database = open_storage(f"sqlite:///{path}")
    for number, device_id in enumerate(DEVICES):
        add_device(database, device_id, at=T0, name=device_id, secret=None)
        code = f"140400000013200000{number:02}"
        catalog_came(database, device_id, [camera(code)], T0, complete=True)
    try:
        yield database
    finally:
        close_database(database)


def storm(seed: int) -> list[sip.Event]:
    """What devices do at random, one event a second."""
    dice = random.Random(seed)
    events: list[sip.Event] = []
    for second in range(60):
        device_id, at = dice.choice([*DEVICES, STRANGER]), T0 + second * SECOND
        events.append(
            dice.choice(
                (
                    sip.DeviceRegistered(device_id, PEER, 3600, "agent", "3.0", at),
                    sip.DeviceRefreshed(device_id, PEER, 3600, at),
                    sip.DeviceUnregistered(device_id, PEER, at),
                    sip.DeviceExpired(device_id, at),
                    sip.KeepalivesMissed(device_id, 3, 180.0, at),
                    sip.RegistrationAttempted(
                        device_id, PEER, sip.AttemptOutcome.ACCEPTED, "agent", at
                    ),
                )
            )
        )
    return events


def writes_of(events: list[sip.Event]) -> list[Write]:
    return [write for event in events if (write := build_write(event, {}))]


def picture(database: Database) -> list[object]:
    """What people see, without the times of those that share one."""
    found: list[object] = []
    for device_id in DEVICES:
        device = get_device(database, device_id)
        found.append((device.registered, device.online, device.cause, device.last_seen_at))
    for kind in SubjectKind:
        spans = list_spans(database, kind=kind, size=1000).items
        by_subject = sorted(spans, key=lambda span: (span.subject, span.started_at, span.id))
        found += [(span.subject, span.state, span.cause) for span in by_subject]
    return [*found, *((a.device_id, a.count, a.first_at) for a in list_attempts(database))]


def told(outcomes: list[Outcome]) -> list[object]:
    return [
        (o.device_id, o.turned, o.cause, [channel.code for channel in o.channels])
        for o in outcomes
        if isinstance(o, PresenceChange)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_a_batch_comes_to_the_same_as_one_after_the_other(seed: int, tmp_path: Path) -> None:
    writes = writes_of(storm(seed))
    with registry(tmp_path / "one.sqlite3") as one, registry(tmp_path / "many.sqlite3") as many:
        singly = [outcome for write in writes for outcome in write_all(one, [write])]
        together = write_all(many, writes)
        assert told(together) == told(singly)
        assert picture(many) == picture(one)


def test_unknown_device_in_a_batch_stops_nobody(tmp_path: Path) -> None:
    events = [
        sip.DeviceRegistered(device_id, PEER, 3600, "agent", "3.0", T0)
        for device_id in (DEVICES[0], STRANGER, DEVICES[1])
    ]
    with registry(tmp_path / "vms.sqlite3") as database:
        outcomes = write_all(database, writes_of([*events]))
        assert [outcome is None for outcome in outcomes] == [False, True, False]
        assert get_device(database, DEVICES[1]).online


def test_goodbyes_of_a_fleet_take_few_statements(tmp_path: Path) -> None:
    goodbyes: list[sip.Event] = [sip.DeviceUnregistered(each, PEER, T0) for each in DEVICES]
    with registry(tmp_path / "vms.sqlite3") as database:
        few = statements_of(database, writes_of(goodbyes[:1]))
        assert statements_of(database, writes_of(goodbyes)) <= few


def test_ends_of_a_fleets_subscriptions_take_few_statements(tmp_path: Path) -> None:
    """With each goodbye end its subscriptions: twice as many events as goodbyes."""
    ends: list[sip.Event] = []
    for each in DEVICES:
        ends.append(sip.DeviceUnregistered(each, PEER, T0))
        for topic in ("Catalog", "Alarm"):
            ends.append(sip.SubscriptionChanged(each, topic, "waiting", "offline", T0))
            ends.append(sip.SubscriptionChanged(each, topic, "refused", "489", T0))
    with registry(tmp_path / "vms.sqlite3") as database:
        few = statements_of(database, writes_of(ends[:5]))
        assert statements_of(database, writes_of(ends)) <= few
        known = subscriptions_of(database, DEVICES[-1])
        assert {topic: each.state for topic, each in known.items()} == {
            "Catalog": "refused",
            "Alarm": "refused",
        }


def statements_of(database: Database, writes: list[Write]) -> int:
    """How many statements SQLite is given for a batch."""
    counted: list[str] = []
    connection = database.connection()
    connection.set_trace_callback(counted.append)
    write_all(database, writes)
    connection.set_trace_callback(None)
    return len(counted)


# Catalogue events


def notify(database: Database, event: str, code: str = CHANNEL, second: int = 1) -> CatalogChange:
    item = CatalogItem(device_id=code, name="x", event=event)
    received = sip.CatalogReceived(DEVICE, (item,), 1, False, True, T0 + second * SECOND)
    write = build_write(received, {})
    assert write is not None
    (outcome,) = write_all(database, [write])
    assert isinstance(outcome, CatalogChange)
    return outcome


@pytest.fixture
def mine_file(tmp_path: Path) -> Iterator[Database]:
    database = open_storage(f"sqlite:///{tmp_path / 'vms.sqlite3'}")
    add_device(database, DEVICE, at=T0, name="矿", secret=None)
    entries = [camera(CHANNEL), camera(OTHER_CHANNEL, "副井口")]
    catalog_came(database, DEVICE, entries, T0, complete=True)
    registered = sip.DeviceRegistered(DEVICE, PEER, 3600, "agent", "3.0", T0)
    write_all(database, writes_of([registered]))
    yield database
    close_database(database)


def cause_of(database: Database, code: str = CHANNEL) -> SpanCause:
    return open_spans(database, SubjectKind.CHANNEL, [code])[code].cause


def test_video_loss_after_off_is_the_cause_that_is_shown(mine_file: Database) -> None:
    notify(mine_file, "OFF")
    change = notify(mine_file, "VLOST", second=2)
    assert [cause for _, cause in change.channels] == [SpanCause.VIDEO_LOST]
    assert cause_of(mine_file) is SpanCause.VIDEO_LOST
    spans = list_spans(mine_file, kind=SubjectKind.CHANNEL, subject=CHANNEL).items
    assert spans[0].started_at == T0 + SECOND, "it is off since it said so first"


def test_off_after_video_loss_changes_nothing(mine_file: Database) -> None:
    notify(mine_file, "VLOST")
    assert notify(mine_file, "OFF", second=2).channels == ()
    assert cause_of(mine_file) is SpanCause.VIDEO_LOST


def test_newer_of_two_exact_causes_counts_and_is_told_once(mine_file: Database) -> None:
    notify(mine_file, "VLOST")
    assert len(notify(mine_file, "DEFECT", second=2).channels) == 1
    assert notify(mine_file, "DEFECT", second=3).channels == ()
    assert cause_of(mine_file) is SpanCause.DEFECT


def test_added_channel_is_looked_up_alone(mine_file: Database) -> None:
    statements: list[str] = []
    mine_file.connection().set_trace_callback(statements.append)
    notify(mine_file, "ADD", "14040000001320000077")
    mine_file.connection().set_trace_callback(None)
    read = [each for each in statements if each.startswith("SELECT") and '"channel"' in each]
    assert all("IN (" in each for each in read), read

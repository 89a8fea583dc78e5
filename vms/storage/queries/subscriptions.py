"""What is subscribed to at devices: what people wish, and what was learned."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from peewee import Database

from channel_registry.literal import fit
from channel_registry.statements import Row, chunks, fetch, run
from vms.storage.device_records import SubscriptionRecord
from vms.storage.models import Subscription

_KEY = (Subscription.device_id, Subscription.topic)


def subscriptions_of(database: Database, device_id: str) -> dict[str, SubscriptionRecord]:
    """All that is known of a device, by topic."""
    return subscriptions_of_all(database, [device_id]).get(device_id, {})


def subscriptions_of_all(
    database: Database, ids: Iterable[str]
) -> dict[str, dict[str, SubscriptionRecord]]:
    """All that is known of many devices, by device and topic."""
    found: dict[str, dict[str, SubscriptionRecord]] = {}
    for chunk in chunks(ids):
        for row in fetch(Subscription.select().where(Subscription.device_id.in_(chunk)), database):
            found.setdefault(row["device_id"], {})[row["topic"]] = _record(row)
    return found


def wish_subscription(database: Database, device_id: str, topic: str, wanted: bool | None) -> None:
    """Say whether people want it; None: as configured."""
    row = _row(device_id, topic) | {"is_wanted": wanted}
    Subscription.insert(row).on_conflict(
        conflict_target=_KEY, preserve=[Subscription.is_wanted]
    ).execute(database)


@dataclass(frozen=True, slots=True)
class SubscriptionNote:
    """What became of a subscription."""

    device_id: str
    topic: str
    state: str
    reason: str
    at: datetime


def note_subscription(
    database: Database, device_id: str, topic: str, *, state: str, reason: str, at: datetime
) -> None:
    """Keep what became of it."""
    note_subscriptions(database, [SubscriptionNote(device_id, topic, state, reason, at)])


def note_subscriptions(database: Database, notes: Iterable[SubscriptionNote]) -> None:
    """The same for many; of several notes of one subscription the last one counts."""
    rows = {
        (note.device_id, note.topic): _row(note.device_id, note.topic)
        | {"state": note.state, "reason": fit(note.reason, 64)[0], "since": note.at}
        for note in notes
    }
    changed = [Subscription.state, Subscription.reason, Subscription.since]
    for chunk in chunks(rows.values()):
        Subscription.insert_many(chunk).on_conflict(conflict_target=_KEY, preserve=changed).execute(
            database
        )


def devices_without(database: Database, topic: str, state: str) -> set[str]:
    """Devices whose subscription was tried and is in another state than this."""
    query = Subscription.select(Subscription.device_id).where(
        Subscription.topic == topic, Subscription.state != state
    )
    return {row["device_id"] for row in fetch(query, database)}


def forget_subscriptions(database: Database, device_id: str) -> None:
    """Drop everything about a device that was removed."""
    run(Subscription.delete().where(Subscription.device_id == device_id), database)


def _row(device_id: str, topic: str) -> Row:
    return {
        "device_id": device_id,
        "topic": topic,
        "is_wanted": None,
        "state": "",
        "reason": "",
        "since": None,
    }


def _record(row: Row) -> SubscriptionRecord:
    return SubscriptionRecord(
        row["device_id"],
        row["topic"],
        row["is_wanted"],
        row["state"],
        row["reason"],
        row["since"],
    )

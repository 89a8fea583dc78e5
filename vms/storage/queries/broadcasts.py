"""Broadcasts that are over: who said what to whom, and who heard it."""

from datetime import datetime, timedelta

from peewee import Database

from channel_registry.statements import fetch, run
from vms.storage.device_records import BroadcastRecord
from vms.storage.models import Broadcast


def save_broadcast(database: Database, record: BroadcastRecord) -> None:
    """Keep one; written again, it takes the place of itself."""
    row = {"number": record.number, "ended_at": record.ended_at, "facts": record.facts}
    Broadcast.insert(row).on_conflict(
        conflict_target=[Broadcast.number], preserve=[Broadcast.ended_at, Broadcast.facts]
    ).execute(database)


def list_broadcasts(database: Database, limit: int) -> tuple[BroadcastRecord, ...]:
    """The latest, the newest first."""
    query = Broadcast.select().order_by(Broadcast.number.desc()).limit(limit)
    return tuple(
        BroadcastRecord(row["number"], row["ended_at"], row["facts"])
        for row in fetch(query, database)
    )


def prune_broadcasts(database: Database, *, at: datetime, keep_days: int) -> int:
    """Delete those that ended long ago; answers how many."""
    old = Broadcast.delete().where(Broadcast.ended_at < at - timedelta(days=keep_days))
    return run(old, database)

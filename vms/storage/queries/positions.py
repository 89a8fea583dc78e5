"""Where things that move are and were."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta

from peewee import Database

from channel_registry.statements import Row, fetch, fetch_one, insert_all, run
from vms.storage.device_records import PositionRecord
from vms.storage.models import Position, TrackPoint

_FACTS = tuple(PositionRecord.__dataclass_fields__)


def add_positions(database: Database, positions: Iterable[PositionRecord]) -> None:
    """Keep each as the last one of its channel and as a point of its track."""
    rows = [asdict(position) for position in positions]
    newest = {row["channel"]: row for row in rows}
    changed = [getattr(Position, name) for name in _FACTS if name != "channel"]
    with database.atomic():
        for row in newest.values():
            Position.insert(row).on_conflict(
                conflict_target=[Position.channel], preserve=changed
            ).execute(database)
        insert_all(TrackPoint, rows, database)


def last_position(database: Database, channel: str) -> PositionRecord | None:
    """Where a channel was last; none when nobody ever said."""
    row = fetch_one(Position.select().where(Position.channel == channel), database)
    return None if row is None else _record(row)


def track(
    database: Database, channel: str, *, start: datetime, end: datetime, limit: int
) -> tuple[PositionRecord, ...]:
    """Points of a channel in [start, end), the oldest first, at most so many."""
    query = (
        TrackPoint.select()
        .where(TrackPoint.channel == channel, TrackPoint.at >= start, TrackPoint.at < end)
        .order_by(TrackPoint.at, TrackPoint.id)
        .limit(limit)
    )
    return tuple(_record(row) for row in fetch(query, database))


def prune_tracks(database: Database, *, at: datetime, keep_days: int) -> int:
    """Remove old points; the last position of each channel stays."""
    before = at - timedelta(days=keep_days)
    return run(TrackPoint.delete().where(TrackPoint.at < before), database)


def _record(row: Row) -> PositionRecord:
    return PositionRecord(**{name: row[name] for name in _FACTS})

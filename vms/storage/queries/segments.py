"""The index of recorded files. The files are the truth: the index can be rebuilt from them."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from peewee import Database, fn

from channel_registry.statements import Row, chunks, fetch, fetch_one, run, scalar
from vms.storage.errors import UnknownRow
from vms.storage.models import Segment
from vms.storage.records import NewSegment, SegmentRecord

_OF_THE_FILE = (
    Segment.channel,
    Segment.started_at,
    Segment.ended_at,
    Segment.size_bytes,
    Segment.codec,
    Segment.width,
    Segment.height,
    Segment.has_audio,
)


def add_segment(database: Database, segment: NewSegment) -> SegmentRecord:
    """Put a file into the index; the same path again overwrites what is known of it."""
    add_segments(database, [segment])
    row = fetch_one(Segment.select().where(Segment.path == segment.path), database)
    if row is None:
        raise UnknownRow("segment", segment.path)
    return _record(row)


def add_segments(database: Database, segments: Iterable[NewSegment]) -> None:
    """Put many files into the index in one transaction; locks are kept."""
    with database.atomic():
        for chunk in chunks(segments):
            rows = [asdict(segment) | {"locked": False} for segment in chunk]
            Segment.insert_many(rows).on_conflict(
                conflict_target=[Segment.path], preserve=_OF_THE_FILE
            ).execute(database)


def get_segment(database: Database, segment_id: int) -> SegmentRecord:
    """One segment; raises `UnknownRow`."""
    row = fetch_one(Segment.select().where(Segment.id == segment_id), database)
    if row is None:
        raise UnknownRow("segment", str(segment_id))
    return _record(row)


def list_segments(
    database: Database, channel: str, *, start: datetime, end: datetime, limit: int = 2_000
) -> tuple[SegmentRecord, ...]:
    """Segments of a channel that touch [start, end), the oldest first."""
    query = (
        Segment.select()
        .where(Segment.channel == channel, Segment.started_at < end, Segment.ended_at > start)
        .order_by(Segment.started_at, Segment.id)
        .limit(limit)
    )
    return tuple(_record(row) for row in fetch(query, database))


def oldest_segments(database: Database, limit: int = 100) -> tuple[SegmentRecord, ...]:
    """What retention removes first: the oldest that nobody locked."""
    query = Segment.select().where(~Segment.locked).order_by(Segment.ended_at, Segment.id)
    return tuple(_record(row) for row in fetch(query.limit(limit), database))


def segment_paths(database: Database, channel: str | None = None) -> frozenset[str]:
    """The paths the index knows, to compare with the files."""
    query = Segment.select(Segment.path)
    if channel is not None:
        query = query.where(Segment.channel == channel)
    return frozenset(row["path"] for row in fetch(query, database))


def delete_segments(database: Database, paths: Iterable[str]) -> int:
    """Forget files that are gone; answers how many the index knew."""
    gone = 0
    with database.atomic():
        for chunk in chunks(paths):
            gone += run(Segment.delete().where(Segment.path.in_(chunk)), database)
    return gone


def lock_segment(database: Database, segment_id: int, *, locked: bool) -> SegmentRecord:
    """Keep a file from retention, or let it go; raises `UnknownRow`."""
    if not run(Segment.update(locked=locked).where(Segment.id == segment_id), database):
        raise UnknownRow("segment", str(segment_id))
    return get_segment(database, segment_id)


def total_bytes(database: Database, channel: str | None = None) -> int:
    """Size of everything recorded, or of one channel's part."""
    query = Segment.select(fn.COALESCE(fn.SUM(Segment.size_bytes), 0))
    if channel is not None:
        query = query.where(Segment.channel == channel)
    return int(scalar(query, database))


def _record(row: Row) -> SegmentRecord:
    return SegmentRecord(**row)

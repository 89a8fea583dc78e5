"""On/off spans: what was known of each device and channel, from the first day, without overlap.

A subject has at most one span that lasts (a unique key says so); the next one begins where it
ends. A clock that jumps back never makes spans overlap: the new span then begins where the last one
began or ended.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from peewee import Database, fn

from channel_registry.database import is_sqlite
from channel_registry.fields import from_microseconds
from channel_registry.records import Page
from channel_registry.statements import (
    Row,
    chunks,
    fetch,
    fetch_one,
    insert_all,
    page_of,
    run,
    run_sql,
    scalar,
)
from vms.storage.models import Beat, Span
from vms.storage.records import SpanCause, SpanRecord, SpanState, StateChange, SubjectKind

_BEAT_ROW = 1


def change_states(
    database: Database, kind: SubjectKind, changes: Iterable[StateChange], *, at: datetime
) -> tuple[str, ...]:
    """Begin new spans for subjects whose state is another one; answers those that changed.

    Thousands at once in one transaction. The last change of a subject counts. A state that is
    there already keeps its span and its cause.
    """
    wanted = {change.subject: change for change in changes}
    changed: list[str] = []
    with database.atomic():
        _one_writer(database)
        for chunk in chunks(wanted.values()):
            changed += _change_chunk(database, kind, chunk, at)
    return tuple(changed)


def explain_states(
    database: Database,
    kind: SubjectKind,
    causes: Mapping[str, SpanCause],
    *,
    instead_of: Collection[SpanCause],
) -> tuple[str, ...]:
    """Give spans that last a better cause where theirs is one of `instead_of`; answers which."""
    explained: list[str] = []
    replaced = [cause.value for cause in instead_of]
    with database.atomic():
        _one_writer(database)
        for cause in set(causes.values()):
            subjects = [subject for subject, each in causes.items() if each is cause]
            for chunk in chunks(subjects):
                keys = [_key(kind, subject) for subject in chunk]
                vague = Span.open_key.in_(keys) & Span.cause.in_(replaced)
                vague &= Span.cause != cause.value
                rows = fetch(Span.select(Span.subject).where(vague), database)
                explained += [row["subject"] for row in rows]
                run(Span.update(cause=cause.value).where(vague), database)
    return tuple(explained)


def end_spans(
    database: Database, kind: SubjectKind, subjects: Iterable[str], *, at: datetime
) -> None:
    """End what lasts for subjects that are no more."""
    with database.atomic():
        _one_writer(database)
        for chunk in chunks(subjects):
            open_now = _open_rows(database, kind, chunk)
            _close(database, open_now.values(), at)


def open_spans(
    database: Database, kind: SubjectKind, subjects: Iterable[str] | None = None
) -> dict[str, SpanRecord]:
    """The span that lasts of each subject, or of the given ones."""
    if subjects is None:
        query = Span.select().where(Span.kind == kind.value, Span.open_key.is_null(False))
        return {row["subject"]: _record(row) for row in fetch(query, database)}
    found: dict[str, SpanRecord] = {}
    for chunk in chunks(subjects):
        rows = _open_rows(database, kind, chunk)
        found |= {subject: _record(row) for subject, row in rows.items()}
    return found


def list_spans(
    database: Database,
    *,
    kind: SubjectKind | None = None,
    subject: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    page: int = 1,
    size: int = 50,
) -> Page[SpanRecord]:
    """Spans that touch [start, end), the newest first."""
    query = Span.select()
    if kind is not None:
        query = query.where(Span.kind == kind.value)
    if subject is not None:
        query = query.where(Span.subject == subject)
    if start is not None:
        query = query.where(Span.ended_at.is_null() | (Span.ended_at > start))
    if end is not None:
        query = query.where(Span.started_at < end)
    order = (Span.started_at.desc(), Span.id.desc())
    return page_of(query, order, _record, database, page=page, size=size)


def beat(database: Database, at: datetime) -> None:
    """Note that the platform runs; called every few seconds and at an orderly stop."""
    row = {"id": _BEAT_ROW, "at": at}
    Beat.insert(row).on_conflict(conflict_target=[Beat.id], preserve=[Beat.at]).execute(database)


def last_beat(database: Database) -> datetime | None:
    """When the platform was last known to run."""
    row = fetch_one(Beat.select(), database)
    return None if row is None else row["at"]


def begin_after_downtime(database: Database, at: datetime) -> int:
    """At the start: since the platform stopped, nobody knows. Answers the number of subjects.

    Every span that lasts ends at the last sign of life (a beat, or a span that began later), and
    an unknown one begins there, which lasts until the subject is heard of again.
    """
    with database.atomic():
        alive = _last_sign(database) or at
        subjects = 0
        for kind in SubjectKind:
            unknown = [
                StateChange(subject, SpanState.UNKNOWN, SpanCause.PLATFORM_DOWN)
                for subject in open_spans(database, kind)
            ]
            subjects += len(change_states(database, kind, unknown, at=alive))
        beat(database, at)
    return subjects


def _last_sign(database: Database) -> datetime | None:
    newest = scalar(Span.select(fn.MAX(Span.started_at, coerce=False)), database)
    signs = [last_beat(database), None if newest is None else from_microseconds(newest)]
    return max((sign for sign in signs if sign is not None), default=None)


def _one_writer(database: Database) -> None:
    """PostgreSQL: read-then-write must not interleave; SQLite's IMMEDIATE does that already."""
    if not is_sqlite(database):
        run_sql(database, "LOCK TABLE span IN SHARE ROW EXCLUSIVE MODE")


def _change_chunk(
    database: Database, kind: SubjectKind, changes: list[StateChange], at: datetime
) -> list[str]:
    open_now = _open_rows(database, kind, [change.subject for change in changes])
    differing = [change for change in changes if not _is_in(change, open_now)]
    going_on = [change for change in differing if change.subject in open_now]
    replaced = {c.subject for c in going_on if at <= open_now[c.subject]["started_at"]}
    for change in differing:
        if change.subject in replaced:
            _replace(database, open_now[change.subject]["id"], change)
    ending = [open_now[c.subject] for c in going_on if c.subject not in replaced]
    _close(database, ending, at)
    beginning = [change for change in differing if change.subject not in replaced]
    fresh = [change.subject for change in beginning if change.subject not in open_now]
    ends = _last_ends(database, kind, fresh)
    rows = [_row(kind, change, max(at, ends.get(change.subject, at))) for change in beginning]
    insert_all(Span, rows, database)
    return [change.subject for change in differing]


def _is_in(change: StateChange, open_now: dict[str, Row]) -> bool:
    row = open_now.get(change.subject)
    return row is not None and row["state"] == change.state.value


def _replace(database: Database, span_id: int, change: StateChange) -> None:
    """A span that would have had no length says nothing: the new state takes its place."""
    values = {"state": change.state.value, "cause": change.cause.value}
    run(Span.update(values).where(Span.id == span_id), database)


def _close(database: Database, rows: Iterable[Row], at: datetime) -> None:
    """End spans at a moment, those that began later at their own beginning."""
    late = []
    for chunk in chunks(rows):
        late += [row for row in chunk if row["started_at"] > at]
        ids = [row["id"] for row in chunk if row["started_at"] <= at]
        run(Span.update(ended_at=at, open_key=None).where(Span.id.in_(ids)), database)
    for row in late:
        change = Span.update(ended_at=row["started_at"], open_key=None)
        run(change.where(Span.id == row["id"]), database)


def _last_ends(database: Database, kind: SubjectKind, subjects: list[str]) -> dict[str, datetime]:
    if not subjects:
        return {}
    query = (
        Span.select(Span.subject, fn.MAX(Span.ended_at, coerce=False).alias("ended"))
        .where(Span.kind == kind.value, Span.subject.in_(subjects), Span.ended_at.is_null(False))
        .group_by(Span.subject)
    )
    return {row["subject"]: from_microseconds(row["ended"]) for row in fetch(query, database)}


def _key(kind: SubjectKind, subject: str) -> str:
    return f"{kind.value}:{subject}"


def _row(kind: SubjectKind, change: StateChange, at: datetime) -> Row:
    return {
        "kind": kind.value,
        "subject": change.subject,
        "state": change.state.value,
        "cause": change.cause.value,
        "started_at": at,
        "ended_at": None,
        "open_key": _key(kind, change.subject),
    }


def _open_rows(database: Database, kind: SubjectKind, subjects: list[str]) -> dict[str, Row]:
    keys = [_key(kind, subject) for subject in subjects]
    rows = fetch(Span.select().where(Span.open_key.in_(keys)), database)
    return {row["subject"]: row for row in rows}


def _record(row: Row) -> SpanRecord:
    plain: dict[str, Any] = {
        name: row[name] for name in ("id", "subject", "started_at", "ended_at")
    }
    return SpanRecord(
        **plain,
        kind=SubjectKind(row["kind"]),
        state=SpanState(row["state"]),
        cause=SpanCause(row["cause"]),
    )

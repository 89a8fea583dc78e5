"""The audit log: only ever added to, kept at least as long as the law asks."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from peewee import Database

from channel_registry.literal import fit
from channel_registry.records import Page
from channel_registry.statements import Row, insert, page_of, run
from vms.storage.models import AuditEntry as AuditRow
from vms.storage.records import AuditEntry

LEGAL_DAYS = 180
"""Network logs are kept for six months at least (Cybersecurity Law art. 21; GB/T 22239)."""


def add_audit(
    database: Database,
    *,
    at: datetime,
    actor: str,
    action: str,
    target: str = "",
    result: str = "ok",
    source: str = "",
    detail: Mapping[str, Any] | None = None,
) -> int:
    """Write an entry; answers its number. Never put passwords or tokens into `detail`."""
    row = {
        "at": at,
        "actor": fit(actor, 64)[0],
        "source": fit(source, 64)[0],
        "action": fit(action, 64)[0],
        "target": fit(target, 255)[0],
        "result": fit(result, 64)[0],
        "detail": detail or {},
    }
    return int(insert(AuditRow.insert(row), database))


def list_audit(
    database: Database,
    *,
    actor: str | None = None,
    action: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    page: int = 1,
    size: int = 50,
) -> Page[AuditEntry]:
    """Entries that pass, the newest first; `action` is the beginning of one."""
    query = AuditRow.select()
    if actor is not None:
        query = query.where(AuditRow.actor == actor)
    if action is not None:
        query = query.where(AuditRow.action.startswith(action))
    if start is not None:
        query = query.where(AuditRow.at >= start)
    if end is not None:
        query = query.where(AuditRow.at < end)
    return page_of(query, [AuditRow.id.desc()], _record, database, page=page, size=size)


def prune_audit(database: Database, *, at: datetime, keep_days: int) -> int:
    """Remove entries older than `keep_days`, but none younger than the law allows."""
    oldest = at - timedelta(days=max(keep_days, LEGAL_DAYS))
    return run(AuditRow.delete().where(AuditRow.at < oldest), database)


def _record(row: Row) -> AuditEntry:
    return AuditEntry(**row)

"""Tries to register, for the access page: added up and bounded, because anybody can try."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from peewee import EXCLUDED, Database

from channel_registry.literal import fit
from channel_registry.statements import Row, chunks, fetch, run
from vms.storage.models import RegistrationAttempt as AttemptRow
from vms.storage.records import RegistrationAttempt

MAX_ROWS = 1_000
MAX_ROWS_PER_ADDRESS = 50
"""One address that invents ids must not push out what the others tried."""


def record_attempt(
    database: Database,
    *,
    device_id: str,
    address: str,
    transport: str,
    outcome: str,
    at: datetime,
    user_agent: str = "",
    count: int = 1,
) -> None:
    """Add a try to those of the same device id, address (host without port) and outcome."""
    attempt = RegistrationAttempt(
        device_id=device_id,
        address=address,
        transport=transport,
        outcome=outcome,
        user_agent=user_agent,
        count=count,
        first_at=at,
        last_at=at,
    )
    record_attempts(database, [attempt])


def record_attempts(database: Database, attempts: Iterable[RegistrationAttempt]) -> None:
    """The same for many, in the order of their times; rows beyond the bounds are forgotten once."""
    rows: dict[tuple[str, str, str], Row] = {}
    for attempt in attempts:
        row = _row(attempt)
        key = (row["device_id"], row["address"], row["outcome"])
        before = rows.get(key)
        if before is not None:
            row |= {"count": before["count"] + row["count"], "first_at": before["first_at"]}
        rows[key] = row
    same = [AttemptRow.device_id, AttemptRow.address, AttemptRow.outcome]
    newest = [AttemptRow.transport, AttemptRow.user_agent, AttemptRow.last_at]
    with database.atomic():
        for chunk in chunks(rows.values()):
            AttemptRow.insert_many(chunk).on_conflict(
                conflict_target=same,
                preserve=newest,
                update={AttemptRow.count: AttemptRow.count + EXCLUDED.count},
            ).execute(database)
        for address in {row["address"] for row in rows.values()}:
            _forget(database, AttemptRow.address == address, MAX_ROWS_PER_ADDRESS)
        _forget(database, None, MAX_ROWS)


def list_attempts(database: Database, limit: int = 200) -> tuple[RegistrationAttempt, ...]:
    """The latest tries first."""
    query = AttemptRow.select().order_by(AttemptRow.last_at.desc(), AttemptRow.id.desc())
    return tuple(
        RegistrationAttempt(**{name: value for name, value in row.items() if name != "id"})
        for row in fetch(query.limit(limit), database)
    )


def _row(attempt: RegistrationAttempt) -> Row:
    return {
        "device_id": fit(attempt.device_id, 64)[0],
        "address": fit(attempt.address, 64)[0],
        "outcome": fit(attempt.outcome, 32)[0],
        "transport": fit(attempt.transport, 8)[0],
        "user_agent": fit(attempt.user_agent, 255)[0],
        "count": attempt.count,
        "first_at": attempt.first_at,
        "last_at": attempt.last_at,
    }


def _forget(database: Database, condition: Any, keep: int) -> None:
    query = AttemptRow.select(AttemptRow.id)
    if condition is not None:
        query = query.where(condition)
    newest_first = query.order_by(AttemptRow.last_at.desc(), AttemptRow.id.desc())
    for chunk in chunks(row["id"] for row in fetch(newest_first.offset(keep), database)):
        run(AttemptRow.delete().where(AttemptRow.id.in_(chunk)), database)

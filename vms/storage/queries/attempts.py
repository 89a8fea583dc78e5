"""Tries to register, for the access page: added up and bounded, because anybody can try."""

from datetime import datetime
from typing import Any

from peewee import Database

from channel_registry.literal import fit
from channel_registry.statements import chunks, fetch, run
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
    row = {
        "device_id": fit(device_id, 64)[0],
        "address": fit(address, 64)[0],
        "outcome": fit(outcome, 32)[0],
        "transport": fit(transport, 8)[0],
        "user_agent": fit(user_agent, 255)[0],
        "count": count,
        "first_at": at,
        "last_at": at,
    }
    same = [AttemptRow.device_id, AttemptRow.address, AttemptRow.outcome]
    newest = [AttemptRow.transport, AttemptRow.user_agent, AttemptRow.last_at]
    with database.atomic():
        AttemptRow.insert(row).on_conflict(
            conflict_target=same,
            preserve=newest,
            update={AttemptRow.count: AttemptRow.count + count},
        ).execute(database)
        _forget(database, AttemptRow.address == row["address"], MAX_ROWS_PER_ADDRESS)
        _forget(database, None, MAX_ROWS)


def list_attempts(database: Database, limit: int = 200) -> tuple[RegistrationAttempt, ...]:
    """The latest tries first."""
    query = AttemptRow.select().order_by(AttemptRow.last_at.desc(), AttemptRow.id.desc())
    return tuple(
        RegistrationAttempt(**{name: value for name, value in row.items() if name != "id"})
        for row in fetch(query.limit(limit), database)
    )


def _forget(database: Database, condition: Any, keep: int) -> None:
    query = AttemptRow.select(AttemptRow.id)
    if condition is not None:
        query = query.where(condition)
    newest_first = query.order_by(AttemptRow.last_at.desc(), AttemptRow.id.desc())
    for chunk in chunks(row["id"] for row in fetch(newest_first.offset(keep), database)):
        run(AttemptRow.delete().where(AttemptRow.id.in_(chunk)), database)

"""Which channels are to be recorded."""

from datetime import datetime

from peewee import Database

from channel_registry.literal import fit
from channel_registry.statements import Row, fetch, fetch_one
from vms.storage.models import RecordingSwitch as SwitchRow
from vms.storage.records import RecordingSwitch


def set_recording(
    database: Database, channel: str, *, on: bool, at: datetime, by: str
) -> RecordingSwitch:
    """Turn recording of a channel on or off; the same again changes nothing that matters."""
    row = {"channel": channel, "is_on": on, "changed_at": at, "changed_by": fit(by, 64)[0]}
    changed = [SwitchRow.is_on, SwitchRow.changed_at, SwitchRow.changed_by]
    SwitchRow.insert(row).on_conflict(
        conflict_target=[SwitchRow.channel], preserve=changed
    ).execute(database)
    return _record(row)


def recording_switch(database: Database, channel: str) -> RecordingSwitch | None:
    """The switch of a channel, none when nobody ever touched it."""
    row = fetch_one(SwitchRow.select().where(SwitchRow.channel == channel), database)
    return None if row is None else _record(row)


def recording_switches(
    database: Database, *, on: bool | None = None
) -> tuple[RecordingSwitch, ...]:
    """Every switch, or those that are on (or off), in the order of the channels."""
    query = SwitchRow.select().order_by(SwitchRow.channel)
    if on is not None:
        query = query.where(SwitchRow.is_on if on else ~SwitchRow.is_on)
    return tuple(_record(row) for row in fetch(query, database))


def _record(row: Row) -> RecordingSwitch:
    return RecordingSwitch(row["channel"], row["is_on"], row["changed_at"], row["changed_by"])

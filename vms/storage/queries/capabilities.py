"""What each device was seen to be able to do: one row for each device and ability."""

from collections.abc import Iterable

from peewee import Database

from channel_registry.literal import fit
from channel_registry.statements import fetch, run
from vms.storage.device_records import CapabilityRecord, Verdict
from vms.storage.models import Capability as CapabilityRow


def note_capabilities(database: Database, records: Iterable[CapabilityRecord]) -> None:
    """Keep the newest verdict of each."""
    with database.atomic():
        for record in records:
            row = {
                "device_id": fit(record.device_id, 32)[0],
                "name": fit(record.name, 64)[0],
                "verdict": record.verdict.value,
                "at": record.at,
                "detail": fit(record.detail, 255)[0],
            }
            CapabilityRow.insert(row).on_conflict(
                conflict_target=[CapabilityRow.device_id, CapabilityRow.name],
                preserve=[CapabilityRow.verdict, CapabilityRow.at, CapabilityRow.detail],
            ).execute(database)


def list_capabilities(database: Database, device_id: str) -> tuple[CapabilityRecord, ...]:
    """Everything known of one device."""
    query = CapabilityRow.select().where(CapabilityRow.device_id == device_id)
    return tuple(
        CapabilityRecord(**{**row, "verdict": Verdict(row["verdict"])})
        for row in fetch(query.order_by(CapabilityRow.name), database)
    )


def forget_capabilities(database: Database, device_id: str) -> None:
    """Forget a device that was deleted."""
    run(CapabilityRow.delete().where(CapabilityRow.device_id == device_id), database)

"""Which way of media brought each device's latest picture: one row for each device."""

from peewee import Database

from channel_registry.literal import fit
from channel_registry.statements import fetch, insert, run
from vms.storage.device_records import TransportMemory
from vms.storage.models import TransportMemory as MemoryRow


def remember_transport(database: Database, memory: TransportMemory) -> None:
    """Keep the latest."""
    row = {
        "device_id": fit(memory.device_id, 32)[0],
        "transport": memory.transport,
        "at": memory.at,
        "evidence": fit(memory.evidence, 64)[0],
    }
    query = MemoryRow.insert(row).on_conflict(
        conflict_target=[MemoryRow.device_id],
        preserve=[MemoryRow.transport, MemoryRow.at, MemoryRow.evidence],
    )
    insert(query, database)


def find_transport(database: Database, device_id: str) -> TransportMemory | None:
    """What worked for a device; None: nothing is remembered."""
    rows = fetch(MemoryRow.select().where(MemoryRow.device_id == device_id), database)
    return next((TransportMemory(**row) for row in rows), None)


def forget_transport(database: Database, device_id: str) -> None:
    """The next picture is asked for as if none had come yet."""
    run(MemoryRow.delete().where(MemoryRow.device_id == device_id), database)

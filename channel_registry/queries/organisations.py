"""Organisations: our own (mines, shafts), and those that devices list in their catalogs."""

from typing import Any

from peewee import Database

from channel_registry.errors import Conflict, UnknownOrganisation
from channel_registry.literal import fit
from channel_registry.models import Organisation
from channel_registry.records import OrganisationKind, OrganisationRecord
from channel_registry.statements import Row, fetch, fetch_one, insert, run

LOCAL_PREFIX = "local-"
NAME_LIMIT = 255


def add_organisation(
    database: Database, key: str, *, name: str, parent_id: str | None = None
) -> OrganisationRecord:
    """Make one of our own; `key` is any short unique text. Raises `Conflict` when it is taken."""
    identity = f"{LOCAL_PREFIX}{key}"[:64]
    with database.atomic():
        if find_organisation(database, identity) is not None:
            raise Conflict("organisation", identity)
        if parent_id is not None:
            _require_local(database, parent_id)
        row = {
            "id": identity,
            "kind": OrganisationKind.LOCAL.value,
            "code": "",
            "name": fit(name, NAME_LIMIT)[0],
            "parent": parent_id,
        }
        insert(Organisation.insert(row), database)
    return get_organisation(database, identity)


def get_organisation(database: Database, identity: str) -> OrganisationRecord:
    """One organisation; raises `UnknownOrganisation`."""
    record = find_organisation(database, identity)
    if record is None:
        raise UnknownOrganisation(identity)
    return record


def find_organisation(database: Database, identity: str) -> OrganisationRecord | None:
    """One organisation, or none."""
    row = fetch_one(Organisation.select().where(Organisation.id == identity), database)
    return None if row is None else _record(row)


def list_organisations(
    database: Database, *, device_id: str | None = None, kind: OrganisationKind | None = None
) -> tuple[OrganisationRecord, ...]:
    """All, or those of one device or of one kind, in the order of their ids."""
    query = Organisation.select().order_by(Organisation.id)
    if device_id is not None:
        query = query.where(Organisation.device_id == device_id)
    if kind is not None:
        query = query.where(Organisation.kind == kind.value)
    return tuple(_record(row) for row in fetch(query, database))


def rename_organisation(database: Database, identity: str, name: str) -> OrganisationRecord:
    """Give one of our own another name; a device's organisations are named by their device."""
    _require_local(database, identity)
    change = Organisation.update(name=fit(name, NAME_LIMIT)[0]).where(Organisation.id == identity)
    run(change, database)
    return get_organisation(database, identity)


def move_organisation(
    database: Database, identity: str, parent_id: str | None
) -> OrganisationRecord:
    """Put one of our own below another; raises `Conflict` when that would close a loop."""
    with database.atomic():
        _require_local(database, identity)
        if parent_id is not None:
            _require_local(database, parent_id)
            if parent_id in subtree_ids(database, identity):
                raise Conflict("organisation loop", parent_id)
        run(Organisation.update(parent=parent_id).where(Organisation.id == identity), database)
    return get_organisation(database, identity)


def delete_organisation(database: Database, identity: str) -> None:
    """Remove one of our own; what was in it moves up to the root."""
    with database.atomic():
        _require_local(database, identity)
        run(Organisation.delete().where(Organisation.id == identity), database)


def parents_of(database: Database) -> dict[str, str | None]:
    """Organisation id → id of its parent organisation, for all."""
    query = Organisation.select(Organisation.id, Organisation.parent)
    return {row["id"]: row["parent"] for row in fetch(query, database)}


def subtree_ids(database: Database, identity: str) -> list[str]:
    """An organisation and everything below it; the organisation alone when nothing is."""
    children: dict[str | None, list[str]] = {}
    for child, parent in parents_of(database).items():
        children.setdefault(parent, []).append(child)
    found = [identity]
    for node in found:  # grows while it is walked; loops never enter the table
        found.extend(children.get(node, ()))
    return found


def _require_local(database: Database, identity: str) -> None:
    record = get_organisation(database, identity)
    if record.kind is not OrganisationKind.LOCAL:
        raise Conflict("organisation of a device", identity)


def _record(row: Row) -> OrganisationRecord:
    values: dict[str, Any] = {name: row[name] for name in ("id", "code", "name", "device_id")}
    return OrganisationRecord(
        **values,
        kind=OrganisationKind(row["kind"]),
        parent_id=row["parent"],
        missing_since=row["missing_since"],
    )

"""Catalogs into the database: one transaction each, thousands of items in bulk."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from peewee import EXCLUDED, Database

from channel_registry.catalog import (
    CatalogTree,
    ChannelFacts,
    KnownChannel,
    merge,
    read_catalog,
)
from channel_registry.categories import category_of
from channel_registry.errors import UnknownDevice
from channel_registry.literal import fit
from channel_registry.models import Channel, Device, Organisation
from channel_registry.places import OrganisationFacts
from channel_registry.records import (
    CatalogEntry,
    CatalogSummary,
    OrganisationKind,
    RejectedEntry,
)
from channel_registry.statements import Row, chunks, fetch, fetch_one, run


def apply_catalog(
    database: Database,
    device_id: str,
    entries: Iterable[CatalogEntry],
    *,
    complete: bool,
    at: datetime,
    is_notification: bool = False,
) -> CatalogSummary:
    """Merge one answer (or notification) of a device; raises `UnknownDevice`.

    Nothing is ever deleted. A notification says nothing about whether the last catalog was
    complete. `complete` says that the device sent all it announced: only then are
    unlisted channels marked as missing. A code that another device lists stays with that device,
    unless that one no longer lists it: then the camera has moved.
    """
    with database.atomic():
        _begin(database, device_id, complete, at, is_notification=is_notification)
        organisations = _known_organisations(database, device_id)
        tree = read_catalog(device_id, entries, organisations)
        own, elsewhere = _known_rows(database, device_id, tree.channels, complete=complete)
        rejected, moved = _judge_foreign(elsewhere)
        listed = [facts for facts in tree.channels if facts.code not in rejected]
        known = {code: _known(row) for code, row in own.items()}
        difference = merge(known, listed, complete=complete)
        _write_organisations(database, device_id, tree, organisations, complete, at)
        changed = [*difference.added, *difference.updated]
        _write_channels(database, device_id, changed, own | moved, at)
        _mark_missing(database, difference.missing, at)
        _write_own(database, device_id, tree.own)
    return CatalogSummary(
        device_id=device_id,
        at=at,
        complete=complete,
        added=tuple(facts.code for facts in difference.added),
        updated=tuple(facts.code for facts in difference.updated),
        missing=difference.missing,
        returned=difference.returned,
        turned_on=difference.turned_on,
        turned_off=difference.turned_off,
        unchanged=difference.unchanged,
        organisations=len(tree.organisations),
        rejected=(
            *tree.rejected,
            *(RejectedEntry(code, "other_device") for code in sorted(rejected)),
        ),
    )


def set_channel_statuses(
    database: Database, device_id: str, statuses: Mapping[str, bool], *, at: datetime
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Store what a notification says (ON, OFF, VLOST …) of channels of this device.

    Answers the codes that turned on and those that turned off; others are ignored.
    """
    turned: dict[bool, tuple[str, ...]] = {}
    with database.atomic():
        for on in (True, False):
            other = ~Channel.says_on if on else Channel.says_on
            codes = [code for code, status in statuses.items() if status is on]
            changed: list[str] = []
            for chunk in chunks(codes):
                mine = (Channel.device == device_id) & Channel.code.in_(chunk) & other
                changed += [
                    r["code"] for r in fetch(Channel.select(Channel.code).where(mine), database)
                ]
                run(Channel.update(says_on=on, updated_at=at).where(mine), database)
            turned[on] = tuple(changed)
    return turned[True], turned[False]


def mark_missing(
    database: Database, device_id: str, codes: Iterable[str], *, at: datetime
) -> tuple[str, ...]:
    """Mark channels that a notification calls deleted; answers those that were not yet."""
    marked: list[str] = []
    with database.atomic():
        for chunk in chunks(codes):
            mine = (Channel.device == device_id) & Channel.code.in_(chunk)
            listed = Channel.select(Channel.code).where(mine, Channel.missing_since.is_null())
            marked += [row["code"] for row in fetch(listed, database)]
        _mark_missing(database, marked, at)
    return tuple(marked)


def _begin(
    database: Database, device_id: str, complete: bool, at: datetime, *, is_notification: bool
) -> None:
    """Note the merge; being the first statement, it also keeps a second merge waiting."""
    note: dict[str, object] = {"catalog_at": at}
    if not is_notification:
        note["catalog_complete"] = complete
    if not run(Device.update(note).where(Device.id == device_id), database):
        raise UnknownDevice(device_id)


def _known_organisations(database: Database, device_id: str) -> dict[str, OrganisationFacts]:
    query = Organisation.select().where(Organisation.device_id == device_id)
    return {
        row["code"]: OrganisationFacts(
            row["id"], OrganisationKind(row["kind"]), row["code"], row["name"], row["parent"]
        )
        for row in fetch(query, database)
    }


_FACTS = tuple(field.name for field in fields(ChannelFacts))
_COLUMN_OF = {"name": "reported_name", "organisation_id": "organisation"}
_KEPT = ("given_name", "category_code", "organisation_given", "missing_since", "device")


def _column(fact: str) -> str:
    return _COLUMN_OF.get(fact, fact)


def _channel_rows(database: Database, condition: Any) -> dict[str, Row]:
    columns = [getattr(Channel, name) for name in (*map(_column, _FACTS), *_KEPT)]
    rows = fetch(Channel.select(*columns).where(condition), database)
    return {row["code"]: row for row in rows}


def _known(row: Row) -> KnownChannel:
    facts = ChannelFacts(**{fact: row[_column(fact)] for fact in _FACTS})
    return KnownChannel(facts, row["missing_since"] is not None, row["organisation_given"])


def _known_rows(
    database: Database, device_id: str, listed: Iterable[ChannelFacts], *, complete: bool
) -> tuple[dict[str, Row], dict[str, Row]]:
    """The device's channels, and those of others that it lists too.

    What is not complete says nothing of channels that it does not list: they are not read.
    """
    own = _channel_rows(database, Channel.device == device_id) if complete else {}
    elsewhere: dict[str, Row] = {}
    for chunk in chunks(facts.code for facts in listed if facts.code not in own):
        for code, row in _channel_rows(database, Channel.code.in_(chunk)).items():
            (own if row["device"] == device_id else elsewhere)[code] = row
    return own, elsewhere


def _judge_foreign(elsewhere: Mapping[str, Row]) -> tuple[set[str], dict[str, Row]]:
    """Codes that belong to another device, and rows of channels that have moved to this one."""
    moved = {code: row for code, row in elsewhere.items() if row["missing_since"] is not None}
    return set(elsewhere) - set(moved), moved


def _write_organisations(
    database: Database,
    device_id: str,
    tree: CatalogTree,
    known: Mapping[str, OrganisationFacts],
    complete: bool,
    at: datetime,
) -> None:
    for chunk in chunks(tree.organisations):
        rows = [
            {
                "id": facts.id,
                "kind": facts.kind.value,
                "code": facts.code,
                "name": facts.name,
                "parent": facts.parent_id,
                "device_id": device_id,
                "missing_since": None,
            }
            for facts in chunk
        ]
        changed = [Organisation.kind, Organisation.name, Organisation.parent]
        Organisation.insert_many(rows).on_conflict(
            conflict_target=[Organisation.id],
            preserve=[*changed, Organisation.missing_since],
        ).execute(database)
    if not complete:
        return
    listed = {facts.code for facts in tree.organisations}
    gone = [facts.id for code, facts in known.items() if code not in listed]
    for ids in chunks(gone):
        unmarked = Organisation.id.in_(ids) & Organisation.missing_since.is_null()
        run(Organisation.update(missing_since=at).where(unmarked), database)


def _write_channels(
    database: Database,
    device_id: str,
    changed: Iterable[ChannelFacts],
    kept: Mapping[str, Row],
    at: datetime,
) -> None:
    """Insert new channels and overwrite what catalogs may change of the others."""
    from_catalog = [
        *(getattr(Channel, _column(fact)) for fact in _FACTS if fact != "code"),
        Channel.device,
        Channel.category,
        Channel.missing_since,
        Channel.updated_at,
    ]
    for chunk in chunks(changed):
        rows = [_row(device_id, facts, kept.get(facts.code), at) for facts in chunk]
        Channel.insert_many(rows).on_conflict(
            conflict_target=[Channel.code],
            preserve=from_catalog,
            # A channel that another device took meanwhile stays there.
            where=(Channel.device == EXCLUDED.device_id) | Channel.missing_since.is_null(False),
        ).execute(database)


def _row(device_id: str, facts: ChannelFacts, kept: Row | None, at: datetime) -> Row:
    given_name = kept["given_name"] if kept else ""
    category_code = kept["category_code"] if kept else None
    row = {_column(fact): getattr(facts, fact) for fact in _FACTS}
    return row | {
        "device": device_id,
        "given_name": given_name,
        "organisation_given": bool(kept and kept["organisation_given"]),
        "category": category_of(given_name or facts.name, category_code)[0],
        "category_code": category_code,
        "missing_since": None,
        "first_seen_at": at,
        "updated_at": at,
    }


def _mark_missing(database: Database, codes: Iterable[str], at: datetime) -> None:
    for chunk in chunks(codes):
        change = Channel.update(missing_since=at, updated_at=at)
        run(change.where(Channel.code.in_(chunk)), database)


def _write_own(database: Database, device_id: str, own: CatalogEntry | None) -> None:
    """The device's own item fills what nothing else has told."""
    if own is None:
        return
    said = {"reported_name": own.name, "manufacturer": own.manufacturer, "model": own.model}
    device = fetch_one(Device.select().where(Device.id == device_id), database) or {}
    fresh = {
        column: kept
        for column, text in said.items()
        if (kept := fit(text, 255)[0]) and not device.get(column)
    }
    if fresh:
        run(Device.update(fresh).where(Device.id == device_id), database)

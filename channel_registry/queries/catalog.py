"""Catalogs into the database: one transaction each, thousands of items in bulk."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
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
from channel_registry.queries.devices import known_devices
from channel_registry.records import (
    CatalogEntry,
    CatalogSummary,
    OrganisationKind,
    RejectedEntry,
)
from channel_registry.statements import Row, chunks, fetch, run


@dataclass(frozen=True, slots=True)
class CatalogAnswer:
    """One answer (or notification) of a device, to be merged."""

    device_id: str
    entries: Sequence[CatalogEntry]
    complete: bool
    """The device sent all it announced: only then are unlisted channels marked as missing."""
    is_notification: bool = False
    """It says nothing about whether the last catalog was complete."""


def apply_catalog(
    database: Database,
    device_id: str,
    entries: Iterable[CatalogEntry],
    *,
    complete: bool,
    at: datetime,
    is_notification: bool = False,
) -> CatalogSummary:
    """Merge one answer of a device, as `apply_catalogs`; raises `UnknownDevice`."""
    answer = CatalogAnswer(device_id, tuple(entries), complete, is_notification)
    found = apply_catalogs(database, [answer], at=at)
    if not found:
        raise UnknownDevice(device_id)
    return found[device_id]


def apply_catalogs(
    database: Database, answers: Sequence[CatalogAnswer], *, at: datetime
) -> dict[str, CatalogSummary]:
    """Merge answers of many devices, each once, in few statements; unknown devices are left out.

    Nothing is ever deleted. A code that another device lists stays with that device, unless that
    one no longer lists it: then the camera has moved. What comes of it is the same as one after
    the other; answers that have to do with each other are indeed merged so.
    """
    summaries: dict[str, CatalogSummary] = {}
    waiting = list(answers)
    with database.atomic():
        while waiting:
            waiting = _apply_together(database, waiting, at, summaries)
    return summaries


def _apply_together(
    database: Database,
    answers: list[CatalogAnswer],
    at: datetime,
    summaries: dict[str, CatalogSummary],
) -> list[CatalogAnswer]:
    """Merge those that touch nothing of each other; answers the rest, whose turn is later."""
    known = _begin(database, answers, at)
    answers = [answer for answer in answers if answer.device_id in known]
    organisations = _known_organisations(database, [answer.device_id for answer in answers])
    trees = {
        answer.device_id: read_catalog(
            answer.device_id, answer.entries, organisations.get(answer.device_id, {})
        )
        for answer in answers
    }
    rows = _known_rows(database, answers, trees)
    merges: list[_Merge] = []
    later: list[CatalogAnswer] = []
    taken: set[str] = set()
    busy = {answer.device_id for answer in answers}
    for answer in answers:
        tree = trees[answer.device_id]
        codes = {facts.code for facts in tree.channels}
        owners = {rows[code]["device"] for code in codes if code in rows} - {answer.device_id}
        if merges and (codes & taken or owners & busy):
            later.append(answer)
            continue
        taken |= codes
        merges.append(_Merge(answer, tree, rows))
    _write(database, merges, organisations, at)
    summaries |= {merge.answer.device_id: merge.summary(at) for merge in merges}
    return later


class _Merge:
    """What one answer changes, found out before anything is written."""

    def __init__(self, answer: CatalogAnswer, tree: CatalogTree, rows: "_Rows") -> None:
        self.answer, self.tree = answer, tree
        own = rows.of(answer, tree)
        foreign = {
            facts.code: rows[facts.code]
            for facts in tree.channels
            if facts.code in rows and facts.code not in own
        }
        self._rejected, moved = _judge_foreign(foreign)
        self.kept = own | moved
        """Rows of channels that are there already."""
        listed = [facts for facts in tree.channels if facts.code not in self._rejected]
        known = {code: _known(row) for code, row in own.items()}
        self.difference = merge(known, listed, complete=answer.complete)

    def summary(self, at: datetime) -> CatalogSummary:
        """What to tell of it."""
        difference, tree = self.difference, self.tree
        return CatalogSummary(
            device_id=self.answer.device_id,
            at=at,
            complete=self.answer.complete,
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
                *(RejectedEntry(code, "other_device") for code in sorted(self._rejected)),
            ),
        )


def _write(
    database: Database,
    merges: Sequence[_Merge],
    organisations: Mapping[str, Mapping[str, OrganisationFacts]],
    at: datetime,
) -> None:
    _write_organisations(database, merges, organisations, at)
    changed = [
        _row(merge.answer.device_id, facts, merge.kept.get(facts.code), at)
        for merge in merges
        for facts in (*merge.difference.added, *merge.difference.updated)
    ]
    _write_channels(database, changed)
    _mark_missing(database, [code for each in merges for code in each.difference.missing], at)
    _write_own(database, {each.answer.device_id: each.tree.own for each in merges})


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


def _begin(database: Database, answers: Sequence[CatalogAnswer], at: datetime) -> frozenset[str]:
    """Note the merges; being the first statement, it also keeps a second merge waiting.

    Answers those of the devices that are known.
    """
    notes: dict[bool | None, list[str]] = {}
    for answer in answers:
        complete = None if answer.is_notification else answer.complete
        notes.setdefault(complete, []).append(answer.device_id)
    for complete, ids in notes.items():
        note: dict[str, object] = {"catalog_at": at}
        if complete is not None:
            note["catalog_complete"] = complete
        for chunk in chunks(ids):
            run(Device.update(note).where(Device.id.in_(chunk)), database)
    return known_devices(database, [answer.device_id for answer in answers])


def _known_organisations(
    database: Database, ids: Sequence[str]
) -> dict[str, dict[str, OrganisationFacts]]:
    """By device, then by code."""
    found: dict[str, dict[str, OrganisationFacts]] = {}
    for chunk in chunks(ids):
        query = Organisation.select().where(Organisation.device_id.in_(chunk))
        for row in fetch(query, database):
            found.setdefault(row["device_id"], {})[row["code"]] = OrganisationFacts(
                row["id"], OrganisationKind(row["kind"]), row["code"], row["name"], row["parent"]
            )
    return found


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


class _Rows(dict[str, Row]):
    """Channels by code: all of the devices whose answers are complete, and what is listed."""

    def __init__(self) -> None:
        super().__init__()
        self._of_device: dict[str, list[str]] = {}

    def add(self, rows: Mapping[str, Row]) -> None:
        """Take what was read."""
        for code, row in rows.items():
            if code not in self:
                self._of_device.setdefault(row["device"], []).append(code)
        self.update(rows)

    def of(self, answer: CatalogAnswer, tree: CatalogTree) -> dict[str, Row]:
        """The device's own channels that this answer says something of."""
        if answer.complete:
            return {code: self[code] for code in self._of_device.get(answer.device_id, ())}
        listed = {facts.code for facts in tree.channels}
        return {
            code: self[code] for code in self._of_device.get(answer.device_id, ()) if code in listed
        }


def _known_rows(
    database: Database, answers: Sequence[CatalogAnswer], trees: Mapping[str, CatalogTree]
) -> _Rows:
    """The devices' channels, and those of others that they list too.

    What is not complete says nothing of channels that it does not list: they are not read.
    """
    rows = _Rows()
    for ids in chunks(answer.device_id for answer in answers if answer.complete):
        rows.add(_channel_rows(database, Channel.device.in_(ids)))
    listed = dict.fromkeys(facts.code for tree in trees.values() for facts in tree.channels)
    for codes in chunks(code for code in listed if code not in rows):
        rows.add(_channel_rows(database, Channel.code.in_(codes)))
    return rows


def _judge_foreign(elsewhere: Mapping[str, Row]) -> tuple[set[str], dict[str, Row]]:
    """Codes that belong to another device, and rows of channels that have moved to this one."""
    moved = {code: row for code, row in elsewhere.items() if row["missing_since"] is not None}
    return set(elsewhere) - set(moved), moved


def _write_organisations(
    database: Database,
    merges: Sequence[_Merge],
    known: Mapping[str, Mapping[str, OrganisationFacts]],
    at: datetime,
) -> None:
    rows: list[Row] = [
        {
            "id": facts.id,
            "kind": facts.kind.value,
            "code": facts.code,
            "name": facts.name,
            "parent": facts.parent_id,
            "device_id": each.answer.device_id,
            "missing_since": None,
        }
        for each in merges
        for facts in each.tree.organisations
    ]
    for chunk in chunks(rows):
        changed = [Organisation.kind, Organisation.name, Organisation.parent]
        Organisation.insert_many(chunk).on_conflict(
            conflict_target=[Organisation.id],
            preserve=[*changed, Organisation.missing_since],
        ).execute(database)
    gone: list[Any] = []
    for each in merges:
        if each.answer.complete:
            listed = {facts.code for facts in each.tree.organisations}
            own = known.get(each.answer.device_id, {})
            gone += [facts.id for code, facts in own.items() if code not in listed]
    for ids in chunks(gone):
        unmarked = Organisation.id.in_(ids) & Organisation.missing_since.is_null()
        run(Organisation.update(missing_since=at).where(unmarked), database)


def _write_channels(database: Database, rows: Iterable[Row]) -> None:
    """Insert new channels and overwrite what catalogs may change of the others."""
    from_catalog = [
        *(getattr(Channel, _column(fact)) for fact in _FACTS if fact != "code"),
        Channel.device,
        Channel.category,
        Channel.missing_since,
        Channel.updated_at,
    ]
    for chunk in chunks(rows):
        Channel.insert_many(chunk).on_conflict(
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


def _write_own(database: Database, owns: Mapping[str, CatalogEntry | None]) -> None:
    """A device's own item fills what nothing else has told."""
    told = {device_id: own for device_id, own in owns.items() if own is not None}
    for ids in chunks(told):
        for device in fetch(Device.select().where(Device.id.in_(ids)), database):
            own = told[device["id"]]
            said = {"reported_name": own.name, "manufacturer": own.manufacturer}
            said["model"] = own.model
            fresh = {
                column: kept
                for column, text in said.items()
                if (kept := fit(text, 255)[0]) and not device.get(column)
            }
            if fresh:
                run(Device.update(fresh).where(Device.id == device["id"]), database)

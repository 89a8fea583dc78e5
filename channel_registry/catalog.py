"""Catalogs, sans-IO: reads the items of one device into a tree, and compares it with what is known.

Rules (GB/T 28181-2022 A.2.6, annex J, annex M):
- items are told apart by the length of their code, then by their type; unknown types are channels;
- a short or broken answer never deletes anything: only a complete answer marks channels as missing,
  and a missing channel is kept, with the time since when;
- where items belong is decided in `places.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from channel_registry.codes import (
    ChannelCode,
    CodeKind,
    is_civil_code,
    is_rule_b,
    parse_civil_code,
)
from channel_registry.errors import InvalidCode
from channel_registry.literal import degrees, fit, storable
from channel_registry.places import NAME_LIMIT, OrganisationFacts, arrange, place
from channel_registry.records import CatalogEntry, OrganisationKind, RejectedEntry

MAX_ITEMS = 200_000
"""Items of one catalog that are looked at; the largest promised catalog has 20,000."""
MAX_ORGANISATIONS = 20_000
MAX_REJECTED = 1_000
MAX_EXTRA = 64
EXTRA_NAME_LIMIT = 64
EXTRA_VALUE_LIMIT = 1_024

_ORGANISATION_KINDS = {
    CodeKind.GROUP: OrganisationKind.GROUP,
    CodeKind.VIRTUAL: OrganisationKind.VIRTUAL,
    CodeKind.DEVICE: OrganisationKind.DEVICE,
    CodeKind.PLATFORM: OrganisationKind.PLATFORM,
    CodeKind.EXTERNAL: OrganisationKind.PLATFORM,
}


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """What a catalog says about one channel, cleaned; compared field by field."""

    code: str
    name: str
    parent_id: str
    civil_code: str
    organisation_id: str | None
    says_on: bool
    manufacturer: str
    model: str
    owner: str
    address: str
    ptz_type: int | None
    longitude: float | None
    latitude: float | None
    note: str
    extra: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CatalogTree:
    """The items of one catalog, read."""

    organisations: tuple[OrganisationFacts, ...]
    """Parents before children."""
    channels: tuple[ChannelFacts, ...]
    own: CatalogEntry | None
    """What the device says about itself."""
    rejected: tuple[RejectedEntry, ...]


@dataclass(frozen=True, slots=True)
class KnownChannel:
    """What is stored about a channel, as far as a catalog may change it."""

    facts: ChannelFacts
    is_missing: bool
    organisation_given: bool = False
    """The operator placed it; a catalog does not move it."""


@dataclass(frozen=True, slots=True)
class CatalogDifference:
    """What a catalog changes. Nothing in here deletes."""

    added: tuple[ChannelFacts, ...]
    updated: tuple[ChannelFacts, ...]
    missing: tuple[str, ...]
    returned: tuple[str, ...]
    turned_on: tuple[str, ...]
    turned_off: tuple[str, ...]
    unchanged: int


def read_catalog(
    device_id: str,
    entries: Iterable[CatalogEntry],
    known_organisations: Mapping[str, OrganisationFacts] | None = None,
) -> CatalogTree:
    """Sort items into organisations and channels; of repeated items the last one counts.

    `known_organisations` (by code) are those of earlier answers: a partial answer may hold
    channels whose organisation came before.
    """
    sorting = _Sorting(device_id)
    for index, entry in enumerate(entries):
        if index >= MAX_ITEMS:
            sorting.reject(entry.code, "too_many")
            break
        sorting.add(entry)
    organisations = arrange(device_id, sorting.organisations, known_organisations or {})
    channels = tuple(
        _channel_facts(entry, place(entry, organisations, sorting.channels))
        for entry in sorting.channels.values()
    )
    heard = [organisations[code] for code in organisations if code in sorting.organisations]
    return CatalogTree(
        organisations=tuple(heard),
        channels=channels,
        own=sorting.own,
        rejected=tuple(sorting.rejected),
    )


def merge(
    known: Mapping[str, KnownChannel], listed: Iterable[ChannelFacts], *, complete: bool
) -> CatalogDifference:
    """Compare what is listed with what is known; an incomplete list marks nothing as missing."""
    added: list[ChannelFacts] = []
    updated: list[ChannelFacts] = []
    returned: list[str] = []
    turned_on: list[str] = []
    turned_off: list[str] = []
    unchanged = 0
    seen: set[str] = set()
    for facts in listed:
        seen.add(facts.code)
        before = known.get(facts.code)
        if before is None:
            added.append(facts)
            (turned_on if facts.says_on else turned_off).append(facts.code)
            continue
        if before.organisation_given:
            facts = replace(facts, organisation_id=before.facts.organisation_id)
        if before.is_missing:
            returned.append(facts.code)
        elif facts == before.facts:
            unchanged += 1
            continue
        updated.append(facts)
        if facts.says_on != before.facts.says_on:
            (turned_on if facts.says_on else turned_off).append(facts.code)
    missing = [
        code for code, channel in known.items() if code not in seen and not channel.is_missing
    ]
    return CatalogDifference(
        added=tuple(added),
        updated=tuple(updated),
        missing=tuple(missing) if complete else (),
        returned=tuple(returned),
        turned_on=tuple(turned_on),
        turned_off=tuple(turned_off),
        unchanged=unchanged,
    )


class _Sorting:
    """Items of one catalog by what they are; the last item with a code wins."""

    def __init__(self, device_id: str) -> None:
        self.device_id = device_id
        self.own: CatalogEntry | None = None
        self.organisations: dict[str, tuple[OrganisationKind, CatalogEntry]] = {}
        self.channels: dict[str, CatalogEntry] = {}
        self.rejected: list[RejectedEntry] = []

    def reject(self, code: str, reason: str) -> None:
        if len(self.rejected) < MAX_REJECTED:
            self.rejected.append(RejectedEntry(storable(code[:64]), reason))

    def add(self, entry: CatalogEntry) -> None:
        code = entry.code.strip(" \t\r\n")
        if is_civil_code(code):
            self._add_organisation(code, OrganisationKind.REGION, entry)
            return
        try:
            kind = ChannelCode(code).kind
        except InvalidCode:
            if is_rule_b(code):
                self.channels[code] = replace(entry, code=code)
            else:
                self.reject(entry.code, "bad_code")
            return
        self._add_coded(code, kind, entry)

    def _add_coded(self, code: str, kind: CodeKind, entry: CatalogEntry) -> None:
        if kind is CodeKind.USER:
            self.reject(code, "not_a_channel")
        elif kind not in _ORGANISATION_KINDS:
            self.channels[code] = replace(entry, code=code)
        elif code == self.device_id:
            self.own = entry
        else:
            self._add_organisation(code, _ORGANISATION_KINDS[kind], entry)

    def _add_organisation(self, code: str, kind: OrganisationKind, entry: CatalogEntry) -> None:
        if len(self.organisations) < MAX_ORGANISATIONS or code in self.organisations:
            self.organisations[code] = (kind, entry)
        else:
            self.reject(code, "too_many")


def _channel_facts(entry: CatalogEntry, place: str | None) -> ChannelFacts:
    notes: list[str] = []

    def text(field: str, value: str) -> str:
        kept, whole = fit(value, NAME_LIMIT)
        if whole:
            notes.append(f"{field} cut from {whole} characters")
        return kept

    ptz = entry.ptz_type
    return ChannelFacts(
        code=entry.code,
        name=text("name", entry.name) or entry.code,
        parent_id=text("parent", "/".join(entry.parent_ids)),
        civil_code=parse_civil_code(entry.civil_code) or "",
        organisation_id=place,
        says_on=entry.status_on,
        manufacturer=text("manufacturer", entry.manufacturer),
        model=text("model", entry.model),
        owner=text("owner", entry.owner),
        address=text("address", entry.address),
        ptz_type=ptz if ptz is not None and 0 <= ptz <= 99 else None,
        longitude=degrees(entry.longitude, 180.0),
        latitude=degrees(entry.latitude, 90.0),
        note="; ".join(notes)[:NAME_LIMIT],
        extra=_extra(entry.extra),
    )


def _extra(extra: Mapping[str, str]) -> dict[str, str]:
    kept = list(extra.items())[:MAX_EXTRA]
    return {
        fit(name, EXTRA_NAME_LIMIT)[0]: fit(value, EXTRA_VALUE_LIMIT)[0] for name, value in kept
    }

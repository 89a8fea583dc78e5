"""Where the items of a catalog belong, sans-IO: parents, loops, depth.

- A channel's place is the virtual organisation it names, else the business group, else the device
  behind the registered one, else the platform, else the region; else right under the device.
- Parents that are nobody, the item itself or part of a loop are ignored (field quirks: `null`, own
  id, several joined by `/`, a civil code).
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace

from channel_registry.codes import civil_parents, parse_civil_code
from channel_registry.literal import fit
from channel_registry.records import CatalogEntry, OrganisationKind

NAME_LIMIT = 255
MAX_DEPTH = 32
"""Levels of organisations below a device."""

_RANK = {
    OrganisationKind.VIRTUAL: 0,
    OrganisationKind.GROUP: 1,
    OrganisationKind.DEVICE: 2,
    OrganisationKind.PLATFORM: 3,
    OrganisationKind.REGION: 4,
}


@dataclass(frozen=True, slots=True)
class OrganisationFacts:
    """What a catalog says about one organisation; `id` is unique over all devices."""

    id: str
    kind: OrganisationKind
    code: str
    name: str
    parent_id: str | None


def organisation_id(device_id: str, code: str) -> str:
    """The id of a catalog's organisation: two devices may list the same region."""
    return f"{device_id}-{code}"


def arrange(
    device_id: str,
    listed: Mapping[str, tuple[OrganisationKind, CatalogEntry]],
    known: Mapping[str, OrganisationFacts],
) -> dict[str, OrganisationFacts]:
    """Every organisation by code, parents first, those of earlier answers included, loops cut."""
    found = dict(known)
    for code, (kind, entry) in listed.items():
        name, _ = fit(entry.name, NAME_LIMIT)
        identity = organisation_id(device_id, code)
        found[code] = OrganisationFacts(identity, kind, code, name or code, None)
    parents = {code: _code_of(facts.parent_id) for code, facts in known.items()}
    for code, (kind, entry) in listed.items():
        parents[code] = _organisation_parent(code, kind, entry, found)
    _cut_loops(parents, listed)
    return {
        code: replace(found[code], parent_id=_id_of(parent, found))
        for code, parent in _parents_first(parents)
    }


def _code_of(identity: str | None) -> str | None:
    return None if identity is None else identity.rpartition("-")[2]


def _id_of(code: str | None, found: Mapping[str, OrganisationFacts]) -> str | None:
    return found[code].id if code is not None and code in found else None


def _organisation_parent(
    code: str, kind: OrganisationKind, entry: CatalogEntry, found: Mapping[str, OrganisationFacts]
) -> str | None:
    if kind is OrganisationKind.REGION:
        nearest = next((above for above in civil_parents(code) if above in found), None)
        if nearest is not None:
            return nearest
    return _best([*_named_parents(entry)], found, but=code)


def _cut_loops(parents: dict[str, str | None], fresh: Container[str]) -> None:
    """Drop, in each loop, the parent of one member that this answer brought.

    What is known already has no loops, and is not written again: so every loop has a fresh member,
    and cutting another one would not last.
    """
    settled: set[str] = set()
    for start in parents:
        path: dict[str, None] = {}  # in order, and quick to ask
        node: str | None = start
        while node is not None and node not in settled:
            if node in path:
                members = list(path)
                loop = members[members.index(node) :]
                parents[next(member for member in loop if member in fresh)] = None
                break
            path[node] = None
            node = parents.get(node)
        settled.update(path)


def _parents_first(parents: Mapping[str, str | None]) -> Iterable[tuple[str, str | None]]:
    """Level by level from the roots; what is deeper than any real tree becomes a root."""
    children: dict[str | None, list[str]] = {}
    for code, parent in parents.items():
        children.setdefault(parent if parent in parents else None, []).append(code)
    level: list[tuple[str, str | None]] = [(code, None) for code in children.get(None, ())]
    depth = 0
    while level:
        yield from level
        depth = depth % MAX_DEPTH + 1
        is_cut = depth == MAX_DEPTH
        level = [
            (child, None if is_cut else code)
            for code, _ in level
            for child in children.get(code, ())
        ]


def _named_parents(entry: CatalogEntry) -> Iterable[str]:
    """Every parent an item names: `ParentID` (joined by `/` or split already), then its group."""
    for text in entry.parent_ids:
        for part in text.split("/"):
            yield part.strip(" \t\r\n")
    yield entry.business_group_id.strip(" \t\r\n")


def _best(
    names: Iterable[str], found: Mapping[str, OrganisationFacts], *, but: str = ""
) -> str | None:
    """The most telling of the named organisations that exist."""
    there = [name for name in names if name in found and name != but]
    return min(there, key=lambda name: _RANK[found[name].kind], default=None)


def place(
    entry: CatalogEntry,
    found: Mapping[str, OrganisationFacts],
    channels: Mapping[str, CatalogEntry],
) -> str | None:
    """The id of the organisation of a channel, none: right under its device."""
    names = [*_named_parents(entry)]
    best = _best(names, found)
    if best is None:  # a loudspeaker names its camera: put it where the camera is
        carriers = [channels[name] for name in names if name in channels and name != entry.code]
        best = _best([name for carrier in carriers for name in _named_parents(carrier)], found)
    if best is None:
        civil = parse_civil_code(entry.civil_code)
        regions = (civil, *civil_parents(civil)) if civil else ()
        best = next((code for code in regions if code in found), None)
    return _id_of(best, found)

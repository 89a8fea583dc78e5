"""The nodes above shared channels as items: regions, systems, groups, organisations, devices. Pure.

Parents: of a lower system and of a business group the system above; of a device the system, of a
channel the device or system, in the form by organisation also the virtual organisation (2022 annex
J). Our own organisations become a business group at the root and virtual organisations below it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from channel_registry.codes import ChannelCode, civil_parents, is_civil_code
from channel_registry.records import (
    ChannelRecord,
    DeviceRecord,
    OrganisationKind,
    OrganisationRecord,
)
from channel_registry.regions import REGION_NAMES
from channel_registry.upper_records import CatalogForm, UpperPlatform
from sip.events import CatalogItem
from vms.services.cascade.code_map import GROUP_TYPE, VIRTUAL_TYPE, CodeBook, group_type
from vms.services.cascade.items import ItemWriter
from vms.services.cascade.selection import Directory, Node, Selection, is_system

MOST_PARENTS = 16
"""Of one item; our own parser reads no more, and one parent is what most peers store."""
DEVICE_TYPES = range(111, 131)
_GROUPINGS = {
    OrganisationKind.GROUP,
    OrganisationKind.VIRTUAL,
    OrganisationKind.LOCAL,
}


Place = tuple[tuple[str, ...], str]
"""ParentID and business group."""


@dataclass(frozen=True, slots=True)
class _Above:
    """What is above one thing, as codes of the upper platform."""

    carrier: str
    """Device or system."""
    grouping: str = ""
    """Virtual organisation, or the group itself."""
    group: str = ""


@dataclass(slots=True)
class Places:
    """The nodes as items, and where channels belong among them."""

    directory: Directory
    own_id: str
    with_carriers: bool
    """False in the flat form: everything is right below our own system."""
    with_groupings: bool
    items: list[CatalogItem] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)
    """Device code or organisation id -> code there."""
    sources: dict[str, str] = field(default_factory=dict)
    region_names: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    """Organisation id -> code of its business group."""
    clashes: list[tuple[str, Node]] = field(default_factory=list)
    """Codes that were another's, and what therefore is not shown."""
    _known: dict[tuple[str, str | None, str], Place] = field(default_factory=dict)

    def of(
        self, channel: ChannelRecord, channels: Mapping[str, str]
    ) -> tuple[tuple[str, ...], str]:
        """ParentID and business group of a channel; `channels` are the codes given so far.

        A loudspeaker or a microphone belongs to the camera that it names (annex J), if shared.
        """
        if not self.with_carriers:
            return (self.own_id,), ""
        key = (channel.device_id, channel.organisation_id, channel.parent_id)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._place(channel)
        if channel.parent_id in ("", channel.device_id) or channel.has_picture:
            return found
        named = (channels.get(code) for code in channel.parent_id.split("/"))
        camera = next((code for code in named if code and code not in self.sources), None)
        return ((camera, *found[0][1:]), found[1]) if camera else found

    def _place(self, channel: ChannelRecord) -> Place:
        path = self.directory.path_of(channel)
        named = [f"{channel.device_id}-{code}" for code in channel.parent_id.split("/") if code]
        carriers = [node for each in named if (node := self.directory.organisations.get(each))]
        carriers.sort(key=lambda node: not is_device(node))
        above = self.above((*carriers, *path, *self.directory.path(channel.device_id)), path)
        return _joined(above.carrier, above.grouping), above.group

    def above(self, carriers: Sequence[Node], path: Sequence[Node]) -> _Above:
        """The nearest device (else system) of `carriers`, the nearest grouping of `path`."""
        carrier = self.nearest(carriers, devices=True) or self.nearest(carriers) or self.own_id
        if not self.with_groupings:
            return _Above(carrier)
        for node in path:
            if _is_grouping(node) and node.id in self.codes:
                return _Above(carrier, self.codes[node.id], self.groups.get(node.id, ""))
        return _Above(carrier)

    def nearest(self, nodes: Iterable[Node], *, devices: bool = False) -> str:
        """The code of the first system, or of the first device before any system."""
        for node in nodes:
            if node.id not in self.codes or _is_grouping(node):
                continue
            if is_device(node):
                if devices:
                    return self.codes[node.id]
            else:
                return "" if devices else self.codes[node.id]
        return ""


def _joined(carrier: str, grouping: str) -> tuple[str, ...]:
    return (carrier, grouping) if grouping else (carrier,)


def _is_grouping(node: Node) -> bool:
    return isinstance(node, OrganisationRecord) and node.kind in _GROUPINGS


def is_device(node: Node) -> bool:
    """Recorders, encoders and the like, registered here or behind something that is."""
    if isinstance(node, OrganisationRecord):
        return node.kind is OrganisationKind.DEVICE
    return not is_system(node.id)


def place_nodes(
    platform: UpperPlatform,
    selection: Selection,
    directory: Directory,
    book: CodeBook,
    writer: ItemWriter,
) -> Places:
    """Write the nodes that the form of this platform shows."""
    form = platform.catalog_form
    places = Places(
        directory,
        platform.own_id,
        with_carriers=form is not CatalogForm.FLAT,
        with_groupings=form is CatalogForm.ORGANISATION,
    )
    shown = list(selection.nodes.values())
    places.region_names = _region_names(shown)
    if places.with_carriers:
        _Writing(platform, places, book, writer, shown).write()
    return places


def _region_names(nodes: Iterable[Node]) -> dict[str, str]:
    return {
        node.code: node.name
        for node in nodes
        if isinstance(node, OrganisationRecord)
        and node.kind is OrganisationKind.REGION
        and node.name != node.code
    }


class _Writing:
    """Gives codes first, then writes items: systems, groupings, devices, parents first."""

    def __init__(
        self,
        platform: UpperPlatform,
        places: Places,
        book: CodeBook,
        writer: ItemWriter,
        nodes: Iterable[Node],
    ) -> None:
        self._places = places
        self._book = book
        self._writer = writer
        self._own_id = platform.own_id
        self._banned = {platform.id, platform.own_id, *places.directory.facts.own_ids}
        depth = {node.id: len(places.directory.path(node.id)) for node in nodes}
        ordered = sorted(nodes, key=lambda node: (depth[node.id], node.id))
        self._systems = [n for n in ordered if not _is_grouping(n) and _is_system_node(n)]
        self._groupings = [n for n in ordered if _is_grouping(n)] if places.with_groupings else []
        self._devices = [n for n in ordered if _is_device_node(n)]
        self._merged: dict[str, CatalogItem] = {}
        self._bases: dict[str, str] = {}
        """Code there -> code here: two lowers may name the same thing, not two things the same."""

    def write(self) -> None:
        for node in (*self._systems, *self._groupings, *self._devices):
            self._give_code(node)
        for node in self._systems:
            self._add(node, self._carrier(node, self._system_above(node)))
        for node in self._groupings:
            self._add_grouping(node)
        for node in self._devices:
            path = self._path_above(node)
            above = self._places.above(path, path)
            self._add(node, self._carrier(node, _joined(above.carrier, above.grouping)))
        self._places.items += self._merged.values()

    def _give_code(self, node: Node) -> None:
        code: str | None
        if isinstance(node, DeviceRecord):
            code = node.id if is_system(node.id) else self._book.device(node.id)
        elif node.kind is OrganisationKind.PLATFORM:
            code = node.code
        elif node.kind is OrganisationKind.DEVICE:
            code = self._book.device(node.code)
        else:
            code = self._book.organisation(node, _grouping_type(node))
        if code is None or code in self._banned:
            return
        base = node.id if isinstance(node, DeviceRecord) else node.code or node.id
        if self._bases.setdefault(code, base) != base:
            self._places.clashes.append((code, node))
            return
        self._places.codes[node.id] = code
        self._places.sources.setdefault(code, node.id)

    def _path_above(self, node: Node) -> tuple[Node, ...]:
        return self._places.directory.path(node.id)[1:]

    def _system_above(self, node: Node) -> tuple[str, ...]:
        return (self._places.nearest(self._path_above(node)) or self._own_id,)

    def _carrier(self, node: Node, parents: tuple[str, ...]) -> CatalogItem | None:
        code = self._places.codes.get(node.id)
        if code is None:
            return None
        device = node if isinstance(node, DeviceRecord) else None
        if device is None and isinstance(node, OrganisationRecord):
            home = self._places.directory.devices.get(node.device_id or "")
            is_on = home is not None and home.online
        else:
            is_on = device is not None and device.online
        civil = ChannelCode(code).civil_code
        return self._writer.system(code, node.name, civil, parents, device, is_on=is_on)

    def _add_grouping(self, node: Node) -> None:
        code = self._places.codes.get(node.id)
        if code is None or not isinstance(node, OrganisationRecord):
            return
        if _grouping_type(node) == GROUP_TYPE:
            self._places.groups[node.id] = code
            civil = ChannelCode(code).civil_code
            system = self._system_above(node)[0]
            self._add(node, self._writer.group(code, node.name, civil, system))
            return
        above = next(
            (n for n in self._path_above(node) if _is_grouping(n) and n.id in self._places.codes),
            None,
        )
        group = self._places.groups.get(above.id, "") if above is not None else ""
        self._places.groups[node.id] = group
        parents: tuple[str, ...] = self._system_above(node)  # nobody made a group for it
        if above is not None:
            parent = self._places.codes[above.id]
            parents = () if parent == group else (parent,)
        self._add(node, self._writer.virtual(code, node.name, parents, group))

    def _add(self, node: Node, item: CatalogItem | None) -> None:
        """Items of the same code are one: parents joined by `/`, on where any is (annex H)."""
        if item is None:
            return
        before = self._merged.get(item.device_id)
        if before is not None:
            more = [each for each in item.parent_ids if not self._is_above(before.device_id, each)]
            parents = tuple(dict.fromkeys((*before.parent_ids, *more)))[:MOST_PARENTS]
            item = replace(before, parent_ids=parents, status_on=before.status_on or item.status_on)
        self._merged[item.device_id] = item

    def _is_above(self, code: str, other: str) -> bool:
        """Whether one item is above another: two lowers may tell opposite stories."""
        waiting, seen = [other], {other}
        for each in waiting:
            item = self._merged.get(each)
            for parent in item.parent_ids if item is not None else ():
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
        return code in seen


def _grouping_type(node: OrganisationRecord) -> int:
    if node.kind is OrganisationKind.LOCAL:
        return group_type(node)
    return GROUP_TYPE if node.kind is OrganisationKind.GROUP else VIRTUAL_TYPE


def _is_system_node(node: Node) -> bool:
    if isinstance(node, OrganisationRecord):
        return node.kind is OrganisationKind.PLATFORM
    return is_system(node.id)


def _is_device_node(node: Node) -> bool:
    """Cameras that register themselves are channels and not shown twice."""
    if isinstance(node, OrganisationRecord):
        return node.kind is OrganisationKind.DEVICE
    return not is_system(node.id) and ChannelCode(node.id).type in DEVICE_TYPES


def region_items(
    platform: UpperPlatform,
    items: Iterable[CatalogItem],
    names: Mapping[str, str],
    writer: ItemWriter,
) -> list[CatalogItem]:
    """The regions of all items and those above them, provinces first; only in that form."""
    if platform.catalog_form is not CatalogForm.CIVIL_CODE:
        return []
    told = {item.civil_code for item in items if is_civil_code(item.civil_code)}
    codes = told.union(*(civil_parents(code) for code in told))
    ordered = sorted(codes, key=lambda code: (len(code), code))
    return [
        writer.region(code, names.get(code) or REGION_NAMES.get(code, code)) for code in ordered
    ]

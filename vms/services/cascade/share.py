"""What an upper platform sees: the registry, cut to a share and written as catalogue items. Pure.

Fixed forms of the items: GB/T 28181-2016 annex O and 2022 annex J; our own system comes first,
systems of lower domains name their parent (2022 annex H). Parents come before their children. The
same item of several lowers is one: its parents are joined, and it is on where any of them is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from channel_registry.codes import ChannelCode
from channel_registry.records import ChannelRecord
from channel_registry.upper_records import CodeMap, DirectoryFacts, Share, UpperPlatform
from sip.events import CatalogItem
from vms.records.platforms import CodeSource
from vms.services.cascade.code_map import CodeBook, shortest_civil_code
from vms.services.cascade.items import ItemWriter, group_of
from vms.services.cascade.selection import Directory, LeftOut, select
from vms.services.cascade.tree_nodes import Places, place_nodes, region_items

CIVIL_LENGTH = 8
"""Longest civil code: whatever is no longer is a region."""


@dataclass(frozen=True, slots=True)
class SharedTree:
    """The catalogue of one upper platform at one moment."""

    own_id: str = ""
    items: tuple[CatalogItem, ...] = ()
    """In the order of sending, our own system first."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Code there -> our channel code, device code or organisation id."""
    codes: Mapping[str, str] = field(default_factory=dict)
    """Our channel code, device code or organisation id -> code there."""
    channels: Mapping[str, ChannelRecord] = field(default_factory=dict)
    """Code there -> our channel."""
    code_sources: Mapping[str, CodeSource] = field(default_factory=dict)
    """Code there -> why it is this one; what is missing has its own."""
    left_out: tuple[LeftOut, ...] = ()
    """Channels of the share that the upper does not get."""
    clashes: tuple[tuple[str, str, str], ...] = ()
    """Devices and organisations whose code was another's: code, id, name."""

    def channel(self, code: str) -> ChannelRecord | None:
        """Our channel behind the upper's code; none where it is not shared."""
        return self.channels.get(code)

    def code(self, ours: str) -> str | None:
        """The upper's code of one of our channels, devices or organisations; none: not shared."""
        return self.codes.get(ours)

    def source(self, code: str) -> str | None:
        """Our channel code, device code or organisation id behind the upper's code."""
        return self.sources.get(code)

    def under(self, target_id: str) -> tuple[CatalogItem, ...]:
        """What a catalogue query for this id answers (2022 annex J); nothing for strangers.

        The item itself comes first. An empty id, as some platforms send, means our own system.
        """
        if target_id in ("", self.own_id):
            return self.items
        if len(target_id) <= CIVIL_LENGTH:
            return tuple(item for item in self.items if _is_in_region(item, target_id))
        below, before = {target_id}, 0
        while len(below) > before:  # twice, unless lowers that share an item tell different stories
            before = len(below)
            below.update(item.device_id for item in self.items if _is_below(item, below))
        found = [item for item in self.items if item.device_id in below]
        return tuple(sorted(found, key=lambda item: item.device_id != target_id))


EMPTY_TREE = SharedTree()


def _is_in_region(item: CatalogItem, region: str) -> bool:
    code = item.device_id if len(item.device_id) <= CIVIL_LENGTH else item.civil_code
    return code.startswith(region)


def _is_below(item: CatalogItem, above: set[str]) -> bool:
    return group_of(item) in above or not above.isdisjoint(item.parent_ids)


def build_tree(
    platform: UpperPlatform,
    share: Share,
    codes: CodeMap,
    facts: DirectoryFacts,
    directory: Directory | None = None,
) -> SharedTree:
    """Build the catalogue of one upper platform.

    Channels whose national code was not made yet (`wanted_codes`) are left out. `directory` is
    that of `facts`, where several trees are built of the same facts.
    """
    selection = select(platform, share, directory or Directory(facts))
    book = CodeBook(codes, facts.national)
    writer = ItemWriter(platform)
    places = place_nodes(platform, selection, directory or Directory(facts), book, writer)
    growing = _Growing(platform, facts, places, book, writer)
    growing.left_out += selection.left_out
    for channel in selection.channels:
        growing.add(channel)
    return growing.tree()


class _Growing:
    """Adds channels to the nodes above them; a code that is taken keeps its first owner."""

    def __init__(
        self,
        platform: UpperPlatform,
        facts: DirectoryFacts,
        places: Places,
        book: CodeBook,
        writer: ItemWriter,
    ) -> None:
        self._platform = platform
        self._facts = facts
        self._places = places
        self._book = book
        self._writer = writer
        self._items: dict[str, CatalogItem] = {}
        self._channels: dict[str, ChannelRecord] = {}
        self._sources: dict[str, str] = dict(places.sources)
        self._codes: dict[str, str] = dict(places.codes)
        self._why: dict[str, CodeSource] = {}
        self._banned = {platform.id, platform.own_id, *facts.own_ids}
        self.left_out: list[LeftOut] = []

    def add(self, channel: ChannelRecord) -> None:
        found = self._book.channel(channel.code)
        if found is None:
            self.left_out.append(LeftOut(channel, "no_code"))
            return
        code, why = found
        if code in self._banned:
            self.left_out.append(LeftOut(channel, "own_code", code))
            return
        if code in self._sources:
            self.left_out.append(LeftOut(channel, "same_code", code))
            return
        parents, group = self._places.of(channel, self._codes)
        civil = shortest_civil_code(channel.civil_code)
        if not civil or why in (CodeSource.GIVEN, CodeSource.RULE):
            civil = ChannelCode(code).civil_code
        self._items[code] = self._writer.channel(channel, code, civil, parents, group)
        self._channels[code] = channel
        self._sources[code] = channel.code
        self._codes[channel.code] = code
        if why is not CodeSource.OWN:
            self._why[code] = why

    def tree(self) -> SharedTree:
        platform, places = self._platform, self._places
        items = [*places.items, *self._items.values()]
        own_civil = ChannelCode(platform.own_id).civil_code
        own = self._writer.own_system(platform.own_id, self._facts.own_name, own_civil)
        regions = region_items(platform, [own, *items], places.region_names, self._writer)
        above = {parent for item in items for parent in item.parent_ids}
        shown = tuple(
            replace(item, parental=True)
            if item.parental is False and item.device_id in above
            else item
            for item in (own, *regions, *items)
        )
        return SharedTree(
            own_id=platform.own_id,
            items=shown,
            sources=self._sources,
            codes=self._codes,
            channels=self._channels,
            code_sources=self._why,
            left_out=tuple(self.left_out),
            clashes=tuple((code, node.id, node.name) for code, node in places.clashes),
        )


def difference(old: SharedTree, new: SharedTree) -> tuple[CatalogItem, ...]:
    """What to notify: DEL (children first), ADD (parents first), UPDATE, then ON and OFF.

    A change of the status alone is ON or OFF; with anything else it is an UPDATE, whose item holds
    the status (2016 annex P, 2022 annex N).
    """
    before = {item.device_id: item for item in old.items}
    after = {item.device_id: item for item in new.items}
    gone = [item for item in reversed(old.items) if item.device_id not in after]
    fresh = [item for item in new.items if item.device_id not in before]
    both = [
        (before[item.device_id], item)
        for item in new.items
        if item.device_id in before and before[item.device_id] != item
    ]
    switched = {was.device_id for was, now in both if replace(was, status_on=now.status_on) == now}
    return (
        *_marked(gone, "DEL"),
        *_marked(fresh, "ADD"),
        *_marked([now for _, now in both if now.device_id not in switched], "UPDATE"),
        *(
            replace(now, event="ON" if now.status_on else "OFF")
            for _, now in both
            if now.device_id in switched
        ),
    )


def _marked(items: Iterable[CatalogItem], event: str) -> Iterable[CatalogItem]:
    return (replace(item, event=event) for item in items)

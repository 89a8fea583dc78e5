"""The shared tree as a tree of nodes: what the upper platform shows when it browses. Pure.

An item may name several parents; the place shown is the one that its form is about: the region, the
virtual organisation, else the device or system.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from channel_registry.codes import ChannelCode, CodeKind, civil_parents
from channel_registry.records import Page
from channel_registry.upper_records import CatalogForm
from sip.events import CatalogItem
from vms.records.platforms import Finding, Preview, PreviewNode
from vms.services.cascade.items import group_of
from vms.services.cascade.share import SharedTree

MAX_DEPTH = 64
_KINDS = {CodeKind.GROUP: "group", CodeKind.VIRTUAL: "virtual", CodeKind.DEVICE: "device"}


class PreviewIndex:
    """Children and counts of one tree, made once and asked page by page."""

    def __init__(self, form: CatalogForm, tree: SharedTree, findings: Iterable[Finding]) -> None:
        self._tree = tree
        self._items = {item.device_id: item for item in tree.items}
        self._places: dict[tuple[tuple[str, ...], str, str], str] = {}
        self._parents = {item.device_id: self._place(form, item) for item in tree.items}
        self._children: dict[str, list[str]] = {}
        for code, parent in self._parents.items():
            self._children.setdefault(parent, []).append(code)
        self._counts: Counter[str] = Counter(tree.channels.keys())
        for parent, number in Counter(self._parents[code] for code in tree.channels).items():
            self._add(parent, number)
        self._findings: dict[str, list[Finding]] = {}
        for finding in findings:
            self._findings.setdefault(finding.code, []).append(finding)

    def page(self, *, node: str = "", q: str = "", page: int = 1, size: int = 50) -> Preview:
        """The children of a node (the roots without one), or all items that match a text."""
        text = q.strip().lower()
        codes = list(self._matching(text)) if text else self._children.get(node, [])
        shown = codes[(page - 1) * size : page * size]
        nodes = tuple(self._node(code) for code in shown)
        whole = Page(nodes, len(codes), page, size)
        return Preview(whole, len(self._items), len(self._tree.channels))

    def _matching(self, text: str) -> Iterable[str]:
        digits = text.replace(" ", "")
        for code, item in self._items.items():
            if text in item.name.lower() or (digits.isdigit() and digits in code):
                yield code

    def _node(self, code: str) -> PreviewNode:
        item = self._items[code]
        return PreviewNode(
            code=code,
            name=item.name,
            kind=self._kind(item),
            status_on=item.status_on,
            parent=self._parents[code],
            parent_ids=item.parent_ids,
            civil_code=item.civil_code,
            channels=self._counts[code],
            has_children=code in self._children,
            source=self._tree.source(code) or "",
            findings=tuple(self._findings.get(code, ())),
        )

    def _kind(self, item: CatalogItem) -> str:
        if len(item.device_id) <= 8:
            return "region"
        if item.device_id in self._tree.channels:
            return "channel"
        return _KINDS.get(ChannelCode(item.device_id).kind, "system")

    def _place(self, form: CatalogForm, item: CatalogItem) -> str:
        """The parent of an item; found once for all channels that name the same."""
        if item.device_id not in self._tree.channels:
            return self._parent(form, item)
        key = (item.parent_ids, item.civil_code, group_of(item))
        if key not in self._places:
            self._places[key] = self._parent(form, item)
        return self._places[key]

    def _parent(self, form: CatalogForm, item: CatalogItem) -> str:
        named = [each for each in self._named(form, item) if each != item.device_id]
        return next((each for each in named if each in self._items), "")

    def _named(self, form: CatalogForm, item: CatalogItem) -> Iterable[str]:
        if len(item.device_id) <= 8:
            return civil_parents(item.device_id)
        if form is CatalogForm.CIVIL_CODE:
            return (*self._carriers(item), *self._regions(item), *item.parent_ids)
        if form is CatalogForm.ORGANISATION:
            return (*reversed(item.parent_ids), group_of(item))
        return item.parent_ids

    def _carriers(self, item: CatalogItem) -> Iterable[str]:
        """Parents that are devices or cameras, or any parent of a system: no region holds those."""
        kinds: Mapping[str, str] = {
            each: self._kind(self._items[each]) for each in item.parent_ids if each in self._items
        }
        is_system = self._kind(item) == "system"
        return (each for each, kind in kinds.items() if is_system or kind in ("device", "channel"))

    def _regions(self, item: CatalogItem) -> Iterable[str]:
        if item.device_id == self._tree.own_id:
            return ()
        return (item.civil_code, *civil_parents(item.civil_code)) if item.civil_code else ()

    def _add(self, node: str, number: int) -> None:
        for _ in range(MAX_DEPTH):
            if not node:
                return
            self._counts[node] += number
            node = self._parents.get(node, "")

"""The shared trees of all upper platforms, built beside the loop, and what is odd about them."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from channel_registry.queries.channels import channels_after
from channel_registry.queries.shared import directory_facts, make_national_codes
from channel_registry.records import ChannelRecord, Page
from channel_registry.upper_records import (
    NOTHING_SHARED,
    OWN_CODES,
    CatalogForm,
    CodeMap,
    DirectoryFacts,
    Share,
    UpperPlatform,
)
from vms.errors import Conflict
from vms.records.platforms import Finding, Preview
from vms.services.cascade.code_map import wanted_codes
from vms.services.cascade.lint import lint
from vms.services.cascade.preview import PreviewIndex
from vms.services.cascade.selection import Directory
from vms.services.cascade.share import EMPTY_TREE, SharedTree, build_tree
from vms.services.store import Store

logger = logging.getLogger(__name__)

T = TypeVar("T")

PIECE = 5_000
"""Channels that are read at once, about a tenth of a second."""


@dataclass(frozen=True, slots=True)
class Described:
    """Everything that people said about upper platforms."""

    platforms: Mapping[str, UpperPlatform]
    shares: Mapping[str, Share]
    codes: Mapping[str, CodeMap]

    def share(self, platform_id: str) -> Share:
        """What one may see."""
        return self.shares.get(platform_id, NOTHING_SHARED)

    def code_map(self, platform_id: str) -> CodeMap:
        """Under which codes."""
        return self.codes.get(platform_id, OWN_CODES)

    def own_ids(self, server_id: str) -> frozenset[str]:
        """Every code by which our own system is known."""
        return frozenset({server_id, *(each.own_id for each in self.platforms.values())})


NOBODY = Described({}, {}, {})


class SharedTrees:
    """One tree for each upper platform; `rebuild` makes them of the registry as it is."""

    def __init__(self, store: Store, server_id: str, own_name: str) -> None:
        self._store = store
        self._server_id = server_id
        self._own_name = own_name
        self._trees: dict[str, SharedTree] = {}
        self._findings: dict[str, tuple[int, tuple[Finding, ...]]] = {}
        """With the shape of the tree that they are about."""
        self._previews: dict[str, tuple[SharedTree, PreviewIndex]] = {}
        self._building = asyncio.Lock()
        self.facts = DirectoryFacts()
        """What the trees were made of."""

    def tree(self, platform_id: str) -> SharedTree:
        """What this platform sees now; empty for an unknown one."""
        return self._trees.get(platform_id, EMPTY_TREE)

    async def rebuild(self, described: Described) -> tuple[str, ...]:
        """Build all trees anew; answers the platforms that see something else now.

        Raises NotReady when the database is away.
        """
        async with self._building:
            trees = await self._build(described)
            changed = await asyncio.to_thread(_changed, self._trees, trees)
            self._trees = trees
            for forgotten in self._findings.keys() - trees.keys():
                del self._findings[forgotten]
                self._previews.pop(forgotten, None)
        return changed

    async def findings(self, platform: UpperPlatform) -> tuple[Finding, ...]:
        """What is odd about a tree; looked at anew when more than its states has changed."""
        tree = self.tree(platform.id)
        shape = await asyncio.to_thread(_shape, platform, tree)
        known = self._findings.get(platform.id)
        if known is None or known[0] != shape:
            known = shape, await asyncio.to_thread(lint, platform, tree)
            self._findings[platform.id] = known
        return known[1]

    async def preview(
        self, platform: UpperPlatform, *, node: str, q: str, page: int, size: int
    ) -> Preview:
        """A page of a tree."""
        tree = self.tree(platform.id)
        known = self._previews.get(platform.id)
        if known is None or known[0] is not tree:
            findings = await self.findings(platform)
            form = platform.catalog_form
            index = await asyncio.to_thread(PreviewIndex, form, tree, findings)
            known = self._previews[platform.id] = tree, index
        return known[1].page(node=node, q=q, page=page, size=size)

    async def _build(self, described: Described) -> dict[str, SharedTree]:
        platforms = tuple(described.platforms.values())
        if not platforms:
            return {}
        facts = await self._read()
        own_ids = described.own_ids(self._server_id)
        facts = replace(facts, server_id=self._server_id, own_ids=own_ids, own_name=self._own_name)
        grouped = any(each.catalog_form is CatalogForm.ORGANISATION for each in platforms)
        wanted = wanted_codes(facts, with_groups=grouped)
        if wanted:
            facts = replace(facts, national={**facts.national, **await self._make_codes(wanted)})
        self.facts = facts
        return await asyncio.to_thread(_build_trees, described, facts)

    async def _read(self) -> DirectoryFacts:
        """The registry, a piece at a time: what devices report is written in between."""
        facts = await self._store.run(directory_facts, with_channels=False)
        channels: list[ChannelRecord] = []
        while True:
            last = channels[-1].code if channels else ""
            piece = await self._store.run(channels_after, last, PIECE)
            channels += piece
            if len(piece) < PIECE:
                return replace(facts, channels=tuple(channels))

    async def _make_codes(self, stems: dict[str, str]) -> dict[str, str]:
        try:
            return await self._store.run(make_national_codes, stems)
        except Conflict as error:  # the findings name each camera that gets no code
            logger.warning("no serial number is left", extra={"reason": error.message})
            return {}


def _build_trees(described: Described, facts: DirectoryFacts) -> dict[str, SharedTree]:
    directory = Directory(facts)
    return {
        each.id: build_tree(
            each, described.share(each.id), described.code_map(each.id), facts, directory
        )
        for each in described.platforms.values()
    }


def _changed(before: Mapping[str, SharedTree], after: Mapping[str, SharedTree]) -> tuple[str, ...]:
    return tuple(each for each in after if after[each].items != before.get(each, EMPTY_TREE).items)


def _shape(platform: UpperPlatform, tree: SharedTree) -> int:
    """A number for all that findings are about: on and off are not."""
    items = (
        (each.device_id, each.name, each.civil_code, each.parent_ids, each.business_group_id)
        for each in tree.items
    )
    left_out = ((each.channel.code, each.reason) for each in tree.left_out)
    return hash((platform.charset, platform.catalog_form, *items, *left_out))


def page_of(found: Sequence[T], page: int, size: int) -> Page[T]:
    """One page of a list."""
    return Page(tuple(found[(page - 1) * size : page * size]), len(found), page, size)

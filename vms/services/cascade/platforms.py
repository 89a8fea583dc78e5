"""Upper platforms: described by people, shared with, and what each sees kept up to date.

Everything about them is in memory, so that signalling never waits for a database. The trees are
built beside the loop whenever the registry may have changed, soon but not for every single event:
a fleet that comes back after a power cut is many events and one new tree.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from peewee import Database

from channel_registry.queries import uppers
from channel_registry.records import Page
from channel_registry.upper_records import (
    CodeMap,
    CodeRule,
    DirectoryFacts,
    Share,
    UpperPlatform,
)
from sip.roles.upward.terms import Uplink
from vms.bus import Bus, Subscription
from vms.clock import Clock
from vms.errors import Conflict, NotFound, VmsError
from vms.events import (
    CatalogMerged,
    ChannelStatusChanged,
    DeviceStatusChanged,
    PlatformsChanged,
    RegistryChanged,
    SharesChanged,
)
from vms.records.platforms import (
    CodeImport,
    CodeLine,
    CodeSource,
    Finding,
    Findings,
    PlatformView,
    Preview,
    Severity,
)
from vms.secrets import Secrets
from vms.services.cascade.addresses import HostBook, Resolver, resolve
from vms.services.cascade.code_lines import code_lines, known_codes, matching, read_change
from vms.services.cascade.code_map import build_csv, read_csv
from vms.services.cascade.figures import NoScorecards, Scorecards
from vms.services.cascade.share import SharedTree
from vms.services.cascade.trees import NOBODY, Described, SharedTrees, page_of
from vms.services.store import Store

logger = logging.getLogger(__name__)

SETTLE_S = 0.5
"""How long changes are gathered before trees are built anew."""
REST_FACTOR = 5
"""After building, rest this many times as long: at most a sixth of a core goes into trees."""
LOOK_EVERY_S = 60.0
"""Names of hosts are resolved again after a quiet time of this length."""
EVENTS = 4_096


class PlatformService:
    """Keeps upper platforms and what is shared with them; `run` follows the registry."""

    def __init__(
        self,
        store: Store,
        secrets: Secrets,
        bus: Bus,
        clock: Clock,
        *,
        server_id: str,
        own_name: str = "Fengsui VMS",
        resolver: Resolver = resolve,
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._bus = bus
        self._clock = clock
        self.server_id = server_id
        self.scorecards: Scorecards = NoScorecards()
        """Set by the cascade service."""
        self._hosts = HostBook(resolver)
        self._described: Described = NOBODY
        self._passwords: dict[str, str] = {}
        self._trees = SharedTrees(store, server_id, own_name)
        self._stale = asyncio.Event()
        self._reading = asyncio.Lock()
        """Two readings at once could end in the wrong order, with several connections."""

    async def begin(self) -> None:
        """Read everything from the database and build the trees."""
        await self._load()
        await self.refresh()

    async def run(self) -> None:
        """Keep trees and addresses up to date until cancelled."""
        wanted = (CatalogMerged, ChannelStatusChanged, DeviceStatusChanged, RegistryChanged)
        with self._bus.subscribe(*wanted, name="shares", limit=EVENTS) as events:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(events))
                group.create_task(self._keep_fresh())

    # For the cascade

    async def uplinks(self) -> Sequence[Uplink]:
        """The enabled platforms as signalling wants them.

        A host name that cannot be resolved keeps its last address; one that never had any is left
        out until a later look finds it (then PlatformsChanged comes).
        """
        await self._hosts.look(self._enabled())
        return tuple(
            self._uplink(platform, address)
            for platform in self._enabled()
            if (address := self._hosts.address(platform.host)) is not None
        )

    def tree(self, platform_id: str) -> SharedTree:
        """What this platform sees now; empty for an unknown one. Never waits."""
        return self._trees.tree(platform_id)

    def platform(self, platform_id: str) -> UpperPlatform:
        """One platform; raises NotFound(platform)."""
        if platform_id not in self._described.platforms:
            raise NotFound("platform", platform_id)
        return self._described.platforms[platform_id]

    async def refresh(self) -> None:
        """Build all trees anew; tells whose changed."""
        changed = await self._trees.rebuild(self._described)
        if changed:
            self._bus.publish(SharesChanged(at=self._clock.wall(), platform_ids=changed))

    # Platforms, for people

    async def platforms(self) -> tuple[PlatformView, ...]:
        """All upper platforms, by their codes."""
        return tuple([await self.view(each) for each in sorted(self._described.platforms)])

    def links(self) -> tuple[int, int]:
        """At how many upper platforms we are registered, and how many are switched on."""
        linked = [self.scorecards.is_registered(each.id) for each in self._enabled()]
        return sum(linked), len(linked)

    async def view(self, platform_id: str) -> PlatformView:
        """One upper platform with its figures; raises NotFound(platform)."""
        platform = self.platform(platform_id)
        card = self.scorecards.scorecard(platform_id)
        if platform.is_enabled and self._hosts.address(platform.host) is None:
            card = replace(card, state="waiting", failure="unreachable")
        findings = await self._trees.findings(self.platform(platform_id))
        tree = self.tree(platform_id)
        return PlatformView(
            platform=platform,
            scorecard=card,
            channels=len(tree.channels),
            channels_online=sum(1 for channel in tree.channels.values() if channel.online),
            errors=_number(findings, Severity.ERROR),
            warnings=_number(findings, Severity.WARNING),
        )

    async def add(self, platform: UpperPlatform, password: str = "") -> PlatformView:
        """Register at a platform from now on; raises Conflict(platform_exists, platform_loop).

        The times of `platform` are set here.
        """
        self._check_loop(platform)
        secret = self._secrets.encrypt(password) if password else None
        await self._store.run(uppers.add_upper, platform, secret=secret, at=self._clock.wall())
        return await self._changed(platform.id)

    async def change(
        self, platform_id: str, changes: Mapping[str, Any], password: str | None = None
    ) -> PlatformView:
        """Change what is given; an empty password takes it away. Raises NotFound, Conflict."""
        platform = replace(self.platform(platform_id), **changes)
        self._check_loop(platform)
        secret = self._secrets.encrypt(password) if password else password
        await self._store.run(uppers.update_upper, platform, secret=secret, at=self._clock.wall())
        return await self._changed(platform_id)

    async def delete(self, platform_id: str) -> None:
        """Forget one with its share and codes; raises NotFound(platform)."""
        await self._store.run(uppers.delete_upper, platform_id)
        await self._load()
        await self.refresh()
        self._tell(platform_id)

    async def register_now(self, platform_id: str) -> PlatformView:
        """Register at once; raises Conflict(platform_disabled), NotReady(cascade_off)."""
        if not self.platform(platform_id).is_enabled:
            raise Conflict("platform_disabled", platform=platform_id)
        await self.scorecards.register_now(platform_id)
        return await self.view(platform_id)

    # What it sees, for people

    def share(self, platform_id: str) -> Share:
        """What it may see; raises NotFound(platform)."""
        return self._described.share(self.platform(platform_id).id)

    async def set_share(self, platform_id: str, share: Share) -> None:
        """Replace what it may see; raises NotFound(platform)."""
        await self._store.run(uppers.save_share, platform_id, share)
        await self._load()
        await self.refresh()

    def code_map(self, platform_id: str) -> CodeMap:
        """The codes that were given for it; raises NotFound(platform)."""
        return self._described.code_map(self.platform(platform_id).id)

    async def codes(
        self,
        platform_id: str,
        *,
        q: str = "",
        source: CodeSource | None = None,
        page: int = 1,
        size: int = 50,
    ) -> Page[CodeLine]:
        """The shared things with our code and theirs; `q` is part of a name or of a code."""
        lines = await self._lines(platform_id)
        found = await asyncio.to_thread(matching, lines, q, source)
        return page_of(found, page, size)

    async def change_codes(
        self,
        platform_id: str,
        rules: tuple[CodeRule, ...] | None,
        given: Mapping[str, str | None],
    ) -> None:
        """Set the rules unless None; give codes, or take them back by None.

        Raises Invalid(rules.N, codes.N) with the reason.
        """
        before = self.code_map(platform_id)
        known = await asyncio.to_thread(known_codes, self._trees.facts, before)
        banned = self._described.own_ids(self.server_id) | {platform_id}
        after = read_change(before, rules, given, known, banned)
        await self._save_codes(platform_id, after)

    async def export_codes(self, platform_id: str) -> str:
        """The shared things as CSV."""
        return build_csv(await self._lines(platform_id))

    async def import_codes(self, platform_id: str, data: bytes) -> CodeImport:
        """Replace the given codes by a CSV table; with one bad line nothing changes."""
        before = self.code_map(platform_id)
        given, done = await asyncio.to_thread(_read_table, data, self._trees.facts, before)
        if not done.bad:
            await self._save_codes(platform_id, replace(before, codes=given))
        return done

    async def preview(
        self, platform_id: str, *, node: str = "", q: str = "", page: int = 1, size: int = 50
    ) -> Preview:
        """A page of the tree as the platform sees it, with what is odd about each item."""
        return await self._trees.preview(
            self.platform(platform_id), node=node, q=q, page=page, size=size
        )

    async def check(
        self,
        platform_id: str,
        *,
        severity: Severity | None = None,
        rule: str = "",
        page: int = 1,
        size: int = 50,
    ) -> Findings:
        """A page of what is odd about the tree, the worst first."""
        findings = await self._trees.findings(self.platform(platform_id))
        found = [
            each
            for each in findings
            if (severity is None or each.severity is severity) and rule in ("", each.rule)
        ]
        figures = [_number(findings, each) for each in Severity]
        return Findings(page_of(found, page, size), *figures)

    # Inside

    def _enabled(self) -> list[UpperPlatform]:
        return [each for each in self._described.platforms.values() if each.is_enabled]

    async def _load(self) -> None:
        async with self._reading:
            self._described, secrets = await self._store.run(_read)
        self._passwords = {key: self._secrets.decrypt(token) for key, token in secrets.items()}

    async def _changed(self, platform_id: str) -> PlatformView:
        await self._load()
        await self.refresh()
        await self._hosts.look([self.platform(platform_id)])
        self._tell(platform_id)
        return await self.view(platform_id)

    def _tell(self, *platform_ids: str) -> None:
        if platform_ids:
            self._bus.publish(PlatformsChanged(at=self._clock.wall(), platform_ids=platform_ids))

    async def _save_codes(self, platform_id: str, codes: CodeMap) -> None:
        await self._store.run(uppers.save_code_map, platform_id, codes)
        await self._load()
        await self.refresh()

    def _check_loop(self, platform: UpperPlatform) -> None:
        """Nobody is above itself, neither under its server id nor under another of its codes."""
        others = [each for each in self._described.platforms.values() if each.id != platform.id]
        own = {self.server_id, platform.own_id, *(each.own_id for each in others)}
        if platform.id in own or platform.own_id in {each.id for each in others}:
            raise Conflict("platform_loop", platform=platform.id, own_id=platform.own_id)

    async def _listen(self, events: Subscription) -> None:
        """Note that something happened; what it was is seen in the registry."""
        async for _ in events:
            self._stale.set()

    async def _keep_fresh(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._stale.wait()
            except TimeoutError:
                self._tell(*await self._hosts.look(self._enabled()))
                continue
            await asyncio.sleep(SETTLE_S)
            self._stale.clear()
            began = self._clock.now()
            await self._refresh_safely()
            await asyncio.sleep(REST_FACTOR * (self._clock.now() - began))

    async def _refresh_safely(self) -> None:
        try:
            await self._load()
            await self.refresh()
        except VmsError as error:
            logger.warning("shared trees are old", extra={"reason": error.code})

    async def _lines(self, platform_id: str) -> tuple[CodeLine, ...]:
        codes = self.code_map(platform_id)
        return await asyncio.to_thread(code_lines, self.tree(platform_id), codes)

    def _uplink(self, platform: UpperPlatform, address: str) -> Uplink:
        return Uplink(
            platform_id=platform.id,
            domain=platform.domain,
            host=address,
            port=platform.port,
            transport=platform.transport,
            own_id=platform.own_id,
            username=platform.username,
            password=self._passwords.get(platform.id, ""),
            expires_s=platform.expires_s,
            keepalive_interval_s=platform.keepalive_interval_s,
            keepalive_count=platform.keepalive_count,
            edition=platform.edition,
            charset=platform.charset,
        )


def _read(database: Database) -> tuple[Described, dict[str, str]]:
    with database.atomic():
        platforms = {each.id: each for each in uppers.list_uppers(database)}
        described = Described(platforms, uppers.shares(database), uppers.code_maps(database))
        return described, uppers.upper_secrets(database)


def _read_table(
    data: bytes, facts: DirectoryFacts, before: CodeMap
) -> tuple[dict[str, str], CodeImport]:
    return read_csv(data, known_codes(facts, before))


def _number(findings: Sequence[Finding], severity: Severity) -> int:
    return sum(1 for each in findings if each.severity is severity)

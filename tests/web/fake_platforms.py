from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from channel_registry.records import Page
from channel_registry.upper_records import CodeMap, CodeRule, Share, UpperPlatform
from tests.web.records import CHANNEL, NOON
from vms.errors import Conflict, Invalid, NotFound, NotReady
from vms.records import (
    BadCodeLine,
    CallFailure,
    CatalogDifferenceCounts,
    CodeImport,
    CodeLine,
    CodeSource,
    Finding,
    Findings,
    PlatformView,
    Preview,
    PreviewNode,
    Scorecard,
    Severity,
)

UPPER = "14000000002000000001"
OWN = "14040000002000000002"
FINDING = Finding(Severity.WARNING, "empty_name", CHANNEL, CHANNEL, "", CHANNEL)
CARD = Scorecard(
    state="waiting",
    since=NOON,
    failure="wrong_password",
    status=403,
    catalog=CatalogDifferenceCounts(NOON, 2, added=1),
    invites=3,
    invites_ok=2,
    first_frame_ms=420.0,
    last_failure=CallFailure(NOON, CHANNEL, "480"),
)


class FakePlatforms:
    server_id = OWN

    def __init__(self) -> None:
        self.known: dict[str, UpperPlatform] = {
            UPPER: UpperPlatform(
                id=UPPER,
                name="市平台",
                domain="1400000000",
                host="10.14.0.2",
                own_id=OWN,
                created_at=NOON,
                updated_at=NOON,
            )
        }
        self.passwords: dict[str, str] = {}
        self.shares: dict[str, Share] = {}
        self.maps: dict[str, CodeMap] = {}

    def platform(self, platform_id: str) -> UpperPlatform:
        if platform_id not in self.known:
            raise NotFound("platform", platform_id)
        return self.known[platform_id]

    async def platforms(self) -> tuple[PlatformView, ...]:
        return tuple([await self.view(each) for each in sorted(self.known)])

    def links(self) -> tuple[int, int]:
        return 0, sum(platform.is_enabled for platform in self.known.values())

    async def view(self, platform_id: str) -> PlatformView:
        platform = self.platform(platform_id)
        return PlatformView(
            platform=platform, scorecard=CARD, channels=2, channels_online=1, errors=0, warnings=1
        )

    async def add(self, platform: UpperPlatform, password: str = "") -> PlatformView:
        if platform.id in self.known:
            raise Conflict("platform_exists", name=platform.id)
        if platform.id == platform.own_id:
            raise Conflict("platform_loop")
        self.known[platform.id] = replace(
            platform, created_at=NOON, updated_at=NOON, password_set=bool(password)
        )
        self.passwords[platform.id] = password
        return await self.view(platform.id)

    async def change(
        self, platform_id: str, changes: Mapping[str, Any], password: str | None = None
    ) -> PlatformView:
        self.known[platform_id] = replace(self.platform(platform_id), **changes)
        if password is not None:
            self.passwords[platform_id] = password
        return await self.view(platform_id)

    async def delete(self, platform_id: str) -> None:
        self.platform(platform_id)
        del self.known[platform_id]

    async def register_now(self, platform_id: str) -> PlatformView:
        if not self.platform(platform_id).is_enabled:
            raise Conflict("platform_disabled")
        raise NotReady(code="cascade_off")

    def share(self, platform_id: str) -> Share:
        return self.shares.get(self.platform(platform_id).id, Share())

    async def set_share(self, platform_id: str, share: Share) -> None:
        self.shares[self.platform(platform_id).id] = share

    def code_map(self, platform_id: str) -> CodeMap:
        return self.maps.get(self.platform(platform_id).id, CodeMap())

    async def codes(
        self,
        platform_id: str,
        *,
        q: str = "",
        source: CodeSource | None = None,
        page: int = 1,
        size: int = 50,
    ) -> Page[CodeLine]:
        theirs = self.code_map(platform_id).codes.get(CHANNEL, CHANNEL)
        return Page((CodeLine(CHANNEL, "主井口", theirs, CodeSource.OWN),), 1, page, size)

    async def change_codes(
        self,
        platform_id: str,
        rules: tuple[CodeRule, ...] | None,
        given: Mapping[str, str | None],
    ) -> None:
        if any(ours != CHANNEL for ours in given):
            raise Invalid(f"codes.{next(iter(given))}", "unknown_thing")
        before = self.code_map(platform_id)
        codes = {ours: theirs for ours, theirs in given.items() if theirs}
        self.maps[platform_id] = CodeMap(
            codes=codes, rules=before.rules if rules is None else rules
        )

    async def export_codes(self, platform_id: str) -> str:
        self.platform(platform_id)
        return f"ours,theirs,name,source\r\n{CHANNEL},{CHANNEL},主井口,own\r\n"

    async def import_codes(self, platform_id: str, data: bytes) -> CodeImport:
        self.platform(platform_id)
        if b"ours" in data:
            return CodeImport(1, ())
        return CodeImport(0, (BadCodeLine(1, "columns", data.decode()[:80]),))

    async def preview(
        self, platform_id: str, *, node: str = "", q: str = "", page: int = 1, size: int = 50
    ) -> Preview:
        self.platform(platform_id)
        channel = PreviewNode(
            CHANNEL, "主井口", "channel", True, OWN, (OWN,), "1404", 1, False, CHANNEL, (FINDING,)
        )
        return Preview(Page((channel,), 1, page, size), 2, 1)

    async def check(
        self,
        platform_id: str,
        *,
        severity: Severity | None = None,
        rule: str = "",
        page: int = 1,
        size: int = 50,
    ) -> Findings:
        self.platform(platform_id)
        found = (FINDING,) if severity in (None, FINDING.severity) else ()
        return Findings(Page(found, len(found), page, size), 0, 1, 0)

"""Upper platforms: described, shared with, listed; their trees kept up to date."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from channel_registry.upper_records import CodeMap, Share, UpperPlatform
from sip.roles.upward.terms import Uplink
from vms.records.platforms import Scorecard
from vms.services.cascade.share import SharedTree


class Scorecards(Protocol):
    """What the cascade service knows of each upper platform."""

    def scorecard(self, platform_id: str) -> Scorecard:
        """How it goes; `NO_FIGURES` for one without any."""

    async def register_now(self, platform_id: str) -> None:
        """Try to register now; raises NotReady(cascade_off) where nothing runs."""


class PlatformService:
    """Keeps upper platforms and what is shared with them."""

    scorecards: Scorecards

    async def uplinks(self) -> Sequence[Uplink]:
        """The enabled platforms as signalling wants them, names resolved."""
        raise NotImplementedError

    def tree(self, platform_id: str) -> SharedTree:
        """What this platform sees now; empty for an unknown one. Never waits."""
        raise NotImplementedError

    def platform(self, platform_id: str) -> UpperPlatform:
        """One platform; raises NotFound(platform)."""
        raise NotImplementedError

    async def share(self, platform_id: str) -> Share:
        """What it may see."""
        raise NotImplementedError

    async def code_map(self, platform_id: str) -> CodeMap:
        """Its codes."""
        raise NotImplementedError

    async def add(self, platform: UpperPlatform, password: str) -> UpperPlatform:
        """Describe a new one."""
        raise NotImplementedError

    async def change(
        self, platform_id: str, changes: Mapping[str, object], password: str | None = None
    ) -> UpperPlatform:
        """Change what is given."""
        raise NotImplementedError

    async def delete(self, platform_id: str) -> None:
        """Forget it with its share and codes."""
        raise NotImplementedError

"""One upper platform as it is served at this moment: who it is, what it sees, what it may do."""

from dataclasses import dataclass
from datetime import UTC, datetime

from channel_registry.records import ChannelRecord
from channel_registry.upper_records import UpperPlatform, UpperRight
from vms.errors import NotFound
from vms.records import Identity
from vms.services.cascade.ports import Platforms
from vms.services.cascade.share import SharedTree
from vms.storage.records import Role


@dataclass(frozen=True, slots=True)
class Upper:
    """An enabled upper platform and its tree."""

    platform: UpperPlatform
    tree: SharedTree

    @property
    def id(self) -> str:
        """Its code."""
        return self.platform.id

    @property
    def charset(self) -> str:
        """How it wants its XML encoded."""
        return self.platform.charset

    @property
    def is_2022(self) -> bool:
        """Which forms it reads: those of 2022, else those of 2016."""
        return self.platform.edition == "2022"

    def may(self, right: UpperRight) -> bool:
        """Whether the operator allows it."""
        return right in self.platform.rights

    def channel(self, code: str) -> ChannelRecord | None:
        """Our channel behind its code; none where it is not shared.

        What came from this very platform never goes back to it: two platforms that are upper and
        lower of each other would show each other's cameras in a circle (2022 annex H).
        """
        return None if self.is_from_there(code) else self.tree.channel(code)

    def is_from_there(self, code: str) -> bool:
        """Whether a channel, by its code there, came to us from this very platform."""
        found = self.tree.channel(code)
        return found is not None and found.device_id == self.id

    @property
    def identity(self) -> Identity:
        """As whom it holds heads: an operator of its own name."""
        name = f"{self.platform.name} {self.id}".strip()
        return Identity(0, name, Role.OPERATOR, "cascade", False, datetime.max.replace(tzinfo=UTC))


def find_upper(platforms: Platforms, platform_id: str) -> Upper | None:
    """An upper platform that is served; none for one that was removed or switched off."""
    try:
        platform = platforms.platform(platform_id)
    except NotFound:
        return None
    return Upper(platform, platforms.tree(platform_id)) if platform.is_enabled else None

"""What an upper platform sees: the registry, cut to a share and written as catalogue items. Pure.

Fixed forms of the items: GB/T 28181-2016 annex O and 2022 annex J; our own system comes first,
systems of lower domains name their parent (2022 annex H).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from channel_registry.records import ChannelRecord
from channel_registry.upper_records import CodeMap, DirectoryFacts, Share, UpperPlatform
from sip.events import CatalogItem


@dataclass(frozen=True, slots=True)
class SharedTree:
    """The catalogue of one upper platform at one moment."""

    items: tuple[CatalogItem, ...] = ()
    """In the order of sending, our own system first."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Code there -> our channel code, device code or organisation id."""
    codes: Mapping[str, str] = field(default_factory=dict)
    """Our channel code, device code or organisation id -> code there."""
    channels: Mapping[str, ChannelRecord] = field(default_factory=dict)
    """Code there -> our channel."""

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
        """What a catalogue query for this id answers (2022 annex J); nothing for strangers."""
        raise NotImplementedError(target_id)


EMPTY_TREE = SharedTree()


def build_tree(
    platform: UpperPlatform, share: Share, codes: CodeMap, facts: DirectoryFacts
) -> SharedTree:
    """Build the catalogue of one upper platform."""
    raise NotImplementedError(platform.id)


def difference(old: SharedTree, new: SharedTree) -> tuple[CatalogItem, ...]:
    """What to notify: items with event DEL, ADD, UPDATE, ON or OFF, in that order."""
    raise NotImplementedError

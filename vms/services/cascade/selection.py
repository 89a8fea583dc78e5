"""Which channels an upper platform may see, and what lies above them. Pure.

Guard against loops: what came from that very platform is never shared back to it (it may be our
lower as well), nor what came back to us through others, nor its own code, nor ours.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from channel_registry.code_table import CodeKind, kind_of_type
from channel_registry.records import (
    ChannelRecord,
    DeviceRecord,
    OrganisationKind,
    OrganisationRecord,
)
from channel_registry.upper_records import DirectoryFacts, Share, UpperPlatform

SYSTEM_KINDS = frozenset({CodeKind.PLATFORM, CodeKind.EXTERNAL})
Reason = Literal["missing", "loop", "same_code", "own_code", "no_code"]
Node = OrganisationRecord | DeviceRecord


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A channel that the share names and the upper platform does not get."""

    channel: ChannelRecord
    reason: Reason
    """`missing`: its device no longer lists it; `loop`: it came from there; `same_code` and
    `own_code`: its code there is another's, theirs or ours; `no_code`: none could be made."""
    code: str = ""
    """The code in question."""


class Directory:
    """The registry's tree by ids, walked upward."""

    def __init__(self, facts: DirectoryFacts) -> None:
        self.facts = facts
        self.organisations: Mapping[str, OrganisationRecord] = {
            each.id: each for each in facts.organisations
        }
        self.devices: Mapping[str, DeviceRecord] = {each.id: each for each in facts.devices}
        self._paths: dict[str, tuple[Node, ...]] = {}

    def path(self, node_id: str | None) -> tuple[Node, ...]:
        """An organisation or a device and everything above it, the nearest first."""
        if node_id is None:
            return ()
        known = self._paths.get(node_id)
        if known is None:
            known = self._paths[node_id] = tuple(self._walk(node_id))
        return known

    def path_of(self, channel: ChannelRecord) -> tuple[Node, ...]:
        """What is above a channel: its organisation's path, else its device's.

        A channel that people placed elsewhere still belongs to its device, which then comes last.
        """
        return self.path(channel.organisation_id) or self.path(channel.device_id)

    def _walk(self, node_id: str) -> Iterator[Node]:
        seen: set[str] = set()
        following: str | None = node_id
        while following is not None and following not in seen:
            seen.add(following)
            organisation = self.organisations.get(following)
            if organisation is not None:
                yield organisation
                following = organisation.parent_id or organisation.device_id
                continue
            device = self.devices.get(following)
            if device is not None:
                yield device
            following = device.organisation_id if device is not None else None


@dataclass(slots=True)
class Selection:
    """What one upper platform may see."""

    channels: list[ChannelRecord] = field(default_factory=list)
    """In the order of their codes, those without a picture last."""
    nodes: dict[str, Node] = field(default_factory=dict)
    """Organisations and devices to be shown, by id."""
    left_out: list[LeftOut] = field(default_factory=list)


def select(platform: UpperPlatform, share: Share, directory: Directory) -> Selection:
    """Apply a share: the parts add up, the exclusions and the guard against loops win."""
    chooser = _Chooser(platform, share, directory)
    selection = Selection()
    without_picture: list[ChannelRecord] = []
    for channel in directory.facts.channels:
        if not chooser.wants(channel):
            continue
        if chooser.is_loop(channel):
            selection.left_out.append(LeftOut(channel, "loop"))
        elif channel.missing_since is not None:
            selection.left_out.append(LeftOut(channel, "missing"))
        elif channel.has_picture:
            selection.channels.append(channel)
        else:
            without_picture.append(channel)
    selection.channels += without_picture
    selection.nodes = chooser.nodes(selection.channels)
    return selection


class _Chooser:
    """Asks each question once for each node, since many channels share it."""

    def __init__(self, platform: UpperPlatform, share: Share, directory: Directory) -> None:
        self._share = share
        self._directory = directory
        self._banned = frozenset({platform.id, platform.own_id}) | directory.facts.own_ids
        self._covered: dict[str, bool] = {}
        self._foreign: dict[str, bool] = {}

    def wants(self, channel: ChannelRecord) -> bool:
        share = self._share
        if channel.code in share.excluded:
            return False
        if share.everything or channel.code in share.channels:
            return True
        categories = share.categories
        if categories and (channel.category in categories or channel.category_code in categories):
            return True
        return self.covers(channel.organisation_id or channel.device_id)

    def covers(self, node_id: str) -> bool:
        known = self._covered.get(node_id)
        if known is None:
            path = self._directory.path(node_id)
            chosen = self._share.organisations
            known = self._share.everything or any(node.id in chosen for node in path)
            self._covered[node_id] = known
        return known

    def is_loop(self, channel: ChannelRecord) -> bool:
        if channel.code in self._banned or self.is_foreign(channel.device_id):
            return True
        if channel.organisation_id is not None and self.is_foreign(channel.organisation_id):
            return True
        if len(channel.parent_id) < 20 or not is_system(channel.device_id):
            return False
        return not self._banned.isdisjoint(self._strange_parents(channel))

    def _strange_parents(self, channel: ChannelRecord) -> Iterable[str]:
        """Parents that it names and that are more than a mistake: a box may name its upper, us."""
        named = channel.parent_id.split("/")
        listed = self._directory.organisations
        return (code for code in named if f"{channel.device_id}-{code}" in listed)

    def is_foreign(self, node_id: str) -> bool:
        known = self._foreign.get(node_id)
        if known is None:
            path = self._directory.path(node_id)
            known = _comes_from(path, self._banned)
            self._foreign[node_id] = known
        return known

    def nodes(self, channels: Iterable[ChannelRecord]) -> dict[str, Node]:
        """Those above a shared channel, and those that the share covers itself."""
        directory = self._directory
        starts = {channel.organisation_id or channel.device_id for channel in channels}
        starts |= {channel.device_id for channel in channels}
        starts |= _named_carriers(channels, directory)
        starts |= {
            node_id
            for node_id in (*directory.organisations, *directory.devices)
            if self.covers(node_id) and not self.is_foreign(node_id)
        }
        found: dict[str, Node] = {}
        for start in starts:
            for node in directory.path(start):
                if not _is_gone(node):
                    found[node.id] = node
        return found


def _named_carriers(channels: Iterable[ChannelRecord], directory: Directory) -> set[str]:
    """Devices and systems that channels name as their parents beside their organisation."""
    pairs = {(each.device_id, each.parent_id) for each in channels if each.parent_id}
    ids = {f"{device}-{code}" for device, parents in pairs for code in parents.split("/")}
    return ids & directory.organisations.keys()


def _comes_from(path: Iterable[Node], banned: Container[str]) -> bool:
    """Whether a path leads through one of these; only a lower platform can hand things back.

    Recorders and boxes exist that list their upper platform, us, as a system of their own.
    """
    codes: list[str] = []
    for node in path:
        if isinstance(node, DeviceRecord):
            return node.id in banned or (
                is_system(node.id) and any(code in banned for code in codes)
            )
        codes.append(node.code)
    return False


def is_system(code: str) -> bool:
    """Whether a registered device is a platform, judged by its type; groups cannot register."""
    return len(code) == 20 and kind_of_type(int(code[10:13])) in SYSTEM_KINDS


def _is_gone(node: Node) -> bool:
    """An organisation that its device no longer lists, and that holds nothing any more."""
    return (
        isinstance(node, OrganisationRecord)
        and node.kind is not OrganisationKind.LOCAL
        and node.missing_since is not None
    )

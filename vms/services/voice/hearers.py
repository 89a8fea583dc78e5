"""From what people choose to who is to hear: channels, main devices, organisations, categories."""

from collections.abc import Iterator

from peewee import Database

from channel_registry.queries.channels import get_channel, list_channels
from channel_registry.queries.devices import get_device
from channel_registry.records import ChannelFilter, ChannelRecord
from vms.errors import Invalid
from vms.records.voice import VoiceTargets
from vms.services.addresses import address_towards
from vms.services.voice.ports import Hearer

MOST_HEARERS = 500
PAGE = 500
TYPE_SOUND_OUTPUT = "137"
HEARING_TYPES = frozenset({"131", "132", TYPE_SOUND_OUTPUT})
"""Cameras with a loudspeaker of their own, and sound outputs (2022 annex E)."""
_TYPE = slice(10, 13)


def find_hearers(database: Database, targets: VoiceTargets, advertised: str) -> list[Hearer]:
    """Everybody who is meant, each once, in the order of the choice.

    A group means its sound outputs (137), or its cameras where it has none. Raises the registry's
    errors for unknown codes, Invalid(targets) for nobody or too many.
    """
    found: dict[str, Hearer] = {}
    hosts: dict[str, str] = {}

    def towards(device_id: str) -> str:
        if device_id not in hosts:
            hosts[device_id] = _our_host(database, device_id, advertised)
        return hosts[device_id]

    for device_id in targets.devices:
        device = get_device(database, device_id)
        found[device_id] = Hearer(device_id, device.name, device_id, towards(device_id))
    for channel in _channels(database, targets):
        found.setdefault(
            channel.code,
            Hearer(channel.code, channel.name, channel.device_id, towards(channel.device_id)),
        )
    if not found:
        raise Invalid("targets", "nobody_hears")
    if len(found) > MOST_HEARERS:
        raise Invalid("targets", "too_many_targets", limit=MOST_HEARERS)
    return list(found.values())


def _channels(database: Database, targets: VoiceTargets) -> Iterator[ChannelRecord]:
    for code in targets.channels:
        yield get_channel(database, code)
    groups = [ChannelFilter(organisation=each) for each in targets.organisations]
    groups += [ChannelFilter(category=each) for each in targets.categories]
    for group in groups:
        members = [
            channel
            for channel in _members(database, group)
            if channel.code[_TYPE] in HEARING_TYPES and channel.missing_since is None
        ]
        outputs = [each for each in members if each.code[_TYPE] == TYPE_SOUND_OUTPUT]
        yield from outputs or members


def _members(database: Database, group: ChannelFilter) -> Iterator[ChannelRecord]:
    page = 1
    while True:
        found = list_channels(database, group, page=page, size=PAGE)
        yield from found.items
        if page * PAGE >= found.total or page * PAGE > 4 * MOST_HEARERS:
            return
        page += 1


def _our_host(database: Database, device_id: str, advertised: str) -> str:
    if advertised:
        return advertised
    host = get_device(database, device_id).host or ""
    try:
        return address_towards(host) if host else "127.0.0.1"
    except (OSError, ValueError):
        return "127.0.0.1"

"""From channel code to device, from the registry; and back: what has worked."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from peewee import Database

from channel_registry.queries.channels import get_channel, prove_channels
from channel_registry.queries.devices import get_device
from channel_registry.records import ChannelRecord
from sip.gb28181.quirks import DeviceQuirks, Quirk, none_known
from vms.bus import Bus
from vms.clock import Clock
from vms.config_values import Transport
from vms.errors import VmsError
from vms.services.addresses import address_towards
from vms.services.live.ports import Target
from vms.services.presence_news import channel_event
from vms.services.store import Store
from vms.storage.device_records import TransportMemory
from vms.storage.queries.transports import find_transport, remember_transport

logger = logging.getLogger(__name__)

RENEW_AFTER = timedelta(hours=1)
"""A memory that is still true is dated anew no more often."""


class RegistryRoutes:
    """Finds the device behind a channel; `advertised` is our address where one is configured.

    Which transport is tried first: the one that brought the latest picture, until somebody forgets
    it; before that the one that the quirk table names; before that the device's own setting.
    """

    def __init__(
        self,
        store: Store,
        bus: Bus,
        clock: Clock,
        advertised: str,
        quirks: DeviceQuirks = none_known,
    ) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._advertised = advertised
        self._quirks = quirks

    async def find(self, code: str) -> Target:
        """Raises NotFound(channel)."""
        target, is_remembered = await self._store.run(_find, code, self._advertised)
        wanted = self._quirks(target.device_id).text(Quirk.MEDIA_TRANSPORT)
        if is_remembered or not wanted:
            return target
        return replace(target, transport=Transport(wanted))

    async def prove(self, code: str, device_id: str, transport: Transport) -> None:
        """Note that a key frame arrived, and over which transport; the picture does not wait."""
        try:
            channel = await self._store.run(_prove, code, device_id, transport, self._clock.wall())
        except VmsError as error:
            logger.warning(
                "could not note a proven channel", extra={"channel": code, "reason": error.code}
            )
            return
        self._bus.publish(channel_event(channel, "proven", self._clock))


def _find(database: Database, code: str, advertised: str) -> tuple[Target, bool]:
    channel = get_channel(database, code)
    device = get_device(database, channel.device_id)
    host = device.host or ""
    memory = find_transport(database, device.id)
    target = Target(
        device_id=device.id,
        host=host,
        our_host=advertised or _our_address(host),
        transport=Transport(memory.transport if memory else device.media_transport.value),
        says_on=channel.says_on,
    )
    return target, memory is not None


def _our_address(host: str) -> str:
    try:
        return address_towards(host) if host else "127.0.0.1"
    except (OSError, ValueError):
        return "127.0.0.1"


def _prove(
    database: Database, code: str, device_id: str, transport: Transport, at: datetime
) -> ChannelRecord:
    prove_channels(database, {code: at})
    known = find_transport(database, device_id)
    if known is None or known.transport != transport.value or at - known.at > RENEW_AFTER:
        remember_transport(database, TransportMemory(device_id, transport.value, at, code))
    return get_channel(database, code)

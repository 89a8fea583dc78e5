"""Tells people and services what has become of devices and channels, after it was stored."""

import logging
from collections.abc import Sequence

from channel_registry.records import ChannelRecord
from vms.bus import Bus
from vms.clock import Clock
from vms.events import CatalogMerged, ChannelStatusChanged, DeviceStatusChanged
from vms.services.presence import CatalogChange, PresenceChange
from vms.storage.records import SpanCause

logger = logging.getLogger(__name__)

CHANNELS_TOLD = 100
"""When more channels turn at once, their device's event stands for all of them."""


class PresenceNews:
    """Publishes presence on the bus and writes one log line per change."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock

    def tell_device(self, change: PresenceChange, address: str, *, registered: bool) -> None:
        """A device came on or went off; `address` is where it is now, empty when it left."""
        if change.turned is None:
            return
        logger.info(
            "device online" if change.turned else "device offline",
            extra={
                "device": change.device_id,
                "cause": change.cause.value,
                "peer": address or "-",
                "channels": len(change.channels),
            },
        )
        self._bus.publish(
            DeviceStatusChanged(
                at=self._clock.wall(),
                device_id=change.device_id,
                online=change.turned,
                registered=registered,
                cause=change.cause.value,
                address=address,
            )
        )
        cause = change.cause if change.turned else SpanCause.DEVICE_OFFLINE
        self._tell_channels([(channel, cause) for channel in change.channels])

    def tell_catalog(self, change: CatalogChange) -> None:
        """A catalogue was merged, or channels turned."""
        summary = change.summary
        if summary is not None:
            facts = {
                "added": len(summary.added),
                "updated": len(summary.updated),
                "missing": len(summary.missing),
                "returned": len(summary.returned),
            }
            logger.info(
                "catalog merged",
                extra={"device": change.device_id, "complete": summary.complete, **facts},
            )
            self._bus.publish(
                CatalogMerged(
                    at=self._clock.wall(),
                    device_id=change.device_id,
                    complete=summary.complete,
                    **facts,
                )
            )
        self._tell_channels(change.channels)

    def _tell_channels(self, changed: Sequence[tuple[ChannelRecord, SpanCause]]) -> None:
        if len(changed) > CHANNELS_TOLD:
            return
        for channel, cause in changed:
            self._bus.publish(channel_event(channel, cause.value, self._clock))


def channel_event(
    channel: ChannelRecord, cause: str, clock: Clock, *, recording: bool | None = None
) -> ChannelStatusChanged:
    """The event of a channel as the registry has it now."""
    return ChannelStatusChanged(
        at=clock.wall(),
        code=channel.code,
        device_id=channel.device_id,
        online=channel.online,
        registered=channel.registered,
        says_on=channel.says_on,
        proven=channel.proven,
        cause=cause,
        recording=recording,
    )

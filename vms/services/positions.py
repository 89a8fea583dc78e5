"""Where things that move are: the last place of each channel, and its track for some weeks."""

import logging
from datetime import datetime

from sip.events import PositionsReceived
from vms.bus import Bus
from vms.clock import Clock
from vms.events import PositionReported
from vms.records import PositionView
from vms.services.store import Store
from vms.storage.queries.positions import add_positions, last_position, prune_tracks, track

logger = logging.getLogger(__name__)

LONGEST_CODE = 32
MOST_POINTS = 20_000
"""Of one track that is shown: a day at an interval of five seconds has 17,280."""


class PositionService:
    """Keeps positions and shows them."""

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock

    async def take(self, event: PositionsReceived) -> None:
        """Keep what a device reports (GB/T 28181 9.15) and tell it."""
        positions = [
            PositionView(
                channel=place.device_id,
                device_id=event.device_id,
                at=event.at,
                time_text=place.time_text,
                longitude=place.longitude,
                latitude=place.latitude,
                speed=place.speed,
                direction=place.direction,
                altitude=place.altitude,
                height=place.height,
            )
            for place in event.positions
            if len(place.device_id) <= LONGEST_CODE
        ]
        await self._store.run_when_ready(add_positions, positions)
        for position in positions:
            self._bus.publish(PositionReported(at=self._clock.wall(), position=position))

    async def last(self, channel: str) -> PositionView | None:
        """Where a channel was last; none when it never said."""
        return await self._store.run(last_position, channel)

    async def track(
        self, channel: str, start: datetime, end: datetime, limit: int = MOST_POINTS
    ) -> tuple[PositionView, ...]:
        """Its places in [start, end), the oldest first."""
        return await self._store.run(track, channel, start=start, end=end, limit=limit)

    async def prune(self, keep_days: int) -> int:
        """Remove old points; answers how many."""
        return await self._store.run(prune_tracks, at=self._clock.wall(), keep_days=keep_days)

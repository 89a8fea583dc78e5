"""On/off spans of devices and channels, with their cause, from the first day.

Spans of one subject never overlap. While the platform itself is down nobody knows: at the start the
time since its last beat becomes a span of its own, `unknown` by `platform_down`.
"""

import asyncio
import logging
from datetime import datetime

from vms.clock import Clock
from vms.records import Page, Span, SubjectKind
from vms.services.store import Store
from vms.storage.queries.spans import beat, begin_after_downtime, list_spans

logger = logging.getLogger(__name__)

BEAT_EVERY_S = 10.0
"""A power cut is known to within this time."""


class SpanService:
    """Keeps the platform's own beat, and shows the spans; `presence.py` writes them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def begin(self) -> int:
        """At the start, before anything registers; answers how many subjects were unobserved."""
        at = self._clock.wall()
        unknown = await self._store.run(begin_after_downtime, at)
        await self._store.run(beat, at)
        if unknown:
            logger.info("the platform was down", extra={"subjects": unknown})
        return unknown

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            await asyncio.sleep(BEAT_EVERY_S)
            await self._store.run(beat, self._clock.wall())

    async def end(self) -> None:
        """The last beat of an orderly stop."""
        await self._store.run(beat, self._clock.wall())

    async def spans(
        self,
        *,
        subject: str = "",
        kind: SubjectKind | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 500,
    ) -> tuple[Span, ...]:
        """Spans that touch [start, end), the newest first."""
        page: Page[Span] = await self._store.run(
            list_spans, kind=kind, subject=subject or None, start=start, end=end, size=limit
        )
        return page.items

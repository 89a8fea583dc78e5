"""Where relays put what happens, and their owner takes it: bounded, the oldest goes first."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator

from stream_relay.events import StreamEvent

logger = logging.getLogger(__name__)

MAX_EVENTS = 4096


class EventQueue:
    """Any number of relays, one consumer."""

    def __init__(self) -> None:
        self.dropped = 0
        self._events: deque[StreamEvent] = deque()
        self._has_events = asyncio.Event()

    def put(self, event: StreamEvent) -> None:
        """Add what happened; never waits."""
        if len(self._events) >= MAX_EVENTS:
            if self.dropped == 0:
                logger.error("nobody takes the relay's events; the oldest are dropped")
            self._events.popleft()
            self.dropped += 1
        self._events.append(event)
        self._has_events.set()

    async def take(self) -> AsyncIterator[StreamEvent]:
        """Everything, in order. Ends never: cancel it."""
        while True:
            while self._events:
                yield self._events.popleft()
            self._has_events.clear()
            await self._has_events.wait()

"""The in-process event bus: typed events, one bounded queue per subscriber.

A publisher never waits and never fails. A subscriber that does not keep up loses its oldest
events, and the number lost is told to it and counted; the others notice nothing.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from vms.events import Event

DEFAULT_LIMIT = 256


class Subscription:
    """The events of one subscriber, oldest first; at most `limit` wait."""

    def __init__(self, name: str, types: tuple[type[Event], ...], limit: int) -> None:
        self.name = name
        self.types = types
        self.limit = limit
        self.dropped = 0
        """How many events this subscriber lost because it was slow."""
        self._waiting: deque[Event] = deque()
        self._ready = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def offer(self, event: Event) -> None:
        """Queue an event; drop the oldest when full."""
        if len(self._waiting) >= self.limit:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(event)
        self._ready.set()

    async def next(self) -> Event:
        """Wait for the next event."""
        while not self._waiting:
            self._ready.clear()
            await self._ready.wait()
        return self._waiting.popleft()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            yield await self.next()


class Bus:
    """Delivers each published event to the subscribers of its type."""

    def __init__(self) -> None:
        self._subscriptions: dict[int, Subscription] = {}
        self._numbers = 0
        self.published = 0
        self._dropped_by_closed = 0

    @contextmanager
    def subscribe(
        self, *types: type[Event], name: str = "", limit: int = DEFAULT_LIMIT
    ) -> Iterator[Subscription]:
        """Receive events of the given types (all without any) for the length of the block."""
        number = self._numbers = self._numbers + 1
        subscription = Subscription(name or f"subscriber-{number}", types or (Event,), limit)
        self._subscriptions[number] = subscription
        try:
            yield subscription
        finally:
            del self._subscriptions[number]
            self._dropped_by_closed += subscription.dropped

    def publish(self, event: Event) -> None:
        """Hand an event to every subscriber of its type; returns at once."""
        self.published += 1
        for subscription in self._subscriptions.values():
            if isinstance(event, subscription.types):
                subscription.offer(event)

    @property
    def dropped(self) -> int:
        """Events lost by slow subscribers since the start."""
        running = sum(s.dropped for s in self._subscriptions.values())
        return self._dropped_by_closed + running

    def queues(self) -> tuple[tuple[str, int, int], ...]:
        """Name, length and drops of each subscriber's queue, for the metrics."""
        return tuple((s.name, len(s), s.dropped) for s in self._subscriptions.values())

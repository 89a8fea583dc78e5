"""How long a slow or silent client is waited for, and how many may be connected at once."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from vms.errors import NotReady
from vms.metrics import Kind, Sample


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds."""

    write_s: float = 10.0
    """A client that does not take one chunk in this time is closed (threat: slow viewers)."""
    first_chunk_s: float = 25.0
    """Longest wait for a picture before a player is answered with a problem."""
    presence_s: float = 1.0
    """How often it is looked whether a silent player is still connected."""
    session_s: float = 30.0
    """How often a long connection's session is checked again."""
    heartbeat_s: float = 20.0
    """Ping of WebSockets; a peer that does not answer within half of it is gone."""
    event_sockets: int = 500
    """Event WebSockets at one time."""
    microphones: int = 50
    """People who speak at one time."""
    event_queue: int = 256
    """Events that may wait for one slow client before the oldest are dropped."""


@dataclass(slots=True)
class Seats:
    """Places for long connections of one kind; whoever holds one can be asked to go."""

    limit: int
    refused: int = 0
    """How many came when all places were taken."""
    slow: int = 0
    """Clients that were closed because they did not take what was sent."""
    _holders: dict[int, asyncio.Task[Any]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def taken(self) -> int:
        """Places held now."""
        return len(self._holders)

    @contextmanager
    def seat(self) -> Iterator[None]:
        """Hold a place for the length of the block; raises NotReady(too_many_viewers)."""
        holder = asyncio.current_task()
        if self.taken >= self.limit or holder is None:
            self.refused += 1
            raise NotReady(code="too_many_viewers", limit=self.limit)
        number = next(self._numbers)
        self._holders[number] = holder
        try:
            yield
        finally:
            del self._holders[number]

    async def dismiss(self, limit_s: float) -> None:
        """End all connections that hold a place and see them off: the server stops."""
        holders = set(self._holders.values())
        for holder in holders:
            holder.cancel()
        if holders:
            await asyncio.wait(holders, timeout=limit_s)


def samples(seats: Mapping[str, Seats]) -> Iterable[Sample]:
    """The figures of long connections, by kind."""
    for kind, places in seats.items():
        labels = {"kind": kind}
        yield Sample("web_connections", Kind.GAUGE, "Long connections", places.taken, labels)
        yield Sample(
            "web_refused_total", Kind.COUNTER, "Refused for want of a place", places.refused, labels
        )
        yield Sample(
            "web_slow_total", Kind.COUNTER, "Closed for being too slow", places.slow, labels
        )

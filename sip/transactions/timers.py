"""Expiry of many transactions at O(1) each.

The delays of RFC 3261 come from a handful of values. Things armed with the same delay expire in
the order of arming, so one queue per delay needs no sorting and nobody ever sweeps a table.
"""

import heapq
from collections import deque
from collections.abc import Callable, Hashable, Iterator

from sip.transactions.tables import Input

Entry = tuple[float, Hashable, Input]

MAX_QUEUES = 32
"""Distinct delays with a queue of their own; further ones share a heap."""


class TimerQueue:
    """Who wants to be woken when. Entries that lost their meaning are dropped when they surface.

    `is_live(entry)` tells whether an entry still means something.
    """

    def __init__(self, is_live: Callable[[Entry], bool]) -> None:
        self._is_live = is_live
        self._queues: dict[float, deque[Entry]] = {}
        self._heap: list[tuple[float, int, Entry]] = []
        self._count = 0

    def arm(self, now: float, delay_s: float, key: Hashable, timer: Input) -> float:
        """Add one expiry and return its time; `now` must not run backwards."""
        when = now + delay_s
        entry = (when, key, timer)
        queue = self._queues.get(delay_s)
        if queue is None and len(self._queues) < MAX_QUEUES:
            queue = self._queues[delay_s] = deque()
        if queue is not None:
            queue.append(entry)
        else:
            self._count += 1
            heapq.heappush(self._heap, (when, self._count, entry))
        return when

    def next_time(self) -> float | None:
        """Return the earliest time at which something expires, None where nothing is armed."""
        earliest = None
        for queue in self._queues.values():
            while queue and not self._is_live(queue[0]):
                queue.popleft()
            if queue and (earliest is None or queue[0][0] < earliest):
                earliest = queue[0][0]
        while self._heap and not self._is_live(self._heap[0][2]):
            heapq.heappop(self._heap)
        if self._heap and (earliest is None or self._heap[0][0] < earliest):
            earliest = self._heap[0][0]
        return earliest

    def due(self, now: float) -> Iterator[Entry]:
        """Take out and yield what has expired, per delay in order of time."""
        for queue in list(self._queues.values()):
            while queue and queue[0][0] <= now:
                entry = queue.popleft()
                if self._is_live(entry):
                    yield entry
        while self._heap and self._heap[0][0] <= now:
            entry = heapq.heappop(self._heap)[2]
            if self._is_live(entry):
                yield entry

    def __len__(self) -> int:
        return len(self._heap) + sum(len(queue) for queue in self._queues.values())

"""What is waited for and until when, at O(1) each and nothing kept of what is over.

Things that wait equally long expire in the order in which they began, so one queue per delay needs
no sorting; a dictionary is a queue from which the middle can be taken.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT", bound=Hashable)


class Waits(Generic[ItemT]):
    """Items with one deadline each; the delays are a handful of constants."""

    def __init__(self) -> None:
        self._queues: dict[float, dict[ItemT, float]] = {}
        self._delay: dict[ItemT, float] = {}

    def __len__(self) -> int:
        return len(self._delay)

    def begin(self, item: ItemT, delay_s: float, now: float) -> None:
        """Wait for an item anew; `now` must not run backwards."""
        self.end(item)
        self._delay[item] = delay_s
        self._queues.setdefault(delay_s, {})[item] = now + delay_s

    def end(self, item: ItemT) -> None:
        """Wait no longer; one that does not wait is fine."""
        delay_s = self._delay.pop(item, None)
        if delay_s is not None:
            del self._queues[delay_s][item]

    def next_time(self) -> float | None:
        """Return when the next wait is over."""
        firsts = (next(iter(queue.values()), None) for queue in self._queues.values())
        return min((when for when in firsts if when is not None), default=None)

    def due(self, now: float) -> list[ItemT]:
        """Take out what has waited long enough."""
        over: list[ItemT] = []
        for queue in self._queues.values():
            for item, when in queue.items():
                if when > now:
                    break
                over.append(item)
        for item in over:
            self.end(item)
        return over

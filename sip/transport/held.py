"""How much of unfinished messages all TCP connections may hold together.

One message may be large, because a device's whole catalog may come as one; that strangers could
begin ten thousand of them is what this bounds.
"""

from collections import Counter


class HeldBytes:
    """Octets that wait for the rest of their message, by source address and in all.

    Where all together hold too much, the sources that hold more than their fair share pay for it,
    so that one attacker does not shut out the others. In all at most twice `in_all` is held.
    """

    def __init__(self, in_all: int, per_source: int) -> None:
        self._in_all = in_all
        self._per_source = per_source
        self._by_source: Counter[str] = Counter()
        self.total = 0

    def note(self, source: str, change: int) -> None:
        """Take that a source's connection holds so many octets more, or less."""
        self.total += change
        self._by_source[source] += change
        if not self._by_source[source]:
            del self._by_source[source]

    def is_excessive(self, source: str) -> bool:
        """Whether this source holds more than it may at the moment."""
        held = self._by_source[source]
        if held > self._per_source:
            return True
        return self.total > self._in_all and held * len(self._by_source) > self._in_all

"""What peers do wrong: counted per peer and kind, told rarely."""

from collections import Counter, OrderedDict
from collections.abc import Callable
from datetime import datetime

from sip.events import PeerMisbehaved
from sip.message import Peer
from sip.roles.bindings import address_of

MOST_PEERS = 4096
SAMPLE_BYTES = 32


class Conduct:
    """Counts misdeeds; an event tells the first of a kind from a host, then each tenfold."""

    def __init__(
        self, emit: Callable[[PeerMisbehaved], None], wall: Callable[[], datetime]
    ) -> None:
        self._emit = emit
        self._wall = wall
        self._counts: OrderedDict[tuple[str, str], int] = OrderedDict()
        self.counters: Counter[str] = Counter()
        """All misdeeds by kind."""

    def note(self, peer: Peer, reason: str, sample: bytes = b"") -> None:
        """Take one; `reason` is a constant text."""
        self.counters[reason] += 1
        key = (peer.host, reason)
        count = self._counts.pop(key, 0) + 1
        self._counts[key] = count
        if len(self._counts) > MOST_PEERS:
            self._counts.popitem(last=False)
        if str(count).strip("0") == "1":
            self._emit(
                PeerMisbehaved(address_of(peer), reason, count, self._wall(), sample[:SAMPLE_BYTES])
            )

"""How many messages a source may send: a bucket of tokens per source, looked at before parsing.

Strangers share one budget per address: whoever floods without a registration spends only what is
his, whatever ids and ports he writes. A registered device has a budget of its own per route, so no
flood of strangers, not even from behind its own NAT, starves its keepalives. A bucket is but one
number, the time at which it is full again (GCRA); the table is bounded: sources can be forged.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from sip.message import Peer

MOST_SOURCES = 65_536
"""Buckets that are kept; beyond it the one unused for longest is forgotten, that is to say full."""

STRANGER_BURST_S = 25.0
"""So many seconds' worth may come in one instant: a mine behind one NAT after a power cut."""

DEVICE_BURST_S = 10.0
"""The same for one registered device: a lower platform that sends its catalogue item by item."""

ROUNDING_S = 1e-6
"""Of many small sums."""

ROUTE_SHARE = 0.02
"""What each further device of one route adds to its budget, as a part of one device's."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A steady rate and the time for which it may be saved up."""

    per_s: float
    burst_s: float


class FloodGate:
    """Lets messages in, or counts them as too many; sans-IO."""

    def __init__(
        self,
        strangers_per_s: float,
        device_per_s: float,
        devices_on: Callable[[Peer], int],
        is_upper: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`devices_on` says how many registered devices send from exactly there, `is_upper` whether
        an upper platform of ours does from that address.
        """
        self._stranger = Budget(strangers_per_s, STRANGER_BURST_S)
        self._device = Budget(device_per_s, DEVICE_BURST_S)
        self._devices_on = devices_on
        self._is_upper = is_upper
        self._full_at: OrderedDict[Peer | str, float] = OrderedDict()
        self.refused = 0
        """Messages that were dropped since the start."""

    def __len__(self) -> int:
        return len(self._full_at)

    def admits(self, peer: Peer, now: float) -> bool:
        """Whether one more message of this source is to be read; one refused costs no budget."""
        devices = self._devices_on(peer)
        key: Peer | str
        if devices:
            key, budget = peer, self._device
            per_s = budget.per_s * (1.0 + ROUTE_SHARE * (devices - 1))
        elif self._is_upper(peer.host):
            key, budget = peer.host, self._device
            per_s = budget.per_s
        else:
            key, budget = peer.host, self._stranger
            per_s = budget.per_s
        full_at = max(self._full_at.get(key, now), now) + 1.0 / per_s
        if full_at - now > budget.burst_s + ROUNDING_S:
            self.refused += 1
            return False
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > MOST_SOURCES:
            self._full_at.popitem(last=False)
        return True

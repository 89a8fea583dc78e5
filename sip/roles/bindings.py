"""Who is registered and by which way it is reached; the registrar's memory.

Invariants: a device has one binding; `peer` is the source of its last good packet, never what a
header claims; a binding leaves at expiry, unregistration or loss of its TCP connection. Silence
beyond interval x count makes it silent (offline) but keeps it until it expires, so that a device
that only sends keepalives can come back.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sip.events import PeerAddress
from sip.message.peer import Peer

GRACE_S = 5.0
"""Added to an expiry: a refresh sent in the last second still needs its challenge."""

STALL_S = 2.0
"""A timer handled later than this says that we slept, not that the devices were silent."""


@dataclass(slots=True)
class Binding:
    """One registered device."""

    device_id: str
    peer: Peer
    contact: str
    user_agent: str
    gb_version: str
    registered_at: datetime
    expires_s: int
    expires_at: float
    """Monotonic."""
    last_seen: float
    """Monotonic; any request of the device counts, retransmissions too."""
    is_silent: bool = False

    @property
    def is_reachable(self) -> bool:
        """Whether a request can be sent: a TCP device has only the connection it opened."""
        return self.peer.transport == "udp" or self.peer.connection is not None


@dataclass(frozen=True, slots=True)
class RegistrationSnapshot:
    """A binding in a form that survives a restart."""

    device_id: str
    peer: PeerAddress
    contact: str
    user_agent: str
    gb_version: str
    registered_at: datetime
    expires_at: datetime


def address_of(peer: Peer) -> PeerAddress:
    """Return a peer as the services above know it."""
    return PeerAddress(peer.transport, peer.host, peer.port)


class Bindings:
    """All bindings, found by device and by route, with their deadlines."""

    def __init__(self, interval_s: float, count: int) -> None:
        self.silence_s = interval_s * count + min(interval_s / 4, 10.0)
        """Longest silence. The grace is the jitter of one keepalive: without it a device whose
        last one is a blink late would flap."""
        self._interval_s = interval_s
        self._by_id: dict[str, Binding] = {}
        self._by_route: dict[Peer, dict[str, None]] = {}
        self._deadlines: list[tuple[float, str]] = []
        self._excused_until = float("-inf")

    def __iter__(self) -> Iterator[Binding]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, device_id: str) -> Binding | None:
        """Return a device's binding."""
        return self._by_id.get(device_id)

    def on_route(self, peer: Peer) -> Binding | None:
        """Return the only device that sends from there, None when there is none or several."""
        devices = self._by_route.get(peer)
        return self._by_id[next(iter(devices))] if devices and len(devices) == 1 else None

    def all_on_route(self, peer: Peer) -> list[Binding]:
        """Return every device that sends from there."""
        return [self._by_id[device_id] for device_id in self._by_route.get(peer, ())]

    def put(self, binding: Binding) -> None:
        """Add or replace a device's binding."""
        self.remove(binding.device_id)
        self._by_id[binding.device_id] = binding
        self._join(binding)
        self._arm(binding)

    def move(self, binding: Binding, peer: Peer) -> None:
        """Take another route to the same device."""
        if binding.peer != peer:
            self._leave(binding)
            binding.peer = peer
            self._join(binding)

    def revive(self, binding: Binding, now: float) -> None:
        """End a silence."""
        binding.is_silent = False
        binding.last_seen = now
        self._arm(binding)

    def remove(self, device_id: str) -> Binding | None:
        """Take a binding out and return it."""
        binding = self._by_id.pop(device_id, None)
        if binding is not None:
            self._leave(binding)
        return binding

    def next_deadline(self) -> float | None:
        """Return when `overdue` should be asked next."""
        return self._deadlines[0][0] if self._deadlines else None

    def overdue(self, now: float) -> list[Binding]:
        """Return those that have expired or fallen silent, each once per deadline.

        After a stall of our own process everybody gets one more interval to be heard.
        """
        if self._deadlines and now - self._deadlines[0][0] > STALL_S:
            self._excused_until = now + self._interval_s
        late: list[Binding] = []
        while self._deadlines and self._deadlines[0][0] <= now:
            binding = self._by_id.get(heapq.heappop(self._deadlines)[1])
            if binding is None:
                continue
            if self.deadline(binding) <= now:
                late.append(binding)
            else:
                self._arm(binding)
        return late

    def deadline(self, binding: Binding) -> float:
        """Return when this binding will have expired or been silent for too long."""
        expiry = binding.expires_at + GRACE_S
        if binding.is_silent:
            return max(expiry, self._excused_until)
        return max(min(expiry, binding.last_seen + self.silence_s), self._excused_until)

    def watch(self, binding: Binding) -> None:
        """Wait for the next deadline after one was acted on."""
        self._arm(binding)

    def _arm(self, binding: Binding) -> None:
        if len(self._deadlines) > 4 * len(self._by_id) + 64:
            # Every refresh leaves an old entry behind; somebody could refresh all day.
            self._deadlines = [(self.deadline(b), b.device_id) for b in self._by_id.values()]
            heapq.heapify(self._deadlines)
        heapq.heappush(self._deadlines, (self.deadline(binding), binding.device_id))

    def _join(self, binding: Binding) -> None:
        self._by_route.setdefault(binding.peer, {})[binding.device_id] = None

    def _leave(self, binding: Binding) -> None:
        devices = self._by_route.get(binding.peer, {})
        devices.pop(binding.device_id, None)
        if not devices:
            self._by_route.pop(binding.peer, None)

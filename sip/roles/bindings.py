"""Who is registered and by which way it is reached; the registrar's memory.

Invariants: a device has one binding; `peer` is the source of its last good packet, never what a
header claims; a binding leaves at expiry, unregistration or loss of its TCP connection. Silence
beyond interval x count makes it silent (offline) but keeps it until it expires, so that a device
that only sends keepalives can come back.
"""

import heapq
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sip.events import PeerAddress
from sip.message.peer import Peer

GRACE_S = 5.0
"""Added to an expiry: a refresh sent in the last second still needs its challenge."""

STALL_S = 2.0
"""A timer handled later than this says that we slept, not that the devices were silent."""


GAPS_KEPT = 3
SHORTEST_RHYTHM_S, LONGEST_RHYTHM_S = 5.0, 600.0
"""Keepalive intervals that are believed; devices report 0 and worse (quirk 28)."""

MOST_COUNT = 10
"""Missed keepalives that are believed."""

MOST_DEPARTED = 16_384
"""Ended registrations that are remembered, so that a keepalive may bring them back."""


@dataclass(slots=True)
class Rhythm:
    """How often a device sends keepalives, as it says and as it does."""

    interval_s: float | None = None
    """What its configuration says (BasicParam), None where nobody asked."""
    count: int | None = None
    last: float | None = None
    """When its latest keepalive came, monotonic."""
    gaps: tuple[float, ...] = ()
    """The latest times between two keepalives."""

    def hear(self, now: float) -> None:
        """Take one keepalive; those sent on a fault, between two regular ones, do not count."""
        gap = None if self.last is None else now - self.last
        if gap is not None and gap < SHORTEST_RHYTHM_S:
            return
        self.last = now
        if gap is not None:
            self.gaps = (*self.gaps, gap)[-GAPS_KEPT:]

    def silence_s(self, interval_s: float, count: int) -> float:
        """The longest silence, where the settings say interval x count.

        A device that is slower gets its own time; one that is faster is not judged more harshly,
        for a lost packet or two would make it flap. The grace is the jitter of one keepalive.
        """
        if len(self.gaps) > 1:
            interval_s = max(interval_s, min(self.gaps))
        if self.interval_s is not None:
            interval_s = max(interval_s, self.interval_s)
        interval_s = min(interval_s, LONGEST_RHYTHM_S)
        return interval_s * max(count, self.count or 0) + min(interval_s / 4, 10.0)


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
    rhythm: Rhythm = field(default_factory=Rhythm)

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
        self._interval_s = interval_s
        self._count = count
        self._departed: OrderedDict[str, Binding] = OrderedDict()
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

    def count_on_route(self, peer: Peer) -> int:
        """Return how many devices send from there."""
        return len(self._by_route.get(peer, ()))

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

    def remove(self, device_id: str, *, may_return: bool = False) -> Binding | None:
        """Take a binding out and return it; `may_return` remembers it for `departed`."""
        binding = self._by_id.pop(device_id, None)
        self._departed.pop(device_id, None)
        if binding is None:
            return None
        self._leave(binding)
        if may_return:
            self._departed[device_id] = binding
            if len(self._departed) > MOST_DEPARTED:
                self._departed.popitem(last=False)
        return binding

    def departed(self, device_id: str) -> Binding | None:
        """Return the latest binding of a device that is gone without a goodbye."""
        return self._departed.get(device_id)

    def last_host(self, device_id: str) -> str | None:
        """Return the address a device registered from last, None where that is not known."""
        binding = self._by_id.get(device_id) or self._departed.get(device_id)
        return binding.peer.host if binding is not None else None

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
        return max(min(expiry, binding.last_seen + self.silence_s(binding)), self._excused_until)

    def silence_s(self, binding: Binding) -> float:
        """Return how long a device may be silent before it is offline."""
        return binding.rhythm.silence_s(self._interval_s, self._count)

    def watch(self, binding: Binding) -> None:
        """Wait for the next deadline after one was acted on."""
        self._arm(binding)

    def snapshot(self, now: float, wall: datetime) -> list[RegistrationSnapshot]:
        """Return all bindings in a form that survives a restart."""
        return [_snapshot(binding, now, wall) for binding in self]

    def snapshot_of(
        self, device_id: str, now: float, wall: datetime
    ) -> RegistrationSnapshot | None:
        """Return one of them."""
        binding = self.get(device_id)
        return None if binding is None else _snapshot(binding, now, wall)

    def restore(self, snapshots: Iterable[RegistrationSnapshot], now: float, wall: datetime) -> int:
        """Take bindings back after a restart and return how many still run.

        A UDP device is called offline only after the usual silence from now on. A TCP device has
        lost its connection: it is silent until a keepalive of the same host brings the new one.
        """
        restored = 0
        for snapshot in snapshots:
            left_s = (snapshot.expires_at - wall).total_seconds()
            if left_s <= 0 or self.get(snapshot.device_id) is not None:
                continue
            restored += 1
            address = snapshot.peer
            self.put(
                Binding(
                    device_id=snapshot.device_id,
                    peer=Peer(address.transport, address.host, address.port),
                    contact=snapshot.contact,
                    user_agent=snapshot.user_agent,
                    gb_version=snapshot.gb_version,
                    registered_at=snapshot.registered_at,
                    expires_s=int(left_s),
                    expires_at=now + left_s,
                    last_seen=now,
                    is_silent=address.transport == "tcp",
                )
            )
        return restored

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


def _snapshot(binding: Binding, now: float, wall: datetime) -> RegistrationSnapshot:
    return RegistrationSnapshot(
        binding.device_id,
        address_of(binding.peer),
        binding.contact,
        binding.user_agent,
        binding.gb_version,
        binding.registered_at,
        wall + timedelta(seconds=binding.expires_at - now),
    )

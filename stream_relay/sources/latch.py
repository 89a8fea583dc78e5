"""Whose packets are the stream's: probation, lock, and change only after silence. Sans-IO.

A media port is reachable by anybody (RTP bleed, port spraying, a device of an older session that
still sends), and devices behind NAT send from addresses that no message named. So each source is
ranked: the host that signalled counts most, the agreed SSRC next. A source at that host is locked
after two packets in sequence; any other has to wait whether a better one comes. Once locked,
another source is taken only when the locked one is silent; the one exception is the host that
signalled, which may take over from a stranger.
"""

from dataclasses import dataclass, field
from enum import Enum

from stream_relay.formats import RtpPacket

Peer = tuple[str, int]

MIN_SEQUENTIAL = 2
"""Packets in sequence before a source is believed (RFC 3550 A.1)."""
TAKEOVER_SEQUENTIAL = 8
"""The same, for the host that signalled when a stranger is locked."""
PROBATION_S = 0.5
"""How long a stranger waits for a better source; also the silence after which the locked source
itself may go on with another SSRC (an encoder that restarted)."""
HOST_RANK = 2
"""Added for the host that signalled; 1 is added for the agreed SSRC."""
MAX_CANDIDATES = 4
MAX_HELD_PACKETS = 512
_FORGET_S = 5.0


class LatchState(Enum):
    """The life of a port's source.

    to OPEN: nobody is believed yet, or the connection of the locked source closed.
    to LOCKED: because a source passed probation.
    """

    OPEN = "open"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class LatchPolicy:
    """What is agreed about the source by signalling."""

    ssrc: int
    ssrc_check: bool
    """Only packets with the agreed SSRC can come from the source; off, it only adds to the rank."""
    hosts: frozenset[str] = frozenset()
    """Addresses the device signalled from or named in its answer; empty when not known."""
    silence_s: float = 3.0
    """Silence of the locked source after which another may take its place."""


@dataclass(slots=True)
class _Candidate:
    ssrc: int
    rank: int
    since: float
    last_at: float
    next_sequence: int
    sequential: int = 0
    held: list[RtpPacket] = field(default_factory=list)


class SourceLatch:
    """Admits packets of one source at a time."""

    def __init__(self, policy: LatchPolicy) -> None:
        self.policy = policy
        self.state = LatchState.OPEN
        self.peer: Peer | None = None
        self.ssrc: int | None = None
        self.last_at = 0.0
        self._rank = 0
        self._candidates: dict[tuple[Peer, int], _Candidate] = {}

    def admit(self, packet: RtpPacket, peer: Peer, now: float) -> list[RtpPacket] | None:
        """The packets to use now, oldest first; [] while on probation, None when refused."""
        if packet.ssrc == self.ssrc and peer == self.peer:
            self.last_at = now
            return [packet]
        if self.policy.ssrc_check and packet.ssrc != self.policy.ssrc:
            return None
        rank = self._rank_of(packet, peer)
        if not self._is_vacant(peer, now) and not rank >= HOST_RANK > self._rank:
            return None
        candidate = self._candidate(packet, peer, rank, now)
        if candidate is None:
            return None
        if not self._is_believed(candidate, peer, now):
            return []
        return self._lock(candidate, peer, now)

    def release(self) -> None:
        """The locked source closed its connection: the next one need not wait for silence."""
        self.state = LatchState.OPEN
        self.peer = None
        self.ssrc = None

    def agree(self, policy: LatchPolicy) -> None:
        """Take what the answer said; a source that contradicts a checked SSRC is released."""
        self.policy = policy
        self._candidates.clear()
        if policy.ssrc_check and self.ssrc not in (None, policy.ssrc):
            self.release()

    def _rank_of(self, packet: RtpPacket, peer: Peer) -> int:
        hosts = self.policy.hosts
        is_host = not hosts or peer[0] in hosts
        return HOST_RANK * is_host + (packet.ssrc == self.policy.ssrc)

    def _candidate(self, packet: RtpPacket, peer: Peer, rank: int, now: float) -> _Candidate | None:
        key = (peer, packet.ssrc)
        candidate = self._candidates.get(key)
        if candidate is not None and now - candidate.last_at > _FORGET_S:
            del self._candidates[key]
            candidate = None
        if candidate is None:
            if len(self._candidates) >= MAX_CANDIDATES and not self._make_room(rank, now):
                return None
            candidate = _Candidate(packet.ssrc, rank, now, now, packet.sequence)
            self._candidates[key] = candidate
        is_next = packet.sequence == candidate.next_sequence
        candidate.sequential = candidate.sequential + 1 if is_next else 1
        candidate.next_sequence = (packet.sequence + 1) & 0xFFFF
        candidate.last_at = now
        if len(candidate.held) < MAX_HELD_PACKETS:
            candidate.held.append(packet)
        return candidate

    def _make_room(self, rank: int, now: float) -> bool:
        """Whoever sprays addresses must not keep a better source out."""
        key, worst = min(self._candidates.items(), key=lambda item: (item[1].rank, item[1].last_at))
        if worst.rank >= rank and now - worst.last_at < _FORGET_S:
            return False
        del self._candidates[key]
        return True

    def _is_vacant(self, peer: Peer, now: float) -> bool:
        """Whether the place of the locked source may be taken by a source at `peer`."""
        silence_s = PROBATION_S if peer == self.peer else self.policy.silence_s
        return self.state is LatchState.OPEN or now - self.last_at >= silence_s

    def _is_believed(self, candidate: _Candidate, peer: Peer, now: float) -> bool:
        if not self._is_vacant(peer, now):
            return candidate.sequential >= TAKEOVER_SEQUENTIAL
        if candidate.sequential < MIN_SEQUENTIAL:
            return False
        has_waited = now - candidate.since >= PROBATION_S
        return candidate.rank >= HOST_RANK or has_waited or len(candidate.held) >= MAX_HELD_PACKETS

    def _lock(self, candidate: _Candidate, peer: Peer, now: float) -> list[RtpPacket]:
        self.state = LatchState.LOCKED
        self.peer = peer
        self.ssrc = candidate.ssrc
        self.last_at = now
        self._rank = candidate.rank
        self._candidates.clear()
        return candidate.held

"""Whose packets are the stream's: probation, lock, and change only after silence. Sans-IO.

A media port is reachable by anybody (RTP bleed, port spraying, a device of an older session that
still sends), and devices behind NAT send from addresses that no message named. So each source is
ranked: the host that signalled counts most, the agreed SSRC next. A source at that host is locked
after two packets in sequence; any other has to wait whether a better one comes. Once locked,
another source is taken only when the locked one is silent; the one exception is the host that
signalled, which may take over from a stranger.

Peers are keys (see `peers`), times microseconds. Compiled as `_latch`.
"""

from typing import TYPE_CHECKING

from stream_relay.formats.twins import twin
from stream_relay.sources.policy import MAX_HOSTS, LatchPolicy, LatchState

if TYPE_CHECKING:
    from stream_relay.formats.int_array import IntArray
    from stream_relay.formats.packet_store import PacketStore
    from stream_relay.formats.rtp import RtpHeader
else:
    IntArray = twin("int_array").IntArray
    PacketStore = twin("packet_store").PacketStore
    RtpHeader = twin("rtp").RtpHeader

MIN_SEQUENTIAL = 2
"""Packets in sequence before a source is believed (RFC 3550 A.1)."""
TAKEOVER_SEQUENTIAL = 8
"""The same, for the host that signalled when a stranger is locked."""
PROBATION_US = 500_000
"""How long a stranger waits for a better source; also the silence after which the locked source
itself may go on with another SSRC (an encoder that restarted)."""
HOST_RANK = 2
"""Added for the host that signalled; 1 is added for the agreed SSRC."""
MAX_CANDIDATES = 4
MAX_HELD_PACKETS = 512
"""Of one candidate."""
MAX_HELD_BYTES = 1024 * 1024
"""Of one candidate; as good as so many packets."""
FORGET_US = 5_000_000
PORT_BITS = 16

ADMITTED, HELD, REFUSED, LOCKED_NOW = 0, 1, 2, 5
"""What `admit` says."""

# A candidate is one row of numbers.
SEEN, PEER, SSRC, RANK, SINCE, LAST, NEXT, SEQUENTIAL, WAITING, WAITING_BYTES = range(10)
COLUMNS = 10


class SourceLatch:
    """Admits packets of one source at a time.

    `agree` and `release` must not run while another thread is in `admit`.
    """

    def __init__(self, policy: LatchPolicy) -> None:
        self.is_locked = False
        self.peer = -1
        self.ssrc = -1
        self.last_us = 0
        # Packets that the source which was locked just now had sent before, see `held_at`.
        self.held_count = 0
        self._rank = 0
        self._rows = IntArray(MAX_CANDIDATES * COLUMNS)
        self._held = PacketStore(MAX_CANDIDATES * MAX_HELD_PACKETS)
        self._held_from = 0
        self._hosts = IntArray(MAX_HOSTS)
        self.agree(policy)

    def admit(
        self,
        data: bytes | bytearray,
        start: int,
        end: int,
        ssrc: int,
        sequence: int,
        peer: int,
        now_us: int,
    ) -> int:
        """What becomes of the packet `data[start:end]`.

        ADMITTED: use it; HELD: its source is on probation; REFUSED; LOCKED_NOW: its source is
        locked, use `held_count` packets by `held_at` and `held_length` (this one is the last of
        them), then call `forget_held`.
        """
        if peer == self.peer and ssrc == self.ssrc:
            self.last_us = now_us
            return ADMITTED
        if self._is_checked and ssrc != self._agreed:
            return REFUSED
        rank = self._rank_of(ssrc, peer)
        is_vacant = self._is_vacant(peer, now_us)
        if not is_vacant and not rank >= HOST_RANK > self._rank:
            return REFUSED
        row = self._candidate(ssrc, peer, rank, now_us)
        if row < 0:
            return REFUSED
        self._count(row, sequence, now_us)
        self._hold(row, data, start, end)
        if not self._is_believed(row, is_vacant, now_us):
            return HELD
        self._lock(row, now_us)
        return LOCKED_NOW

    def held_at(self, number: int) -> bytes | bytearray:
        """The bytes of a held packet, the oldest is number 0."""
        return self._held.at(self._held_from + number)

    def held_length(self, number: int) -> int:
        """How many bytes a held packet has."""
        return self._held.length(self._held_from + number)

    def forget_held(self) -> None:
        """Give the memory of probation back."""
        self.held_count = 0
        self._held.clear()

    def vacate(self) -> None:
        """See `release`."""
        self.is_locked = False
        self.peer = -1
        self.ssrc = -1

    def _rank_of(self, ssrc: int, peer: int) -> int:
        rank = HOST_RANK if self._host_count == 0 else 0
        for index in range(self._host_count):
            if self._hosts.data[index] == peer >> PORT_BITS:
                rank = HOST_RANK
        return rank + 1 if ssrc == self._agreed else rank

    def _candidate(self, ssrc: int, peer: int, rank: int, now_us: int) -> int:
        """The row of this source, a new one if need be; -1 when there is no room for it."""
        free = -1
        worst = -1
        for number in range(MAX_CANDIDATES):
            row = number * COLUMNS
            if not self._rows.data[row + SEEN]:
                free = row
                continue
            is_old = now_us - self._rows.data[row + LAST] > FORGET_US
            if self._rows.data[row + PEER] == peer and self._rows.data[row + SSRC] == ssrc:
                if not is_old:
                    return row
                self._drop(row)
                free = row
            elif worst < 0 or self._is_worse(row, worst):
                worst = row
        if free < 0:
            # Whoever sprays addresses must not keep a better source out.
            is_old = now_us - self._rows.data[worst + LAST] >= FORGET_US
            if self._rows.data[worst + RANK] >= rank and not is_old:
                return -1
            self._drop(worst)
            free = worst
        self._begin(free, ssrc, peer, rank, now_us)
        return free

    def _is_worse(self, row: int, other: int) -> bool:
        if self._rows.data[row + RANK] != self._rows.data[other + RANK]:
            return self._rows.data[row + RANK] < self._rows.data[other + RANK]
        return self._rows.data[row + LAST] < self._rows.data[other + LAST]

    def _begin(self, row: int, ssrc: int, peer: int, rank: int, now_us: int) -> None:
        self._rows.data[row + SEEN] = 1
        self._rows.data[row + PEER] = peer
        self._rows.data[row + SSRC] = ssrc
        self._rows.data[row + RANK] = rank
        self._rows.data[row + SINCE] = now_us
        self._rows.data[row + NEXT] = -1
        self._rows.data[row + SEQUENTIAL] = 0

    def _count(self, row: int, sequence: int, now_us: int) -> None:
        before = self._rows.data[row + SEQUENTIAL] if sequence == self._rows.data[row + NEXT] else 0
        self._rows.data[row + SEQUENTIAL] = before + 1
        self._rows.data[row + NEXT] = sequence + 1 & 0xFFFF
        self._rows.data[row + LAST] = now_us

    def _hold(self, row: int, data: bytes | bytearray, start: int, end: int) -> None:
        if self._is_full(row):
            return
        count = self._rows.data[row + WAITING]
        size = self._rows.data[row + WAITING_BYTES]
        if self._held.put(self._first_key(row) + count, 0, data, start, end):
            self._rows.data[row + WAITING] = count + 1
            self._rows.data[row + WAITING_BYTES] = size + end - start

    def _is_full(self, row: int) -> bool:
        return (
            self._rows.data[row + WAITING] >= MAX_HELD_PACKETS
            or self._rows.data[row + WAITING_BYTES] >= MAX_HELD_BYTES
        )

    def _first_key(self, row: int) -> int:
        return row // COLUMNS * MAX_HELD_PACKETS

    def _drop(self, row: int) -> None:
        """The candidate's place is free again."""
        first = self._first_key(row)
        for number in range(self._rows.data[row + WAITING]):
            self._held.drop(first + number)
        self._rows.data[row + SEEN] = 0
        self._rows.data[row + WAITING] = 0
        self._rows.data[row + WAITING_BYTES] = 0

    def _is_vacant(self, peer: int, now_us: int) -> bool:
        """Whether the place of the locked source may be taken by a source at `peer`."""
        silence_us = PROBATION_US if peer == self.peer else self._silence_us
        return not self.is_locked or now_us - self.last_us >= silence_us

    def _is_believed(self, row: int, is_vacant: bool, now_us: int) -> bool:
        if not is_vacant:
            return self._rows.data[row + SEQUENTIAL] >= TAKEOVER_SEQUENTIAL
        if self._rows.data[row + SEQUENTIAL] < MIN_SEQUENTIAL:
            return False
        if self._rows.data[row + RANK] >= HOST_RANK or self._is_full(row):
            return True
        return now_us - self._rows.data[row + SINCE] >= PROBATION_US

    def _lock(self, row: int, now_us: int) -> None:
        self.is_locked = True
        self.peer = self._rows.data[row + PEER]
        self.ssrc = self._rows.data[row + SSRC]
        self.last_us = now_us
        self._rank = self._rows.data[row + RANK]
        self.held_count = self._rows.data[row + WAITING]
        self._held_from = self._first_key(row)
        self._rows.fill(0)

    # For Python callers.

    @property
    def state(self) -> LatchState:
        """Whether a source is locked."""
        return LatchState.LOCKED if self.is_locked else LatchState.OPEN

    def release(self) -> None:
        """The locked source closed its connection: the next one need not wait for silence."""
        self.vacate()

    def agree(self, policy: LatchPolicy) -> None:
        """Take what the answer said; a source that contradicts a checked SSRC is released."""
        if len(policy.hosts) > MAX_HOSTS:
            raise ValueError("more hosts than a latch compares")
        self.policy = policy
        self._agreed = policy.ssrc
        self._is_checked = policy.ssrc_check
        self._silence_us = policy.silence_us
        self._host_count = len(policy.hosts)
        for index, host in enumerate(sorted(policy.hosts)):
            self._hosts.data[index] = host
        self._rows.fill(0)
        self.forget_held()
        if policy.ssrc_check and self.ssrc not in (-1, policy.ssrc):
            self.release()

    def offer(self, data: bytes, peer: int, now_us: int) -> list[bytes] | None:
        """The packets to use now, oldest first; [] while on probation, None when refused.

        `data` is an RTP packet.
        """
        header = RtpHeader()
        if header.read(data, 0, len(data)):
            return None
        verdict = self.admit(data, 0, len(data), header.ssrc, header.sequence, peer, now_us)
        if verdict == ADMITTED:
            return [data]
        if verdict != LOCKED_NOW:
            return None if verdict == REFUSED else []
        packets = []
        for number in range(self.held_count):
            packets.append(bytes(self.held_at(number)[: self.held_length(number)]))
        self.forget_held()
        return packets

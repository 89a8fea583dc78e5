"""RTP packets in order again: reordering, duplicates, loss and restarts (RFC 3550 A.1).

Compiled as `_jitter`. Time is an argument; nothing is held longer than `max_wait_s`, nor more
packets than `window`.
"""

from dataclasses import dataclass

from stream_relay.formats.rtp import RtpPacket

MAX_DROPOUT = 3000
"""A sequence further ahead than this is a restart, once a second packet confirms it; nearer, all
between is lost (RFC 3550 A.1). A stream of 4 Mbit/s loses 2000 packets when its link is cut for
five seconds, and the sender knows nothing of it."""
MAX_JUMP = 1000
"""The same for a sequence behind."""


@dataclass(slots=True)
class ReorderStatistics:
    """Packet counts since the start of the stream."""

    received: int = 0
    lost: int = 0
    """Missing when their turn came; one that comes later still is taken off again."""
    reordered: int = 0
    duplicate: int = 0
    late: int = 0
    """Came after their turn and were dropped."""
    stray: int = 0
    """Far from the sequence and not confirmed by a following packet."""
    resets: int = 0
    """Restarts of the sender: another SSRC or a far sequence."""


class ReorderBuffer:
    """Hands packets out by sequence; `packet.lost_before` > 0 marks a gap before it."""

    def __init__(self, window: int = 256, max_wait_s: float = 0.1) -> None:
        self.statistics = ReorderStatistics()
        self._window = window
        self._max_wait_s = max_wait_s
        self._expected = -1
        self._ssrc = -1
        # In the order of arrival, so the first entry has waited longest.
        self._held: dict[int, tuple[float, RtpPacket]] = {}
        self._given_up: dict[int, None] = {}
        self._suspect: RtpPacket | None = None

    def push(self, packet: RtpPacket, now: float) -> list[RtpPacket]:
        """Packets that are in order now that this one has come at `now` seconds."""
        self.statistics.received += 1
        if self._expected < 0:
            return self._start(packet)
        distance = packet.sequence - self._expected & 0xFFFF
        if packet.ssrc != self._ssrc or MAX_DROPOUT < distance < 0x10000 - MAX_JUMP:
            return self._doubt(packet)
        if self._suspect is not None:
            self._suspect = None
            self.statistics.stray += 1
        if distance >= 0x8000:
            self._late(packet.sequence)
            return []
        if distance == 0 and not self._held:
            self._expected = packet.sequence + 1 & 0xFFFF
            return [packet]
        return self._hold(packet, now)

    def poll(self, now: float) -> list[RtpPacket]:
        """Give up on the gap when it is older than `max_wait_s`."""
        ready: list[RtpPacket] = []
        while self._held and self._oldest_s() + self._max_wait_s <= now:
            ready += self._give_up()
        return ready

    def deadline(self) -> float | None:
        """When `poll` has something to do; None while nothing is held."""
        return self._oldest_s() + self._max_wait_s if self._held else None

    def _oldest_s(self) -> float:
        return next(iter(self._held.values()))[0]

    def _start(self, packet: RtpPacket) -> list[RtpPacket]:
        self._ssrc = packet.ssrc
        self._expected = packet.sequence + 1 & 0xFFFF
        return [packet]

    def _doubt(self, packet: RtpPacket) -> list[RtpPacket]:
        """One strange packet is a stray; a second that follows it is a restart of the sender."""
        suspect = self._suspect
        if (
            suspect is None
            or suspect.ssrc != packet.ssrc
            or packet.sequence != suspect.sequence + 1 & 0xFFFF
        ):
            if suspect is not None:
                self.statistics.stray += 1
            self._suspect = packet
            return []
        self._suspect = None
        ready = [self._held[sequence][1] for sequence in self._in_order()]
        self._held.clear()
        self._given_up.clear()
        self.statistics.resets += 1
        self._start(packet)
        suspect.lost_before = 1
        return [*ready, suspect, packet]

    def _in_order(self) -> list[int]:
        return sorted(self._held, key=lambda sequence: sequence - self._expected & 0xFFFF)

    def _late(self, sequence: int) -> None:
        if sequence in self._given_up:
            del self._given_up[sequence]
            self.statistics.lost -= 1
            self.statistics.late += 1
        else:
            self.statistics.duplicate += 1

    def _hold(self, packet: RtpPacket, now: float) -> list[RtpPacket]:
        if packet.sequence in self._held:
            self.statistics.duplicate += 1
            return []
        if any(sequence - packet.sequence & 0xFFFF < 0x8000 for sequence in self._held):
            self.statistics.reordered += 1
        self._held[packet.sequence] = (now, packet)
        ready = self._release()
        while len(self._held) > self._window:
            ready += self._give_up()
        return ready + self.poll(now)

    def _release(self) -> list[RtpPacket]:
        """Everything that is in order from the expected sequence on."""
        ready: list[RtpPacket] = []
        while True:
            entry = self._held.pop(self._expected, None)
            if entry is None:
                return ready
            ready.append(entry[1])
            self._expected = self._expected + 1 & 0xFFFF

    def _give_up(self) -> list[RtpPacket]:
        """Call the gap before the lowest held packet lost and go on behind it."""
        lowest = self._in_order()[0]
        missing = lowest - self._expected & 0xFFFF
        self.statistics.lost += missing
        for step in range(missing):
            self._given_up[self._expected + step & 0xFFFF] = None
        while len(self._given_up) > MAX_JUMP:
            del self._given_up[next(iter(self._given_up))]
        self._held[lowest][1].lost_before = missing
        self._expected = lowest
        return self._release()

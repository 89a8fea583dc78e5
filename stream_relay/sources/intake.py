"""From packets to access units: RTP, latch, order, depacketizer. Sans-IO, one per stream.

The path of a packet of the locked source is kept flat on purpose: it runs 360 times a second for
each 4 Mbit/s. Nothing on it needs a Python object; what Python should hear of is kept until
`take_events`. Peers are keys (see `peers`), times microseconds. Compiled as `_intake`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stream_relay.errors import Overload
from stream_relay.formats import rtp, units
from stream_relay.formats.detect import choose_depacketizer
from stream_relay.formats.twins import twin
from stream_relay.sources.rtcp import ReceptionReport

if TYPE_CHECKING:
    from stream_relay.formats.int_array import IntArray
    from stream_relay.formats.jitter import ReorderBuffer
    from stream_relay.sources.latch import SourceLatch
else:
    IntArray = twin("int_array").IntArray
    ReorderBuffer = twin("jitter").ReorderBuffer

MAX_PEERS = 64
"""Peers whose refusals are counted apart; more of them are counted together."""
MAX_FORWARDS = 8
TELL_REJECTED_US = 1_000_000
RTP_HEADER_BYTES = 12
FIRST_CONTROL, LAST_CONTROL = 72, 76
"""Payload types that RTCP seems to have (RFC 5761 §4)."""
US = 1_000_000

USED, HELD, REFUSED, MALFORMED, RTCP = range(5)
"""What became of a packet."""
ADMITTED, LOCKED_NOW = 0, 5
"""What the latch says beside HELD and REFUSED."""

# Rows of the peers that were refused.
PEER, COUNT, TOLD_COUNT, TOLD_US, SSRC = range(5)
COLUMNS = 5

Choose = Callable[[int, bytes, dict[int, str], Any], Any]
"""See `choose_depacketizer`."""
Event = tuple[str, int, int, bool] | tuple[str, int, int] | tuple[str, int, str]


class Intake(rtp.PacketSink):
    """Feeds `sink` from one latched source at a time, and `forwards` with its packets.

    Only one thread at a time may be in it; `take_events` and the other methods for Python callers
    count. A sink that has an attribute `source` finds its depacketizer there. `announced` maps
    payload types to the names of the SDP.
    """

    def __init__(
        self,
        sink: units.UnitSink,
        latch: "SourceLatch",
        *,
        reorder_window: int = 256,
        reorder_wait_us: int = 100_000,
        announced: dict[int, str] | None = None,
        choose: Choose = choose_depacketizer,
    ) -> None:
        self.latch = latch
        self.depacketizer = units.Depacketizer(sink)
        self.packets = self.bytes = self.malformed = self.rejected = self.rtcp = 0
        self.highest_sequence = 0
        # The peer and SSRC that packets are taken from; -1 before the first.
        self.source = -1
        self.ssrc = -1
        self.source_changes = 0
        # False once the source is known to send something else, which is not forwarded as it is.
        self.is_program_stream = True
        # Whether `take_events` has anything to tell.
        self.has_news = False
        self._sink = sink
        self._choose = choose
        self._announced = announced or {}
        self._is_chosen = False
        self._payload_type = -1
        self._header = rtp.RtpHeader()
        self._reorder = ReorderBuffer(reorder_window, reorder_wait_us / US, self._header, self)
        self._refused = IntArray(MAX_PEERS * COLUMNS)
        self._refused_peers = 0
        self._faulty = IntArray(MAX_PEERS * 2)
        self._faulty_peers = 0
        self._faulty_told = 0
        self._changes_told = 0
        self._reported = (0, 0)
        self._forwards: list[rtp.PacketSink] = []
        self._spread()

    def receive(
        self,
        data: bytes | bytearray,
        start: int,
        end: int,
        is_stable: bool,
        peer: int,
        now_us: int,
    ) -> int:
        """Take the packet `data[start:end]` as it came from the network; what became of it.

        `is_stable`: see `PacketSink.packet`.
        """
        fault = self._header.read(data, start, end)
        if fault:
            if self._header.is_control(data, start, end):
                self.rtcp += 1
                return RTCP
            self.complain(peer, fault)
            return MALFORMED
        if self._header.marker and FIRST_CONTROL <= self._header.payload_type <= LAST_CONTROL:
            self.rtcp += 1
            return RTCP
        verdict = self.latch.admit(
            data, start, end, self._header.ssrc, self._header.sequence, peer, now_us
        )
        if verdict == ADMITTED:
            self._order(data, start, end, is_stable, now_us)
            return USED
        if verdict == LOCKED_NOW:
            self._use_held(now_us)
            return USED
        if verdict == REFUSED:
            self._refuse(peer, now_us)
        return verdict

    def poll(self, now_us: int) -> None:
        """Give up on gaps that have waited long enough."""
        self._reorder.expire(now_us)

    def finish(self) -> None:
        """Hand out what is complete, at the end of the stream."""
        self._reorder.flush()
        self.depacketizer.finish()

    def complain(self, peer: int, fault: int) -> None:
        """Count broken bytes of a peer; `fault` is a number of `rtp.EXPECTATIONS`."""
        self.malformed += 1
        for row in range(self._faulty_peers):
            if self._faulty.data[row * 2] == peer:
                return
        if self._faulty_peers < MAX_PEERS:
            self._faulty.data[self._faulty_peers * 2] = peer
            self._faulty.data[self._faulty_peers * 2 + 1] = fault
            self._faulty_peers += 1
            self.has_news = True

    def packet(self, data: bytes | bytearray, start: int, end: int, is_stable: bool) -> None:
        """The next packet of the source in order, which the header describes."""
        sequence = self._header.sequence
        if sequence < self.highest_sequence & 0xFFFF:
            self.highest_sequence += 0x10000
        self.highest_sequence = self.highest_sequence & ~0xFFFF | sequence
        if not self._is_chosen and self._header.payload_end > self._header.payload_start:
            self._choose_depacketizer(data)
        if self._forward_count > 0 and self.is_program_stream:
            self._forward(data, start, end, is_stable)
        if self._header.lost_before > 0:
            self.depacketizer.interrupt()
        self.depacketizer.feed(
            data,
            self._header.payload_start,
            self._header.payload_end,
            self._header.timestamp,
            self._header.marker,
        )

    def _order(
        self, data: bytes | bytearray, start: int, end: int, is_stable: bool, now_us: int
    ) -> None:
        self.packets += 1
        size = self._header.payload_end - self._header.payload_start
        self.bytes += size + RTP_HEADER_BYTES
        self._reorder.receive(data, start, end, is_stable, now_us)

    def _use_held(self, now_us: int) -> None:
        """A source passed probation: what it has sent so far counts."""
        if self.latch.peer != self.source or self.latch.ssrc != self.ssrc:
            self._take_source()
        for number in range(self.latch.held_count):
            size = self.latch.held_length(number)
            self._header.read(self.latch.held_at(number), 0, size)
            self._order(self.latch.held_at(number), 0, size, False, now_us)
        self.latch.forget_held()

    def _take_source(self) -> None:
        """Begin with a source; what is left of another one does not mix with it."""
        is_first = self.source < 0
        self.source = self.latch.peer
        self.ssrc = self.latch.ssrc
        self.source_changes += 1
        self.has_news = True
        if is_first:
            return
        self._reorder.restart()
        self.depacketizer.restart()
        self._sink.restart()
        self._is_chosen = False
        self.highest_sequence = 0

    def _refuse(self, peer: int, now_us: int) -> None:
        self.rejected += 1
        row = 0
        while row < self._refused_peers * COLUMNS and self._refused.data[row + PEER] != peer:
            row += COLUMNS
        if row == self._refused_peers * COLUMNS:
            if self._refused_peers >= MAX_PEERS:
                return
            self._refused_peers += 1
            self._refused.data[row + PEER] = peer
            self._refused.data[row + TOLD_US] = now_us - TELL_REJECTED_US
        count = self._refused.data[row + COUNT] + 1
        self._refused.data[row + COUNT] = count
        self._refused.data[row + SSRC] = self._header.ssrc
        if now_us - self._refused.data[row + TOLD_US] >= TELL_REJECTED_US:
            self.has_news = True

    def _forward(self, data: bytes | bytearray, start: int, end: int, is_stable: bool) -> None:
        """Where no forward is, an idle sink stands."""
        self._forward0.packet(data, start, end, is_stable)
        if self._forward_count > 1:
            self._forward1.packet(data, start, end, is_stable)
        if self._forward_count > 2:
            self._forward2.packet(data, start, end, is_stable)
            self._forward3.packet(data, start, end, is_stable)
        if self._forward_count > 4:
            self._forward4.packet(data, start, end, is_stable)
            self._forward5.packet(data, start, end, is_stable)
            self._forward6.packet(data, start, end, is_stable)
            self._forward7.packet(data, start, end, is_stable)

    def _choose_depacketizer(self, data: bytes | bytearray) -> None:
        """Find out what the new source sends; the reader of the one before stays when it fits."""
        self._is_chosen = True
        kind = self._header.payload_type
        payload = bytes(data[self._header.payload_start : self._header.payload_end])
        chosen = self._choose(kind, payload, self._announced, self._sink)
        if type(chosen) is not type(self.depacketizer) or kind != self._payload_type:
            self.depacketizer = chosen
        self._payload_type = kind
        self.is_program_stream = self.depacketizer.is_program_stream
        sink: Any = self._sink
        if hasattr(sink, "source"):
            sink.source = self.depacketizer

    # For Python callers.

    def push(self, data: bytes, peer: int, now_us: int) -> int:
        """See `receive`."""
        return self.receive(data, 0, len(data), False, peer, now_us)

    def tick(self, now_us: int) -> None:
        """See `poll`."""
        self.poll(now_us)

    def flush(self) -> None:
        """See `finish`."""
        self.finish()

    def blame(self, peer: int, fault: int) -> None:
        """See `complain`."""
        self.complain(peer, fault)

    def close(self) -> None:
        """Let go of memory, sinks and forwards; the counters stay."""
        self._reorder.close()
        self.latch.forget_held()
        self.depacketizer = units.Depacketizer()
        self._forwards = []
        self._spread()

    def add_forward(self, sink: rtp.PacketSink) -> None:
        """Pass every packet of a program stream to `sink`, in order; raises Overload beyond 8."""
        if len(self._forwards) >= MAX_FORWARDS:
            raise Overload("a stream is forwarded to as many platforms as it can be")
        self._forwards.append(sink)
        self._spread()

    def remove_forward(self, sink: rtp.PacketSink) -> None:
        """Pass it none any more; idempotent."""
        self._forwards = [other for other in self._forwards if other is not sink]
        self._spread()

    def _spread(self) -> None:
        """Into attributes that hot code can reach."""
        self._forward_count = len(self._forwards)
        idle = [rtp.PacketSink()] * (MAX_FORWARDS - len(self._forwards))
        slots = self._forwards + idle
        self._forward0, self._forward1, self._forward2, self._forward3 = slots[:4]
        self._forward4, self._forward5, self._forward6, self._forward7 = slots[4:]

    def take_events(self, now_us: int) -> list[Event]:
        """What has happened since the last call.

        ("source", peer, ssrc, is_first): its packets are used now; ("rejected", peer, count of
        its packets so far), once a second per peer at most; ("malformed", peer, what was
        expected), once per peer.
        """
        events: list[Event] = []
        self.has_news = False
        if self.source_changes > self._changes_told:
            events.append(("source", self.source, self.ssrc, self._changes_told == 0))
            self._changes_told = self.source_changes
        for row in range(0, self._refused_peers * COLUMNS, COLUMNS):
            count = self._refused.data[row + COUNT]
            is_due = now_us - self._refused.data[row + TOLD_US] >= TELL_REJECTED_US
            if is_due and count > self._refused.data[row + TOLD_COUNT]:
                self._refused.data[row + TOLD_COUNT] = count
                self._refused.data[row + TOLD_US] = now_us
                events.append(("rejected", self._refused.data[row + PEER], count))
        for row in range(self._faulty_told, self._faulty_peers):
            reason = self._header.reason(self._faulty.data[row * 2 + 1])
            events.append(("malformed", self._faulty.data[row * 2], reason))
        self._faulty_told = self._faulty_peers
        return events

    def refused(self) -> list[tuple[int, int, int]]:
        """Peer, its latest SSRC and its count of packets, of those that were refused."""
        found = []
        for row in range(0, self._refused_peers * COLUMNS, COLUMNS):
            peer = self._refused.data[row + PEER]
            found.append((peer, self._refused.data[row + SSRC], self._refused.data[row + COUNT]))
        return found

    def faulty(self) -> list[tuple[int, str]]:
        """Peer and what was expected first, of those that sent broken bytes."""
        found = []
        for row in range(self._faulty_peers):
            reason = self._header.reason(self._faulty.data[row * 2 + 1])
            found.append((self._faulty.data[row * 2], reason))
        return found

    def reception(
        self, sender_report: tuple[int, int] | None, now_us: int
    ) -> ReceptionReport | None:
        """What a receiver report says since the one before; None before the first packet.

        `sender_report` is the middle of its NTP time and when it came.
        """
        if self.source < 0:
            return None
        packets, lost = self.packets, self.lost
        expected = packets + lost - sum(self._reported)
        newly_lost = lost - self._reported[1]
        self._reported = (packets, lost)
        ntp_middle, came_us = sender_report or (0, now_us)
        return ReceptionReport(
            ssrc=self.ssrc,
            fraction_lost=max(newly_lost, 0) / expected if expected > 0 else 0.0,
            lost=lost,
            highest_sequence=self.highest_sequence,
            last_sender_report=ntp_middle,
            delay_s=(now_us - came_us) / US,
        )

    @property
    def lost(self) -> int:
        """See `ReorderStatistics`, also for the other counts."""
        return self._reorder.lost

    @property
    def reordered(self) -> int:
        """Packets that came after a later one, in time."""
        return self._reorder.reordered

    @property
    def duplicate(self) -> int:
        """Packets that had come before."""
        return self._reorder.duplicate

    @property
    def late(self) -> int:
        """Packets that came when they had been given up."""
        return self._reorder.late

    @property
    def resets(self) -> int:
        """How often another source, SSRC or sequence numbering took over."""
        return self._reorder.resets

"""From packets to published units: RTP, latch, order, demultiplexer. Sans-IO, one per stream.

The path of a packet of the locked source is kept flat on purpose: it runs 360 times a second for
each 4 Mbit/s, and the compiled engine will replace exactly this module and the sockets around it.
"""

import logging
from collections.abc import Callable
from enum import Enum

from stream_relay.errors import MalformedMedia
from stream_relay.events import FirstPacket, SourceRejected, StreamEvent
from stream_relay.formats import PsDemuxer, ReorderBuffer, RtpPacket, is_rtcp, parse_packet
from stream_relay.sources.latch import Peer, SourceLatch
from stream_relay.sources.rtcp import ReceptionReport
from stream_relay.stream import Stream

logger = logging.getLogger(__name__)

MAX_PEERS = 64
"""Peers whose refusals are counted apart; more of them are counted together."""
TELL_REJECTED_S = 1.0
_ORDER_COUNTERS = ("lost", "reordered", "duplicate", "late", "resets")
_RTCP_AS_PAYLOAD_TYPE = range(72, 77)


class Verdict(Enum):
    """What became of a packet."""

    USED = "used"
    HELD = "held"
    REFUSED = "refused"
    MALFORMED = "malformed"
    RTCP = "rtcp"


class Intake:
    """Feeds a stream from one latched source at a time."""

    def __init__(
        self,
        stream: Stream,
        latch: SourceLatch,
        *,
        reorder_window: int = 256,
        reorder_wait_s: float = 0.1,
        on_event: Callable[[StreamEvent], None],
    ) -> None:
        self.latch = latch
        self._stream = stream
        self._counters = stream.counters
        self._reorder_limits = (reorder_window, reorder_wait_s)
        self._on_event = on_event
        self._reorder = ReorderBuffer(*self._reorder_limits)
        self._demuxer = PsDemuxer()
        self._past = dict.fromkeys(_ORDER_COUNTERS, 0)
        self._source: tuple[Peer, int] | None = None
        self._rejected: dict[Peer, tuple[int, float]] = {}
        self._complained: set[Peer] = set()
        self._highest_sequence = 0
        self._reported = (0, 0)

    def receive(self, data: bytes, peer: Peer, now: float) -> Verdict:
        """Take one packet as it came from the network."""
        try:
            packet = parse_packet(data)
        except MalformedMedia as error:
            if is_rtcp(data):
                self._counters.rtcp += 1
                return Verdict.RTCP
            self.malformed(error, peer)
            return Verdict.MALFORMED
        if packet.marker and packet.payload_type in _RTCP_AS_PAYLOAD_TYPE:
            self._counters.rtcp += 1
            return Verdict.RTCP
        admitted = self.latch.admit(packet, peer, now)
        if admitted is None:
            self._refused(peer, now)
            return Verdict.REFUSED
        if not admitted:
            return Verdict.HELD
        if self._source != (peer, packet.ssrc):
            self._take_source(peer, packet.ssrc)
        self._counters.packets += len(admitted)
        for item in admitted:
            self._counters.bytes += len(item.payload) + 12
            ordered = self._reorder.push(item, now)
            if ordered:
                self._demux(ordered, now)
        return Verdict.USED

    def poll(self, now: float) -> None:
        """Give up on gaps that have waited long enough, and bring the counters up to date."""
        ordered = self._reorder.poll(now)
        if ordered:
            self._demux(ordered, now)
        for name in _ORDER_COUNTERS:
            present = getattr(self._reorder.statistics, name)
            setattr(self._counters, name, self._past[name] + present)

    def malformed(self, error: MalformedMedia, peer: Peer) -> None:
        """Count broken bytes; the first of each peer are logged."""
        self._counters.malformed += 1
        if peer in self._complained or len(self._complained) >= MAX_PEERS:
            return
        self._complained.add(peer)
        logger.warning(
            "malformed media packets are dropped",
            extra={"stream": self._stream.id, "peer": peer, "reason": str(error)},
        )

    def finish(self, now: float) -> None:
        """Publish what is complete, at the end of the stream."""
        self._stream.publish(self._demuxer.flush(), self._demuxer.announced(), now)

    def reception(
        self, sender_report: tuple[int, float] | None, now: float
    ) -> ReceptionReport | None:
        """What a receiver report says since the one before; None before the first packet.

        `sender_report` is the middle of its NTP time and when it came.
        """
        if self._source is None:
            return None
        packets, lost = self._counters.packets, self._counters.lost
        expected = packets + lost - sum(self._reported)
        newly_lost = lost - self._reported[1]
        self._reported = (packets, lost)
        ntp_middle, came_at = sender_report or (0, now)
        return ReceptionReport(
            ssrc=self._source[1],
            fraction_lost=max(newly_lost, 0) / expected if expected > 0 else 0.0,
            lost=lost,
            highest_sequence=self._highest_sequence,
            last_sender_report=ntp_middle,
            delay_s=now - came_at,
        )

    def _demux(self, packets: list[RtpPacket], now: float) -> None:
        demuxer = self._demuxer
        for packet in packets:
            if packet.lost_before:
                demuxer.lost()
            sequence = packet.sequence
            if sequence < self._highest_sequence & 0xFFFF:
                self._highest_sequence += 0x10000
            self._highest_sequence = self._highest_sequence & ~0xFFFF | sequence
            units = demuxer.push(packet.payload, packet.timestamp, packet.marker)
            if units:
                self._stream.publish(units, demuxer.announced(), now)

    def _take_source(self, peer: Peer, ssrc: int) -> None:
        """Begin with a source; what is left of another one does not mix with it."""
        is_first = self._source is None
        self._source = (peer, ssrc)
        self._counters.source, self._counters.ssrc = peer, ssrc
        if is_first:
            self._on_event(FirstPacket(self._stream.id, peer, ssrc))
            return
        logger.info(
            "another source took over",
            extra={"stream": self._stream.id, "peer": peer, "ssrc": ssrc},
        )
        for name in _ORDER_COUNTERS:
            self._past[name] += getattr(self._reorder.statistics, name)
        self._past["resets"] += 1
        self._reorder = ReorderBuffer(*self._reorder_limits)
        self._demuxer = PsDemuxer()
        self._highest_sequence = 0
        self._stream.restart_clock()

    def _refused(self, peer: Peer, now: float) -> None:
        self._counters.rejected += 1
        known = self._rejected.get(peer)
        if known is None and len(self._rejected) >= MAX_PEERS:
            return
        count, told_at = known or (0, now - TELL_REJECTED_S)
        if now - told_at >= TELL_REJECTED_S:
            told_at = now
            self._on_event(SourceRejected(self._stream.id, peer, count + 1))
        self._rejected[peer] = (count + 1, told_at)

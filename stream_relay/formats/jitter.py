"""RTP packets in order again: reordering, duplicates, loss and restarts (RFC 3550 A.1).

Compiled as `_jitter`. Time is an argument; nothing is held longer than `max_wait_s`, nor more
packets than `window`. A packet in its turn passes through without being copied.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream_relay.formats.twins import twin

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
    from stream_relay.formats.packet_store import PacketStore
    from stream_relay.formats.rtp import (
        PacketList,
        PacketSink,
        RtpHeader,
        RtpPacket,
        build_packet,
        parse_packet,
    )
else:
    Buffer = twin("buffer").Buffer
    PacketStore = twin("packet_store").PacketStore
    _rtp = twin("rtp")
    PacketList, PacketSink, RtpHeader = _rtp.PacketList, _rtp.PacketSink, _rtp.RtpHeader
    build_packet, parse_packet = _rtp.build_packet, _rtp.parse_packet

MAX_DROPOUT = 3000
"""A sequence further ahead than this is a restart, once a second packet confirms it; less is a loss
(RFC 3550 A.1). At 4 Mbit/s this is 8 s: a link that was cut lost packets, the sender went on."""
MAX_JUMP = 1000
"""The same behind what is expected."""
MAX_HELD_BYTES = 1024 * 1024
"""As good as a full window: datagrams of 64 KiB do not come from cameras."""
RING = 4096
"""A power of two above `MAX_DROPOUT`: packets that wait are told apart by their low bits."""
RING_BITS = 12
US = 1_000_000


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
    """Hands packets to `sink` by sequence; `header.lost_before` > 0 marks a gap before one.

    Whoever calls `receive` has read the packet into `header`; when `sink` gets a packet, `header`
    is that packet's. Python callers give neither and use `push`, `poll` and `deadline`.
    """

    def __init__(
        self,
        window: int = 256,
        max_wait_s: float = 0.1,
        header: "RtpHeader | None" = None,
        sink: "PacketSink | None" = None,
    ) -> None:
        self.received = self.lost = self.reordered = self.duplicate = 0
        self.late = self.stray = self.resets = 0
        self._window = window
        self._max_wait_us = round(max_wait_s * US)
        self._header = RtpHeader() if header is None else header
        self._list = PacketList(self._header)
        self._sink = self._list if sink is None else sink
        self._expected = -1
        self._ssrc = -1
        self._held = PacketStore(RING)
        # The furthest packet held, and a time before which none of them came.
        self._highest = 0
        self._oldest_us = 0
        # By the low bits of a sequence that was given up: its high bits and one; else 0.
        self._given_up = Buffer()
        while self._given_up.size < RING:
            self._given_up.put(0, 8)
        self._suspect = Buffer()
        self._has_suspect = False
        self._suspect_sequence = 0
        self._suspect_ssrc = 0

    def receive(
        self, data: bytes | bytearray, start: int, end: int, is_stable: bool, now_us: int
    ) -> None:
        """Take the packet that `header` describes; `is_stable` is passed on, see `PacketSink`."""
        self.received += 1
        sequence = self._header.sequence
        if self._expected < 0:
            self._start(sequence)
            self._sink.packet(data, start, end, is_stable)
            return
        distance = sequence - self._expected & 0xFFFF
        if self._header.ssrc != self._ssrc or MAX_DROPOUT < distance < 0x10000 - MAX_JUMP:
            self._doubt(data, start, end, is_stable)
            return
        if self._has_suspect:
            self._has_suspect = False
            self.stray += 1
        if distance == 0:
            self._expected = sequence + 1 & 0xFFFF
            if self._held.count == 0:
                self._sink.packet(data, start, end, is_stable)
                return
            self.reordered += 1
            self._sink.packet(data, start, end, is_stable)
            self._release()
        elif distance >= 0x8000:
            self._late(sequence)
        else:
            self._hold(data, start, end, now_us)
        self.expire(now_us)

    def expire(self, now_us: int) -> None:
        """Give up on the gap when it is older than `max_wait_s`."""
        while self._held.count > 0 and self._oldest_us + self._max_wait_us <= now_us:
            self._find_oldest()
            if self._oldest_us + self._max_wait_us > now_us:
                return
            self._give_up()

    def due_us(self) -> int:
        """When `expire` has something to do; -1 while nothing is held."""
        if self._held.count == 0:
            return -1
        self._find_oldest()
        return self._oldest_us + self._max_wait_us

    def flush(self) -> None:
        """The input is over: no gap is waited for any longer."""
        while self._held.count > 0:
            self._give_up()

    def restart(self) -> None:
        """Another source follows: forget packets and sequence; the counters go on."""
        self._held.clear()
        self._forget_given_up()
        self._has_suspect = False
        self._expected = -1
        self.resets += 1

    def _start(self, sequence: int) -> None:
        self._ssrc = self._header.ssrc
        self._expected = sequence + 1 & 0xFFFF

    def _doubt(self, data: bytes | bytearray, start: int, end: int, is_stable: bool) -> None:
        """One strange packet is a stray; a second that follows it is a restart of the sender."""
        sequence = self._header.sequence
        is_next = sequence == (self._suspect_sequence + 1 & 0xFFFF)
        if not self._has_suspect or not is_next or self._suspect_ssrc != self._header.ssrc:
            if self._has_suspect:
                self.stray += 1
            self._suspect.clear()
            self._has_suspect = self._suspect.append(data, start, end)
            self._suspect_sequence = sequence
            self._suspect_ssrc = self._header.ssrc
            return
        self._has_suspect = False
        self._release_all()
        self._forget_given_up()
        self.resets += 1
        self._header.read(self._suspect.data, 0, self._suspect.size)
        self._header.lost_before = 1
        self._sink.packet(self._suspect.data, 0, self._suspect.size, False)
        self._header.read(data, start, end)
        self._start(sequence)
        self._sink.packet(data, start, end, is_stable)

    def _late(self, sequence: int) -> None:
        index = sequence & RING - 1
        if self._given_up.data[index] == (sequence >> RING_BITS) + 1:
            self._given_up.set(index, 0, 1)
            self.lost -= 1
            self.late += 1
        else:
            self.duplicate += 1

    def _hold(self, data: bytes | bytearray, start: int, end: int, now_us: int) -> None:
        sequence = self._header.sequence
        distance = sequence - self._expected & 0xFFFF
        key = sequence & RING - 1
        if self._held.has(key):
            self.duplicate += 1
            return
        is_first = self._held.count == 0
        if not self._held.put(key, now_us, data, start, end):
            return  # memory is short: as if it had not come
        if is_first:
            self._oldest_us = now_us
            self._highest = sequence
        elif distance < (self._highest - self._expected & 0xFFFF):
            self.reordered += 1
        else:
            self._highest = sequence
        while self._held.count > self._window or self._held.bytes > MAX_HELD_BYTES:
            self._give_up()

    def _release(self) -> None:
        """Everything that is in order from the expected sequence on."""
        while self._held.count > 0 and self._held.has(self._expected & RING - 1):
            self._hand_out(0)

    def _hand_out(self, missing: int) -> None:
        """Pass on the packet held for the expected sequence."""
        key = self._expected & RING - 1
        self._expected = self._expected + 1 & 0xFFFF
        self._header.read(self._held.at(key), 0, self._held.length(key))
        self._header.lost_before = missing
        self._sink.packet(self._held.at(key), 0, self._held.length(key), False)
        self._held.drop(key)

    def _give_up(self) -> None:
        """Call the gap before the lowest held packet lost and go on behind it."""
        missing = 0
        while not self._held.has(self._expected & RING - 1):
            self._given_up.set(self._expected & RING - 1, (self._expected >> RING_BITS) + 1, 1)
            self._expected = self._expected + 1 & 0xFFFF
            missing += 1
        self.lost += missing
        self._hand_out(missing)
        self._release()

    def _release_all(self) -> None:
        """Hand out what is held, gaps marked; the sender restarted, so nothing is lost by count."""
        missing = 0
        while self._held.count > 0:
            if self._held.has(self._expected & RING - 1):
                self._hand_out(missing)
                missing = 0
            else:
                self._expected = self._expected + 1 & 0xFFFF
                missing += 1

    def _find_oldest(self) -> None:
        """Make `_oldest_us` exact."""
        left = self._held.count
        sequence = self._expected
        is_first = True
        while left > 0:
            if self._held.has(sequence & RING - 1):
                left -= 1
                if is_first or self._held.stamp(sequence & RING - 1) < self._oldest_us:
                    self._oldest_us = self._held.stamp(sequence & RING - 1)
                is_first = False
            sequence += 1

    def _forget_given_up(self) -> None:
        for index in range(RING):
            self._given_up.set(index, 0, 1)

    # For Python callers, who gave no sink. Times are seconds here.

    def push(self, packet: "RtpPacket", now: float) -> "list[RtpPacket]":
        """Packets that are in order now that this one has come at `now`."""
        data = build_packet(
            packet.payload_type,
            packet.marker,
            packet.sequence,
            packet.timestamp,
            packet.ssrc,
            packet.payload,
        )
        self._header.read(data, 0, len(data))
        self.receive(data, 0, len(data), False, round(now * US))
        return self._taken()

    def poll(self, now: float) -> "list[RtpPacket]":
        """Packets that follow a gap which has been waited for long enough."""
        self.expire(round(now * US))
        return self._taken()

    def deadline(self) -> float | None:
        """When `poll` has something to do; None while nothing is held."""
        due_us = self.due_us()
        return None if due_us < 0 else due_us / US

    @property
    def statistics(self) -> ReorderStatistics:
        """The counts now."""
        return ReorderStatistics(
            received=self.received,
            lost=self.lost,
            reordered=self.reordered,
            duplicate=self.duplicate,
            late=self.late,
            stray=self.stray,
            resets=self.resets,
        )

    def close(self) -> None:
        """Let go of the packets held and of the sink; the counters stay."""
        self._held.clear()
        self._sink = PacketSink()

    def _taken(self) -> "list[RtpPacket]":
        packets = []
        for data, _, lost_before in self._list.take():
            packet = parse_packet(data)
            packet.lost_before = lost_before
            packets.append(packet)
        return packets

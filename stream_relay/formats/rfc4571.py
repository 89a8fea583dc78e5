"""RTP over TCP: 16-bit length before each packet (RFC 4571), found again when it is lost.

Also takes RTSP interleaved framing (`$`, channel, length), drops RTCP, and survives what senders
do when their buffer overflows: it looks for the SSRC it knows, or for a program stream pack right
behind an RTP header. Every decision rests on the bytes alone, not on how TCP cut them. Compiled as
`_rfc4571`; packets that lie whole in what TCP brought are not copied.
"""

from typing import TYPE_CHECKING

from stream_relay.errors import MalformedFraming
from stream_relay.formats.rtp import EXPECTATIONS
from stream_relay.formats.twins import twin

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
else:
    Buffer = twin("buffer").Buffer

PREFIX_BYTES = 2
INTERLEAVED_BYTES = 4
DOLLAR = 0x24
PACK_CODE = 0xBA
PACK_BYTES = 4
HEADER_BYTES = 12
VERSION = 2
FIRST_RTCP, LAST_RTCP = 200, 204
MIN_RTCP_BYTES = 4
SEARCH_BYTES = 4096
"""Taken at once into the search when a frame could not be found in less."""
NULL_LOOKAHEAD_BYTES = 2048
"""Null packets looked over behind a frame that must be confirmed by the next."""

FINE = 0
NO_FRAME = 6
"""What `receive` says when no frame can be found any more: a number of `rtp.EXPECTATIONS`."""
MORE = 0
"""The frame cannot be judged before more bytes have come."""
BAD = -1
"""No frame begins here."""


def build_frame(packet: bytes) -> bytes:
    """The packet behind its 16-bit length."""
    return len(packet).to_bytes(PREFIX_BYTES, "big") + packet


class TcpFramer:
    """Cuts a byte stream into RTP packets; holds at most one frame and the header behind it.

    A subclass takes them by `take`; this one collects them for Python callers.
    """

    def __init__(self, max_garbage_bytes: int = 512 * 1024) -> None:
        self.skipped_bytes = 0
        self.resynchronised = 0
        self.rtcp = 0
        self.null_packets = 0
        self._max_garbage_bytes = max_garbage_bytes
        self._garbage_bytes = 0
        self._pending = Buffer()
        # Bytes from the beginning of `_pending` without which nothing can be decided.
        self._wanted = 0
        # Packet bytes of the frame that was measured last.
        self._size = 0
        self._ssrc = -1
        self._is_lost = False
        self._packets: list[bytes] = []

    def take(self, data: bytes | bytearray, start: int, end: int, is_stable: bool) -> None:
        """One packet is `data[start:end]`; see `PacketSink.packet`."""
        self._packets.append(bytes(data[start:end]))

    def push(self, data: bytes) -> list[bytes]:
        """For Python callers: packets completed by `data`.

        Raises MalformedFraming when none can be found any more.
        """
        fault = self.receive(data, 0, len(data))
        packets, self._packets = self._packets, []
        if fault:
            raise MalformedFraming(EXPECTATIONS[fault], self.skipped_bytes, self._pending.get())
        return packets

    def receive(self, data: bytes | bytearray, start: int, end: int) -> int:
        """Take what TCP brought; `NO_FRAME` when no packet can be found any more, else 0."""
        position = start
        while self._pending.size > 0 and position < end:
            count = self._wanted - self._pending.size
            if self._is_lost and count < SEARCH_BYTES:
                count = SEARCH_BYTES
            if count < 1:
                count = 1
            if count > end - position:
                count = end - position
            if not self._pending.append(data, position, position + count):
                return NO_FRAME  # memory is short: the connection may try again
            position += count
            if self._pending.size >= self._wanted or self._is_lost:
                self._pending.drop(self._cut(self._pending.data, 0, self._pending.size, False))
        if position < end:
            position = self._cut(data, position, end, True)
            if not self._pending.append(data, position, end):
                return NO_FRAME
        return NO_FRAME if self._garbage_bytes > self._max_garbage_bytes else FINE

    def _cut(self, data: bytes | bytearray, start: int, end: int, is_stable: bool) -> int:
        """Take every frame that lies whole in `data[start:end]`; where the rest begins."""
        position = start
        while True:
            if self._is_lost:
                position = self._search(data, position, end)
                if self._is_lost:
                    return position
            nulls = self._nulls_at(data, position, end)
            position += nulls
            head = self._judge(data, position, end)
            if head == BAD:
                self._pass_nulls(nulls)
                if nulls > 0:
                    position -= 1  # the last zero may be the first byte of a frame behind garbage
                self._is_lost = True
                self.resynchronised += 1
                continue
            if head == MORE:
                kept = PREFIX_BYTES if nulls > 0 else 0
                self._pass_nulls(nulls - kept)
                self._wanted += kept
                return position - kept
            self._pass_nulls(nulls)
            if end - position < head + self._size:
                self._wanted = head + self._size
                return position
            position += head + self._size
            self._deliver(data, position - self._size, position, is_stable)

    def _deliver(self, data: bytes | bytearray, start: int, end: int, is_stable: bool) -> None:
        self._garbage_bytes = 0
        if FIRST_RTCP <= data[start + 1] <= LAST_RTCP:
            self.rtcp += 1
            return
        self._ssrc = self._ssrc_at(data, start)
        self.take(data, start, end, is_stable)

    def _nulls_at(self, data: bytes | bytearray, position: int, end: int) -> int:
        """Bytes of null packets (RFC 4571 §2) that stand here: some send them to keep alive."""
        first = position
        while position + PREFIX_BYTES <= end and data[position] == 0 and data[position + 1] == 0:
            position += PREFIX_BYTES
        return position - first

    def _pass_nulls(self, count: int) -> None:
        """Nothing is wrong with them, yet a connection that brings nothing else is of no use."""
        self.null_packets += count // PREFIX_BYTES
        self._garbage_bytes += count

    def _ssrc_at(self, data: bytes | bytearray, packet: int) -> int:
        high = data[packet + 8] << 8 | data[packet + 9]
        return high << 16 | data[packet + 10] << 8 | data[packet + 11]

    def _measure(self, data: bytes | bytearray, position: int, end: int) -> int:
        """Prefix bytes of a frame at `position` by its first bytes, `_size` set; MORE or BAD."""
        head = PREFIX_BYTES
        available = end - position
        if available < head + 2:
            self._wanted = head + 2
            return MORE
        if data[position] == DOLLAR and data[position + 2] >> 6 != VERSION:
            head = INTERLEAVED_BYTES
            if available < head + 2:
                self._wanted = head + 2
                return MORE
        kind = data[position + head + 1]
        smallest = MIN_RTCP_BYTES if FIRST_RTCP <= kind <= LAST_RTCP else HEADER_BYTES
        self._size = data[position + head - 2] << 8 | data[position + head - 1]
        if self._size < smallest or data[position + head] >> 6 != VERSION:
            return BAD
        return head

    def _judge(self, data: bytes | bytearray, position: int, end: int) -> int:
        """Like `_measure`, and its SSRC is the known one or there is a reason to believe it."""
        head = self._measure(data, position, end)
        if head <= 0 or self._ssrc < 0:
            return head
        if FIRST_RTCP <= data[position + head + 1] <= LAST_RTCP:
            return head
        if end - position < head + HEADER_BYTES:
            self._wanted = head + HEADER_BYTES
            return MORE
        if self._ssrc_at(data, position + head) == self._ssrc:
            return head
        return self._confirm(data, position, end, head)

    def _confirm(self, data: bytes | bytearray, position: int, end: int, head: int) -> int:
        """A measured frame with an unknown SSRC counts once the next frame shows the same."""
        size = self._size
        following = position + head + size
        following += self._nulls_at(data, following, min(end, following + NULL_LOOKAHEAD_BYTES))
        if end < following + INTERLEAVED_BYTES + HEADER_BYTES:
            self._wanted = following - position + INTERLEAVED_BYTES + HEADER_BYTES
            return MORE
        next_head = self._measure(data, following, end)
        self._size = size
        if next_head <= 0:
            return BAD
        ssrc = self._ssrc_at(data, position + head)
        return head if self._ssrc_at(data, following + next_head) == ssrc else BAD

    def _search(self, data: bytes | bytearray, start: int, end: int) -> int:
        """Where a confirmed frame begins; while none is known, how far the bytes are useless."""
        # Candidates are judged in the order of their place, each with its whole header present.
        usable = end - HEADER_BYTES - PACK_BYTES
        known = self._find_ssrc(data, start, end)
        pack = self._find_pack(data, start, end)
        while True:
            packet = pack if known < 0 or 0 <= pack < known else known
            if packet < 0 or packet > usable:
                break
            head = self._prefix(data, packet, start)
            if packet - head >= start:
                verdict = self._measure(data, packet - head, end)
                if verdict > 0:
                    verdict = self._confirm(data, packet - head, end, verdict)
                if verdict != BAD:
                    self._is_lost = verdict == MORE
                    return self._skip(start, packet - head)
            if known == packet:
                known = self._find_ssrc(data, packet + 1, end)
            if pack == packet:
                pack = self._find_pack(data, packet + 1, end)
        position = usable - INTERLEAVED_BYTES
        if position < start:
            position = start
        self._wanted = end - position + 1
        return self._skip(start, position)

    def _find_pack(self, data: bytes | bytearray, start: int, end: int) -> int:
        """The first place from `start` on where a pack follows room for an RTP header; or -1."""
        position = start + HEADER_BYTES
        while True:
            position = self._pending.find_prefix(data, position, end)
            if position < 0 or position + PACK_BYTES > end:
                return -1
            if data[position + 3] == PACK_CODE:
                return position - HEADER_BYTES
            position += 1

    def _find_ssrc(self, data: bytes | bytearray, start: int, end: int) -> int:
        """The first place from `start` on where an RTP header has the known SSRC; or -1."""
        position = start + 8
        if self._ssrc < 0:
            return -1
        while True:
            position = self._pending.find_byte(self._ssrc >> 24, data, position, end - 3)
            if position < 0:
                return -1
            if self._ssrc_at(data, position - 8) == self._ssrc:
                return position - 8
            position += 1

    def _prefix(self, data: bytes | bytearray, packet: int, start: int) -> int:
        """How many bytes of framing stand before the RTP header; none of them before `start`."""
        first = packet - INTERLEAVED_BYTES
        if first >= start and data[first] == DOLLAR and data[first + 1] < 4:
            return INTERLEAVED_BYTES
        return PREFIX_BYTES

    def _skip(self, position: int, target: int) -> int:
        self.skipped_bytes += target - position
        self._garbage_bytes += target - position
        return target

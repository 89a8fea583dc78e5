"""RTP over TCP: 16-bit length before each packet (RFC 4571), found again when it is lost.

Also takes RTSP interleaved framing (`$`, channel, length), drops RTCP, and survives what senders
do when their buffer overflows: it looks for the SSRC it knows, or for a program stream pack right
behind an RTP header. Every decision rests on the bytes alone, not on how TCP cut them.
"""

from stream_relay.errors import MalformedFraming
from stream_relay.formats.rtp import HEADER_BYTES, RTCP_TYPES, VERSION

PREFIX_BYTES = 2
INTERLEAVED_BYTES = 4
DOLLAR = 0x24
PACK_START = b"\x00\x00\x01\xba"
MIN_RTCP_BYTES = 4
MAX_FRAME_BYTES = INTERLEAVED_BYTES + 0xFFFF

MORE = (0, 0)
"""The frame cannot be judged before more bytes have come."""
BAD = (-1, 0)
"""No frame begins here."""


def build_frame(packet: bytes) -> bytes:
    """The packet behind its 16-bit length."""
    return len(packet).to_bytes(PREFIX_BYTES, "big") + packet


class TcpFramer:
    """Cuts a byte stream into RTP packets; holds at most one frame and the header behind it."""

    def __init__(self, max_garbage_bytes: int = 512 * 1024) -> None:
        self.skipped_bytes = 0
        self.resynchronised = 0
        self.rtcp = 0
        self._max_garbage_bytes = max_garbage_bytes
        self._garbage_bytes = 0
        self._buffer = bytearray()
        self._ssrc = b""
        self._is_lost = False

    def receive(self, data: bytes) -> list[bytes]:
        """Packets completed by `data`; raises MalformedFraming when none can be found any more."""
        self._buffer += data
        packets: list[bytes] = []
        position = 0
        while True:
            if self._is_lost:
                position = self._search(position)
                if self._is_lost:
                    break
            head, size = self._judge(position)
            if head < 0:
                self._is_lost = True
                self.resynchronised += 1
            elif size == 0 or len(self._buffer) < position + head + size:
                break
            else:
                end = position + head + size
                self._deliver(bytes(self._buffer[position + head : end]), packets)
                position = end
        del self._buffer[:position]
        if self._garbage_bytes > self._max_garbage_bytes:
            raise MalformedFraming("an RTP packet", self.skipped_bytes, bytes(self._buffer))
        return packets

    def _deliver(self, packet: bytes, packets: list[bytes]) -> None:
        self._garbage_bytes = 0
        if packet[1] in RTCP_TYPES:
            self.rtcp += 1
            return
        self._ssrc = packet[8:12]
        packets.append(packet)

    def _measure(self, position: int) -> tuple[int, int]:
        """(prefix bytes, packet bytes) of a frame at `position` by its first bytes; MORE or BAD."""
        buffer = self._buffer
        head = PREFIX_BYTES
        if len(buffer) < position + head + 2:
            return MORE
        if buffer[position] == DOLLAR and buffer[position + 2] >> 6 != VERSION:
            head = INTERLEAVED_BYTES
            if len(buffer) < position + head + 2:
                return MORE
        size = buffer[position + head - 2] << 8 | buffer[position + head - 1]
        is_rtcp = buffer[position + head + 1] in RTCP_TYPES
        smallest = MIN_RTCP_BYTES if is_rtcp else HEADER_BYTES
        if size < smallest or buffer[position + head] >> 6 != VERSION:
            return BAD
        return head, size

    def _judge(self, position: int) -> tuple[int, int]:
        """Like `_measure`, and its SSRC is the known one or there is a reason to believe it."""
        head, size = self._measure(position)
        if size == 0 or not self._ssrc:
            return head, size
        buffer = self._buffer
        packet = position + head
        if buffer[packet + 1] in RTCP_TYPES:
            return head, size
        if len(buffer) < packet + HEADER_BYTES:
            return MORE
        if buffer[packet + 8 : packet + HEADER_BYTES] == self._ssrc:
            return head, size
        return self._confirm(position, head, size)

    def _confirm(self, position: int, head: int, size: int) -> tuple[int, int]:
        """A frame with an unknown SSRC counts once the next frame shows the same."""
        if size == 0:
            return head, size
        following = position + head + size
        if len(self._buffer) < following + INTERLEAVED_BYTES + HEADER_BYTES:
            return MORE
        next_head, next_size = self._measure(following)
        if next_size == 0:
            return BAD
        ssrc = self._buffer[position + head + 8 : position + head + HEADER_BYTES]
        at = following + next_head
        if self._buffer[at + 8 : at + HEADER_BYTES] != ssrc:
            return BAD
        return head, size

    def _search(self, position: int) -> int:
        """Where a confirmed frame begins; while none is known, how far the bytes are useless."""
        start = position
        # Candidates are judged in the order of their place, each with its whole header present.
        usable = len(self._buffer) - HEADER_BYTES - len(PACK_START)
        packet = self._candidate(start)
        while start <= packet <= usable:
            head = self._prefix(packet, start)
            if packet - head >= start:
                verdict = self._confirm(packet - head, *self._measure(packet - head))
                if verdict == MORE:
                    return self._skip(position, packet - head)
                if verdict != BAD:
                    self._is_lost = False
                    return self._skip(position, packet - head)
            packet = self._candidate(packet + 1)
        return self._skip(position, max(position, usable - INTERLEAVED_BYTES))

    def _candidate(self, position: int) -> int:
        """The next place where an RTP header may begin; -1 when there is none."""
        found = self._buffer.find(PACK_START, position + HEADER_BYTES) - HEADER_BYTES
        if self._ssrc:
            known = self._buffer.find(self._ssrc, position + 8) - 8
            if known >= 0 and (found < 0 or known < found):
                return known
        return found

    def _prefix(self, packet: int, start: int) -> int:
        """How many bytes of framing stand before the RTP header; none of them before `start`."""
        first = packet - INTERLEAVED_BYTES
        if first >= start and self._buffer[first] == DOLLAR and self._buffer[first + 1] < 4:
            return INTERLEAVED_BYTES
        return PREFIX_BYTES

    def _skip(self, position: int, target: int) -> int:
        self.skipped_bytes += target - position
        self._garbage_bytes += target - position
        return target

"""RTP packets (RFC 3550 §5.1): read and written, nothing else.

Compiled as `_rtp` (types in `_rtp.pxd`); this plain module is the same code.
"""

import struct

from stream_relay.errors import MalformedRtp

HEADER_BYTES = 12
VERSION = 2
RTCP_TYPES = range(200, 205)
"""Second byte of SR, RR, SDES, BYE and APP (RFC 3550 §12.1), seen inside TCP streams."""
FIRST_RTCP, LAST_RTCP = 200, 204

FINE, TOO_SHORT, NO_VERSION, NO_EXTENSION, NO_PADDING, NO_PAYLOAD, NO_FRAME = range(7)
EXPECTATIONS = (
    "",
    "an RTP header of 12 bytes",
    "RTP version 2",
    "a header extension",
    "a padding length",
    "header and padding inside the packet",
    "an RTP packet behind its length (RFC 4571)",
)
"""What was expected and not found, by the numbers above; 0: nothing is wrong."""

_HEADER = struct.Struct("!BBHII")


class RtpPacket:
    """One packet; `payload` has header extension, CSRC list and padding removed."""

    __slots__ = (
        "lost_before",
        "marker",
        "payload",
        "payload_type",
        "sequence",
        "ssrc",
        "timestamp",
    )

    def __init__(
        self,
        payload_type: int,
        marker: bool,
        sequence: int,
        timestamp: int,
        ssrc: int,
        payload: bytes,
    ) -> None:
        self.payload_type = payload_type
        self.marker = marker
        self.sequence = sequence
        self.timestamp = timestamp
        self.ssrc = ssrc
        self.payload = payload
        # Filled in by the reorder buffer: how many packets are missing before this one.
        self.lost_before = 0


class RtpHeader:
    """The header of the packet read last; its fields mean nothing when `read` found a fault."""

    def __init__(self) -> None:
        self.payload_type = 0
        self.marker = False
        self.sequence = 0
        self.timestamp = 0
        self.ssrc = 0
        # Where the payload lies in the bytes that were read.
        self.payload_start = 0
        self.payload_end = 0
        # Filled in by the reorder buffer: how many packets are missing before this one.
        self.lost_before = 0
        # Where a fault was found, from the first byte of the packet.
        self.fault_at = 0

    def read(self, data: bytes | bytearray, start: int, end: int) -> int:
        """Read the packet `data[start:end]`; what is wrong with it, see `reason`, 0: nothing."""
        self.fault_at = 0
        if end - start < HEADER_BYTES:
            return TOO_SHORT
        first = data[start]
        if first >> 6 != VERSION:
            return NO_VERSION
        if first & 0x3F:
            fault = self._options(data, start, end)
            if fault:
                return fault
        else:
            self.payload_start = start + HEADER_BYTES
            self.payload_end = end
        second = data[start + 1]
        self.payload_type = second & 0x7F
        self.marker = second > 0x7F
        self.sequence = data[start + 2] << 8 | data[start + 3]
        high = data[start + 4] << 8 | data[start + 5]
        self.timestamp = high << 16 | data[start + 6] << 8 | data[start + 7]
        high = data[start + 8] << 8 | data[start + 9]
        self.ssrc = high << 16 | data[start + 10] << 8 | data[start + 11]
        self.lost_before = 0
        return FINE

    def _options(self, data: bytes | bytearray, start: int, end: int) -> int:
        """Find the payload between CSRC list, extension and padding."""
        first = data[start]
        position = start + HEADER_BYTES + 4 * (first & 0x0F)
        if first & 0x10:
            self.fault_at = position - start
            if position + 4 > end:
                return NO_EXTENSION
            position += 4 + 4 * (data[position + 2] << 8 | data[position + 3])
        padding = 0
        if first & 0x20:
            self.fault_at = end - start - 1
            padding = data[end - 1]
            if padding == 0:
                return NO_PADDING
        if position > end - padding:
            self.fault_at = position - start
            return NO_PAYLOAD
        self.payload_start = position
        self.payload_end = end - padding
        return FINE

    def is_control(self, data: bytes | bytearray, start: int, end: int) -> bool:
        """Whether `data[start:end]` is RTCP rather than RTP."""
        return (
            end - start >= 2
            and data[start] >> 6 == VERSION
            and FIRST_RTCP <= data[start + 1] <= LAST_RTCP
        )

    def reason(self, number: int) -> str:
        """What `read` expected and did not find."""
        return EXPECTATIONS[number]


class PacketSink:
    """Takes whole RTP packets, header included, in order; this one throws them away."""

    def packet(self, data: bytes | bytearray, start: int, end: int, is_stable: bool) -> None:
        """One packet is `data[start:end]`.

        `is_stable`: the bytes stay where they are until the batch of packets that is being
        received has been worked off; else until this call returns.
        """


class PacketList(PacketSink):
    """Collects packets for Python callers; `header` is the one that whoever fills it reads into."""

    def __init__(self, header: RtpHeader | None = None) -> None:
        self.header = RtpHeader() if header is None else header
        self.packets: list[tuple[bytes, bool, int]] = []

    def packet(self, data: bytes | bytearray, start: int, end: int, is_stable: bool) -> None:
        """See `PacketSink.packet`."""
        piece = bytes(data[start:end])
        self.packets.append((piece, bool(is_stable), self.header.lost_before))

    def take(self) -> list[tuple[bytes, bool, int]]:
        """The packets since the last call, whether each was stable, how many were lost before."""
        packets, self.packets = self.packets, []
        return packets


def is_rtcp(data: bytes) -> bool:
    """Whether these bytes are RTCP rather than RTP."""
    return RtpHeader().is_control(data, 0, len(data))


def parse_packet(data: bytes) -> RtpPacket:
    """Read one packet; raises MalformedRtp."""
    header = RtpHeader()
    fault = header.read(data, 0, len(data))
    if fault:
        raise MalformedRtp(header.reason(fault), header.fault_at, data)
    return RtpPacket(
        header.payload_type,
        header.marker,
        header.sequence,
        header.timestamp,
        header.ssrc,
        data[header.payload_start : header.payload_end],
    )


def build_packet(
    payload_type: int,
    marker: bool,
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload: bytes,
) -> bytes:
    """Write one packet; sequence and timestamp wrap."""
    head = _HEADER.pack(
        VERSION << 6,
        payload_type | marker << 7,
        sequence & 0xFFFF,
        timestamp & 0xFFFFFFFF,
        ssrc,
    )
    return head + payload

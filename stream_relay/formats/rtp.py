"""RTP packets (RFC 3550 §5.1): read and written, nothing else.

Compiled as `_rtp` (types in `_rtp.pxd`); this plain module is the same code.
"""

import struct

from stream_relay.errors import MalformedRtp

HEADER_BYTES = 12
VERSION = 2
RTCP_TYPES = range(200, 205)
"""Second byte of SR, RR, SDES, BYE and APP (RFC 3550 §12.1), seen inside TCP streams."""

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


def is_rtcp(data: bytes) -> bool:
    """Whether these bytes are RTCP rather than RTP."""
    return len(data) >= 2 and data[0] >> 6 == VERSION and data[1] in RTCP_TYPES


def parse_packet(data: bytes) -> RtpPacket:
    """Read one packet; raises MalformedRtp."""
    size = len(data)
    if size < HEADER_BYTES:
        raise MalformedRtp("an RTP header of 12 bytes", 0, data)
    first = data[0]
    if first >> 6 != VERSION:
        raise MalformedRtp("RTP version 2", 0, data)
    start = HEADER_BYTES + 4 * (first & 0x0F)
    if first & 0x10:
        if start + 4 > size:
            raise MalformedRtp("a header extension", start, data)
        start += 4 + 4 * (data[start + 2] << 8 | data[start + 3])
    end = size
    if first & 0x20:
        padding = data[size - 1]
        if padding == 0:
            raise MalformedRtp("a padding length", size - 1, data)
        end -= padding
    if start > end:
        raise MalformedRtp("header and padding inside the packet", start, data)
    second = data[1]
    sequence = data[2] << 8 | data[3]
    # The first byte goes into the unsigned variable before it is shifted: an int would overflow.
    timestamp, ssrc = data[4], data[8]
    timestamp = timestamp << 24 | data[5] << 16 | data[6] << 8 | data[7]
    ssrc = ssrc << 24 | data[9] << 16 | data[10] << 8 | data[11]
    return RtpPacket(second & 0x7F, second > 0x7F, sequence, timestamp, ssrc, data[start:end])


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

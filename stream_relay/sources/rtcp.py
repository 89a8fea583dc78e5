"""RTCP as far as a receiver needs it: receiver reports out, the time of sender reports in.

RFC 3550 §6.4. Some devices stop a stream when they get no report; none is required from them.
"""

import struct
from dataclasses import dataclass

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
FIRST_TYPE, LAST_TYPE = 200, 204
_CNAME = b"\x01\x03vms\x00\x00\x00"


@dataclass(frozen=True, slots=True)
class ReceptionReport:
    """One report block (RFC 3550 §6.4.1) about the source `ssrc`."""

    ssrc: int
    fraction_lost: float
    """Of the packets expected since the report before, 0 to 1."""
    lost: int
    highest_sequence: int
    """Extended by the number of wraps."""
    last_sender_report: int = 0
    """Middle 32 bits of the NTP time in the last sender report, 0 if there was none."""
    delay_s: float = 0.0
    """Since that sender report came."""


def build_receiver_report(own_ssrc: int, report: ReceptionReport) -> bytes:
    """A compound packet: receiver report and source description (RFC 3550 §6.1)."""
    block = struct.pack(
        "!IIIIII",
        report.ssrc,
        min(int(report.fraction_lost * 256), 255) << 24 | min(report.lost, 0x7FFFFF),
        report.highest_sequence & 0xFFFFFFFF,
        0,
        report.last_sender_report,
        min(int(report.delay_s * 65536), 0xFFFFFFFF),
    )
    head = struct.pack("!BBHI", 0x81, RECEIVER_REPORT, 7, own_ssrc)
    description = struct.pack("!I", own_ssrc) + _CNAME
    tail = struct.pack("!BBH", 0x81, SOURCE_DESCRIPTION, len(description) // 4)
    return head + block + tail + description


def sender_of(data: bytes) -> int:
    """The SSRC of whoever sent an RTCP packet; -1 for anything else."""
    is_rtcp = len(data) >= 8 and data[0] >> 6 == 2 and FIRST_TYPE <= data[1] <= LAST_TYPE
    return int.from_bytes(data[4:8]) if is_rtcp else -1


def parse_sender_report(data: bytes) -> tuple[int, int] | None:
    """SSRC and middle 32 bits of the NTP time of a sender report; None for anything else."""
    if len(data) < 28 or data[0] >> 6 != 2 or data[1] != SENDER_REPORT:
        return None
    ssrc, high, low = struct.unpack_from("!III", data, 4)
    return ssrc, (high & 0xFFFF) << 16 | low >> 16

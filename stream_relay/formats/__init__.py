"""Readers and writers of media formats, sans-IO; compiled twins where they have been built.

Take the names from here: `PsDemuxer`, `parse_packet`, `ReorderBuffer` and the NAL unit functions
are then the compiled ones when there are any.
"""

from typing import TYPE_CHECKING

from stream_relay.formats.twins import twin

if TYPE_CHECKING:
    from stream_relay.formats.annexb import is_key, split_nals, to_length_prefixed
    from stream_relay.formats.jitter import ReorderBuffer
    from stream_relay.formats.ps import PsDemuxer
    from stream_relay.formats.rfc4571 import TcpFramer
    from stream_relay.formats.rtp import RtpPacket, build_packet, is_rtcp, parse_packet
else:
    _annexb, _jitter, _ps, _rtp = (twin(name) for name in ("annexb", "jitter", "ps", "rtp"))
    is_key, split_nals = _annexb.is_key, _annexb.split_nals
    to_length_prefixed = _annexb.to_length_prefixed
    ReorderBuffer, PsDemuxer = _jitter.ReorderBuffer, _ps.PsDemuxer
    RtpPacket, build_packet = _rtp.RtpPacket, _rtp.build_packet
    TcpFramer = twin("rfc4571").TcpFramer
    is_rtcp, parse_packet = _rtp.is_rtcp, _rtp.parse_packet

__all__ = [
    "PsDemuxer",
    "ReorderBuffer",
    "RtpPacket",
    "TcpFramer",
    "build_packet",
    "is_key",
    "is_rtcp",
    "parse_packet",
    "split_nals",
    "to_length_prefixed",
]

"""Which depacketizer reads a source. For now every source is a program stream."""

from stream_relay.formats import PsDemuxer
from stream_relay.formats.units import Depacketizer, UnitSink


def choose_depacketizer(
    payload_type: int, payload: bytes, announced: dict[int, str], sink: UnitSink
) -> Depacketizer:
    """The reader for a source whose first packet has this payload, `announced` by the SDP."""
    return PsDemuxer(sink)

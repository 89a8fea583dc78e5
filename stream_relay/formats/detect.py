"""Which depacketizer reads a source. For now every source is a program stream."""

from stream_relay.formats import PsDemuxer
from stream_relay.formats.twins import twin
from stream_relay.formats.units import Depacketizer, UnitSink


def choose_depacketizer(
    payload_type: int, payload: bytes, announced: dict[int, str], sink: UnitSink
) -> Depacketizer:
    """The reader for a source whose first packet has this payload, `announced` by the SDP."""
    demuxer = PsDemuxer()

    def call(what: str, data: bytes, timestamp: int, marker: bool) -> None:
        nonlocal demuxer
        if what == "feed":
            sink.units += demuxer.push(data, timestamp, marker)  # type: ignore[attr-defined]  # list
        elif what == "interrupt":
            demuxer.lost()
        elif what == "finish":
            sink.units += demuxer.flush()  # type: ignore[attr-defined]  # UnitList
        else:
            demuxer = PsDemuxer()

    made: Depacketizer = twin("callbacks").CallbackDepacketizer(call, sink)
    return made

"""Chunks for recorders: real fragments made by a stream from a real clip."""

from collections.abc import Sequence
from dataclasses import replace

from stream_relay.access_unit import AccessUnit, Kind
from stream_relay.outputs.chunk import Chunk
from stream_relay.reader import QueueLimit
from stream_relay.stream import Stream, StreamLimits
from tests.stream_relay.media import FRAME_TICKS, Clock, clip

CODE = "14040000001320000001"


def open_stream() -> tuple[Stream, Clock]:
    """A stream and its clock."""
    clock = Clock()
    stream = Stream(
        "s",
        limits=StreamLimits(queue=QueueLimit(150, 1 << 30)),
        wall=clock.wall,
        opened_at=clock.now,
        on_event=lambda event: None,
    )
    return stream, clock


def publish(stream: Stream, clock: Clock, units: Sequence[AccessUnit]) -> None:
    """Publish at the pace of the pictures."""
    for unit in units:
        stream.publish([unit], (), clock.now)
        if unit.track is Kind.VIDEO:
            clock.now += FRAME_TICKS / 90_000


def fragments(units: Sequence[AccessUnit] | None = None) -> list[Chunk]:
    """The chunks of a recording reader that was there from the start."""
    stream, clock = open_stream()
    reader = stream.open_reader("fmp4-any-audio", limit=100_000)
    publish(stream, clock, clip() if units is None else units)
    return reader.take_all()


def repeated(times: int) -> list[AccessUnit]:
    """The clip several times over, with rising time."""
    units = clip()
    return [
        replace(unit, pts_ticks=ticks, dts_ticks=ticks)
        for index, unit in enumerate(list(units) * times)
        for ticks in [index * FRAME_TICKS]
    ]

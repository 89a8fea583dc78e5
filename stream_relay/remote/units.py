"""Access units on their way from a node to its controller, in the messages of `frames_protocol`."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from stream_relay.access_unit import AccessUnit, Kind, Track
from stream_relay.errors import RelayError
from stream_relay.frames_protocol import (
    Ended,
    FrameUnit,
    Message,
    MessageReader,
    Tracks,
    build_message,
)
from stream_relay.outputs.chunk import Chunk
from stream_relay.reader import Reader


async def write_units(reader: Reader, write: Callable[[bytes], Awaitable[None]]) -> None:
    """Write what a reader of `access-units` brings, all that waits at once, to its end."""
    try:
        while await reader.wait():
            dropped = reader.statistics.dropped
            messages = [_message(chunk, dropped) for chunk in reader.take_all()]
            await write(b"".join(messages))
    except RelayError as error:
        await write(build_message(Ended(str(error)[:200])))


def _message(chunk: Chunk, dropped: int) -> bytes:
    if chunk.unit is None:
        return build_message(Tracks(chunk.tracks))
    return build_message(FrameUnit(chunk.unit, chunk.wall, dropped))


class UnitStream:
    """Sans-IO: bytes of any number of connections in, each unit of the stream once and in order.

    A new connection begins with the cached group of pictures, of which much has been seen: the
    node's time line never runs back, so what is not later than the last unit is dropped.
    """

    def __init__(self) -> None:
        self.tracks: dict[Kind, Track] = {}
        """The tracks in force."""
        self.is_over = False
        """The node has said that nothing follows on this connection."""
        self._messages = MessageReader()
        self._last_dts: dict[Kind, int] = {}

    def connected(self) -> None:
        """Bytes of a new connection follow."""
        self._messages = MessageReader()
        self.is_over = False

    def receive(self, data: bytes) -> list[AccessUnit]:
        """The units that are complete and new; raises `FrameProtocolError`."""
        return [unit for message in self._messages.receive(data) if (unit := self._take(message))]

    def _take(self, message: Message) -> AccessUnit | None:
        match message:
            case Tracks():
                for track in message.tracks:
                    if self.tracks.get(track.kind) != track:  # the same object: nothing changed
                        self.tracks[track.kind] = track
            case FrameUnit():
                return self._place(message.unit)
            case Ended():
                self.is_over = True
        return None

    def _place(self, unit: AccessUnit) -> AccessUnit | None:
        if unit.dts_ticks <= self._last_dts.get(unit.track, -1):
            return None
        self._last_dts[unit.track] = unit.dts_ticks
        return replace(unit, description=self.tracks.get(unit.track))

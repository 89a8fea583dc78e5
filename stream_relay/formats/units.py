"""Where access units go when a reader of a format has completed them, without Python objects.

`UnitSink` is what hot code talks to: the engine's stream is one, `UnitList` collects `AccessUnit`s
for Python callers. Kinds and codecs are numbers here. Compiled as `_units`.
"""

from typing import TYPE_CHECKING, Protocol

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer

VIDEO, AUDIO = 0, 1
KINDS = (Kind.VIDEO, Kind.AUDIO)
CODECS = tuple(Codec)
H264, H265, MPEG4, SVAC, G711A, G711U, AAC, G722_1, OPUS, UNKNOWN = range(10)
"""Codecs by their number: the place in `CODECS`."""
NO_STAMP = -1


class Describes(Protocol):
    """Whoever completes units knows their tracks."""

    def describe(self, kind: int) -> Track | None:
        """The track in force; the same object as long as it does not change."""


class UnitSink:
    """Takes access units; this one throws them away."""

    def add(
        self,
        kind: int,
        codec: int,
        version: int,
        pts: int,
        dts: int,
        is_key: bool,
        data: bytes | bytearray,
        start: int,
        end: int,
    ) -> None:
        """One unit is `data[start:end]`, stamps in 90 kHz ticks.

        `version` is another than before when the track of this kind has changed. The bytes are
        the caller's: whoever needs them later copies them.
        """

    def adopt(
        self,
        kind: int,
        codec: int,
        version: int,
        pts: int,
        dts: int,
        is_key: bool,
        run: "Buffer",
        start: int,
    ) -> None:
        """Like `add` of all bytes of `run` from `start` on, which the caller needs no more.

        A sink may take the memory itself instead of a copy; `run` is empty then.
        """
        self.add(kind, codec, version, pts, dts, is_key, run.data, start, run.size)

    def restart(self) -> None:
        """Another source follows, with a clock of its own."""


class UnitList(UnitSink):
    """Collects the units of one source as Python objects."""

    def __init__(self) -> None:
        self.source: Describes | None = None
        self.units: list[AccessUnit] = []

    def add(
        self,
        kind: int,
        codec: int,
        version: int,
        pts: int,
        dts: int,
        is_key: bool,
        data: bytes | bytearray,
        start: int,
        end: int,
    ) -> None:
        """See `UnitSink.add`."""
        track = None if self.source is None else self.source.describe(kind)
        piece = bytes(data[start:end])
        unit = AccessUnit(KINDS[kind], CODECS[codec], pts, dts, bool(is_key), piece, track)
        self.units.append(unit)

    def take(self) -> list[AccessUnit]:
        """What has come since the last call."""
        units, self.units = self.units, []
        return units


class Depacketizer:
    """Base of what turns the payloads of RTP packets, in order, into access units of a sink."""

    def __init__(self, sink: UnitSink | None = None) -> None:
        self._units: UnitList | None = None
        if sink is None:
            self._units = UnitList()
            self._units.source = self
            sink = self._units
        self._sink = sink

    def feed(
        self, data: bytes | bytearray, start: int, end: int, timestamp: int, marker: bool
    ) -> None:
        """Take one payload; time stamp (32-bit, -1: unknown) and marker are its packet's."""

    def interrupt(self) -> None:
        """Packets are missing before the next payload."""

    def finish(self) -> None:
        """The end of the input: hand out what is complete as far as can be told."""

    def restart(self) -> None:
        """Another source follows: nothing that was begun belongs to it."""

    def describe(self, kind: int) -> Track | None:
        """The track in force of this kind; the same object as long as it does not change."""
        return None

    @property
    def is_program_stream(self) -> bool:
        """Whether the payloads are those of a program stream, or nobody knows yet."""
        return True

    def announced(self) -> frozenset[Kind]:
        """Tracks that the source speaks of, come or not; empty when it does not tell."""
        return frozenset()

    # For Python callers, who gave no sink.

    def push(
        self, payload: bytes, timestamp: int | None = None, marker: bool = False
    ) -> list[AccessUnit]:
        """Access units completed by this payload; stamp and marker are those of its RTP packet."""
        self.feed(payload, 0, len(payload), NO_STAMP if timestamp is None else timestamp, marker)
        return self._taken()

    def lost(self) -> None:
        """See `interrupt`."""
        self.interrupt()

    def flush(self) -> list[AccessUnit]:
        """See `finish`: what it hands out."""
        self.finish()
        return self._taken()

    def _taken(self) -> list[AccessUnit]:
        assert self._units is not None, "whoever gave a sink finds the units there"
        return self._units.take()

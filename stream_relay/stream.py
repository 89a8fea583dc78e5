"""A live stream: one source, one time line, any number of readers in any format.

Python's side of the engine's `StreamCore`, which takes the source's units, keeps the group of
pictures since the last key, and one ring per format in use. It does not know sockets.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from stream_relay.access_unit import AccessUnit, Kind, Track
from stream_relay.engine._core import StreamCore
from stream_relay.engine._place import Place
from stream_relay.errors import StreamClosed, Unsupported
from stream_relay.events import EndReason, FirstKeyFrame, StreamEvent, TracksChanged
from stream_relay.outputs import create_output
from stream_relay.outputs.chunk import Format
from stream_relay.reader import EPOCH, QueueLimit, Reader
from stream_relay.statistics import RateMeter, SourceCounters, StreamStatistics
from stream_relay.switchboard import Switchboard

AUDIO_SETTLE_S = 0.5
"""How long pictures wait for audio that the stream map announces but that has not come yet."""
VIDEO_SETTLE_S = 5.0
"""How long audio waits for pictures before the stream is taken for one without."""
_numbers = count(1)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Bounds of one stream."""

    gop_cache_bytes: int = 8 * 1024 * 1024
    gop_cache_chunks: int = 1500
    """About 30 s of video and audio; a longer group is not offered to readers that join."""
    queue: QueueLimit = QueueLimit(chunks=150, bytes=8 * 1024 * 1024)


class Stream:
    """Readers see it from `open_reader` to `StreamClosed`; everything else is the source's side."""

    def __init__(
        self,
        stream_id: str,
        *,
        limits: StreamLimits,
        wall: Callable[[], datetime],
        opened_at: float,
        on_event: Callable[[StreamEvent], None],
        board: Switchboard | None = None,
    ) -> None:
        self.id = stream_id
        self.number = next(_numbers)
        """Names it in the engine's events: a later stream may have the same id."""
        self.read_counters: Callable[[SourceCounters], None] | None = None
        """Brings the counters up to date, where the engine counts."""
        self._counters = SourceCounters()
        self.end_reason: EndReason | None = None
        self._limits = limits
        self._wall = wall
        self._on_event = on_event
        self._board = board or Switchboard()
        self._meter = RateMeter()
        self._readers: list[Reader] = []
        self._followers: list[Callable[[], None]] = []
        self._published: _Published | None = None
        if board is None:
            self._board.hub.now_us = round(opened_at * 1e6)
        self.core = StreamCore(
            self._board.hub,
            self.number,
            opened_us=round(opened_at * 1e6),
            max_bytes=limits.gop_cache_bytes,
            max_chunks=limits.gop_cache_chunks,
            audio_settle_us=round(AUDIO_SETTLE_S * 1e6),
            video_settle_us=round(VIDEO_SETTLE_S * 1e6),
        )
        self._board.listen("key", self.number, self._has_key)
        self._board.listen("tracks", self.number, self._has_tracks)

    # For readers

    @property
    def counters(self) -> SourceCounters:
        """What the source has seen on the network, now."""
        if self.read_counters is not None:
            self.read_counters(self._counters)
        return self._counters

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks that have really been seen, video first."""
        tracks: tuple[Track, ...] = self.core.tracks
        return tracks

    def open_reader(self, output_format: Format, limit: int | None = None) -> Reader:
        """A reader that begins with init and the current group of pictures.

        `limit` is the number of chunks it may fall behind. Raises `StreamClosed`; iteration
        raises `Unsupported` when the format cannot carry the codec.
        """
        if self.end_reason is not None:
            raise StreamClosed(self.end_reason)
        queue = self._limits.queue
        place = Place(self.core, output_format, limit or queue.chunks, queue.bytes)
        reader = Reader(place, output_format == "access-units", self._leave)
        self._readers.append(reader)
        self._board.connect(reader.number, reader.wake)
        return reader

    def refusal(self, output_format: Format) -> str:
        """What of the tracks known so far the format cannot carry; empty: nothing."""
        try:
            if self.tracks:
                create_output(output_format).start(self.tracks)
        except Unsupported as error:
            return error.what
        return ""

    def follow(self, on_close: Callable[[], None]) -> None:
        """Call `on_close` when the stream ends."""
        self._followers.append(on_close)

    def unfollow(self, on_close: Callable[[], None]) -> None:
        """Do not; idempotent."""
        if on_close in self._followers:
            self._followers.remove(on_close)

    @property
    def reader_count(self) -> int:
        """Readers and viewers of all formats."""
        return int(self.core.statistics()[1])

    @property
    def statistics(self) -> StreamStatistics:
        """The figures now; rates are those of the last complete window."""
        source, meter = self.counters, self._meter
        cached, readers, dropped = self.core.statistics()
        return StreamStatistics(
            bitrate_bps=meter.bitrate_bps,
            frame_rate=meter.frame_rate,
            packets=source.packets,
            bytes=source.bytes,
            lost=source.lost,
            reordered=source.reordered,
            duplicate=source.duplicate,
            malformed=source.malformed,
            rejected=source.rejected,
            ssrc=source.ssrc,
            source=source.source,
            gop_frames=self.core.gop_frames,
            gop_s=self.core.gop_ticks / 90_000,
            gop_cache_bytes=cached,
            readers=readers,
            dropped_chunks=dropped,
            clock_jumps=self.core.timeline.jumps,
        )

    # For the source

    def publish(self, units: Sequence[AccessUnit], announced: Collection[Kind], now: float) -> None:
        """Take units of a source in Python as if they came from the engine.

        `announced` is what the source speaks of, seen or not; `now` in monotonic seconds.
        """
        if self.end_reason is not None:
            return
        if self._published is None:
            self._published = _Published()
            self.core.source = self._published
        if units:
            self._published.kinds = frozenset(announced)
        now_us = round(now * 1e6)
        wall_us = (self._wall() - EPOCH) // MICROSECOND
        self.core.publish(units, now_us, wall_us - now_us)
        self._board.deliver()

    def restart_clock(self) -> None:
        """Another source follows, with a clock of its own."""
        self.core.restart_clock()

    def tick(self, now: float) -> None:
        """Move the rate windows on."""
        if self._meter.is_due(now):
            self._meter.tick(now, self.counters.bytes, self.core.pictures)
        if self._published is not None:
            self.core.tick_at(round(now * 1e6))
            self._board.deliver()

    def close(self, reason: EndReason) -> None:
        """End all readers; idempotent, the first reason stays."""
        if self.end_reason is not None:
            return
        self.end_reason = reason
        self.core.close()
        self._board.forget("key", self.number)
        self._board.forget("tracks", self.number)
        for reader in self._readers:
            self._board.disconnect(reader.number)  # nothing new comes; its owner may forget it
            reader.end(StreamClosed(reason))
        self._readers.clear()
        for on_close in list(self._followers):
            on_close()

    def _leave(self, reader: Reader) -> None:
        if reader in self._readers:
            self._readers.remove(reader)
            self._board.disconnect(reader.number)

    def _has_key(self, after_s: float) -> None:
        self._on_event(FirstKeyFrame(self.id, after_s))

    def _has_tracks(self, tracks: tuple[Track, ...]) -> None:
        self._on_event(TracksChanged(self.id, tracks))


class _Published:
    """Stands in for the depacketizer of a source in Python: its units describe themselves."""

    def __init__(self) -> None:
        self.kinds: frozenset[Kind] = frozenset()
        self._tracks: list[Track | None] = [None, None]
        self._versions = [0, 0]

    def version(self, kind: int, unit: AccessUnit) -> int:
        """Another number than before when the track of the unit is another."""
        if unit.description is not self._tracks[kind]:
            self._tracks[kind] = unit.description
            self._versions[kind] += 1
        return self._versions[kind]

    def describe(self, kind: int) -> Track | None:
        """See `Depacketizer.describe`."""
        return self._tracks[kind]

    def announced(self) -> frozenset[Kind]:
        """See `Depacketizer.announced`."""
        return self.kinds

"""A live stream: one source, one time line, any number of readers in any format.

It does not know sockets: a source publishes access units and calls `tick`; this object keeps the
tracks, the group of pictures since the last key, the figures, and one `Feed` per format in use.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.errors import StreamClosed, Unsupported
from stream_relay.events import EndReason, FirstKeyFrame, StreamEvent, TracksChanged
from stream_relay.feed import Feed
from stream_relay.gop_cache import GopCache
from stream_relay.outputs import create_output
from stream_relay.outputs.chunk import Format
from stream_relay.reader import QueueLimit, Reader
from stream_relay.statistics import RateMeter, SourceCounters, StreamStatistics
from stream_relay.timeline import TimeLine

AUDIO_SETTLE_S = 0.5
"""How long pictures wait for audio that the stream map announces but that has not come yet."""
VIDEO_SETTLE_S = 5.0
"""How long audio waits for pictures before the stream is taken for one without."""


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
    ) -> None:
        self.id = stream_id
        self.counters = SourceCounters()
        self.tracks: tuple[Track, ...] = ()
        """The tracks that have really been seen, video first."""
        self.end_reason: EndReason | None = None
        self._limits = limits
        self._wall = wall
        self._opened_at = opened_at
        self._on_event = on_event
        self._timeline = TimeLine()
        self._meter = RateMeter()
        self._known: dict[Kind, Track] = {}
        self._announced: frozenset[Kind] = frozenset()
        self._first_unit_at: dict[Kind, float] = {}
        self._is_settled = False
        self._early: list[tuple[AccessUnit, datetime]] = []
        self._early_bytes = 0
        self._has_key = False
        self._base = self._new_feed("access-units")
        self._feeds: dict[Format, Feed] = {"access-units": self._base}
        self._dropped_by_leavers = 0

    # For readers

    def open_reader(self, output_format: Format, limit: int | None = None) -> Reader:
        """A reader that begins with init and the current group of pictures.

        `limit` is the number of chunks that may wait for it. Raises `StreamClosed`; iteration
        raises `Unsupported` when the format cannot carry the codec.
        """
        if self.end_reason is not None:
            raise StreamClosed(self.end_reason)
        queue = self._limits.queue
        reader = Reader(QueueLimit(limit or queue.chunks, queue.bytes), self._leave)
        feed = self._feeds.get(output_format)
        if feed is None:
            feed = self._feeds[output_format] = self._new_feed(output_format)
            if self._is_settled:
                feed.start(self.tracks, self._wall(), self._base.cache)
        feed.join(reader)
        return reader

    def refusal(self, output_format: Format) -> str:
        """What of the tracks known so far the format cannot carry; empty: nothing."""
        try:
            if self.tracks:
                create_output(output_format).start(self.tracks, self._wall())
        except Unsupported as error:
            return error.what
        return ""

    @property
    def reader_count(self) -> int:
        """Readers of all formats."""
        return sum(len(feed.readers) for feed in self._feeds.values())

    @property
    def statistics(self) -> StreamStatistics:
        """The figures now; rates are those of the last complete window."""
        source, meter = self.counters, self._meter
        readers = [reader for feed in self._feeds.values() for reader in feed.readers]
        gone = sum(feed.dropped_by_leavers for feed in self._feeds.values())
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
            gop_frames=meter.gop_frames,
            gop_s=meter.gop_s,
            gop_cache_bytes=sum(feed.cache.bytes for feed in self._feeds.values()),
            readers=len(readers),
            dropped_chunks=self._dropped_by_leavers
            + gone
            + sum(reader.statistics.dropped for reader in readers),
            clock_jumps=self._timeline.jumps,
        )

    # For the source

    def publish(self, units: Sequence[AccessUnit], announced: Collection[Kind], now: float) -> None:
        """Place units on the time line and hand them to all readers.

        `announced` is what the source's stream map speaks of, seen or not.
        """
        if self.end_reason is not None:
            return
        if units:
            self._announced = frozenset(announced)
        for unit in units:
            self._first_unit_at.setdefault(unit.track, now)
            self._learn(unit)
            self._settle(now)
            self._publish_one(self._timeline.place(unit, now), now)

    def restart_clock(self) -> None:
        """Another source follows, with a clock of its own."""
        self._timeline.restart()

    def tick(self, now: float) -> None:
        """Move the rate windows on; end the wait for a track when no further picture does."""
        self._meter.tick(now, self.counters.bytes)
        self._settle(now)

    def close(self, reason: EndReason) -> None:
        """End all readers; idempotent, the first reason stays."""
        if self.end_reason is not None:
            return
        self.end_reason = reason
        for feed in self._feeds.values():
            feed.end(StreamClosed(reason))
            feed.cache.clear()

    def _learn(self, unit: AccessUnit) -> None:
        """Notice a new or changed track; nothing is told before the stream has settled."""
        track = unit.description
        if track is None or self._known.get(unit.track) is track or not _is_decodable(track):
            return
        self._known[unit.track] = track
        if self._is_settled:
            self._start_feeds()

    def _settle(self, now: float) -> None:
        """Begin when the expected tracks are known: a new init later costs readers a pause."""
        if self._is_settled or not self._known or self.end_reason is not None:
            return
        expected = self._announced or {Kind.VIDEO}
        missing = expected - self._known.keys()
        patience_s = VIDEO_SETTLE_S if Kind.VIDEO in missing else AUDIO_SETTLE_S
        if missing and now - min(self._first_unit_at.values()) < patience_s:
            return
        self._is_settled = True
        self._start_feeds()
        early, self._early = self._early, []
        for unit, wall in early:
            self._hand_out(unit, wall)

    def _start_feeds(self) -> None:
        tracks = tuple(self._known[kind] for kind in Kind if kind in self._known)
        if tracks == self.tracks:
            return
        self.tracks = tracks
        wall = self._wall()
        self._base.start(tracks, wall)
        for feed in self._feeds.values():
            if feed is not self._base:
                feed.start(tracks, wall, self._base.cache)
        self._on_event(TracksChanged(self.id, tracks))

    def _publish_one(self, unit: AccessUnit, now: float) -> None:
        wall = self._wall()
        if unit.track is Kind.VIDEO:
            self._meter.picture(unit.is_key, unit.pts_ticks)
            if unit.is_key and not self._has_key:
                self._has_key = True
                self._on_event(FirstKeyFrame(self.id, now - self._opened_at))
        if self._is_settled:
            self._hand_out(unit, wall)
        elif self._early_bytes < self._limits.gop_cache_bytes:
            self._early.append((unit, wall))
            self._early_bytes += len(unit.data)

    def _hand_out(self, unit: AccessUnit, wall: datetime) -> None:
        for feed in list(self._feeds.values()):
            feed.publish(unit, wall)

    def _new_feed(self, output_format: Format) -> Feed:
        limits = self._limits
        cache = GopCache(limits.gop_cache_bytes, limits.gop_cache_chunks)
        return Feed(create_output(output_format), cache)

    def _leave(self, reader: Reader) -> None:
        """Forget a reader; a format without readers costs nothing any more."""
        for output_format, feed in list(self._feeds.items()):
            feed.leave(reader)
            if not feed.readers and feed is not self._base:
                self._dropped_by_leavers += feed.dropped_by_leavers
                del self._feeds[output_format]


def _is_decodable(track: Track) -> bool:
    """Whether a decoder can be set up from the track: its parameter sets have been seen."""
    if track.codec in (Codec.H264, Codec.H265):
        return bool(track.parameter_sets)
    if track.codec is Codec.AAC:
        return bool(track.audio_config)
    return True

"""One format of one stream: its output, its readers, and its chunks since the last key."""

import logging
from collections.abc import Iterable
from datetime import datetime

from stream_relay.access_unit import AccessUnit, Track
from stream_relay.errors import Overload, RelayError, Unsupported
from stream_relay.gop_cache import GopCache
from stream_relay.outputs.chunk import Change, Chunk
from stream_relay.outputs.output import KEY, NOTHING, Output
from stream_relay.reader import Reader

logger = logging.getLogger(__name__)


class Feed:
    """Converts each unit once and hands the same chunk to every reader of the format."""

    def __init__(self, output: Output, cache: GopCache) -> None:
        self.cache = cache
        self.readers: list[Reader] = []
        self.dropped_by_leavers = 0
        self._output = output
        self._is_started = False
        self._started_at: datetime | None = None
        self._dts_ticks = 0
        self._refusal: Unsupported | None = None

    def start(self, tracks: tuple[Track, ...], wall: datetime, group: Iterable[Chunk] = ()) -> None:
        """Take new tracks; readers get a new init chunk if the format is touched by the change.

        `group` is what came since the last key and still fits the tracks (audio that appears later
        does not touch the video): readers that must start anew do so there, not at the next key.
        """
        try:
            change = self._output.start(tracks)
        except Unsupported as error:
            self._is_started = False
            self._refusal = error
            self.cache.clear()
            self.end(error)
            return
        self._refusal = None
        if change is Change.NOTHING:
            return
        self._started_at = wall
        if change is Change.RESTART:
            self.cache.clear()
            self._warm(group)
        was_started, self._is_started = self._is_started, True
        for reader in self.readers:
            if was_started:
                self._restart(reader, change)
            else:
                self._admit(reader)

    def _warm(self, group: Iterable[Chunk]) -> None:
        for chunk in group:
            if chunk.unit is not None:
                self._dts_ticks = chunk.dts_ticks
                converted = self._convert(chunk.unit, chunk.wall)
                if converted is not None:
                    self.cache.add(converted)

    def _restart(self, reader: Reader, change: Change) -> None:
        init = self._output.reopening(self._dts_ticks)
        reader.restart(self._init(init, self._dts_ticks), needs_key=change is Change.RESTART)
        if change is Change.RESTART:
            for chunk in self.cache:
                reader.offer(chunk)

    def _admit(self, reader: Reader) -> None:
        dts_ticks = next((chunk.dts_ticks for chunk in self.cache), self._dts_ticks)
        reader.join([self._init(self._output.opening(dts_ticks), dts_ticks), *self.cache])

    def publish(self, unit: AccessUnit, wall: datetime) -> None:
        """Convert and hand out one unit."""
        if not self._is_started:
            return
        self._dts_ticks = unit.dts_ticks
        chunk = self._convert(unit, wall)
        if chunk is None:
            return
        self.cache.add(chunk)
        hopeless = [reader for reader in self.readers if not reader.offer(chunk)]
        for reader in hopeless:
            logger.warning(
                "a reader is too slow and was closed",
                extra={"count": reader.statistics.dropped},
            )
            reader.end(Overload("the reader takes less than the stream brings"))
            self.leave(reader)

    def _convert(self, unit: AccessUnit, wall: datetime) -> Chunk | None:
        """The chunk that this unit completes, if it does."""
        output = self._output
        made, data = output.take(unit)
        if made == NOTHING:
            return None
        kept = unit if output.keeps_units else None
        return Chunk(
            "media",
            data if kept is None else kept.data,
            output.codec_string,
            made == KEY,
            output.chunk_pts,
            output.chunk_dts,
            wall,
            output.tracks,
            kept,
        )

    def _init(self, data: bytes, dts_ticks: int) -> Chunk:
        assert self._started_at is not None, "start comes first"
        codecs, tracks = self._output.codec_string, self._output.tracks
        return Chunk("init", data, codecs, False, dts_ticks, dts_ticks, self._started_at, tracks)

    def join(self, reader: Reader) -> None:
        """Give a new reader the init chunk and the current group, now or when tracks are known."""
        if self._refusal is not None:
            reader.end(self._refusal)
            return
        self.readers.append(reader)
        if self._is_started:
            self._admit(reader)

    def leave(self, reader: Reader) -> None:
        """Forget a reader; idempotent."""
        if reader in self.readers:
            self.readers.remove(reader)
            self.dropped_by_leavers += reader.statistics.dropped

    def end(self, error: RelayError) -> None:
        """Tell all readers that nothing follows."""
        for reader in self.readers:
            reader.end(error)
            self.dropped_by_leavers += reader.statistics.dropped
        self.readers = []

"""FLV tags over HTTP or WebSocket; H.265 by enhanced FLV or by the older codec id 12."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from stream_relay.access_unit import AccessUnit, Kind, Track
from stream_relay.errors import Unsupported
from stream_relay.formats.flv import FlvMuxer
from stream_relay.outputs.chunk import Change, Chunk, video_of


class FlvOutput:
    """One tag per unit. A reader that stays through a change gets configuration tags, no header."""

    def __init__(self, h265: Literal["enhanced", "legacy"] = "enhanced") -> None:
        self._muxer = FlvMuxer(h265)
        self._tracks: tuple[Track, ...] = ()
        self._wall: datetime | None = None

    def start(self, tracks: tuple[Track, ...], wall: datetime) -> Change:
        """See `Output.start`."""
        video = video_of(tracks)
        if video is not None and not self._muxer.carries(video.codec):
            raise Unsupported(f"{video.codec} in FLV")
        self._muxer.header(tracks)  # raises Unsupported when nothing can be carried
        before, self._tracks, self._wall = self._tracks, tracks, wall
        if tracks == before:
            return Change.NOTHING
        is_same_video = before and video_of(before) == video
        return Change.ADDED if is_same_video else Change.RESTART

    def opening(self, dts_ticks: int) -> Chunk:
        """See `Output.opening`."""
        return self._init(self._muxer.header(self._tracks, dts_ticks), dts_ticks)

    def reopening(self, dts_ticks: int) -> Chunk:
        """See `Output.reopening`."""
        return self._init(self._muxer.configuration(self._tracks, dts_ticks), dts_ticks)

    def convert(self, unit: AccessUnit, wall: datetime) -> Sequence[Chunk]:
        """See `Output.convert`."""
        data = self._muxer.tag(unit)
        if not data:
            return ()
        is_key = unit.is_key and (unit.track is Kind.VIDEO or video_of(self._tracks) is None)
        chunk = Chunk("media", data, "", is_key, unit.pts_ticks, unit.dts_ticks, wall, self._tracks)
        return (chunk,)

    def _init(self, data: bytes, dts_ticks: int) -> Chunk:
        if self._wall is None:
            raise Unsupported("an FLV stream before its tracks are known")
        return Chunk("init", data, "", False, dts_ticks, dts_ticks, self._wall, self._tracks)

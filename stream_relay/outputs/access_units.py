"""The units as they are: for analysis, and the base that every other output is warmed from."""

from collections.abc import Sequence
from datetime import datetime

from stream_relay.access_unit import AccessUnit, Kind, Track
from stream_relay.outputs.chunk import Change, Chunk, video_of


class AccessUnitOutput:
    """Carries every track and every codec; a chunk's data are the unit's data."""

    def __init__(self) -> None:
        self._init: Chunk | None = None
        self._tracks: tuple[Track, ...] = ()
        self._has_video = False

    def start(self, tracks: tuple[Track, ...], wall: datetime) -> Change:
        """See `Output.start`."""
        before, self._tracks = self._tracks, tracks
        self._has_video = any(track.kind is Kind.VIDEO for track in tracks)
        is_same_video = before and video_of(before) == video_of(tracks)
        self._init = Chunk("init", b"", "", False, 0, 0, wall, tracks)
        return Change.ADDED if is_same_video else Change.RESTART

    def opening(self, dts_ticks: int) -> Chunk:
        """See `Output.opening`."""
        assert self._init is not None, "start comes first"
        return self._init

    def reopening(self, dts_ticks: int) -> Chunk:
        """See `Output.reopening`."""
        return self.opening(dts_ticks)

    def convert(self, unit: AccessUnit, wall: datetime) -> Sequence[Chunk]:
        """See `Output.convert`. Without video every audio unit is a place to start."""
        is_key = unit.is_key if self._has_video else True
        if self._has_video and unit.track is not Kind.VIDEO:
            is_key = False
        chunk = Chunk(
            "media", unit.data, "", is_key, unit.pts_ticks, unit.dts_ticks, wall, self._tracks, unit
        )
        return (chunk,)

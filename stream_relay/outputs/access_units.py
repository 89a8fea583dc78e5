# cython: boundscheck=False, wraparound=False
"""The units as they are: for analysis, and the base that every other output is warmed from.

Compiled as `_access_units`.
"""

from typing import TYPE_CHECKING

from stream_relay.access_unit import Kind, Track
from stream_relay.formats.twins import twin
from stream_relay.outputs import output
from stream_relay.outputs.chunk import Change, video_of

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
else:
    Buffer = twin("buffer").Buffer

VIDEO, NOTHING = 0, 0


class AccessUnitOutput(output.Output):
    """Carries every track and every codec; a chunk's data are the unit's data."""

    def __init__(self) -> None:
        super().__init__()
        self.keeps_units = True
        self._has_video = False

    def convert(
        self,
        kind: int,
        codec: int,
        pts: int,
        dts: int,
        is_key: bool,
        data: bytes | bytearray,
        start: int,
        end: int,
        out: Buffer,
    ) -> int:
        """See `Output.convert`. Without video every audio unit is a place to start."""
        if not out.append(data, start, end):
            return NOTHING
        if self._has_video:
            return self.complete(pts, dts, is_key and kind == VIDEO)
        return self.complete(pts, dts, True)

    def start(self, tracks: tuple[Track, ...]) -> Change:
        """See `Output.start`."""
        before, self.tracks = self.tracks, tracks
        self._has_video = any(track.kind is Kind.VIDEO for track in tracks)
        is_same_video = before and video_of(before) == video_of(tracks)
        return Change.ADDED if is_same_video else Change.RESTART

    def opening(self, dts_ticks: int) -> bytes:
        """See `Output.opening`."""
        return b""

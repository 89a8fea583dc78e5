# cython: boundscheck=False, wraparound=False
"""FLV tags over HTTP or WebSocket; H.265 by enhanced FLV or by the older codec id 12.

Compiled as `_flv`.
"""

from typing import TYPE_CHECKING

from stream_relay.access_unit import Track
from stream_relay.errors import Unsupported
from stream_relay.formats.twins import twin
from stream_relay.outputs import output
from stream_relay.outputs.chunk import Change, video_of

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
    from stream_relay.formats.flv import FlvMuxer, H265Flavour
else:
    Buffer = twin("buffer").Buffer
    FlvMuxer = twin("flv").FlvMuxer

VIDEO, NOTHING = 0, 0


class FlvOutput(output.Output):
    """One tag per unit. A viewer that stays through a change gets configuration tags, no header."""

    def __init__(self, h265: "H265Flavour" = "enhanced") -> None:
        super().__init__()
        self._muxer = FlvMuxer(h265)
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
        """See `Output.convert`. Without video every audio tag is a place to start."""
        if not self._muxer.write_tag(codec, pts, dts, is_key, data, start, end, out):
            return NOTHING
        return self.complete(pts, dts, is_key and (kind == VIDEO or not self._has_video))

    def start(self, tracks: tuple[Track, ...]) -> Change:
        """See `Output.start`."""
        video = video_of(tracks)
        if video is not None and not self._muxer.carries(video.codec):
            raise Unsupported(f"{video.codec} in FLV")
        self._muxer.header(tracks)  # raises Unsupported when nothing can be carried
        before = self.tracks
        self.tracks = tuple(track for track in tracks if self._muxer.carries(track.codec))
        self._has_video = video is not None
        if self.tracks == before:
            return Change.NOTHING
        is_same_video = before and video_of(before) == video
        return Change.ADDED if is_same_video else Change.RESTART

    def opening(self, dts_ticks: int) -> bytes:
        """See `Output.opening`."""
        return self._muxer.header(self._known(), dts_ticks)

    def reopening(self, dts_ticks: int) -> bytes:
        """See `Output.reopening`."""
        return self._muxer.configuration(self._known(), dts_ticks)

    def _known(self) -> tuple[Track, ...]:
        if not self.tracks:
            raise Unsupported("an FLV stream before its tracks are known")
        return self.tracks

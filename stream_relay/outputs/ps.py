# cython: boundscheck=False, wraparound=False
"""Program stream packs, one per unit: what another platform gets (GB/T 28181 cascade).

Compiled as `_ps`.
"""

from typing import TYPE_CHECKING, Literal

from stream_relay.access_unit import Codec, Kind, Track
from stream_relay.errors import Unsupported
from stream_relay.formats.ps_mux import can_carry
from stream_relay.formats.twins import twin
from stream_relay.outputs import output
from stream_relay.outputs.chunk import Change, video_of

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
    from stream_relay.formats.ps_mux import PsMuxer
else:
    Buffer = twin("buffer").Buffer
    PsMuxer = twin("ps_mux").PsMuxer

VIDEO, NOTHING = 0, 0

Sound = Literal["any", "g711", "none"]
G711 = (Codec.G711A, Codec.G711U)


class PsOutput(output.Output):
    """`sound` says which audio goes along; a change of tracks is told by the next stream map."""

    def __init__(self, sound: "Sound" = "any") -> None:
        super().__init__()
        self._sound = sound
        self._muxer = PsMuxer(None)
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
        if not self._muxer.carries(kind, codec):
            return NOTHING
        if not self._muxer.write(kind, codec, pts, dts, is_key, data, start, end, out):
            return NOTHING
        return self.complete(pts, dts, is_key and (kind == VIDEO or not self._has_video))

    def start(self, tracks: tuple[Track, ...]) -> Change:
        """See `Output.start`."""
        video = video_of(tracks)
        if video is not None and not can_carry(video):
            raise Unsupported(f"{video.codec} in a program stream")
        carried = tuple([track for track in tracks if self._takes(track)])
        if not carried:
            raise Unsupported("a program stream without any track that it can carry")
        before = self.tracks
        if carried == before:
            return Change.NOTHING
        self._muxer.describe(carried)
        self.tracks = carried
        self._has_video = video is not None
        is_same_video = before and video_of(before) == video
        return Change.ADDED if is_same_video else Change.RESTART

    def _takes(self, track: Track) -> bool:
        if not can_carry(track):
            return False
        if track.kind is Kind.VIDEO or self._sound == "any":
            return True
        return self._sound == "g711" and track.codec in G711

    def opening(self, dts_ticks: int) -> bytes:
        """See `Output.opening`: every key brings what a decoder must know."""
        if not self.tracks:
            raise Unsupported("a program stream before its tracks are known")
        return b""

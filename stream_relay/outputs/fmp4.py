# cython: boundscheck=False, wraparound=False
"""Fragmented MP4 (ISO/IEC 14496-12), one fragment per picture with the audio since the last one.

Compiled as `_fmp4`.
"""

from typing import TYPE_CHECKING

from stream_relay.access_unit import Track
from stream_relay.errors import Unsupported
from stream_relay.formats.twins import twin
from stream_relay.outputs import output
from stream_relay.outputs.chunk import Change, video_of

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
    from stream_relay.formats.fmp4 import AudioPolicy, Fmp4Muxer
else:
    Buffer = twin("buffer").Buffer
    Fmp4Muxer = twin("fmp4").Fmp4Muxer

VIDEO, NOTHING = 0, 0

AUDIO_ONLY_TICKS = 18_000
"""Without pictures audio leaves in fragments of this duration (200 ms)."""

MAX_WAITING_BYTES = 1 << 20
MAX_WAITING_SAMPLES = 512
"""Audio that waits for a picture that does not come: 10 s of AAC, of 20 ms of G.711."""


class Fmp4Output(output.Output):
    """Audio waits for the next picture, so that a fragment is one append for the player."""

    def __init__(self, audio: "AudioPolicy" = "aac") -> None:
        super().__init__()
        self.dropped = 0
        """Audio units that waited too long for a picture."""
        self._audio = audio
        self._muxer: Fmp4Muxer
        self._is_started = False
        self._init_segment = b""

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
        """See `Output.convert`."""
        if not self._is_started or not self._muxer.carries(kind, codec):
            return NOTHING
        if kind != VIDEO and not self._is_audio_due(dts):
            self._make_room(end - start)
            if not self._muxer.hold(kind, pts, dts, is_key, data, start, end):
                self.dropped += 1
            return NOTHING
        if not self._muxer.write_fragment(kind, pts, dts, is_key, data, start, end, out):
            return NOTHING
        return self.complete(self._muxer.pts, self._muxer.dts, is_key)

    def _is_audio_due(self, dts: int) -> bool:
        """Audio without video does not wait for ever."""
        if self._muxer.has_video() or self._muxer.waiting() == 0:
            return False
        return dts - self._muxer.waiting_since() >= AUDIO_ONLY_TICKS

    def _make_room(self, size: int) -> None:
        """Audio whose video has stopped coming does not fill the memory."""
        while self._muxer.waiting() > 0 and (
            self._muxer.waiting() >= MAX_WAITING_SAMPLES
            or self._muxer.waiting_bytes() + size > MAX_WAITING_BYTES
        ):
            self.dropped += self._muxer.drop_oldest()

    def reset(self) -> None:
        """See `Output.reset`."""
        if self._is_started:
            self._muxer.restart()

    def start(self, tracks: tuple[Track, ...]) -> Change:
        """See `Output.start`."""
        muxer = Fmp4Muxer(tracks, self._audio)
        carried = tuple(muxer.tracks.values())
        video = video_of(tracks)
        if video is not None and video not in carried:
            raise Unsupported(f"{video.codec} in MP4")
        if self._is_started and carried == self.tracks:
            return Change.NOTHING
        self._init_segment = muxer.init_segment()
        self.codec_string = muxer.codec_string()
        self.tracks = carried
        self._muxer = muxer
        self._is_started = True
        return Change.RESTART

    def opening(self, dts_ticks: int) -> bytes:
        """See `Output.opening`."""
        if not self._is_started:
            raise Unsupported("an fMP4 stream before its tracks are known")
        return self._init_segment

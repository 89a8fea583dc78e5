"""Fragmented MP4 (ISO/IEC 14496-12), one fragment per picture with the audio since the last one."""

from collections.abc import Sequence
from datetime import datetime

from stream_relay.access_unit import AccessUnit, Kind, Track
from stream_relay.errors import Unsupported
from stream_relay.formats.fmp4 import AudioPolicy, Fmp4Muxer
from stream_relay.outputs.chunk import Change, Chunk, video_of

AUDIO_ONLY_TICKS = 18_000
"""Without pictures audio leaves in fragments of this duration (200 ms)."""


class Fmp4Output:
    """Audio waits for the next picture, so that a fragment is one append for the player."""

    def __init__(self, audio: AudioPolicy = "aac") -> None:
        self._audio = audio
        self._muxer: Fmp4Muxer | None = None
        self._tracks: tuple[Track, ...] = ()
        self._kinds: frozenset[Kind] = frozenset()
        self._pending: list[AccessUnit] = []
        self._codec_string = ""
        self._init_chunk: Chunk | None = None

    def start(self, tracks: tuple[Track, ...], wall: datetime) -> Change:
        """See `Output.start`."""
        muxer = Fmp4Muxer(tracks, self._audio)
        carried = tuple(muxer.tracks.values())
        video = video_of(tracks)
        if video is not None and video not in carried:
            raise Unsupported(f"{video.codec} in MP4")
        if self._muxer is not None and carried == self._tracks:
            return Change.NOTHING
        self._muxer, self._tracks = muxer, carried
        self._kinds = frozenset(track.kind for track in carried)
        self._pending = []
        self._codec_string = muxer.codec_string()
        self._init_chunk = Chunk(
            "init", muxer.init_segment(), self._codec_string, False, 0, 0, wall, carried
        )
        return Change.RESTART

    def opening(self, dts_ticks: int) -> Chunk:
        """See `Output.opening`."""
        if self._init_chunk is None:
            raise Unsupported("an fMP4 stream before its tracks are known")
        return self._init_chunk

    def reopening(self, dts_ticks: int) -> Chunk:
        """See `Output.reopening`."""
        return self.opening(dts_ticks)

    def convert(self, unit: AccessUnit, wall: datetime) -> Sequence[Chunk]:
        """See `Output.convert`."""
        if unit.track not in self._kinds:
            return ()
        self._pending.append(unit)
        if unit.track is not Kind.VIDEO and not self._is_audio_due(unit):
            return ()
        units, self._pending = self._pending, []
        return self._fragment(units, unit, wall)

    def _fragment(
        self, units: list[AccessUnit], lead: AccessUnit, wall: datetime
    ) -> Sequence[Chunk]:
        assert self._muxer is not None, "start comes first"
        data = self._muxer.fragment(units)
        if not data:
            return ()
        shown = lead if lead.track is Kind.VIDEO else units[0]
        chunk = Chunk(
            "media",
            data,
            self._codec_string,
            lead.is_key,
            shown.pts_ticks,
            shown.dts_ticks,
            wall,
            self._tracks,
        )
        return (chunk,)

    def _is_audio_due(self, unit: AccessUnit) -> bool:
        """Audio without video, or whose video has stopped coming, does not wait for ever."""
        waited = unit.dts_ticks - self._pending[0].dts_ticks
        return Kind.VIDEO not in self._kinds and waited >= AUDIO_ONLY_TICKS

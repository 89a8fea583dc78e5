# cython: boundscheck=False, wraparound=False
"""Fragmented MP4 (ISO/IEC 14496-12 §8.8) for browsers, HTTP and recordings.

A fragment holds what has waited and the access unit that ends it, usually one. Its decode time is
that of the stream, so a viewer's clock is the stream's clock whenever it joins, and each fragment
stands on its own. Compiled as `_fmp4`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.errors import Unsupported
from stream_relay.formats import boxes, decoder_config
from stream_relay.formats.boxes import box
from stream_relay.formats.twins import twin
from stream_relay.formats.units import CODECS, KINDS

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
    from stream_relay.formats.length_prefix import LengthPrefixer
    from stream_relay.formats.sample_run import SampleRun
else:
    Buffer = twin("buffer").Buffer
    LengthPrefixer = twin("length_prefix").LengthPrefixer
    SampleRun = twin("sample_run").SampleRun

AudioPolicy = Literal["aac", "any", "none"]
"""Which audio to carry: what browsers play, also G.711 (files, HTTP), none."""

AUDIO_CODECS: dict[AudioPolicy, frozenset[Codec]] = {
    "aac": frozenset({Codec.AAC}),
    "any": frozenset({Codec.AAC, Codec.G711A, Codec.G711U}),
    "none": frozenset(),
}
VIDEO_CODECS = frozenset({Codec.H264, Codec.H265})
VIDEO, NO_CODEC = 0, -1

FILE_TYPE = box(b"ftyp", b"iso6", bytes(4), b"iso6", b"mp41")
MOOF, MFHD, MDAT = 0x6D6F6F66, 0x6D666864, 0x6D646174
"""The types of these boxes as numbers."""

BOX_HEAD_BYTES = 8
MFHD_BYTES = 16
MOOF_HEAD_BYTES = BOX_HEAD_BYTES + MFHD_BYTES
LEAD_BYTES = 128
"""At least what the unit that ends a fragment adds to the moof: its traf and its entry."""


class Fmp4Muxer:
    """Writes one stream with one set of tracks; a changed track needs a new muxer.

    Raises Unsupported when none of the tracks can be carried.
    """

    def __init__(self, tracks: Sequence[Track], audio: AudioPolicy = "aac") -> None:
        carried = [
            track
            for track in tracks
            if track.codec in VIDEO_CODECS or track.codec in AUDIO_CODECS[audio]
        ]
        if not carried:
            raise Unsupported("/".join(track.codec for track in tracks) + " in MP4")
        self.tracks = {number: track for number, track in enumerate(carried, 1)}
        self.pts = 0
        """Of the fragment written last: times of its picture, of its first sample without one."""
        self.dts = 0
        by_kind = {track.kind: (track, number) for number, track in self.tracks.items()}
        self._video = SampleRun(*by_kind.get(Kind.VIDEO, (None, 0)))
        self._audio = SampleRun(*by_kind.get(Kind.AUDIO, (None, 0)))
        self._is_audio_first = carried[0].kind is Kind.AUDIO
        self._sequence = 0
        self._pictures = LengthPrefixer()
        self._scratch = Buffer()

    def has_video(self) -> bool:
        """Whether pictures belong to the fragments."""
        return self._video.codec != NO_CODEC

    def carries(self, kind: int, codec: int) -> bool:
        """Whether a track of this kind has this codec."""
        return codec == (self._video.codec if kind == VIDEO else self._audio.codec)

    def waiting(self) -> int:
        """Audio samples that wait for the next fragment."""
        return self._audio.count

    def waiting_bytes(self) -> int:
        """Their bytes."""
        return self._audio.media_bytes()

    def waiting_since(self) -> int:
        """Decode time of the first of them; there is one."""
        return self._audio.first_dts()

    def drop_oldest(self) -> int:
        """Forget the older half of the audio that waits; returns how many samples that were."""
        return self._audio.drop_oldest()

    def restart(self) -> None:
        """Forget what waits: what follows begins anew."""
        self._video.restart()
        self._audio.restart()

    def hold(
        self,
        kind: int,
        pts: int,
        dts: int,
        is_key: bool,
        data: bytes | bytearray,
        start: int,
        end: int,
    ) -> bool:
        """Keep a unit of a carried track for the next fragment; false when memory is short."""
        if kind == VIDEO:
            return self._video.hold(pts, dts, is_key, data, start, end)
        return self._audio.hold(pts, dts, is_key, data, start, end)

    def write_fragment(
        self,
        kind: int,
        pts: int,
        dts: int,
        is_key: bool,
        data: bytes | bytearray,
        start: int,
        end: int,
        out: Buffer,
    ) -> bool:
        """Add moof and mdat of all that waits, and of this unit of a carried track behind it.

        False, with nothing added, when memory is short.
        """
        moof_at = out.size
        room = MOOF_HEAD_BYTES + LEAD_BYTES + BOX_HEAD_BYTES
        room += self._video.traf_bytes() + self._video.media_bytes()
        room += self._audio.traf_bytes() + self._audio.media_bytes()
        if not out.reserve(moof_at + room + self._pictures.room(start, end)):
            return False
        if not self._enter_lead(kind, pts, dts, is_key, end - start):
            return False
        self._write_moof(out)
        mdat_at = out.size
        out.put(0, 4)
        out.put(MDAT, 4)
        if self._is_audio_first:
            self._audio.write_media(moof_at, kind != VIDEO, data, start, end, out)
        self._video.write_media(moof_at, kind == VIDEO, data, start, end, out)
        if not self._is_audio_first:
            self._audio.write_media(moof_at, kind != VIDEO, data, start, end, out)
        out.set(mdat_at, out.size - mdat_at, 4)
        return True

    def _enter_lead(self, kind: int, pts: int, dts: int, is_key: bool, size: int) -> bool:
        """Note the unit that ends the fragment; a picture's size is known when it is written."""
        if kind == VIDEO:
            self.pts = pts
            self.dts = dts
            return self._video.enter(pts, dts, is_key, 0)
        if not self._audio.enter(pts, dts, is_key, size):
            return False
        self.pts = self._audio.first_pts()
        self.dts = self._audio.first_dts()
        return True

    def _write_moof(self, out: Buffer) -> None:
        self._sequence += 1
        out.put(MOOF_HEAD_BYTES + self._video.traf_bytes() + self._audio.traf_bytes(), 4)
        out.put(MOOF, 4)
        out.put(MFHD_BYTES, 4)
        out.put(MFHD, 4)
        out.put(0, 4)
        out.put(self._sequence, 4)
        if self._is_audio_first:
            self._audio.write_traf(out)
        self._video.write_traf(out)
        if not self._is_audio_first:
            self._audio.write_traf(out)

    # With Python objects, once per change of tracks.

    def init_segment(self) -> bytes:
        """ftyp and moov."""
        return FILE_TYPE + boxes.movie_box(self.tracks)

    def codec_string(self) -> str:
        """RFC 6381: `avc1.64001f`, `hvc1.1.6.L93.B0,mp4a.40.2`."""
        return ",".join(decoder_config.codec_string(track) for track in self.tracks.values())

    def mime(self) -> str:
        """What MediaSource.isTypeSupported is asked: `video/mp4; codecs="avc1.64001f"`."""
        kind = "video" if self.has_video() else "audio"
        return f'{kind}/mp4; codecs="{self.codec_string()}"'

    def fragment(self, units: Sequence[AccessUnit]) -> bytes:
        """moof and mdat; b"" when none of the units belongs to a carried track."""
        carried = [
            (KINDS.index(unit.track), unit)
            for unit in units
            if self.carries(KINDS.index(unit.track), CODECS.index(unit.codec))
        ]
        self._scratch.clear()
        for position, (kind, unit) in enumerate(carried, 1):
            pts, dts, is_key, data = unit.pts_ticks, unit.dts_ticks, unit.is_key, unit.data
            if position < len(carried):
                self.hold(kind, pts, dts, is_key, data, 0, len(data))
            else:
                self.write_fragment(kind, pts, dts, is_key, data, 0, len(data), self._scratch)
        return self._scratch.get()

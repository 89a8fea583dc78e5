"""Fragmented MP4 (ISO/IEC 14496-12 §8.8) for browsers, HTTP and recordings.

A fragment holds the access units it is given, usually one. Its decode time is that of the stream,
so a viewer's clock is the stream's clock whenever it joins, and each fragment stands on its own.
"""

import struct
from collections.abc import Sequence
from typing import Literal

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.errors import Unsupported
from stream_relay.formats import aac, boxes, decoder_config, g711, to_length_prefixed
from stream_relay.formats.boxes import box, full_box

AudioPolicy = Literal["aac", "any", "none"]
"""Which audio to carry: what browsers play, also G.711 (files, HTTP), none."""

AUDIO_CODECS: dict[AudioPolicy, frozenset[Codec]] = {
    "aac": frozenset({Codec.AAC}),
    "any": frozenset({Codec.AAC, Codec.G711A, Codec.G711U}),
    "none": frozenset(),
}
VIDEO_CODECS = frozenset({Codec.H264, Codec.H265})

FILE_TYPE = box(b"ftyp", b"iso6", bytes(4), b"iso6", b"mp41")
DEFAULT_STEP_TICKS = 3600
MAX_STEP_TICKS = 180_000
SYNC_SAMPLE = 0x02000000
OTHER_SAMPLE = 0x01010000
BASE_IS_MOOF = 0x020000
TRUN_FLAGS = 0x000001 | 0x000100 | 0x000200 | 0x000400 | 0x000800
"""Data offset, and per sample: duration, size, flags, composition offset."""
TRUN_FIXED_BYTES = 20
SAMPLE_BYTES = 16
TRAF_FIXED_BYTES = 8 + 16 + 20
MOOF_FIXED_BYTES = 8 + 16


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
        self._numbers = {track.kind: number for number, track in self.tracks.items()}
        self._codecs = {track.kind: track.codec for track in carried}
        self._sequence = 0
        self._last_dts: dict[Kind, int] = {}
        self._steps = {track.kind: _nominal_step(track) for track in carried}

    def init_segment(self) -> bytes:
        """ftyp and moov."""
        return FILE_TYPE + boxes.movie_box(self.tracks)

    def codec_string(self) -> str:
        """RFC 6381: `avc1.64001f`, `hvc1.1.6.L93.B0,mp4a.40.2`."""
        return ",".join(decoder_config.codec_string(track) for track in self.tracks.values())

    def mime(self) -> str:
        """What MediaSource.isTypeSupported is asked: `video/mp4; codecs="avc1.64001f"`."""
        kind = "video" if Kind.VIDEO in self._numbers else "audio"
        return f'{kind}/mp4; codecs="{self.codec_string()}"'

    def fragment(self, units: Sequence[AccessUnit]) -> bytes:
        """moof and mdat; b"" when none of the units belongs to a carried track."""
        runs = [
            (kind, [unit for unit in units if unit.track is kind and unit.codec is codec])
            for kind, codec in self._codecs.items()
        ]
        runs = [(kind, run) for kind, run in runs if run]
        if not runs:
            return b""
        self._sequence += 1
        samples = {kind: [_sample(unit) for unit in run] for kind, run in runs}
        moof_bytes = MOOF_FIXED_BYTES + sum(
            TRAF_FIXED_BYTES + TRUN_FIXED_BYTES + SAMPLE_BYTES * len(run) for _, run in runs
        )
        offset = moof_bytes + boxes.BOX_HEADER_BYTES
        parts = [full_box(b"mfhd", 0, 0, (self._sequence & 0xFFFFFFFF).to_bytes(4, "big"))]
        for kind, run in runs:
            parts.append(self._traf(kind, run, samples[kind], offset))
            offset += sum(map(len, samples[kind]))
        media = [sample for kind, _ in runs for sample in samples[kind]]
        return box(b"moof", *parts) + box(b"mdat", *media)

    def _traf(
        self, kind: Kind, units: Sequence[AccessUnit], samples: list[bytes], offset: int
    ) -> bytes:
        header = full_box(b"tfhd", 0, BASE_IS_MOOF, self._numbers[kind].to_bytes(4, "big"))
        base = full_box(b"tfdt", 1, 0, units[0].dts_ticks.to_bytes(8, "big"))
        entries = []
        for index, (unit, sample) in enumerate(zip(units, samples, strict=True)):
            following = units[index + 1].dts_ticks if index + 1 < len(units) else None
            duration = self._duration(kind, unit, following)
            flags = SYNC_SAMPLE if unit.is_key else OTHER_SAMPLE
            delay = unit.pts_ticks - unit.dts_ticks
            entries.append(struct.pack(">IIIi", duration, len(sample), flags, delay))
        run = struct.pack(">Ii", len(units), offset)
        return box(b"traf", header, base, full_box(b"trun", 1, TRUN_FLAGS, run, *entries))

    def _duration(self, kind: Kind, unit: AccessUnit, following: int | None) -> int:
        """Ticks to the next unit; for the last one as long as the unit before took.

        Never shorter than the usual pace: a browser that sees a gap of two durations throws
        pictures away until the next key frame (Media Source Extensions, coded frame processing).
        """
        if kind is Kind.AUDIO:
            return _audio_step(self.tracks[self._numbers[kind]], len(unit.data))
        last = self._last_dts.get(kind)
        self._last_dts[kind] = unit.dts_ticks
        if following is not None:
            return max(following - unit.dts_ticks, 1)
        if last is not None and 0 < unit.dts_ticks - last <= MAX_STEP_TICKS:
            step = unit.dts_ticks - last
            self._steps[kind] += (step - self._steps[kind]) // 8
            return max(step, self._steps[kind])
        return self._steps[kind]


def _audio_step(track: Track, size_bytes: int) -> int:
    if track.codec is Codec.AAC:
        return aac.SAMPLES_PER_FRAME * track.clock_rate // max(track.sample_rate, 1)
    return g711.duration_ticks(size_bytes)


def _nominal_step(track: Track) -> int:
    if not track.frame_rate:
        return DEFAULT_STEP_TICKS
    return min(round(track.clock_rate / track.frame_rate), MAX_STEP_TICKS)


def _sample(unit: AccessUnit) -> bytes:
    if unit.track is Kind.AUDIO:
        return unit.data
    return to_length_prefixed(unit.data, unit.codec)

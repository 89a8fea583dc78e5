# cython: boundscheck=False, wraparound=False
"""The samples of one track inside a fragment of MP4: traf and bytes (ISO/IEC 14496-12 §8.8).

What `fmp4.py` puts its fragments together from. Compiled as `_sample_run`.
"""

from typing import TYPE_CHECKING

from stream_relay.access_unit import TICKS_PER_SECOND, Codec, Kind, Track
from stream_relay.formats import aac, g711
from stream_relay.formats.twins import twin
from stream_relay.formats.units import CODECS

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
    from stream_relay.formats.length_prefix import LengthPrefixer
else:
    Buffer = twin("buffer").Buffer
    LengthPrefixer = twin("length_prefix").LengthPrefixer

NO_CODEC = -1

DEFAULT_STEP_TICKS = 3600
MAX_STEP_TICKS = 180_000
SYNC_SAMPLE = 0x02000000
OTHER_SAMPLE = 0x01010000
BASE_IS_MOOF = 0x020000
VERSION_1 = 0x01000000
TRUN_FLAGS = 0x000001 | 0x000100 | 0x000200 | 0x000400 | 0x000800
"""Data offset, and per sample: duration, size, flags, composition offset."""

TRAF, TFHD, TFDT, TRUN = 0x74726166, 0x74666864, 0x74666474, 0x7472756E
"""The types of these boxes as numbers."""

TFHD_BYTES = 16
TFDT_BYTES = 20
TRUN_HEAD_BYTES = 20
TRAF_HEAD_BYTES = 8 + TFHD_BYTES + TFDT_BYTES + TRUN_HEAD_BYTES
DATA_OFFSET_AT = TRAF_HEAD_BYTES - 4
"""Where a traf says where its samples' bytes are."""

SAMPLE_BYTES = 16
SIZE_AT = 4
"""Inside the entry of a sample: duration, size, flags, composition offset, 4 bytes each."""

STAMP_BYTES = 8
STAMPS_BYTES = 2 * STAMP_BYTES
"""Kept beside each entry: pts, dts."""

G711_RATE = g711.SAMPLE_RATE
SECOND_TICKS = TICKS_PER_SECOND


class SampleRun:
    """The samples of one track for the next fragment, their entries in wire form."""

    def __init__(self, track: Track | None, number: int) -> None:
        self.codec = NO_CODEC if track is None else CODECS.index(track.codec)
        self.count = 0
        self._number = number
        self._is_video = track is not None and track.kind is Kind.VIDEO
        self._step = DEFAULT_STEP_TICKS if track is None else _nominal_step(track)
        self._stamps_known = 0
        self._dts_before = 0
        self._dts = 0
        self._aac_ticks = 0
        if track is not None and track.codec is Codec.AAC:
            self._aac_ticks = aac.SAMPLES_PER_FRAME * track.clock_rate // max(track.sample_rate, 1)
        self._traf_at = 0
        self._entries = Buffer()
        self._stamps = Buffer()
        self._media = Buffer()
        self._pictures = LengthPrefixer()

    def media_bytes(self) -> int:
        """Bytes of the samples that wait."""
        return self._media.size

    def first_pts(self) -> int:
        """Presentation time of the first sample that waits."""
        return self._number_at(0)

    def first_dts(self) -> int:
        """Decode time of the first sample that waits."""
        return self._number_at(STAMP_BYTES)

    def _number_at(self, position: int) -> int:
        """The signed 64-bit number among the stamps."""
        value = self._stamps.data[position]
        if value >= 0x80:
            value -= 0x100
        for index in range(1, STAMP_BYTES):
            value = value * 0x100 + self._stamps.data[position + index]
        return value

    def enter(self, pts: int, dts: int, is_key: bool, size: int) -> bool:
        """Note a sample of the run; false, with nothing noted, when memory is short."""
        if not self._entries.reserve(self._entries.size + SAMPLE_BYTES):
            return False
        if not self._stamps.reserve(self._stamps.size + STAMPS_BYTES):
            return False
        self._stamps.put(pts, STAMP_BYTES)
        self._stamps.put(dts, STAMP_BYTES)
        if self._is_video and self.count > 0:
            following = dts - self._dts
            at = (self.count - 1) * SAMPLE_BYTES
            self._entries.set(at, following if following > 0 else 1, 4)
        self._entries.put(0 if self._is_video else self._audio_ticks(size), 4)
        self._entries.put(size, 4)
        self._entries.put(SYNC_SAMPLE if is_key else OTHER_SAMPLE, 4)
        self._entries.put(pts - dts, 4)
        self._dts_before = self._dts
        self._dts = dts
        self._stamps_known += 1
        self.count += 1
        return True

    def hold(
        self, pts: int, dts: int, is_key: bool, data: bytes | bytearray, start: int, end: int
    ) -> bool:
        """Keep a copy of a sample for the next fragment; false when memory is short."""
        before = self._media.size
        if self._is_video:
            if not self._pictures.write(self.codec, data, start, end, self._media):
                return False
        elif not self._media.append(data, start, end):
            return False
        if self.enter(pts, dts, is_key, self._media.size - before):
            return True
        self._media.cut(before)
        return False

    def drop_oldest(self) -> int:
        """Forget the older half of what waits; returns how many samples that were."""
        half = (self.count + 1) // 2
        size = 0
        for index in range(half):
            at = index * SAMPLE_BYTES + SIZE_AT
            sample = 0
            for offset in range(4):
                sample = sample * 0x100 + self._entries.data[at + offset]
            size += sample
        self._media.drop(size)
        self._entries.drop(half * SAMPLE_BYTES)
        self._stamps.drop(half * STAMPS_BYTES)
        self.count -= half
        return half

    def clear(self) -> None:
        """Forget what waits."""
        self._media.clear()
        self._entries.clear()
        self._stamps.clear()
        self.count = 0

    def restart(self) -> None:
        """Forget what waits and the stamp before."""
        self.clear()
        self._stamps_known = 0

    def traf_bytes(self) -> int:
        """The size of what `write_traf` writes."""
        return TRAF_HEAD_BYTES + self._entries.size if self.count > 0 else 0

    def write_traf(self, out: Buffer) -> None:
        """The track's part of the moof; where its bytes are is told by `write_media`."""
        if self.count == 0:
            return
        if self._is_video:
            self._entries.set((self.count - 1) * SAMPLE_BYTES, self._last_ticks(), 4)
        self._traf_at = out.size
        out.put(self.traf_bytes(), 4)
        out.put(TRAF, 4)
        out.put(TFHD_BYTES, 4)
        out.put(TFHD, 4)
        out.put(BASE_IS_MOOF, 4)
        out.put(self._number, 4)
        out.put(TFDT_BYTES, 4)
        out.put(TFDT, 4)
        out.put(VERSION_1, 4)
        out.put(self.first_dts(), 8)
        out.put(TRUN_HEAD_BYTES + self._entries.size, 4)
        out.put(TRUN, 4)
        out.put(VERSION_1 | TRUN_FLAGS, 4)
        out.put(self.count, 4)
        out.put(0, 4)
        out.append(self._entries.data, 0, self._entries.size)

    def write_media(
        self,
        moof_at: int,
        is_lead: bool,
        data: bytes | bytearray,
        start: int,
        end: int,
        out: Buffer,
    ) -> None:
        """The bytes of the run, if `is_lead` with `data` as its last sample; the run is empty then.

        There is room in `out`.
        """
        if self.count == 0:
            return
        out.set(self._traf_at + DATA_OFFSET_AT, out.size - moof_at, 4)
        out.append(self._media.data, 0, self._media.size)
        if is_lead and self._is_video:
            before = out.size
            self._pictures.write(self.codec, data, start, end, out)
            at = self._traf_at + self.traf_bytes() - SAMPLE_BYTES + SIZE_AT
            out.set(at, out.size - before, 4)
        elif is_lead:
            out.append(data, start, end)
        self.clear()

    def _last_ticks(self) -> int:
        """Ticks of the last picture: as long as the one before took.

        Never shorter than the usual pace: a browser that sees a gap of two durations throws
        pictures away until the next key frame (Media Source Extensions, coded frame processing).
        """
        step = self._dts - self._dts_before
        if self._stamps_known < 2 or step <= 0 or step > MAX_STEP_TICKS:
            return self._step
        self._step += (step - self._step) // 8
        return step if step > self._step else self._step

    def _audio_ticks(self, size: int) -> int:
        if self._aac_ticks > 0:
            return self._aac_ticks
        return size * SECOND_TICKS // G711_RATE


def _nominal_step(track: Track) -> int:
    if not track.frame_rate:
        return DEFAULT_STEP_TICKS
    return min(round(track.clock_rate / track.frame_rate), MAX_STEP_TICKS)

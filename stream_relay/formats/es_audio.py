# cython: boundscheck=False, wraparound=False
"""Audio alone over RTP: G.711, G.722.1 (RFC 3551, RFC 5577), Opus (RFC 7587), AAC (RFC 3640).

AAC comes as AAC-hbr, or with ADTS headers as devices send it: the first payload tells. Time stamps
count the codec's own clock; they are unwrapped and turned into 90 kHz here. Compiled as
`_es_audio`.
"""

from typing import TYPE_CHECKING

from stream_relay.access_unit import TICKS_PER_SECOND, Codec, Kind, Track
from stream_relay.formats import units
from stream_relay.formats.twins import twin
from stream_relay.formats.units import CODECS

if TYPE_CHECKING:
    from stream_relay.formats.audio import AudioAssembler
    from stream_relay.formats.buffer import Buffer
    from stream_relay.formats.timeline import Timeline
else:
    AudioAssembler = twin("audio").AudioAssembler
    Buffer = twin("buffer").Buffer
    Timeline = twin("timeline").Timeline

AUDIO, NO_STAMP = 1, -1
AAC, OPUS = 6, 8
TICKS, STAMP_MASK = TICKS_PER_SECOND, (1 << 33) - 1
RTP_MASK, RTP_HALF = (1 << 32) - 1, 1 << 31
SAMPLES_PER_FRAME, OPUS_RATE = 1024, 48_000
SAMPLE_RATES = (
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
)  # fmt: skip
"""By samplingFrequencyIndex (ISO/IEC 14496-3 §1.6.3.4)."""
HEADER_BITS = 16
"""An AU header of AAC-hbr: 13 bits of size, 3 of index (RFC 3640 §3.3.6)."""
OWN_VERSION = 1 << 20
"""Tracks that the assembler has not described count from here, so that numbers never meet."""
STREAM_TYPES = {Codec.G711A: 0x90, Codec.G711U: 0x91, Codec.G722_1: 0x92, Codec.AAC: 0x0F}


class AudioDepacketizer(units.Depacketizer):
    """One audio track; holds at most one AAC frame that is spread over packets."""

    def __init__(
        self,
        sink: "units.UnitSink | None" = None,
        codec: Codec = Codec.G711A,
        clock_rate: int = 8000,
        channels: int = 1,
        config: bytes = b"",
    ) -> None:
        """`clock_rate` is that of the time stamps; `config` the AudioSpecificConfig, if known."""
        super().__init__(sink)
        self.malformed = 0
        self._timeline = Timeline()
        self._audio = AudioAssembler(self._timeline, self._sink)
        self._codec = CODECS.index(codec)
        self._stream_type = STREAM_TYPES.get(codec, 0)
        self._clock_rate = clock_rate if clock_rate > 0 else 8000
        self._partial = Buffer()
        self._wanted = 0
        self._is_chosen = self._is_adts = False
        self._has_line = False
        self._line = 0
        self._rtp = 0
        self._pts = NO_STAMP
        rate, track = self._clock_rate, None
        if codec is Codec.OPUS:
            rate = OPUS_RATE
            track = Track(Kind.AUDIO, codec, sample_rate=rate, channels=channels)
        elif codec is Codec.AAC:
            config = config if len(config) >= 2 else low_complexity(rate, channels)
            index = (config[0] << 8 | config[1]) >> 7 & 0x0F
            rate = SAMPLE_RATES[index] if index < len(SAMPLE_RATES) else rate
            channels = config[1] >> 3 & 0x0F or channels
            track = Track(
                Kind.AUDIO, codec, sample_rate=rate, channels=channels, audio_config=config
            )
        self._track = track
        self._frame_ticks = SAMPLES_PER_FRAME * TICKS // rate

    def feed(
        self, data: bytes | bytearray, start: int, end: int, timestamp: int, marker: bool
    ) -> None:
        """See `Depacketizer.feed`; the marker, the begin of a talk spurt for most, is not used."""
        if start >= end:
            return
        self._pts = self._stamp(timestamp)
        if self._codec == OPUS:
            self._emit(data, start, end, self._pts, opus_ticks(data, start, end))
        elif self._codec == AAC and self._is_hbr(data, start, end):
            self._split(data, start, end)
        else:
            self._audio.push(data, start, end, self._pts, self._stream_type)

    def interrupt(self) -> None:
        """See `Depacketizer.interrupt`."""
        self._partial.clear()
        self._audio.reset()

    def restart(self) -> None:
        """See `Depacketizer.restart`."""
        self._partial.clear()
        self._audio.restart()
        self._timeline.restart()
        self._is_chosen = self._has_line = False

    def _stamp(self, timestamp: int) -> int:
        """The 33-bit stamp of a packet, -1 when it has none."""
        if timestamp < 0:
            return NO_STAMP
        if self._has_line:
            step = timestamp - self._rtp & RTP_MASK
            self._line += step - (RTP_MASK + 1) if step >= RTP_HALF else step
        else:
            self._line = timestamp
            self._has_line = True
        self._rtp = timestamp
        # In two parts, so that nothing overflows however long the stream lasts.
        seconds = self._line // self._clock_rate
        rest = self._line - seconds * self._clock_rate
        return seconds * TICKS + rest * TICKS // self._clock_rate & STAMP_MASK

    def _emit(self, data: bytes | bytearray, start: int, end: int, pts: int, duration: int) -> None:
        if pts < 0:
            self._timeline.follow(AUDIO, duration)
        else:
            self._timeline.place(AUDIO, pts, NO_STAMP, duration)
        placed = self._timeline.pts
        self._sink.add(AUDIO, self._codec, OWN_VERSION, placed, placed, True, data, start, end)

    def _is_hbr(self, data: bytes | bytearray, start: int, end: int) -> bool:
        """Whether AU headers stand before the frames, and not ADTS headers."""
        if not self._is_chosen and start + 1 < end:
            self._is_chosen = True
            self._is_adts = data[start] == 0xFF and data[start + 1] & 0xF6 == 0xF0
        return not self._is_adts

    def _split(self, data: bytes | bytearray, start: int, end: int) -> None:
        """The frames of an AAC-hbr payload (RFC 3640 §3.2)."""
        if start + 2 > end:
            self.malformed += 1
            return
        bits = data[start] << 8 | data[start + 1]
        header = start + 2
        position = header + (bits + 7) // 8
        if bits < HEADER_BITS or position > end:
            self.malformed += 1
            self._partial.clear()
            return
        stamp = self._pts
        while bits >= HEADER_BITS:
            size = data[header] << 5 | data[header + 1] >> 3
            if position + size > end:
                self._join(data, position, end, size)
                return
            self._partial.clear()
            if size:
                self._emit(data, position, position + size, stamp, self._frame_ticks)
            if stamp >= 0:
                stamp = stamp + self._frame_ticks & STAMP_MASK
            position += size
            header += 2
            bits -= HEADER_BITS

    def _join(self, data: bytes | bytearray, start: int, end: int, size: int) -> None:
        """A piece of a frame of `size` bytes that is spread over packets."""
        if self._partial.size and self._wanted != size:
            self.malformed += 1
            self._partial.clear()
        self._wanted = size
        self._partial.append(data, start, end)
        if self._partial.size >= size:
            if self._partial.size == size:
                self._emit(self._partial.data, 0, size, self._pts, self._frame_ticks)
            else:
                self.malformed += 1
            self._partial.clear()

    # --- for Python callers ----------------------------------------------------------------------

    @property
    def is_program_stream(self) -> bool:
        """See `Depacketizer.is_program_stream`."""
        return False

    def describe(self, kind: int) -> Track | None:
        """See `Depacketizer.describe`."""
        if kind != AUDIO:
            return None
        if self._audio.track is not None and (self._is_adts or self._track is None):
            return self._audio.track
        return self._track

    def tracks(self) -> tuple[Track, ...]:
        """The audio track, as soon as it is known."""
        track = self.describe(AUDIO)
        return () if track is None else (track,)

    def announced(self) -> frozenset[Kind]:
        """See `Depacketizer.announced`."""
        return frozenset((Kind.AUDIO,))

    def counters(self) -> dict[str, int]:
        """What was wrong with what was read, since the start."""
        return {
            "malformed_packets": self.malformed,
            "malformed_audio": self._audio.malformed,
            "jumps": self._timeline.jumps,
        }


def opus_ticks(data: bytes | bytearray, start: int, end: int) -> int:
    """How long an Opus packet lasts, from its TOC byte (RFC 6716 §3.1)."""
    kind = data[start] >> 3
    if kind >= 16:
        ticks = 225 << (kind & 3)
    elif kind >= 12:
        ticks = 900 << (kind & 1)
    else:
        ticks = 5400 if kind & 3 == 3 else 900 << (kind & 3)
    frames = data[start] & 3
    if frames == 3:
        return ticks * (data[start + 1] & 0x3F) if start + 1 < end else 0
    return ticks * 2 if frames else ticks


def low_complexity(rate: int, channels: int) -> bytes:
    """The AudioSpecificConfig of AAC-LC at this rate (ISO/IEC 14496-3 §1.6.2.1)."""
    index = SAMPLE_RATES.index(rate) if rate in SAMPLE_RATES else SAMPLE_RATES.index(8000)
    return (2 << 11 | index << 7 | (channels & 0x0F) << 3).to_bytes(2, "big")

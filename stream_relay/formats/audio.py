"""Audio packets of a program stream into frames: which codec they really are, and how long.

The stream map is believed only as far as the bytes agree with it: AAC is announced as G.711 and
mu-law as A-law by devices in the field (gb28181 field note 40). Compiled as `_audio`.
"""

from typing import TYPE_CHECKING

from stream_relay.access_unit import TICKS_PER_SECOND, Kind, Track
from stream_relay.formats.twins import twin
from stream_relay.formats.units import (
    AAC,
    AUDIO,
    CODECS,
    G711A,
    G711U,
    G722_1,
    NO_STAMP,
    SVAC,
    UNKNOWN,
)

if TYPE_CHECKING:
    from stream_relay.formats.aac import AdtsHeader
    from stream_relay.formats.buffer import Buffer
    from stream_relay.formats.g711 import Ear
    from stream_relay.formats.timeline import Timeline
    from stream_relay.formats.units import UnitSink
else:
    AdtsHeader, Ear = twin("aac").AdtsHeader, twin("g711").Ear
    Buffer = twin("buffer").Buffer

NO_CODEC = -1

TYPE_AAC, TYPE_G711A, TYPE_G711U, TYPE_G722_1, TYPE_SVAC = 0x0F, 0x90, 0x91, 0x92, 0x9B
"""stream_type of GB/T 28181 (2016 and 2022)."""

READ, HEADER_BYTES, SAMPLES_PER_FRAME = 0, 7, 1024
"""As in aac.py."""
G711_RATE = 8000
TICKS, STAMP_MASK = TICKS_PER_SECOND, (1 << 33) - 1

SNIFFED_PACKETS = 50
"""Packets in which the law of G.711 may still be corrected."""
UNREADABLE_PACKETS = 3
"""Packets announced as AAC without any ADTS header before the announcement is dropped."""


class AudioAssembler:
    """Turns audio packets into access units of a sink; holds at most one partial ADTS frame."""

    def __init__(self, timeline: "Timeline", sink: "UnitSink") -> None:
        self.track: Track | None = None
        self.version = 0
        """Rises whenever `track` changes."""
        self.malformed = 0
        self._timeline = timeline
        self._sink = sink
        self._header = AdtsHeader()
        self._ear = Ear()
        self._partial = Buffer()
        self._codec = NO_CODEC
        self._declared = NO_STAMP
        self._packets = self._unreadable = 0
        self._offset = 0
        self._is_carried = False
        self._told_codec = NO_CODEC
        self._told_rate = self._told_channels = self._told_type = 0

    def push(self, data: bytes | bytearray, start: int, end: int, pts: int, declared: int) -> None:
        """Hand on the access units that the packet `data[start:end]` completes.

        `pts` is 33-bit or -1 (then samples are counted on), `declared` the stream_type or -1.
        """
        if declared != self._declared:
            self._declared = declared
            self._codec = NO_CODEC
        self._decide(data, start, end)
        self._packets += 1
        if self._codec != AAC:
            self._whole(data, start, end, pts)
            return
        # The stamp is that of the first frame that begins in the packet, not of one carried over.
        self._is_carried = self._partial.size > 0
        self._offset = 0
        if not self._is_carried:
            used = self._split_adts(data, start, end, pts)
            self._partial.append(data, used, end)
        elif self._partial.append(data, start, end):
            used = self._split_adts(self._partial.data, 0, self._partial.size, pts)
            self._partial.drop(used)
        self._doubt_adts()

    def reset(self) -> None:
        """Forget a partial frame: bytes are missing."""
        self._partial.clear()

    def restart(self) -> None:
        """Another source follows: what this one sent was no promise of it."""
        self._partial.clear()
        self._codec = NO_CODEC
        self._packets = self._unreadable = 0

    def _decide(self, data: bytes | bytearray, start: int, end: int) -> None:
        if self._codec == NO_CODEC:
            self._codec = self._codec_of(self._declared)
            self._packets = self._unreadable = 0
        if self._codec != AAC and self._packets < SNIFFED_PACKETS:
            self._sniff(data, start, end)
        if self._codec == NO_CODEC:
            self._codec = G711A

    def _codec_of(self, declared: int) -> int:
        if declared <= 0:
            return NO_CODEC
        if declared == TYPE_G711A:
            return G711A
        if declared == TYPE_G711U:
            return G711U
        if declared == TYPE_AAC:
            return AAC
        if declared == TYPE_G722_1:
            return G722_1
        return SVAC if declared == TYPE_SVAC else UNKNOWN

    def _sniff(self, data: bytes | bytearray, start: int, end: int) -> None:
        if self._header.chains(data, start, end):
            self._codec = AAC
        elif self._codec == NO_CODEC or self._codec == G711A:
            heard = self._ear.law_of_silence(data, start, end)
            if heard >= 0:
                self._codec = heard

    def _whole(self, data: bytes | bytearray, start: int, end: int, pts: int) -> None:
        if start >= end:
            return
        if self._codec == G711A or self._codec == G711U:
            self._describe(self._codec, G711_RATE, 1, 0)
            self._emit(data, start, end, pts, (end - start) * TICKS // 8000)
        else:
            self._describe(self._codec, 0, 0, 0)
            self._emit(data, start, end, pts, 0)

    def _emit(self, data: bytes | bytearray, start: int, end: int, pts: int, duration: int) -> None:
        if pts < 0:
            self._timeline.follow(AUDIO, duration)
        else:
            self._timeline.place(AUDIO, pts & STAMP_MASK, NO_STAMP, duration)
        placed = self._timeline.pts
        self._sink.add(AUDIO, self._codec, self.version, placed, placed, True, data, start, end)

    def _split_adts(self, data: bytes | bytearray, start: int, end: int, pts: int) -> int:
        """Hand on whole frames; where the rest begins."""
        position = start
        readable = False
        while position + HEADER_BYTES <= end:
            if self._header.read(data, position, end) != READ:
                self.malformed += 1
                position = self._partial.find_byte(0xFF, data, position + 1, end)
                if position < 0:
                    position = end
                continue
            if position + self._header.frame_bytes > end:
                break
            self._hand_on(data, position, pts)
            position += self._header.frame_bytes
            readable = True
        self._unreadable = 0 if readable else self._unreadable + 1
        return position

    def _hand_on(self, data: bytes | bytearray, position: int, pts: int) -> None:
        """The frame whose header at `position` has just been read."""
        duration = self._header.blocks * SAMPLES_PER_FRAME * TICKS
        duration //= self._header.sample_rate
        if self._is_carried:
            self._offset = -duration
            self._is_carried = False
        self._describe(
            AAC, self._header.sample_rate, self._header.channels, self._header.object_type
        )
        stamp = NO_STAMP if pts < 0 else pts + self._offset & STAMP_MASK
        begin = position + self._header.header_bytes
        self._emit(data, begin, position + self._header.frame_bytes, stamp, duration)
        self._offset += duration

    def _doubt_adts(self) -> None:
        if self._unreadable >= UNREADABLE_PACKETS:
            self._codec = G711A
            self._partial.clear()

    def _describe(self, codec: int, rate: int, channels: int, object_type: int) -> None:
        if codec != self._told_codec or rate != self._told_rate:
            self._tell(codec, rate, channels, object_type)
        elif channels != self._told_channels or object_type != self._told_type:
            self._tell(codec, rate, channels, object_type)

    def _tell(self, codec: int, rate: int, channels: int, object_type: int) -> None:
        """Another track begins."""
        self._told_codec = codec
        self._told_rate = rate
        self._told_channels = channels
        self._told_type = object_type
        self.version += 1
        self.track = Track(
            Kind.AUDIO,
            CODECS[codec],
            sample_rate=rate,
            channels=channels,
            audio_config=self._header.config if codec == AAC else b"",
        )

    # For Python callers

    def push_packet(self, payload: bytes, pts: int = NO_STAMP, declared: int = NO_STAMP) -> None:
        """See `push`."""
        self.push(payload, 0, len(payload), pts, declared)

    def describe(self, kind: int) -> Track | None:
        """The track in force, for a `UnitList`."""
        return self.track if kind == AUDIO else None

"""Audio packets of a program stream into frames: which codec they really are, and how long.

The stream map is believed only as far as the bytes agree with it: AAC is announced as G.711 and
mu-law as A-law by devices in the field (gb28181 field note 40).
"""

from dataclasses import dataclass

from stream_relay.access_unit import TICKS_PER_SECOND, AccessUnit, Codec, Kind, Track
from stream_relay.errors import MalformedBitstream
from stream_relay.formats import aac, g711
from stream_relay.formats.timeline import WRAP, Timeline

DECLARED = {
    0x0F: Codec.AAC,
    0x90: Codec.G711A,
    0x91: Codec.G711U,
    0x92: Codec.G722_1,
    0x9B: Codec.SVAC,
}
"""stream_type of GB/T 28181 (2016 and 2022) to codec."""

SNIFFED_PACKETS = 50
"""Packets in which the law of G.711 may still be corrected."""
UNREADABLE_PACKETS = 3
"""Packets announced as AAC without any ADTS header before the announcement is dropped."""


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """One codec frame; `offset_ticks` after the time stamp of its packet."""

    data: bytes
    offset_ticks: int
    duration_ticks: int


class AudioAssembler:
    """Turns audio packets into access units; holds at most one partial ADTS frame."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.track: Track | None = None
        self.malformed = 0
        self._codec: Codec | None = None
        self._declared: int | None = None
        self._packets = 0
        self._unreadable = 0
        self._partial = b""

    def push(self, payload: bytes, pts: int | None, declared: int | None) -> list[AccessUnit]:
        """Access units that this packet completes.

        `pts` is 33-bit or None (then samples are counted on), `declared` the stream_type or None.
        """
        units = []
        for frame in self._frames(payload, declared):
            step = frame.duration_ticks
            if pts is None:
                placed, _ = self._timeline.follow(Kind.AUDIO, step)
            else:
                stamp = (pts + frame.offset_ticks) % WRAP
                placed, _ = self._timeline.place(Kind.AUDIO, stamp, None, step)
            codec = self._codec or Codec.UNKNOWN
            units.append(
                AccessUnit(Kind.AUDIO, codec, placed, placed, True, frame.data, self.track)
            )
        return units

    def _frames(self, payload: bytes, declared: int | None) -> list[AudioFrame]:
        if declared != self._declared:
            self._declared = declared
            self._codec = None
        self._decide(payload)
        self._packets += 1
        if self._codec is Codec.AAC:
            return self._split_adts(payload)
        return self._whole(payload)

    def reset(self) -> None:
        """Forget a partial frame: bytes are missing."""
        self._partial = b""

    def _decide(self, payload: bytes) -> None:
        if self._codec is None:
            self._codec = DECLARED.get(self._declared, Codec.UNKNOWN) if self._declared else None
            self._packets = self._unreadable = 0
        if self._codec is not Codec.AAC and self._packets < SNIFFED_PACKETS:
            self._sniff(payload)
        if self._codec is None:
            self._codec = Codec.G711A

    def _sniff(self, payload: bytes) -> None:
        if aac.is_adts(payload):
            self._codec = Codec.AAC
        elif self._codec is not Codec.G711U and self._codec in (None, Codec.G711A):
            self._codec = g711.law_of_silence(payload) or self._codec

    def _whole(self, payload: bytes) -> list[AudioFrame]:
        if not payload or self._codec is None:
            return []
        if self._codec in (Codec.G711A, Codec.G711U):
            self._describe(Track(Kind.AUDIO, self._codec, sample_rate=g711.SAMPLE_RATE, channels=1))
            return [AudioFrame(payload, 0, g711.duration_ticks(len(payload)))]
        self._describe(Track(Kind.AUDIO, self._codec))
        return [AudioFrame(payload, 0, 0)]

    def _split_adts(self, payload: bytes) -> list[AudioFrame]:
        data = self._partial + payload
        # The stamp is that of the first frame that begins in the packet, not of one carried over.
        is_carried = bool(self._partial)
        frames: list[AudioFrame] = []
        position = offset = 0
        while position + aac.HEADER_BYTES <= len(data):
            try:
                header = aac.parse_adts(data, position)
            except MalformedBitstream:
                position = self._next_sync(data, position + 1)
                continue
            if position + header.frame_bytes > len(data):
                break
            frame = data[position + header.header_bytes : position + header.frame_bytes]
            duration = header.blocks * aac.SAMPLES_PER_FRAME * TICKS_PER_SECOND
            duration //= header.sample_rate
            if is_carried:
                offset, is_carried = -duration, False
            frames.append(AudioFrame(frame, offset, duration))
            offset += duration
            position += header.frame_bytes
            self._describe_aac(header)
        self._partial = data[position:]
        self._doubt_adts(bool(frames))
        return frames

    def _next_sync(self, data: bytes, position: int) -> int:
        self.malformed += 1
        found = data.find(b"\xff", position)
        return found if found >= 0 else len(data)

    def _doubt_adts(self, readable: bool) -> None:
        self._unreadable = 0 if readable else self._unreadable + 1
        if self._unreadable >= UNREADABLE_PACKETS:
            self._codec = Codec.G711A
            self._partial = b""

    def _describe_aac(self, header: aac.AdtsHeader) -> None:
        self._describe(
            Track(
                Kind.AUDIO,
                Codec.AAC,
                sample_rate=header.sample_rate,
                channels=header.channels,
                audio_config=header.config,
            )
        )

    def _describe(self, track: Track) -> None:
        if track != self.track:
            self.track = track

"""AccessUnit and Track: the one currency of the data plane.

Times are ticks of 90 kHz on one time line per stream, unwrapped to 64 bit, starting near 0.
"""

from dataclasses import dataclass
from enum import StrEnum

TICKS_PER_SECOND = 90_000


class Kind(StrEnum):
    """What a track carries."""

    VIDEO = "video"
    AUDIO = "audio"


class Codec(StrEnum):
    """How a track is encoded."""

    H264 = "h264"
    H265 = "h265"
    MPEG4 = "mpeg4"
    SVAC = "svac"
    G711A = "g711a"
    G711U = "g711u"
    AAC = "aac"
    G722_1 = "g722.1"
    OPUS = "opus"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Track:
    """What a decoder must know before the first access unit; a change gives a new Track."""

    kind: Kind
    codec: Codec
    clock_rate: int = TICKS_PER_SECOND
    """Ticks per second of the time stamps; 90 000 for every track."""
    parameter_sets: tuple[bytes, ...] = ()
    """H.264: SPS, PPS; H.265: VPS, SPS, PPS (NAL units without start code); MPEG-4: the headers."""
    width: int = 0
    """Pixels after cropping; 0 when the headers do not tell."""
    height: int = 0
    frame_rate: float | None = None
    """Frames per second as the headers say, None when they do not."""
    sample_rate: int = 0
    """Audio samples per second."""
    channels: int = 0
    audio_config: bytes = b""
    """AudioSpecificConfig of AAC (ISO/IEC 14496-3 §1.6.2.1)."""


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One picture, or the audio frames that belong together, as sent by the device."""

    track: Kind
    codec: Codec
    pts_ticks: int
    dts_ticks: int
    is_key: bool
    """Decoding can start here; always true for audio."""
    data: bytes
    """Video: Annex B, with the parameter sets as sent. Audio: raw codec frames, ADTS removed."""
    description: Track | None = None
    """The track in force for this unit; another object than before means: the track changed."""

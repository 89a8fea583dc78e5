"""The piece of output that readers share by reference, and the names of the formats."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Literal

from stream_relay.access_unit import AccessUnit, Kind, Track

Format = Literal[
    "access-units",
    "fmp4",
    "fmp4-any-audio",
    "flv",
    "flv-h265-legacy",
    "ps",
    "ps-g711",
    "ps-video",
]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One fragment (fMP4), tag (FLV), pack (PS) or access unit, built once and never changed.

    An `init` chunk comes first in every reader and again whenever the tracks of the format
    change; the next media chunk after it is a key.
    """

    kind: Literal["init", "media"]
    data: bytes
    codec_string: str
    """RFC 6381 codecs of all tracks carried, e.g. `avc1.64001f,mp4a.40.2`; empty if unknown."""
    is_key: bool
    """Decoding can start here."""
    pts_ticks: int
    """Presentation time of the picture (of the first unit, without one) on the stream's time
    line: 90 kHz, starts at 0, the same for every reader and format."""
    dts_ticks: int
    wall: datetime
    """When the (first) unit arrived."""
    tracks: tuple[Track, ...]
    """The tracks this format carries."""
    unit: AccessUnit | None = None
    """The unit itself, format `access-units` only."""


class Change(Enum):
    """What new tracks mean for the readers of a format."""

    NOTHING = 0
    """Nothing that this format carries has changed."""
    ADDED = 1
    """The new init chunk may be followed by any chunk."""
    RESTART = 2
    """After the new init chunk decoding starts at a key."""


def video_of(tracks: tuple[Track, ...]) -> Track | None:
    """The video track, if there is one."""
    return next((track for track in tracks if track.kind is Kind.VIDEO), None)

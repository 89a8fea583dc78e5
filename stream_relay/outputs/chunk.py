"""The piece of output that readers share by reference, and what makes one: one file per format."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Literal, Protocol

from stream_relay.access_unit import AccessUnit, Kind, Track

Format = Literal["access-units", "fmp4", "fmp4-any-audio", "flv", "flv-h265-legacy"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One fragment (fMP4), tag (FLV) or access unit, built once and never changed.

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


class Output(Protocol):
    """Turns placed access units into chunks; called once per unit however many readers there are.

    The five formats differ in this class only: a new one is one file here and one line in
    `outputs/__init__.py`.
    """

    def start(self, tracks: tuple[Track, ...], wall: datetime) -> Change:
        """Take the tracks and tell what they change; the first time this is `RESTART`.

        Raises `Unsupported` when the format cannot carry the video codec.
        """

    def opening(self, dts_ticks: int) -> Chunk:
        """The init chunk for a reader whose next chunk is about `dts_ticks`."""

    def reopening(self, dts_ticks: int) -> Chunk:
        """The init chunk for a reader that had another one before."""

    def convert(self, unit: AccessUnit, wall: datetime) -> Sequence[Chunk]:
        """The chunks that this unit completes; none when its track is not carried."""


def video_of(tracks: tuple[Track, ...]) -> Track | None:
    """The video track, if there is one."""
    return next((track for track in tracks if track.kind is Kind.VIDEO), None)

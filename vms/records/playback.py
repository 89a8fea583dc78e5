"""Recordings on devices: what was found, what is played back, what is fetched."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RecordingSource(StrEnum):
    """Where a recording is kept."""

    LOCAL = "local"
    DEVICE = "device"
    ALL = "all"
    """Both, as a question; no recording has it."""


class SearchState(StrEnum):
    """How far a search on a device is.

    to SEARCHING: asked, messages may still come; to COMPLETE: the device sent what it promised; to
    PARTIAL: it stopped before; to FAILED: no answer, see `reason`.
    """

    SEARCHING = "searching"
    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class DeviceRecording:
    """One recorded file of a device."""

    channel: str
    started_at: datetime
    ended_at: datetime
    name: str = ""
    record_type: str = ""
    """`time`, `alarm` or `manual`; empty when the device does not say."""
    size_bytes: int = 0
    """0 when the device does not say."""


@dataclass(frozen=True, slots=True)
class RecordingSearch:
    """What is known of a device's recordings of a stretch of time."""

    channel: str
    started_at: datetime
    ended_at: datetime
    state: SearchState
    items: tuple[DeviceRecording, ...] = ()
    expected: int = 0
    """As promised by the device; 0 while it has not said."""
    reason: str = ""
    """Why it failed: a code that people are told in words."""
    detail: str = ""


class PlaybackState(StrEnum):
    """What a playback does.

    to CONNECTING: asked for; to PLAYING: a picture came; to PAUSED: a person held it; to ENDED:
    the recording is over or nobody looks; to FAILED: the device refused or went away.
    """

    CONNECTING = "connecting"
    PLAYING = "playing"
    PAUSED = "paused"
    ENDED = "ended"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self in (PlaybackState.ENDED, PlaybackState.FAILED)


@dataclass(frozen=True, slots=True)
class Playback:
    """One recording on its way from a device to a person."""

    id: str
    channel: str
    owner: str
    started_at: datetime
    """Begin of the stretch that was asked for."""
    ended_at: datetime
    state: PlaybackState
    position: datetime
    """Recorded time of the newest picture here."""
    speed: float
    """Below 0: backwards."""
    created_at: datetime
    reason: str = ""
    """Why it is over: `finished`, `stopped`, `unwatched`, `silent`, or a code of a failure."""
    detail: str = ""
    can_reverse: bool | None = None
    """None: nobody has tried with this device."""


class DownloadState(StrEnum):
    """What the fetching of a recording does.

    to WAITING: others are first; to RUNNING: the device sends; to DONE: the file is complete; to
    FAILED: see `reason`; to CANCELLED: by a person; to INTERRUPTED: the platform stopped meanwhile.
    """

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens by itself."""
        return self not in (DownloadState.WAITING, DownloadState.RUNNING)


@dataclass(frozen=True, slots=True)
class Download:
    """A recording of a device that becomes a file here."""

    id: str
    channel: str
    owner: str
    started_at: datetime
    ended_at: datetime
    speed: int
    state: DownloadState
    created_at: datetime
    progress: float = 0.0
    """0 to 1, by bytes where the device told the size, else by recorded time."""
    size_bytes: int = 0
    """Of the finished file."""
    reason: str = ""
    detail: str = ""
    files: tuple[str, ...] = ()
    """Names below the download's folder; more than one when the picture's form changed."""

"""Talks and broadcasts: what people ask for, and what became of each target."""

from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum


class VoiceState(StrEnum):
    """How far a talk or broadcast is.

    to WAITING: made, its targets are busy; to CALLING: devices are asked; to SPEAKING: at least
    one hears; to DONE: played to its end; to STOPPED: somebody ended it; to INTERRUPTED: one of
    higher priority took its targets; to FAILED: nobody could be reached.
    """

    WAITING = "waiting"
    CALLING = "calling"
    SPEAKING = "speaking"
    DONE = "done"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self not in (VoiceState.WAITING, VoiceState.CALLING, VoiceState.SPEAKING)


class VoiceKind(StrEnum):
    """Where the sound comes from."""

    TALK = "talk"
    """One person speaks to one camera."""
    LIVE = "live"
    """One person speaks to a group."""
    FILE = "file"
    TEXT = "text"


class TargetState(StrEnum):
    """How far one target is; to DONE: it heard all there was while it was connected."""

    WAITING = "waiting"
    CALLING = "calling"
    SPEAKING = "speaking"
    DONE = "done"
    FAILED = "failed"


class VoiceReason(StrEnum):
    """Why a target does not hear; each has a Chinese and an English text in the viewer."""

    DEVICE_OFFLINE = "device_offline"
    DEVICE_UNREACHABLE = "device_unreachable"
    REFUSED = "refused"
    """The device answered the notification with ERROR, or refused it."""
    NO_INVITE = "no_invite"
    """The device said OK and then did not call."""
    MEDIA_UNREACHABLE = "media_unreachable"
    PORTS_EXHAUSTED = "ports_exhausted"
    HUNG_UP = "hung_up"
    """The device ended the call while we spoke."""


@dataclass(frozen=True, slots=True)
class VoiceTargets:
    """Who is to hear: codes of channels or main devices, and whole groups."""

    channels: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    """Main devices: all their sound outputs."""
    organisations: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    """Two or four digits."""


@dataclass(frozen=True, slots=True)
class TargetView:
    """One target of a broadcast."""

    code: str
    name: str
    state: TargetState
    reason: VoiceReason | None
    detail: str
    packets: int
    """Sent to it."""
    dropped: int
    """That it, or the kernel, did not take."""


@dataclass(frozen=True, slots=True)
class VoiceView:
    """A talk or a broadcast as it is now."""

    id: str
    kind: VoiceKind
    name: str
    by: str
    """Who speaks, or who ordered it."""
    priority: int
    state: VoiceState
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    played_s: float
    length_s: float | None
    """None while somebody speaks live."""
    level_db: float
    """Of the last 20 ms; full scale is 0, silence -90."""
    clipped: int
    """Samples at full scale: the microphone is set too high."""
    dropped_s: float
    """Live sound that came too late or too fast and was left out."""
    targets: tuple[TargetView, ...]


@dataclass(frozen=True, slots=True)
class Announcement:
    """A sound in the library."""

    id: str
    name: str
    length_s: float
    by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BroadcastOrder:
    """What is to be said to whom; exactly one of `announcement`, `text` and `is_live` is given."""

    name: str
    targets: VoiceTargets
    announcement: str = ""
    text: str = ""
    is_live: bool = False
    priority: int = 5
    """1 least to 9 most urgent."""
    times: int = 1


@dataclass(frozen=True, slots=True)
class TimetableEntry:
    """A broadcast that comes by itself."""

    id: str
    order: BroadcastOrder
    at: time
    """Local time of the platform's zone."""
    days: tuple[int, ...]
    """1 Monday to 7 Sunday."""
    enabled: bool
    by: str
    last_at: datetime | None = None
    last_result: str = ""
    """Id of the last broadcast, or the code of why there was none."""

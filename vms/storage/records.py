"""The frozen records of what the platform itself remembers; rows never leave this package.

Times are aware datetimes in UTC. Geometry is a share (0..1) of the picture. JSON-like values are
plain mappings and tuples.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any


class AlarmState(StrEnum):
    """Where an alarm is on its way."""

    RAISED = "raised"
    """to RAISED: something was seen, or a device said so."""
    ACKNOWLEDGED = "acknowledged"
    """to ACKNOWLEDGED: a person has taken it."""
    CLEARED = "cleared"
    """to CLEARED: a person has closed it; the same cause seen again is a new alarm."""


class AlarmStep(StrEnum):
    """What a person does to an alarm."""

    ACKNOWLEDGE = "acknowledge"
    CLEAR = "clear"


ALARM_TRANSITIONS: dict[tuple[AlarmState, AlarmStep], AlarmState] = {
    (AlarmState.RAISED, AlarmStep.ACKNOWLEDGE): AlarmState.ACKNOWLEDGED,
    (AlarmState.RAISED, AlarmStep.CLEAR): AlarmState.CLEARED,
    (AlarmState.ACKNOWLEDGED, AlarmStep.CLEAR): AlarmState.CLEARED,
}
"""Every other pair is refused and changes nothing."""


class AlarmLevel(IntEnum):
    """Levels of Chinese emergency practice."""

    RED = 1
    ORANGE = 2
    YELLOW = 3
    BLUE = 4


class SubjectKind(StrEnum):
    """What an on/off span is about."""

    DEVICE = "device"
    CHANNEL = "channel"


class SpanState(StrEnum):
    """What was known of the subject during a span."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"
    """The platform itself was not there to see."""


class SpanCause(StrEnum):
    """Why a span began."""

    REGISTERED = "registered"
    RETURNED = "returned"
    """Heard again after missed keepalives, or listed again."""
    REPORTED_ON = "reported_on"
    """The device says its channel is on."""
    REPORTED_OFF = "reported_off"
    """The device says its channel is off."""
    VIDEO_LOST = "video_lost"
    """The device says that its channel has no picture (VLOST)."""
    DEFECT = "defect"
    """The device says that its channel is broken (DEFECT)."""
    FAULTY = "faulty"
    """The device's keepalive lists the channel as faulty."""
    REPAIRED = "repaired"
    """The device's keepalive lists it no more."""
    ADDED = "added"
    """First listed in a catalog."""
    UNREGISTERED = "unregistered"
    """The device said goodbye."""
    EXPIRED = "expired"
    """The registration ran out."""
    KEEPALIVE_LOST = "keepalive_lost"
    CONNECTION_LOST = "connection_lost"
    """The TCP connection that carried the device is gone."""
    DEVICE_OFFLINE = "device_offline"
    """A channel went off because its device did."""
    MISSING = "missing"
    """The device's catalog no longer lists the channel."""
    NO_FRAMES = "no_frames"
    """It says on, but pictures stopped."""
    PLATFORM_DOWN = "platform_down"
    """We were not running; nobody knows."""
    DELETED = "deleted"
    """The operator removed it."""


class Role(StrEnum):
    """The three user levels (requirement X2)."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class AlarmBox:
    """A box on the alarm's picture, corners as shares of width and height."""

    label: str
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class NewAlarm:
    """What to raise; two with the same `dedupe_key` are one alarm while it is not cleared."""

    channel: str
    kind: str
    level: AlarmLevel
    dedupe_key: str
    channel_name: str = ""
    source: str = ""
    """Who raises it: `scene:7`, `device`, `system`."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    boxes: tuple[AlarmBox, ...] = ()
    snapshot: str = ""
    """Path of the picture relative to the data directory."""


@dataclass(frozen=True, slots=True)
class AlarmRecord:
    """Something a person should know, and what became of it."""

    id: int
    channel: str
    channel_name: str
    kind: str
    level: AlarmLevel
    state: AlarmState
    dedupe_key: str
    source: str
    raised_at: datetime
    last_at: datetime
    """When the same cause was seen last."""
    count: int
    """How often it was raised while active."""
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    cleared_at: datetime | None
    cleared_by: str | None
    note: str
    detail: Mapping[str, Any]
    boxes: tuple[AlarmBox, ...]
    snapshot: str


@dataclass(frozen=True, slots=True)
class AlarmFilter:
    """Which alarms; every field that is set narrows the answer."""

    state: AlarmState | None = None
    active: bool | None = None
    """True: raised or acknowledged."""
    channel: str | None = None
    level: AlarmLevel | None = None
    kind: str | None = None
    start: datetime | None = None
    """Raised at or after."""
    end: datetime | None = None
    """Raised before."""


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """A stretch of time, half open, in which a subject was on, off or unobserved."""

    id: int
    kind: SubjectKind
    subject: str
    state: SpanState
    cause: SpanCause
    started_at: datetime
    ended_at: datetime | None
    """None: it lasts."""


@dataclass(frozen=True, slots=True)
class StateChange:
    """A subject's state from now on."""

    subject: str
    state: SpanState
    cause: SpanCause


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A person who may log in."""

    id: int
    username: str
    password_hash: str = field(repr=False)
    role: Role
    must_change_password: bool
    disabled: bool
    created_at: datetime
    password_changed_at: datetime
    last_login_at: datetime | None


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A login; only the hash of its token is stored."""

    token_hash: str = field(repr=False)
    user: UserRecord
    source: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LoginFailures:
    """Failed logins under one key (an account from an address, or an address)."""

    key: str = field(repr=False)
    count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class NewSegment:
    """A recorded file to put into the index."""

    channel: str
    path: str
    """Relative to the recordings directory, with `/`; unique."""
    started_at: datetime
    ended_at: datetime
    size_bytes: int
    codec: str = ""
    width: int = 0
    height: int = 0
    has_audio: bool = False


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """A recorded file."""

    id: int
    channel: str
    path: str
    started_at: datetime
    ended_at: datetime
    size_bytes: int
    codec: str
    width: int
    height: int
    has_audio: bool
    locked: bool
    """Kept from retention by a person."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class SceneDraft:
    """How one channel is to be analysed, as somebody typed it."""

    channel: str
    plugin: str
    name: str
    enabled: bool = True
    sample_fps: float = 1.0
    region: tuple[tuple[float, float], ...] = ()
    """Corners as shares; empty: the whole picture."""
    params: Mapping[str, Any] = field(default_factory=dict)
    level: AlarmLevel = AlarmLevel.ORANGE


@dataclass(frozen=True, slots=True)
class SceneRecord:
    """How one channel is analysed."""

    id: int
    channel: str
    plugin: str
    name: str
    enabled: bool
    sample_fps: float
    region: tuple[tuple[float, float], ...]
    params: Mapping[str, Any]
    level: AlarmLevel
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RecordingSwitch:
    """Whether a channel is to be recorded, and who said so."""

    channel: str
    on: bool
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class RegistrationAttempt:
    """Tries to register, added up by device id, address and outcome."""

    device_id: str
    address: str
    """Host without port: ports change with each try."""
    transport: str
    outcome: str
    user_agent: str
    count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, from where, with which result."""

    id: int
    at: datetime
    actor: str
    source: str
    action: str
    target: str
    result: str
    detail: Mapping[str, Any]

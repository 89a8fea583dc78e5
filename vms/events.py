"""What happens, as typed events on the bus; past participles, frozen.

The `type` of an event is its name on the event WebSocket.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from vms.records import Alarm, AttemptView, Box, LiveStatus, PositionView, PtzStatus, Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Root of all events; `at` is wall time in UTC."""

    type: ClassVar[str] = "event"
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatusChanged(Event):
    """A device came on, went off, or moved to another address."""

    type: ClassVar[str] = "device_status"
    device_id: str
    online: bool
    registered: bool
    cause: str
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelStatusChanged(Event):
    """A channel came on, went off, was proven by a key frame, or its recording was switched."""

    type: ClassVar[str] = "channel_status"
    code: str
    device_id: str
    online: bool
    registered: bool
    says_on: bool
    proven: bool
    cause: str
    recording: bool | None = None
    """None when this event says nothing about recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogMerged(Event):
    """A catalogue of a device was merged; the tree may have changed."""

    type: ClassVar[str] = "catalog_merged"
    device_id: str
    added: int
    updated: int
    missing: int
    returned: int
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised(Event):
    """A new alarm."""

    type: ClassVar[str] = "alarm_raised"
    alarm: Alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmUpdated(Event):
    """An alarm was repeated, acknowledged, cleared, or got its snapshot."""

    type: ClassVar[str] = "alarm_updated"
    alarm: Alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionsMade(Event):
    """What analysis saw in one picture of a channel."""

    type: ClassVar[str] = "detections"
    channel: str
    scene_id: int
    pts_ticks: int
    """The picture's place on the stream's time line, 90 kHz."""
    wall: datetime
    width: int
    height: int
    boxes: tuple[Box, ...]
    region: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStatusChanged(Event):
    """The picture of a channel entered another state or step, or its tracks changed."""

    type: ClassVar[str] = "live_status"
    status: LiveStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationAttempted(Event):
    """Somebody tried to register."""

    type: ClassVar[str] = "registration_attempt"
    attempt: AttemptView


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRecorded(Event):
    """A file of recorded picture was closed and indexed."""

    type: ClassVar[str] = "segment_recorded"
    segment: Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class PtzHolderChanged(Event):
    """Another person steers a camera, somebody has locked it, or nobody holds it any more."""

    type: ClassVar[str] = "ptz_holder"
    status: PtzStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoUploadAnnounced(Event):
    """A device says that it begins to send video by itself, e.g. a body camera."""

    type: ClassVar[str] = "video_upload"
    device_id: str
    channel: str
    time_text: str
    longitude: float | None
    latitude: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionUpdated(Event):
    """What a device reports of itself has begun, ended or failed."""

    type: ClassVar[str] = "subscription"
    device_id: str
    topic: str
    """`catalog`, `alarm` or `position`."""
    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReported(Event):
    """Something that moves said where it is."""

    type: ClassVar[str] = "position"
    position: PositionView


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryChanged(Event):
    """People named, placed or removed devices or channels."""

    type: ClassVar[str] = "registry_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformsChanged(Event):
    """Upper platforms were added, changed or removed, or the address of one is another."""

    type: ClassVar[str] = "platforms_changed"
    platform_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformStateChanged(Event):
    """We are registered at an upper platform, or not any more, or try it again."""

    type: ClassVar[str] = "platform_state"
    platform_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharesChanged(Event):
    """What these upper platforms see is not what it was; ask for their trees again."""

    type: ClassVar[str] = "shares_changed"
    platform_ids: tuple[str, ...]

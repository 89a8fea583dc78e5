"""The frozen records that this package gives to others; the rows behind them never leave it.

Times are aware datetimes in UTC. Codes are text. Positions are WGS-84 degrees. Three facts about a
channel stay apart, because each can be false alone: its device is registered, its device says it is
on, and frames of it were seen (proven).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Generic, TypeVar

from channel_registry.codes import ChannelCode, without_picture

T = TypeVar("T")


class Keep(Enum):
    """Says of an argument: leave this as it is (`None` already means: take it away)."""

    KEEP = "keep"


KEEP = Keep.KEEP


class MediaTransport(StrEnum):
    """How this device should be asked to send media (GB/T 28181-2022 9.2, annex D)."""

    UDP = "udp"
    TCP_PASSIVE = "tcp-passive"
    """We listen, the device connects."""
    TCP_ACTIVE = "tcp-active"
    """The device listens, we connect."""


class OrganisationKind(StrEnum):
    """Where an organisation node comes from."""

    LOCAL = "local"
    """Made by our own operator: a mine, a shaft, a plant."""
    REGION = "region"
    """A civil code of 2, 4, 6 or 8 digits in a device's catalog."""
    GROUP = "group"
    """A business group (type 215) in a device's catalog."""
    VIRTUAL = "virtual"
    """A virtual organisation (type 216) in a device's catalog."""
    PLATFORM = "platform"
    """A system or server (types 200-214, 217-299) in a device's catalog."""
    DEVICE = "device"
    """A device (types 111-130) behind the registered one, such as an NVR behind a mine box."""


class CategorySource(StrEnum):
    """Why a channel counts under its category."""

    ASSIGNED = "assigned"
    """Somebody gave it a 4-digit category code."""
    GUESSED = "guessed"
    """Its name contains the name of a category."""
    NONE = "none"


class NodeKind(StrEnum):
    """What a node of a tree stands for."""

    ORGANISATION = "organisation"
    CATEGORY = "category"
    DEVICE = "device"
    CHANNEL = "channel"


class TreeBy(StrEnum):
    """The two ways to browse."""

    ORGANISATION = "organisation"
    CATEGORY = "category"


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list, with the length of the whole list."""

    items: tuple[T, ...]
    total: int
    page: int
    """Counted from 1."""
    size: int


@dataclass(frozen=True, slots=True)
class Category:
    """One of the 36 kinds of place that a mine must show (requirement M2)."""

    order: int
    prefix: str
    """Two digits, `01` to `36`: the first half of a 4-digit category code."""
    name: str
    min_cameras: int
    location: str
    """`surface` or `underground`."""
    capabilities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A peer that may register: a camera, a recorder, a mine's aggregation box."""

    id: str
    name: str
    """Given by the operator, else as the device calls itself."""
    password_set: bool
    manufacturer: str
    model: str
    firmware: str
    user_agent: str
    gb_version: str
    transport: str | None
    """Of the last registration: `udp` or `tcp`."""
    host: str | None
    port: int | None
    media_transport: MediaTransport
    registered: bool
    registered_at: datetime | None
    """Start of the present registration."""
    expires_at: datetime | None
    last_seen_at: datetime | None
    online: bool
    """Registered and heard of within its keepalive limit."""
    state_since: datetime | None
    """Since when `online` is what it is; none before the first registration."""
    cause: str
    """Why it came on or went off last; one of the causes of the on/off spans."""
    organisation_id: str | None
    channel_count: int
    catalog_at: datetime | None
    """When a catalog of this device was merged last."""
    catalog_complete: bool
    created_at: datetime
    clock_offset_s: float | None = None
    """How much its clock is fast (negative: slow); none: right, or it never told its time."""

    @property
    def address(self) -> str:
        """Host and port of the last registration, empty before the first."""
        return "" if self.host is None else f"{self.host}:{self.port}"

    @property
    def online_since(self) -> datetime | None:
        """Since when it is online, none while it is not."""
        return self.state_since if self.online else None

    @property
    def offline_since(self) -> datetime | None:
        """Since when it is offline, none while it is online or was never seen."""
        return None if self.online else self.state_since


@dataclass(frozen=True, slots=True)
class RegistrationRuleRecord:
    """What differs when a device registers; empty fields leave the settings as they are."""

    device_id: str
    """`*` stands for every device."""
    digest_algorithms: tuple[str, ...] = ()
    """MD5, SHA-256, SM3 in the order in which they are offered."""
    send_date: bool | None = None
    redirect_server_id: str = ""
    """Where the device is sent by 302 (GB/T 28181-2022 9.1.2.3), together with the host."""
    redirect_host: str = ""
    redirect_port: int = 5060
    redirect_transport: str = "udp"


@dataclass(frozen=True, slots=True)
class DeviceCredential:
    """What the registrar needs to check a device."""

    device_id: str
    secret: str | None = field(repr=False)
    """The password as an opaque encrypted token; none: no password is set, nobody gets in."""
    username: str | None


@dataclass(frozen=True, slots=True)
class DeviceMake:
    """Who made a device, by its own words; each text may be empty."""

    device_id: str
    manufacturer: str
    model: str
    firmware: str
    user_agent: str = ""
    """Of its last registration."""


@dataclass(frozen=True, slots=True)
class DeviceBinding:
    """A registration that may outlive a restart of the platform."""

    device_id: str
    transport: str
    host: str
    port: int
    contact: str
    """The Contact URI as sent."""
    user_agent: str
    gb_version: str
    registered_at: datetime
    expires_at: datetime
    last_seen_at: datetime
    online: bool


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """One camera, or another end of a device, by its national code."""

    code: str
    device_id: str
    device_name: str
    name: str
    """Given by the operator, else as reported."""
    reported_name: str
    """As the device last reported it, literally; see `note` when it had to be cut."""
    parent_id: str
    """The parent as sent: several codes joined by `/`."""
    civil_code: str
    organisation_id: str | None
    """Given by the operator, else found from the catalog; none: directly under the device."""
    organisation_given: bool
    category: str | None
    """Two-digit prefix of the category it counts under."""
    category_code: str | None
    """The 4-digit code somebody assigned."""
    category_source: CategorySource
    registered: bool
    """First fact: its device is registered."""
    says_on: bool
    """Second fact: its device says it is on."""
    proven_at: datetime | None
    """Third fact: when frames of it were seen last."""
    online: bool
    """Its device is online, says it is on, and lists it."""
    missing_since: datetime | None
    """Since when its device's catalog no longer lists it; such a channel is kept."""
    manufacturer: str
    model: str
    owner: str
    address: str
    ptz_type: int | None
    longitude: float | None
    latitude: float | None
    note: str
    """What had to be changed to store it, such as a name that was cut."""
    extra: Mapping[str, str]
    """Everything else the catalog said, by element name."""
    first_seen_at: datetime
    updated_at: datetime

    @property
    def proven(self) -> bool:
        """Frames of it were seen at least once."""
        return self.proven_at is not None

    @property
    def status_on(self) -> bool:
        """Another name of `says_on`: the status of the catalog."""
        return self.says_on

    @property
    def has_picture(self) -> bool:
        """False for alarm inputs, loudspeakers, gates and the like; unknown types may have one."""
        return not without_picture(self.code)

    @property
    def display_code(self) -> str:
        """The code in groups for people: `14040000 00 132 0 000001`."""
        return ChannelCode(self.code).display if len(self.code) == 20 else self.code


@dataclass(frozen=True, slots=True)
class OrganisationRecord:
    """A node between the root and the channels."""

    id: str
    """Opaque; unique over all devices."""
    kind: OrganisationKind
    code: str
    """The civil code or the 20 digits; empty for one of our own."""
    name: str
    parent_id: str | None
    """Another organisation; none: directly under its device, or at the root."""
    device_id: str | None
    """The device in whose catalog it is; none for one of our own."""
    missing_since: datetime | None


@dataclass(frozen=True, slots=True)
class TreeNode:
    """One node of a tree of cameras."""

    id: str
    """What to ask the children with: organisation id, device id, category prefix, channel code."""
    kind: NodeKind
    name: str
    parent: str | None
    count: int
    """Channels in the whole subtree."""
    online_count: int
    has_children: bool
    channel: ChannelRecord | None = None
    """For a channel node."""


@dataclass(frozen=True, slots=True)
class ChannelFilter:
    """Which channels; every field that is set narrows the answer."""

    category: str | None = None
    """Two digits, a 4-digit code, or `none` for those without."""
    organisation: str | None = None
    """An organisation and everything below it."""
    device: str | None = None
    online: bool | None = None
    q: str = ""
    """Part of a name or of a code, without regard to case."""
    missing: bool | None = None


@dataclass(frozen=True, slots=True)
class RegistryCounts:
    """The figures of the status line."""

    devices: int
    devices_online: int
    channels: int
    channels_online: int
    channels_proven: int
    channels_missing: int


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One item of a catalog, as the device sent it, decoded but not judged."""

    code: str
    """2, 4, 6 or 8 digits for a region, else the code of a channel, device or organisation."""
    name: str = ""
    manufacturer: str = ""
    model: str = ""
    owner: str = ""
    civil_code: str = ""
    address: str = ""
    parental: bool | None = None
    parent_ids: tuple[str, ...] = ()
    """As sent, several when joined by `/`; junk is allowed here."""
    business_group_id: str = ""
    status_on: bool = True
    longitude: float | None = None
    latitude: float | None = None
    ptz_type: int | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RejectedEntry:
    """A catalog item that could not be used, and why."""

    code: str
    reason: str
    """`bad_code`, `not_a_channel`, `too_many`, or `other_device` (it belongs to another one)."""


@dataclass(frozen=True, slots=True)
class CatalogSummary:
    """What one catalog changed; the lists hold channel codes."""

    device_id: str
    at: datetime
    complete: bool
    added: tuple[str, ...]
    updated: tuple[str, ...]
    """Changed in anything, the status included."""
    missing: tuple[str, ...]
    """Newly marked as missing."""
    returned: tuple[str, ...]
    """Were missing and are listed again."""
    turned_on: tuple[str, ...]
    turned_off: tuple[str, ...]
    """Their status changed from on to off (or they were added as off)."""
    unchanged: int
    organisations: int
    rejected: tuple[RejectedEntry, ...]

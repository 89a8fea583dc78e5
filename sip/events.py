"""What the signalling plane says upward: frozen events and the records they carry.

Owns the vocabulary between `sip` and the services above it. Never holds behaviour, never names a
socket or a transaction. Wall times are aware datetimes in UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

Transport = Literal["udp", "tcp"]


@dataclass(frozen=True, slots=True)
class PeerAddress:
    """Where a packet came from, as the packet itself says (never as a header claims)."""

    transport: Transport
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.transport}:{self.host}:{self.port}"


class AttemptOutcome(StrEnum):
    """What became of a REGISTER."""

    CHALLENGED = "challenged"
    """Got 401, or 400 for credentials that cannot be read; nobody knows the password yet."""
    REFUSED_PASSWORD = "refused_password"
    REFUSED_UNKNOWN = "refused_unknown"
    """No such device; from outside it looks exactly like a wrong password."""
    REFUSED_OTHER_ADDRESS = "refused_other_address"
    """Used credentials shown again from another address while the device is alive: a replay."""
    REFUSED_LOCKED = "refused_locked"
    """Too many wrong passwords for this device from this address; not even looked at."""
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class CatalogItem:
    """One entry of a device's catalog as the device sent it (GB/T 28181 annex A, item type)."""

    device_id: str
    """2, 4, 6 or 8 digits for a region, else the 20-digit code."""
    name: str = ""
    manufacturer: str = ""
    model: str = ""
    owner: str = ""
    civil_code: str = ""
    block: str = ""
    address: str = ""
    parental: bool | None = None
    """Has children; any non-zero number counts (Hikvision sends 65535)."""
    parent_ids: tuple[str, ...] = ()
    """Several when the sender joined them with `/`."""
    business_group_id: str = ""
    """Read inside `Info` (2016) and beside it (2022)."""
    register_way: int | None = None
    secrecy: bool = False
    ip_address: str = ""
    port: int | None = None
    status_on: bool = True
    """Missing counts as on; ONLINE, OK and on count as on."""
    longitude: float | None = None
    latitude: float | None = None
    ptz_type: int | None = None
    event: str | None = None
    """In a notification: ON OFF VLOST DEFECT ADD DEL UPDATE, upper case."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Every other element by its name as sent; those below `Info` as `Info/Name`."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where one channel or device was at one moment, in WGS-84 (GB/T 28181-2022 A.2.5)."""

    device_id: str
    longitude: float
    """-180 to 180."""
    latitude: float
    """-90 to 90."""
    time_text: str = ""
    """As sent: the device's own local time."""
    speed: float | None = None
    """Kilometres an hour."""
    direction: float | None = None
    """Degrees clockwise from north."""
    altitude: float | None = None
    """Metres above the sea."""
    height: float | None = None
    """Metres above the ground (2022)."""


@dataclass(frozen=True, slots=True)
class DeviceRegistered:
    """A device that was not online is registered now."""

    device_id: str
    peer: PeerAddress
    expires_s: int
    user_agent: str
    gb_version: str
    """From X-GB-Ver; "2.0" when the device does not say (GB/T 28181-2022 annex I)."""
    at: datetime


@dataclass(frozen=True, slots=True)
class DeviceRefreshed:
    """A registered device registered again, or was heard again after missed keepalives."""

    device_id: str
    peer: PeerAddress
    expires_s: int
    at: datetime
    previous_peer: PeerAddress | None = None
    """Set when the address changed; the older one loses its route."""
    is_returned: bool = False
    """It had missed its keepalives and is online again."""


@dataclass(frozen=True, slots=True)
class DeviceMoved:
    """An authenticated registration took a living binding to another host: worth a human look."""

    device_id: str
    previous_peer: PeerAddress
    peer: PeerAddress
    at: datetime


@dataclass(frozen=True, slots=True)
class DeviceUnregistered:
    """The device said goodbye (Expires 0) and proved who it is."""

    device_id: str
    peer: PeerAddress
    at: datetime


@dataclass(frozen=True, slots=True)
class DeviceExpired:
    """The registration ran out without a refresh."""

    device_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DeviceDisconnected:
    """The TCP connection that carried the device is gone, hence the device (2022 9.1.1 f)."""

    device_id: str
    peer: PeerAddress
    at: datetime


@dataclass(frozen=True, slots=True)
class KeepaliveReceived:
    """A keepalive from a registered device."""

    device_id: str
    peer: PeerAddress
    status: str
    """`OK` or `ERROR`, upper case; empty when not sent."""
    faulty: tuple[str, ...]
    """Children the device calls faulty (`Info/DeviceID`)."""
    at: datetime


@dataclass(frozen=True, slots=True)
class KeepalivesMissed:
    """Nothing was heard for interval x count: offline, though the registration still runs."""

    device_id: str
    missed: int
    last_seen_s: float
    """Seconds since the device was last heard."""
    at: datetime


@dataclass(frozen=True, slots=True)
class RegistrationAttempted:
    """Somebody tried to register; repeats within ten seconds come as one event with a count."""

    device_id: str
    peer: PeerAddress
    outcome: AttemptOutcome
    user_agent: str
    at: datetime
    count: int = 1


@dataclass(frozen=True, slots=True)
class GuessingLocked:
    """An address has shown too many wrong passwords and is shut out for a while.

    The device exists: guesses at others are no event, so that strangers cannot make events.
    """

    device_id: str
    """At which the last guess was made."""
    peer: PeerAddress
    at: datetime


@dataclass(frozen=True, slots=True)
class CatalogReceived:
    """Catalog items nobody asked for just now: a notification, or packets after the deadline."""

    device_id: str
    items: tuple[CatalogItem, ...]
    sum_num: int
    complete: bool
    """Always false here: such a packet may add and change, never delete."""
    is_notification: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class AlarmReceived:
    """A device's alarm notification (GB/T 28181-2022 9.4, annex A.2.5)."""

    device_id: str
    """Who is registered and sent it."""
    source_id: str
    """Whom the alarm is about: the device, a channel or an alarm input."""
    priority: int
    """1 highest to 4; 0 when the device did not say."""
    method: str
    """1 telephone, 2 device, 3 SMS, 4 GPS, 5 video, 6 fault, 7 other; as sent."""
    alarm_type: str
    event_type: str
    time_text: str
    """As sent: the device's own local time, often wrong."""
    description: str
    longitude: float | None
    latitude: float | None
    at: datetime


@dataclass(frozen=True, slots=True)
class PositionsReceived:
    """Where things are that move (GB/T 28181-2022 9.15)."""

    device_id: str
    """Who is registered and sent it."""
    positions: tuple[Position, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class SubscriptionChanged:
    """A subscription at a device entered another state."""

    device_id: str
    topic: str
    """`Catalog`, `Alarm` or `MobilePosition`."""
    state: str
    """`subscribing`, `active`, `waiting` (for another try), `refused` (the device cannot),
    `released` (the device is offline), `ended` (nobody wants it any more)."""
    reason: str
    """Of a refusal or an end: a SIP status, or a word of RFC 6665 4.2.2; empty when all is well."""
    at: datetime


@dataclass(frozen=True, slots=True)
class InvitationEnded:
    """An answered invitation is over, whoever ended it."""

    invitation_id: str
    device_id: str
    channel_id: str
    reason: str
    """`bye` (the device said so), `local` (we did), `offline` (the device is gone), `late` (the
    device agreed when we had given up)."""
    at: datetime


@dataclass(frozen=True, slots=True)
class MediaStatusReceived:
    """The device says that sending a file has ended (NotifyType 121)."""

    device_id: str
    invitation_id: str | None
    notify_type: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SnapshotsUploaded:
    """A device says that it has uploaded the pictures of an order (GB/T 28181-2022 9.14)."""

    device_id: str
    """Who is registered and sent it."""
    channel_id: str
    session_id: str
    file_ids: tuple[str, ...]
    """41 digits each; fewer than ordered means that some failed."""
    at: datetime


@dataclass(frozen=True, slots=True)
class VideoUploadBegun:
    """A device says that it begins to send video by itself (GB/T 28181-2022 A.2.5)."""

    device_id: str
    """Who is registered and sent it."""
    channel_id: str
    time_text: str
    longitude: float | None
    """Degrees; None without a place."""
    latitude: float | None
    at: datetime


@dataclass(frozen=True, slots=True)
class UpgradeEnded:
    """A device is back from a firmware upgrade and says how it went (2022 9.13)."""

    device_id: str
    session_id: str
    is_ok: bool
    firmware: str
    """The one that runs now."""
    reason: str
    """01 download timed out, 02 package broken, 03 system error, 99 other; empty when it went."""
    at: datetime


@dataclass(frozen=True, slots=True)
class PeerMisbehaved:
    """A peer sends what cannot be understood or what is forbidden; the first of a kind per peer."""

    peer: PeerAddress
    reason: str
    count: int
    at: datetime
    sample: bytes = b""
    """At most 32 offending bytes."""


@dataclass(frozen=True, slots=True)
class DeviceClockChecked:
    """A device's clock was found wrong, differently wrong, or right again (2022 9.10)."""

    device_id: str
    offset_s: float
    """How much it is fast; negative: slow."""
    is_wrong: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class DeviceRedirected:
    """A device proved who it is and was sent to another platform (2022 9.1.2.3)."""

    device_id: str
    peer: PeerAddress
    target: str
    """The Contact that it was given."""
    at: datetime


Event = (
    DeviceRegistered
    | DeviceRefreshed
    | DeviceMoved
    | DeviceUnregistered
    | DeviceRedirected
    | DeviceClockChecked
    | DeviceExpired
    | DeviceDisconnected
    | KeepaliveReceived
    | KeepalivesMissed
    | RegistrationAttempted
    | GuessingLocked
    | CatalogReceived
    | AlarmReceived
    | PositionsReceived
    | SubscriptionChanged
    | InvitationEnded
    | MediaStatusReceived
    | SnapshotsUploaded
    | UpgradeEnded
    | VideoUploadBegun
    | PeerMisbehaved
)
"""Everything `SipServer.events()` yields."""

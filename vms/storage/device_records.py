"""What is kept of devices beside the registry: abilities, subscriptions, positions."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """What came of the newest try of an ability."""

    WORKS = "works"
    """The device answered, and the answer made sense."""
    TAKEN = "taken"
    """The device took a command that has no answer; whether it did it nobody knows."""
    REFUSED = "refused"
    SILENT = "silent"
    """It was asked and did not answer."""


@dataclass(frozen=True, slots=True)
class CapabilityRecord:
    """One ability of one device, and when it was last tried."""

    device_id: str
    name: str
    verdict: Verdict
    at: datetime
    detail: str = ""
    """What the device said when it refused."""


@dataclass(frozen=True, slots=True)
class SubscriptionRecord:
    """What is known of one subscription, also while the platform or the device is down."""

    device_id: str
    topic: str
    is_wanted: bool | None
    """None: the configuration decides."""
    state: str
    """Empty before the first try."""
    reason: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class PositionRecord:
    """Where a channel was at one moment, WGS-84."""

    channel: str
    device_id: str
    at: datetime
    """When it was heard."""
    time_text: str
    """The device's own local time, as sent."""
    longitude: float
    latitude: float
    speed: float | None
    """Kilometres an hour."""
    direction: float | None
    """Degrees clockwise from north."""
    altitude: float | None
    """Metres above the sea."""
    height: float | None
    """Metres above the ground."""


@dataclass(frozen=True, slots=True)
class BroadcastRecord:
    """A broadcast that is over."""

    number: int
    ended_at: datetime
    facts: str
    """JSON, as the voice service writes it."""


@dataclass(frozen=True, slots=True)
class TransportMemory:
    """The way of media that brought a device's latest picture."""

    device_id: str
    transport: str
    """`udp`, `tcp-passive`, `tcp-active`."""
    at: datetime
    evidence: str
    """The channel whose picture came."""

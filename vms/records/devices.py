"""Channels as people see them, and who tried to register.

Devices are the registry's own records.
"""

from dataclasses import dataclass
from datetime import datetime

from channel_registry.records import NodeKind
from vms.records.live import LiveStatus


@dataclass(frozen=True, slots=True)
class ChannelView:
    """One camera as people see it, with its three separate marks."""

    code: str
    name: str
    device_id: str
    category_code: str = ""
    """The four digits of requirement M2, given or guessed; empty when neither."""
    category: str = ""
    organisation_id: str = ""
    registered: bool = False
    """Mark 1: its device has a running registration."""
    says_on: bool = False
    """Mark 2: the device's catalogue says ON."""
    proven: bool = False
    """Mark 3: a key frame was seen from it since it last came on."""
    proven_at: datetime | None = None
    missing_since: datetime | None = None
    """Since when the device's catalogue no longer names it."""
    online: bool = False
    """Registered and says ON and not missing."""
    state_since: datetime | None = None
    cause: str = ""
    recording: bool = False
    ptz_type: int | None = None
    live: LiveStatus | None = None


@dataclass(frozen=True, slots=True)
class TreeNodeView:
    """One node of the tree by organisation or by category."""

    id: str
    kind: NodeKind
    name: str
    parent: str | None
    count: int
    online_count: int
    has_children: bool
    channel: ChannelView | None = None


@dataclass(frozen=True, slots=True)
class AttemptView:
    """What has tried to register, folded by device, address and outcome."""

    at: datetime
    device_id: str
    address: str
    transport: str
    outcome: str
    """`challenged`, `accepted`, `refused_password`, `refused_unknown`, `refused_other_address`."""
    count: int
    user_agent: str
    known: bool


@dataclass(frozen=True, slots=True)
class AccessValues:
    """What somebody has to type into a camera or box so that it registers here."""

    server_id: str
    domain: str
    realm: str
    addresses: tuple[str, ...]
    port: int
    transports: tuple[str, ...]
    keepalive_interval_s: int
    keepalive_count: int
    expires_s: int
    http_port: int

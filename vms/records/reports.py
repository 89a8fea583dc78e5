"""What devices report of themselves: subscriptions and positions as people see them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SubscriptionTopic(StrEnum):
    """What a device can be asked to report."""

    CATALOG = "catalog"
    ALARM = "alarm"
    POSITION = "position"


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    """One subscription at a device."""

    topic: SubscriptionTopic
    wanted: bool
    """Asked for, by the configuration or by somebody."""
    given: bool | None
    """What somebody said; None: as configured."""
    state: str
    """`subscribing`, `active`, `waiting`, `refused`, `released`, `ending`; `none` when unwanted."""
    since: datetime | None
    expires_s: int
    """As granted; 0 while it is not active."""
    reason: str
    """Why it is not active: a SIP status or a word of RFC 6665."""
    notified_at: datetime | None
    notifications: int

"""What a device can be asked to report by SUBSCRIBE, and the headers that go with it.

GB/T 28181-2022 9.11, annex N; RFC 6665 8.2. The body says what is subscribed to: `Event` varies
between makers (`Catalog;id=n`, `presence`, `Alarm`) and is only echoed.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from sip.gb28181.alarm import AlarmWish, wish_fields
from sip.gb28181.manscdp import Field, Root, build_envelope
from sip.gb28181.mobile_position import DEFAULT_INTERVAL_S, position_fields

DEFAULT_EXPIRES_S = 600
"""Annexes P of 2016 and N of 2022."""

PRESENCE = "presence"
_NUMBER = re.compile(r"[0-9]{1,10}")
_LONGEST = 64


class Topic(StrEnum):
    """What can be subscribed to; the value is the CmdType."""

    CATALOG = "Catalog"
    ALARM = "Alarm"
    POSITION = "MobilePosition"


@dataclass(frozen=True, slots=True)
class Wish:
    """One subscription that is wanted."""

    topic: Topic
    expires_s: int = DEFAULT_EXPIRES_S
    interval_s: int = DEFAULT_INTERVAL_S
    """Of positions."""
    alarms: AlarmWish = AlarmWish()
    """Of alarms."""

    def build_body(self, device_id: str, sn: int, charset: str, *, is_2022: bool) -> bytes:
        """Write the query that the SUBSCRIBE carries."""
        fields: list[Field] = []
        if self.topic is Topic.POSITION:
            fields = position_fields(self.interval_s)
        elif self.topic is Topic.ALARM:
            fields = wish_fields(self.alarms, is_2022=is_2022)
        return build_envelope(Root.QUERY, self.topic, sn, device_id, fields, charset=charset)

    def event(self, number: int) -> str:
        """Return the Event header: catalogs by their name and an id, the others as presence."""
        return f"{Topic.CATALOG};id={number}" if self.topic is Topic.CATALOG else PRESENCE


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """The header of a NOTIFY (RFC 6665 8.2.3)."""

    name: str
    """`active`, `pending` or `terminated`, in lower case; `active` where it is missing."""
    reason: str = ""
    expires_s: int | None = None
    retry_after_s: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether no more notifications will come."""
        return self.name == "terminated"


def parse_subscription_state(text: str | None) -> SubscriptionState:
    """Read the header; devices leave it out or write it in any case."""
    name, _, rest = (text or "").partition(";")
    params: dict[str, str] = {}
    for part in rest.split(";")[:16]:
        key, _, value = part.partition("=")
        params.setdefault(key.strip().lower(), value.strip().strip('"'))
    return SubscriptionState(
        name.strip().lower()[:_LONGEST] or "active",
        params.get("reason", "").lower()[:_LONGEST],
        _seconds(params.get("expires", "")),
        _seconds(params.get("retry-after", "")),
    )


def parse_seconds(text: str | None) -> int | None:
    """Read a header of whole seconds; None where it is missing or none."""
    return _seconds((text or "").partition(";")[0].strip())


def _seconds(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None

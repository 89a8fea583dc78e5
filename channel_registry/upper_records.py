"""The frozen records of upper platforms: who they are, what we share with them, under which codes.

An upper platform is a peer at which we register as the lower one (GB/T 28181-2022 clause 9, annex
H). Times are aware datetimes in UTC, codes are text. Passwords are not in here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from channel_registry.records import ChannelRecord, DeviceRecord, OrganisationRecord


class CatalogForm(StrEnum):
    """How the catalogue is arranged that an upper platform gets (2022 annex J)."""

    CIVIL_CODE = "civil_code"
    """Regions of 2, 4, 6 and 8 digits (行政区划), then systems, devices and channels."""
    ORGANISATION = "organisation"
    """Business groups (215) and virtual organisations (216), then systems, devices, channels."""
    FLAT = "flat"
    """Every channel right below our own system."""


class UpperRight(StrEnum):
    """What an upper platform may do with what we share."""

    LIVE = "live"
    PLAYBACK = "playback"
    DOWNLOAD = "download"
    PTZ = "ptz"
    CONTROL = "control"
    """Everything in DeviceControl but PTZ."""
    ALARMS = "alarms"
    POSITIONS = "positions"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpperPlatform:
    """One upper platform, as the operator described it."""

    id: str
    """Its 20-digit code (server id)."""
    name: str
    domain: str
    """Its SIP domain, mostly the first 10 digits of its code."""
    host: str
    """An address or a name."""
    port: int = 5060
    transport: Literal["udp", "tcp"] = "udp"
    own_id: str
    """The 20-digit code by which it knows us."""
    username: str = ""
    """For the digest; empty: `own_id`."""
    expires_s: int = 86_400
    keepalive_interval_s: float = 60.0
    keepalive_count: int = 3
    edition: Literal["2016", "2022"] = "2022"
    charset: Literal["GB2312", "GB18030", "UTF-8"] = "GB18030"
    catalog_form: CatalogForm = CatalogForm.CIVIL_CODE
    is_enabled: bool = True
    rights: frozenset[UpperRight] = frozenset(UpperRight)
    password_set: bool = False
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one upper platform may see; the parts add up, the exclusions win."""

    everything: bool = False
    organisations: frozenset[str] = frozenset()
    """Ids of organisations or of devices, each with all below it."""
    categories: frozenset[str] = frozenset()
    """Two digits (one of the 36 categories) or a 4-digit code."""
    channels: frozenset[str] = frozenset()
    """Single channels by our code."""
    excluded: frozenset[str] = frozenset()
    """Channels that are kept back, by our code."""


NOTHING_SHARED = Share()


@dataclass(frozen=True, slots=True)
class CodeRule:
    """Codes that begin with these digits are shown with other first digits, of the same number."""

    ours: str
    theirs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeMap:
    """Under which codes one upper platform sees our things; what is not named keeps its code."""

    codes: Mapping[str, str] = field(default_factory=dict)
    """Our channel code (device code, organisation id) -> the 20 digits the upper sees."""
    rules: tuple[CodeRule, ...] = ()
    """The longest that fits counts; a given code wins over rules. Systems keep their codes, since
    paths (X-RoutePath, 2022 annex H) name them."""


OWN_CODES = CodeMap()


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryFacts:
    """The registry at one moment, as far as catalogues are made of it."""

    channels: tuple[ChannelRecord, ...] = ()
    """In the order of their codes."""
    devices: tuple[DeviceRecord, ...] = ()
    organisations: tuple[OrganisationRecord, ...] = ()
    national: Mapping[str, str] = field(default_factory=dict)
    """National codes made for what has none: `national_subject` -> 20 digits."""
    server_id: str = ""
    """Of our own system."""
    own_ids: frozenset[str] = frozenset()
    """Every code of our own system: the server id, and those used at upper platforms."""
    own_name: str = "Fengsui VMS"


def national_subject(ours: str, type_number: int) -> str:
    """What a made code is kept under: an organisation that moves below another becomes a 216."""
    return f"{ours}:{type_number}"

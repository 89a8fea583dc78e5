"""Heads that turn, their presets; snapshots and upgrades that devices carry out."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Steering:
    """How to turn: each value is a direction and a share of the speed, -1 to 1; all 0 stops."""

    pan: float = 0.0
    """Positive to the right."""
    tilt: float = 0.0
    """Positive upward."""
    zoom: float = 0.0
    """Positive is nearer."""
    focus: float = 0.0
    """Positive is farther."""
    iris: float = 0.0
    """Positive opens."""

    @property
    def is_stop(self) -> bool:
        """Whether nothing is to move."""
        return not (self.pan or self.tilt or self.zoom or self.focus or self.iris)


@dataclass(frozen=True, slots=True)
class PtzStatus:
    """Whether a camera turns, and who turns it."""

    code: str
    can_turn: bool
    """Its catalogue does not say that it is fixed."""
    holder: str = ""
    """Who steers it or has locked it; empty: nobody."""
    held_until: datetime | None = None
    is_locked: bool = False
    is_moving: bool = False
    began: bool = False
    """This very request set it in motion; a renewal does not."""


@dataclass(frozen=True, slots=True)
class PresetView:
    """One preset position."""

    number: int
    name: str


class OrderState(StrEnum):
    """How far a device is with what it was told to do."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class UpgradeView:
    """A firmware upgrade of a device."""

    device_id: str
    session_id: str
    firmware: str
    state: OrderState
    ordered_at: datetime
    ended_at: datetime | None = None
    reason: str = ""
    """01 download timed out, 02 package broken, 03 system error, 99 other."""


@dataclass(frozen=True, slots=True)
class SnapshotOrder:
    """Pictures that a device was told to take."""

    session_id: str
    channel: str
    count: int
    state: OrderState
    received: tuple[str, ...] = ()
    """Names of the pictures that came."""


@dataclass(frozen=True, slots=True)
class SnapshotView:
    """A picture that a device uploaded."""

    name: str
    channel: str
    taken_at: datetime
    """When it came."""
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ConfigField:
    """One value of a configuration, for a form."""

    name: str
    kind: str
    """text, number, decimal, flag, group, list."""
    least: float
    most: float
    """Of a text or a list: how long it may be."""
    fields: tuple["ConfigField", ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigView:
    """One configuration of a device or channel."""

    type: str
    values: dict[str, object]
    fields: tuple[ConfigField, ...]
    """Empty for a type that nobody described: its values are elements as they came."""


@dataclass(frozen=True, slots=True)
class ConfigReading:
    """What could be read of the configuration."""

    configs: tuple[ConfigView, ...]
    missing: tuple[str, ...]
    """Types that the device did not tell."""
    restarting: tuple[str, ...] = ()
    """Types that it was not asked for: it would restart (quirk `config_restarts`)."""

"""The interface of an analytics plugin: what it is given and what it gives back.

A plugin is declared as an entry point of the group `vms.analytics`. The worker decodes a channel
once, samples it for each scene that watches it, and hands the plugin one `Frame` at a time; the
plugin answers with the detections it saw and the alarms it has to raise or to end. It never sees
the relay, the worker or another plugin.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

Image = NDArray[np.uint8]
"""(height, width, 3) uint8, BGR."""

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 as fractions of the picture, origin at the upper left."""

Point = tuple[float, float]
"""x, y as fractions of the picture."""

T = TypeVar("T")


class Frame:
    """One decoded picture of a channel, shared read-only by all plugins that watch it.

    Scaled copies and detector results are made once and kept with the frame.
    """

    def __init__(
        self,
        *,
        channel: str,
        sequence: int,
        pts_ticks: int,
        wall: datetime,
        is_key: bool,
        width: int,
        height: int,
        scale: Callable[[int, int], Image],
    ) -> None:
        self.channel = channel
        self.sequence = sequence
        self.pts_ticks = pts_ticks
        """Time on the stream's own line, 90 kHz: what a player needs to draw in step."""
        self.wall = wall
        """When the picture arrived at the relay, UTC."""
        self.is_key = is_key
        self.width = width
        self.height = height
        self._scale = scale
        self._memory: dict[object, Any] = {}

    def bgr(self, longest_side: int | None = None) -> Image:
        """Return the picture, its longer side scaled down to at most `longest_side` pixels."""
        width, height = self.width, self.height
        if longest_side is not None and longest_side < max(width, height):
            ratio = longest_side / max(width, height)
            width, height = max(2, round(width * ratio)), max(2, round(height * ratio))
        image: Image = self.remember(("bgr", width, height), lambda: self._scale(width, height))
        return image

    def remember(self, key: object, make: Callable[[], T]) -> T:
        """Return what was made under this key for this frame, making it at the first call."""
        if key not in self._memory:
            self._memory[key] = make()
        made: T = self._memory[key]
        return made


@dataclass(frozen=True, slots=True)
class Detection:
    """Something seen in one frame."""

    label: str
    score: float
    box: Box
    track: int | None = None
    is_inside: bool | None = None
    """Whether it stands in the scene's region; None where the question was not asked."""

    @property
    def foot(self) -> Point:
        """Middle of the lower edge: where a standing person touches the floor."""
        x1, _, x2, y2 = self.box
        return (x1 + x2) / 2, y2


class AlarmPhase(StrEnum):
    """What happened to an alarm condition in a frame.

    to RAISED: because the condition held for long enough.
    to ENDED: because it was absent for long enough.
    """

    RAISED = "raised"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class AlarmSignal:
    """A condition for people to look at began or ended; said once each."""

    phase: AlarmPhase
    kind: str
    """For example `intrusion`."""
    detections: tuple[Detection, ...] = ()
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Findings:
    """A plugin's answer to one frame."""

    detections: tuple[Detection, ...] = ()
    alarms: tuple[AlarmSignal, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """A rule set on one channel, as an operator configured it."""

    id: str
    channel: str
    plugin: str
    sample_fps: float = 1.0
    region: tuple[Point, ...] = ()
    """Polygon; empty means the whole picture."""
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Which network answers, so that a result can be traced to it."""

    name: str
    family: str
    sha256: str
    labels: tuple[str, ...]
    input_size: tuple[int, int]
    backend: str


class Detector(Protocol):
    """A network that finds things in pictures."""

    info: ModelInfo

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Return the detections of each picture, best first."""


class Resources(Protocol):
    """What the worker lends to a plugin."""

    def detector(self, label: str) -> Detector | None:
        """Return the configured network that knows this label, or None if there is none."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a plugin is and needs."""

    id: str
    version: str
    title: Mapping[Literal["zh", "en"], str]
    params: type[BaseModel]
    """Model of the scene's parameters; its JSON schema feeds the configuration page."""
    default_fps: float = 1.0
    licence: str = "Apache-2.0"


class Plugin(Protocol):
    """One algorithm on one scene. Created per scene, used from one thread."""

    manifest: ClassVar[Manifest]

    def open(self, scene: Scene, resources: Resources) -> None:
        """Prepare for a scene. Raises pydantic.ValidationError if its parameters do not fit."""

    def process(self, frame: Frame) -> Findings:
        """Look at one sampled frame."""

    def close(self) -> None:
        """Release what `open` took."""

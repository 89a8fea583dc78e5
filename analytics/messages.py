"""What the runner and its worker process say to each other: one JSON object per line.

The worker reads `Configure` from its standard input and writes `WorkerMessage`s to its standard
output; its log goes to standard error. The end of the input ends the worker.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from analytics.plugin import AlarmPhase, Box, Detection, Point, Scene


class Message(BaseModel):
    """Base of all messages."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64"
    )


class SceneTask(Message):
    """A scene on the wire."""

    id: str
    channel: str
    plugin: str
    sample_fps: float
    region: tuple[Point, ...]
    params: dict[str, Any]

    @classmethod
    def of(cls, scene: Scene) -> "SceneTask":
        """Return the wire form of a scene."""
        return cls(
            id=scene.id,
            channel=scene.channel,
            plugin=scene.plugin,
            sample_fps=scene.sample_fps,
            region=scene.region,
            params=dict(scene.params),
        )

    def scene(self) -> Scene:
        """Return the scene that was sent."""
        return Scene(
            self.id, self.channel, self.plugin, self.sample_fps, self.region, dict(self.params)
        )


class Configure(Message):
    """Everything the worker has to watch from now on; replaces what was said before."""

    frames_socket: str
    person_model: str | None = None
    scenes: tuple[SceneTask, ...]


class SeenBox(Message):
    """A detection on the wire."""

    label: str
    score: float
    box: Box
    track: int | None = None
    is_inside: bool | None = None

    @classmethod
    def of(cls, detection: Detection) -> "SeenBox":
        """Return the wire form of a detection."""
        return cls(
            label=detection.label,
            score=detection.score,
            box=detection.box,
            track=detection.track,
            is_inside=detection.is_inside,
        )


class DetectionsSeen(Message):
    """What one scene saw in one frame; sent also when it saw nothing, so that boxes go away."""

    type: Literal["detections"] = "detections"
    scene: str
    channel: str
    pts_ticks: int
    wall: datetime
    width: int
    height: int
    boxes: tuple[SeenBox, ...]


class AlarmChanged(Message):
    """A scene's condition was raised or ended."""

    type: Literal["alarm"] = "alarm"
    scene: str
    channel: str
    phase: AlarmPhase
    kind: str
    pts_ticks: int
    wall: datetime
    score: float
    boxes: tuple[SeenBox, ...]
    snapshot: bytes = b""
    """JPEG of the frame that raised it; empty when it ended."""


class SceneFailed(Message):
    """A scene cannot run: its plugin is missing, its parameters do not fit, or it kept failing."""

    type: Literal["scene_failed"] = "scene_failed"
    scene: str
    channel: str
    reason: str


class ChannelWatched(Message):
    """How the decoding of a channel goes; sent every few seconds."""

    type: Literal["channel"] = "channel"
    channel: str
    decoded: int
    sampled: int
    dropped: int
    is_keys_only: bool


WorkerMessage = Annotated[
    DetectionsSeen | AlarmChanged | SceneFailed | ChannelWatched, Field(discriminator="type")
]

WORKER_MESSAGES: TypeAdapter[WorkerMessage] = TypeAdapter(WorkerMessage)

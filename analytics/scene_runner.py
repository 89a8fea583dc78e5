"""One scene at work: its plugin, its sampling, and what becomes of a plugin that fails.

A plugin is foreign code: whatever it raises ends, after a few times, this scene and no other.
"""

import logging
from collections.abc import Callable

import cv2

from analytics.errors import AnalyticsError
from analytics.messages import (
    AlarmChanged,
    DetectionsSeen,
    SceneFailed,
    SeenBox,
    WorkerMessage,
)
from analytics.plugin import (
    AlarmPhase,
    AlarmSignal,
    Findings,
    Frame,
    Plugin,
    Resources,
    Scene,
)
from analytics.sampling import Sampler

logger = logging.getLogger(__name__)

MOST_FAULTS = 5
"""Faults in a row after which a scene is given up: it would only fill the log."""

SNAPSHOT_QUALITY = 88
SNAPSHOT_LONGEST_SIDE = 1920
"""A picture of this size stays well below the 4 MB that regulators accept."""

Emit = Callable[[WorkerMessage], None]


class SceneRunner:
    """Feeds sampled frames to a scene's plugin and says what it found."""

    def __init__(self, scene: Scene, plugin: Plugin, resources: Resources, emit: Emit) -> None:
        self.scene = scene
        self._plugin = plugin
        self._resources = resources
        self._emit = emit
        self._sampler = Sampler(scene.sample_fps)
        self._faults = 0
        self.is_running = False
        self.sampled = 0

    def open(self) -> None:
        """Open the plugin; a scene that does not fit is reported and stays closed."""
        try:
            self._plugin.open(self.scene, self._resources)
        except (AnalyticsError, ValueError, TypeError) as error:
            self._fail(str(error))
        else:
            self.is_running = True

    def take(self, frame: Frame) -> None:
        """Give the frame to the plugin if the scene's rate asks for it."""
        if not self.is_running or not self._sampler.takes(frame.pts_ticks):
            return
        self.sampled += 1
        findings = self._process(frame)
        if findings is None:
            return
        self._emit(
            DetectionsSeen(
                scene=self.scene.id,
                channel=frame.channel,
                pts_ticks=frame.pts_ticks,
                wall=frame.wall,
                width=frame.width,
                height=frame.height,
                boxes=tuple(SeenBox.of(detection) for detection in findings.detections),
            )
        )
        for signal in findings.alarms:
            self._emit(self._alarm(frame, signal))

    def close(self) -> None:
        """Close the plugin."""
        if self.is_running:
            self.is_running = False
            self._plugin.close()

    def _process(self, frame: Frame) -> Findings | None:
        try:
            findings = self._plugin.process(frame)
        except Exception as error:  # foreign code: only its own scene may fall
            self._faults += 1
            logger.warning(
                "plugin failed on a frame",
                exc_info=error,
                extra={"channel": frame.channel, "count": self._faults},
            )
            if self._faults >= MOST_FAULTS:
                self.is_running = False
                self._fail(f"{type(error).__name__}: {error}")
            return None
        self._faults = 0
        return findings

    def _alarm(self, frame: Frame, signal: AlarmSignal) -> AlarmChanged:
        is_raised = signal.phase is AlarmPhase.RAISED
        return AlarmChanged(
            scene=self.scene.id,
            channel=frame.channel,
            phase=signal.phase,
            kind=signal.kind,
            pts_ticks=frame.pts_ticks,
            wall=frame.wall,
            score=signal.score,
            boxes=tuple(SeenBox.of(detection) for detection in signal.detections),
            snapshot=jpeg(frame) if is_raised else b"",
        )

    def _fail(self, reason: str) -> None:
        logger.error("scene cannot run", extra={"channel": self.scene.channel, "reason": reason})
        self._emit(SceneFailed(scene=self.scene.id, channel=self.scene.channel, reason=reason))


def jpeg(frame: Frame) -> bytes:
    """Return the frame as a JPEG file, without anything drawn on it."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, SNAPSHOT_QUALITY]
    encoded = cv2.imencode(".jpg", frame.bgr(SNAPSHOT_LONGEST_SIDE), quality)[1]
    return encoded.tobytes()

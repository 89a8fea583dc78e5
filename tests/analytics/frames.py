"""Frames and detectors that tests make up."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import cv2

from analytics.plugin import Detection, Detector, Frame, Image, ModelInfo

SECOND = 90_000
BEGIN = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


def frame_at(second: float, image: Image) -> Frame:
    """A frame of an otherwise unremarkable channel."""
    return Frame(
        channel="14040000001320000001",
        sequence=int(second * 25),
        pts_ticks=int(second * SECOND),
        wall=BEGIN + timedelta(seconds=second),
        is_key=True,
        width=image.shape[1],
        height=image.shape[0],
        scale=lambda width, height: cv2.resize(image, (width, height)),
    )


class ScriptedDetector:
    """Answers each picture with the next entry of a script."""

    def __init__(self, script: Sequence[list[Detection]]) -> None:
        self.info = ModelInfo("scripted", "test", "0" * 64, ("person",), (320, 320), "none")
        self.calls = 0
        self._script = list(script)

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        found = [self._script[self.calls + n] for n in range(len(images))]
        self.calls += len(images)
        return found


class Lending:
    """Resources with one person detector, or none."""

    def __init__(self, person: Detector | None) -> None:
        self._person = person

    def detector(self, label: str) -> Detector | None:
        return self._person if label == "person" else None

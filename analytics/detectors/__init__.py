"""Networks to boxes, and motion to boxes where no network is configured."""

from pathlib import Path

from analytics.detectors.fastestdet import FastestDet
from analytics.detectors.nanodet import NanoDet
from analytics.detectors.network import OnnxDetector
from analytics.plugin import Detector

FAMILIES = (NanoDet(), FastestDet())


def open_detector(path: Path, min_score: float = 0.4) -> Detector:
    """Open a model file. Raises ModelError if it is missing or of no family we know."""
    return OnnxDetector(path, FAMILIES, min_score)


__all__ = ["open_detector"]

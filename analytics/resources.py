"""What the worker lends to plugins: each configured network is opened once."""

from pathlib import Path

from analytics.detectors import open_detector
from analytics.plugin import Detector


class WorkerResources:
    """Opens a model at its first use. Raises ModelError where it cannot be opened."""

    def __init__(self, person_model: Path | None) -> None:
        self._models = {"person": person_model}
        self._opened: dict[Path, Detector] = {}

    def detector(self, label: str) -> Detector | None:
        """Return the configured network that knows this label, or None if there is none."""
        path = self._models.get(label)
        if path is None:
            return None
        if path not in self._opened:
            self._opened[path] = open_detector(path)
        return self._opened[path]

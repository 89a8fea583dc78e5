"""Detections, and what a plugin is; alarms and scenes are the storage's own records."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A thing in the picture; `box` is x1, y1, x2, y2 as shares of width and height."""

    label: str
    score: float
    box: tuple[float, float, float, float]
    track: int | None = None


@dataclass(frozen=True, slots=True)
class PluginView:
    """An installed analysis plugin."""

    id: str
    version: str
    title_zh: str
    title_en: str
    params_schema: Mapping[str, object]
    """JSON schema of `Scene.params`."""

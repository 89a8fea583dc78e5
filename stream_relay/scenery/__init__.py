"""Schematic pictures of a mine for the built-in scene: a still background and what moves on it.

Calm on purpose: a demonstration wall is looked at for a long time. Every picture is drawn from a
seed, so two channels never look the same.
"""

import random
from collections.abc import Callable
from enum import StrEnum

from stream_relay.scenery.kit import HEIGHT, WIDTH, Scenery
from stream_relay.scenery.surface import machines, office, shaft, yard
from stream_relay.scenery.underground import belt, face, roadway

__all__ = ["HEIGHT", "WIDTH", "Place", "Scenery", "build_scenery"]


class Place(StrEnum):
    """The kinds of place that a scene can show."""

    ROADWAY = "roadway"
    BELT = "belt"
    FACE = "face"
    MACHINES = "machines"
    SHAFT = "shaft"
    YARD = "yard"
    OFFICE = "office"


def build_scenery(place: Place, seed: int) -> Scenery:
    """The picture of a place, its own for each seed."""
    return BUILDERS[place](random.Random(seed))


BUILDERS: dict[Place, Callable[[random.Random], Scenery]] = {
    Place.ROADWAY: roadway,
    Place.BELT: belt,
    Place.FACE: face,
    Place.MACHINES: machines,
    Place.SHAFT: shaft,
    Place.YARD: yard,
    Place.OFFICE: office,
}

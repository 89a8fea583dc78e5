"""Where a pretend camera looks, and the picture it then sees of its scene."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDE_DEGREES = 60.0, 34.0
"""What the whole scene spans, as a camera at zoom 1 sees it."""


@dataclass(frozen=True, slots=True)
class View:
    """Degrees to the right and downward of the scene's middle, and the zoom, from 1."""

    pan: float = 0.0
    tilt: float = 0.0
    zoom: float = 1.0


def seen(picture: Image.Image, view: View) -> Image.Image:
    """What a camera sees that looks elsewhere; beyond its edges the scene goes on mirrored."""
    if view == View():
        return picture
    pixels = np.asarray(picture)
    height, width = pixels.shape[:2]
    across, down = WIDE_DEGREES
    columns = _line(width, view.pan / across, view.zoom)
    rows = _line(height, view.tilt / down, view.zoom)
    return Image.fromarray(pixels[np.ix_(rows, columns)])


def _line(size: int, shift: float, zoom: float) -> NDArray[np.intp]:
    """Which line of the scene stands at each of the picture."""
    place = (np.arange(size) + 0.5 - size / 2) / zoom + size / 2 + shift * size
    folded: NDArray[np.intp] = np.floor(place).astype(np.intp) % (2 * size)
    return np.minimum(folded, 2 * size - 1 - folded)

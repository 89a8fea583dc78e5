"""Regions of a picture, in fractions of its size, and what stands in them."""

from collections.abc import Sequence
from itertools import pairwise

Point = tuple[float, float]
Box = tuple[float, float, float, float]


class Region:
    """A polygon. Without corners it is the whole picture."""

    def __init__(self, corners: Sequence[Point]) -> None:
        if 0 < len(corners) < 3:
            raise ValueError("a region needs at least three corners")
        self.corners = tuple(corners)

    def contains(self, point: Point) -> bool:
        """Tell whether a point lies inside: a ray to the right crosses an odd number of edges."""
        if not self.corners:
            return True
        x, y = point
        inside = False
        for (x1, y1), (x2, y2) in pairwise((*self.corners, self.corners[0])):
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
                inside = not inside
        return inside

    def touches(self, box: Box) -> bool:
        """Tell whether any of nine points of a box lies inside: for things that have no foot."""
        x1, y1, x2, y2 = box
        columns = (x1, (x1 + x2) / 2, x2)
        rows = (y1, (y1 + y2) / 2, y2)
        return any(self.contains((x, y)) for x in columns for y in rows)

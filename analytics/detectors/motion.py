"""What moves, without a network: the difference to a slow average of a small grey picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from analytics.plugin import Detection, Image

GREY_WIDTH = 320
LEARNING_RATE = 0.15
DIFFERENCE = 18
"""Grey levels of 255 above the average that count as change; noise of cheap sensors stays below."""
SCENE_CHANGE = 0.6
"""When more of the picture changes at once it is light or the camera, not something moving."""
GROW = np.ones((3, 3), np.uint8)
WARM_UP = 2
"""Pictures before the average means anything."""


class MotionDetector:
    """Follows one channel's background. Not shared: it has a memory."""

    def __init__(self, min_area: float = 0.002) -> None:
        self._min_area = min_area
        self._average: NDArray[np.float32] | None = None
        self._seen = 0

    def detect(self, image: Image) -> list[Detection]:
        """Return boxes around what moved, largest first, each labelled `motion`."""
        grey = self._grey(image)
        average = self._average
        if average is None or average.shape != grey.shape:
            self._average, self._seen = grey.astype(np.float32), 1
            return []
        difference = cv2.absdiff(grey, cv2.convertScaleAbs(average))
        cv2.accumulateWeighted(grey, average, LEARNING_RATE)
        self._seen += 1
        changed = cv2.threshold(difference, DIFFERENCE, 255, cv2.THRESH_BINARY)[1]
        if self._seen <= WARM_UP:
            return []
        if np.count_nonzero(changed) > SCENE_CHANGE * changed.size:
            self._average, self._seen = grey.astype(np.float32), 1
            return []
        return self._boxes(np.asarray(cv2.dilate(changed, GROW, iterations=3), np.uint8))

    def _grey(self, image: Image) -> NDArray[np.uint8]:
        ratio = GREY_WIDTH / image.shape[1]
        small = cv2.resize(image, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
        blurred = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), (5, 5), 0)
        return np.asarray(blurred, np.uint8)

    def _boxes(self, changed: NDArray[np.uint8]) -> list[Detection]:
        height, width = changed.shape
        contours = cv2.findContours(changed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
        found = []
        for contour in contours:
            x, y, w, h = cv2.boundingRect(contour)
            area = w * h / (width * height)
            if area >= self._min_area:
                box = (x / width, y / height, (x + w) / width, (y + h) / height)
                found.append(Detection("motion", round(min(1.0, area * 10), 4), box))
        return sorted(found, key=lambda detection: -detection.score)

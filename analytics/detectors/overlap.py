"""Of several boxes around one thing, keep the best."""

import cv2
import numpy as np

from analytics.detectors.network import Tensor
from analytics.plugin import Detection

MOST_BOXES = 100
"""A picture never needs more; a broken model could return thousands."""


def best_boxes(
    boxes: Tensor, scores: Tensor, labels: tuple[str, ...], min_score: float, overlap: float
) -> list[Detection]:
    """Return detections without doubles.

    boxes: (N, 4) float32, xyxy, fractions of the picture. scores: (N, classes) float32.
    Boxes are compared within their class; those of an intersection over union above `overlap` go.
    """
    classes = scores.argmax(axis=1)
    best = scores.max(axis=1)
    chosen = np.flatnonzero(best >= min_score)
    if not len(chosen):
        return []
    corners, best, classes = np.clip(boxes[chosen], 0.0, 1.0), best[chosen], classes[chosen]
    sizes = corners.copy()
    sizes[:, 2:] -= sizes[:, :2]
    # Moving each class to a place of its own lets one pass compare within classes only.
    sizes[:, :2] += 2.0 * classes[:, None]
    kept = cv2.dnn.NMSBoxes(sizes.tolist(), best.tolist(), min_score, overlap)
    order = sorted(np.asarray(kept).flatten().tolist(), key=lambda index: -best[index])
    found = []
    for index in order[:MOST_BOXES]:
        x1, y1, x2, y2 = (round(float(value), 5) for value in corners[index])
        label = labels[int(classes[index])]
        found.append(Detection(label, round(float(best[index]), 4), (x1, y1, x2, y2)))
    return found

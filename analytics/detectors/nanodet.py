"""NanoDet-m: three class maps and three maps of box edges as distributions, strides 8, 16, 32."""

import cv2
import numpy as np

from analytics.detectors.coco import COCO_LABELS
from analytics.detectors.network import Tensor
from analytics.detectors.overlap import best_boxes
from analytics.plugin import Detection, Image

STRIDES = (8, 16, 32)
EDGE_BINS = 8
MEAN = np.array([103.53, 116.28, 123.675], np.float32)
DEVIATION = np.array([57.375, 57.12, 58.395], np.float32)


class NanoDet:
    """Keeps the picture's shape: it is scaled to the upper left of the square, the rest is grey."""

    name = "nanodet"
    labels = COCO_LABELS

    def fits(self, outputs: list[tuple[int, ...]]) -> bool:
        """Tell whether output shapes are this family's."""
        return (
            len(outputs) == 6
            and [shape[-1] for shape in outputs] == [len(self.labels)] * 3 + [4 * EDGE_BINS] * 3
        )

    def prepare(self, image: Image, side: int) -> Tensor:
        """Return the (1, 3, side, side) float32 input for a picture."""
        ratio = side / max(image.shape[:2])
        scaled = cv2.resize(image, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
        square = np.zeros((side, side, 3), np.float32)
        square[: scaled.shape[0], : scaled.shape[1]] = scaled
        square = (square - MEAN) / DEVIATION
        return np.ascontiguousarray(square.transpose(2, 0, 1)[None], np.float32)

    def read(
        self, outputs: list[Tensor], image: Image, side: int, min_score: float
    ) -> list[Detection]:
        """Return the detections in a network's answer, best first."""
        boxes, scores = [], []
        for stride, classes, edges in zip(STRIDES, outputs[:3], outputs[3:], strict=True):
            centres = _centres(side // stride) * stride
            spread = np.exp(edges[0].reshape(-1, 4, EDGE_BINS))
            spread /= spread.sum(axis=-1, keepdims=True)
            distance = spread @ np.arange(EDGE_BINS, dtype=np.float32) * stride
            boxes.append(np.concatenate([centres - distance[:, :2], centres + distance[:, 2:]], 1))
            scores.append(classes[0])
        height, width = image.shape[:2]
        ratio = side / max(height, width)
        size = np.array([width, height, width, height], np.float32) * ratio
        return best_boxes(
            np.concatenate(boxes) / size, np.concatenate(scores), self.labels, min_score, 0.5
        )


def _centres(cells: int) -> Tensor:
    rows, columns = np.meshgrid(np.arange(cells), np.arange(cells), indexing="ij")
    return np.stack([columns, rows], -1).reshape(-1, 2).astype(np.float32) + 0.5

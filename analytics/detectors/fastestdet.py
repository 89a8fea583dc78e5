"""FastestDet: one map of objectness, box and classes at stride 16."""

import cv2
import numpy as np

from analytics.detectors.coco import COCO_LABELS
from analytics.detectors.network import Tensor
from analytics.detectors.overlap import best_boxes
from analytics.plugin import Detection, Image

BOX_VALUES = 5


class FastestDet:
    """Stretches the picture to the square."""

    name = "fastestdet"
    labels = COCO_LABELS

    def fits(self, outputs: list[tuple[int, ...]]) -> bool:
        """Tell whether output shapes are this family's."""
        return len(outputs) == 1 and outputs[0][1] == BOX_VALUES + len(self.labels)

    def prepare(self, image: Image, side: int) -> Tensor:
        """Return the (1, 3, side, side) float32 input for a picture."""
        scaled = cv2.resize(image, (side, side))
        tensor = np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], np.float32)
        return tensor / np.float32(255)

    def read(
        self, outputs: list[Tensor], image: Image, side: int, min_score: float
    ) -> list[Detection]:
        """Return the detections in a network's answer, best first."""
        cells = outputs[0][0].transpose(1, 2, 0)
        rows, columns = np.meshgrid(
            np.arange(cells.shape[0]), np.arange(cells.shape[1]), indexing="ij"
        )
        scores = cells[..., :1] ** 0.6 * cells[..., BOX_VALUES:] ** 0.4
        x = (np.tanh(cells[..., 1]) + columns) / cells.shape[1]
        y = (np.tanh(cells[..., 2]) + rows) / cells.shape[0]
        half_width, half_height = _sigmoid(cells[..., 3]) / 2, _sigmoid(cells[..., 4]) / 2
        boxes = np.stack(
            [x - half_width, y - half_height, x + half_width, y + half_height], -1
        ).reshape(-1, 4)
        return best_boxes(
            boxes.astype(np.float32),
            scores.reshape(-1, len(self.labels)),
            self.labels,
            min_score,
            0.45,
        )


def _sigmoid(values: Tensor) -> Tensor:
    return np.asarray(1 / (1 + np.exp(-values)), np.float32)

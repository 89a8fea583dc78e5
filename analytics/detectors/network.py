"""Opening a detector from a model file: the family is read from the network's own outputs."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as state

from analytics.errors import ModelError
from analytics.plugin import Detection, Image, ModelInfo

Tensor = NDArray[np.float32]

LOAD_ERRORS = (
    state.Fail,
    state.InvalidArgument,
    state.InvalidGraph,
    state.InvalidProtobuf,
    state.NotImplemented,
    state.RuntimeException,
)
"""onnxruntime's own errors share no root."""


class Family(Protocol):
    """How one kind of network wants its picture and writes its answer."""

    name: str
    labels: tuple[str, ...]

    def fits(self, outputs: list[tuple[int, ...]]) -> bool:
        """Tell whether output shapes are this family's."""

    def prepare(self, image: Image, side: int) -> Tensor:
        """Return the (1, 3, side, side) float32 input for a picture."""

    def read(
        self, outputs: list[Tensor], image: Image, side: int, min_score: float
    ) -> list[Detection]:
        """Return the detections in a network's answer, best first."""


class OnnxDetector:
    """A network run by onnxruntime on the CPU, one thread: workers scale by processes."""

    def __init__(self, path: Path, families: Sequence[Family], min_score: float) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            content = path.read_bytes()
            self._session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except OSError as error:
            raise ModelError(f"cannot read the model file {path}: {error.strerror}") from error
        except LOAD_ERRORS as error:
            raise ModelError(f"{path} is not a model that onnxruntime can load") from error
        model_input = self._session.get_inputs()[0]
        self._input = model_input.name
        self._side = _input_side(path, model_input.shape)
        shapes = [tuple(output.shape) for output in self._session.get_outputs()]
        self._family = _family_of(path, shapes, families)
        self._min_score = min_score
        self.info = ModelInfo(
            name=path.stem,
            family=self._family.name,
            sha256=hashlib.sha256(content).hexdigest(),
            labels=self._family.labels,
            input_size=(self._side, self._side),
            backend=f"onnxruntime {onnxruntime.__version__}",
        )

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Return the detections of each picture; batches gain nothing on a CPU, so none is made."""
        found = []
        for image in images:
            tensor = self._family.prepare(image, self._side)
            outputs = self._session.run(None, {self._input: tensor})
            found.append(self._family.read(outputs, image, self._side, self._min_score))
        return found


def _input_side(path: Path, shape: Sequence[int | str]) -> int:
    if len(shape) != 4 or not isinstance(shape[2], int) or shape[2] != shape[3]:
        raise ModelError(f"{path} wants an input of shape {shape}; a square picture was expected")
    return shape[2]


def _family_of(path: Path, shapes: list[tuple[int, ...]], families: Sequence[Family]) -> Family:
    for family in families:
        if family.fits(shapes):
            return family
    known = ", ".join(family.name for family in families)
    raise ModelError(f"{path} answers in shapes {shapes}; known families are {known}")

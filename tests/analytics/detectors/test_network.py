from pathlib import Path

import av
import pytest

from analytics.detectors import open_detector
from analytics.errors import ModelError

MODELS = ["nanodet_m_coco_416.onnx", "fastestdet_coco_352.onnx"]


def pictures(clip: Path, every: int) -> list:
    with av.open(str(clip)) as container:
        decoded = container.decode(video=0)
        return [p.to_ndarray(format="bgr24") for n, p in enumerate(decoded) if n % every == 0]


def test_missing_model_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere.onnx"):
        open_detector(tmp_path / "nowhere.onnx")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture.onnx"
    path.write_bytes(b"\xff\xd8\xff\xe0 this is a photograph")
    with pytest.raises(ModelError, match="picture.onnx"):
        open_detector(path)


@pytest.mark.field
@pytest.mark.parametrize("model", MODELS)
def test_the_one_worker_of_the_clip_is_found_on_nearly_every_picture(
    shared: Path, model: str
) -> None:
    detector = open_detector(shared / "models" / model, min_score=0.4)
    clip = shared / "footage" / "worker_zone_hardhat_vest_480x270.mp4"
    images = pictures(clip, every=15)
    people = [
        [d for d in found if d.label == "person" and d.score >= 0.5]
        for found in detector.detect(images)
    ]
    right = sum(len(found) == 1 for found in people)
    assert right >= 0.8 * len(images)


@pytest.mark.field
def test_boxes_are_fractions_of_the_picture(shared: Path) -> None:
    detector = open_detector(shared / "models" / MODELS[0])
    clip = shared / "footage" / "classroom_seated_480x270.mp4"
    for found in detector.detect(pictures(clip, every=50)):
        for x1, y1, x2, y2 in (d.box for d in found):
            assert 0 <= x1 < x2 <= 1
            assert 0 <= y1 < y2 <= 1


@pytest.mark.field
def test_a_model_says_who_it_is(shared: Path) -> None:
    info = open_detector(shared / "models" / MODELS[1]).info
    assert info.family == "fastestdet"
    assert info.input_size == (352, 352)
    assert "person" in info.labels
    assert len(info.sha256) == 64

import numpy as np
from PIL import Image

from stream_relay.scenery.view import View, seen

WIDTH, HEIGHT = 64, 36


def scene() -> Image.Image:
    ramp = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    ramp[..., 0] = np.arange(WIDTH) * 4
    ramp[..., 1] = (np.arange(HEIGHT) * 7)[:, None]
    return Image.fromarray(ramp)


def test_straight_ahead_is_the_scene_itself() -> None:
    picture = scene()
    assert seen(picture, View()) is picture


def test_a_camera_that_turns_right_sees_what_was_on_the_right() -> None:
    before, after = np.asarray(scene()), np.asarray(seen(scene(), View(pan=15)))
    assert (after[:, : WIDTH - 16] == before[:, 16:]).all()


def test_a_camera_that_looks_down_sees_what_was_below() -> None:
    before, after = np.asarray(scene()), np.asarray(seen(scene(), View(tilt=17)))
    assert (after[: HEIGHT // 2] == before[HEIGHT // 2 :]).all()


def test_zoom_shows_the_middle_larger() -> None:
    after = np.asarray(seen(scene(), View(zoom=4)))
    assert after.shape == (HEIGHT, WIDTH, 3)
    assert np.ptp(after[0, :, 0].astype(int)) <= WIDTH * 4 / 4


def test_beyond_the_edge_it_goes_on_without_a_break() -> None:
    for pan in range(-360, 361, 7):
        row = np.asarray(seen(scene(), View(pan=float(pan))))[0, :, 0].astype(int)
        assert np.abs(np.diff(row)).max() <= 4

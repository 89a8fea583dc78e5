import pytest

from analytics.sampling import KeyFramePlan, Sampler

SECOND = 90_000


@pytest.mark.parametrize(("stream_fps", "wanted"), [(25, 1), (25, 5), (15, 2), (30, 30), (25, 12)])
def test_sampler_takes_the_asked_number_per_second(stream_fps: int, wanted: float) -> None:
    sampler = Sampler(wanted)
    taken = sum(sampler.takes(n * SECOND // stream_fps) for n in range(stream_fps * 20))
    assert abs(taken - wanted * 20) <= 1


def test_sampler_goes_on_after_a_jump_backwards() -> None:
    sampler = Sampler(1)
    assert sampler.takes(500 * SECOND)
    assert sampler.takes(0)
    assert not sampler.takes(SECOND // 2)


def test_sampler_does_not_catch_up_after_a_gap() -> None:
    sampler = Sampler(1)
    sampler.takes(0)
    assert sampler.takes(60 * SECOND)
    assert not sampler.takes(60 * SECOND + SECOND // 25)


def test_key_frames_alone_serve_a_rate_they_reach() -> None:
    plan = KeyFramePlan(1.0)
    assert not plan.is_keys_only
    for n in range(3):
        plan.see_key(n * SECOND)
    assert plan.is_keys_only


def test_key_frames_that_come_too_seldom_do_not() -> None:
    plan = KeyFramePlan(1.0)
    for n in range(3):
        plan.see_key(n * 2 * SECOND)
    assert not plan.is_keys_only


def test_plan_follows_a_camera_that_changes_its_gop() -> None:
    plan = KeyFramePlan(1.0)
    for n in range(5):
        plan.see_key(n * SECOND)
    for n in range(3, 12):
        plan.see_key(n * 4 * SECOND)
    assert not plan.is_keys_only

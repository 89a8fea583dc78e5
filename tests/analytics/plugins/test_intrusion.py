import numpy as np
import pytest
from pydantic import ValidationError

from analytics.plugin import AlarmPhase, Detection, Findings, Scene
from analytics.plugins.intrusion.plugin import IntrusionPlugin
from tests.analytics.frames import Lending, ScriptedDetector, frame_at
from tests.analytics.pictures import grey

LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
IN_LEFT = Detection("person", 0.9, (0.1, 0.2, 0.2, 0.8))
IN_RIGHT = Detection("person", 0.9, (0.7, 0.2, 0.8, 0.8))
DOUBTFUL = Detection("person", 0.3, (0.1, 0.2, 0.2, 0.8))
CAR = Detection("car", 0.9, (0.1, 0.2, 0.2, 0.8))


def scene(**params: object) -> Scene:
    return Scene("s1", "14040000001320000001", "intrusion", 1.0, LEFT_HALF, params)


def watch(script: list[list[Detection]], **params: object) -> list[tuple[int, AlarmPhase]]:
    """Signals of one sample per second, by the second."""
    plugin = IntrusionPlugin()
    plugin.open(scene(**params), Lending(ScriptedDetector(script)))
    signals = []
    for second in range(len(script)):
        findings = plugin.process(frame_at(second, grey()))
        signals += [(second, signal.phase) for signal in findings.alarms]
    plugin.close()
    return signals


def test_person_in_the_region_raises_one_alarm_however_long_it_stays() -> None:
    assert watch([[IN_LEFT]] * 30) == [(1, AlarmPhase.RAISED)]


def test_person_outside_the_region_raises_nothing_but_is_shown() -> None:
    plugin = IntrusionPlugin()
    plugin.open(scene(), Lending(ScriptedDetector([[IN_RIGHT]])))
    findings = plugin.process(frame_at(0, grey()))
    assert [d.is_inside for d in findings.detections] == [False]
    assert watch([[IN_RIGHT]] * 10) == []


def test_other_things_and_doubtful_people_do_not_count() -> None:
    assert watch([[CAR, DOUBTFUL]] * 10) == []


def test_a_single_sighting_raises_nothing() -> None:
    assert watch([[], [IN_LEFT], [], [], []]) == []


def test_alarm_ends_when_the_person_has_left() -> None:
    script = [[IN_LEFT]] * 3 + [[]] * 6
    assert watch(script, clear_after_s=3) == [(1, AlarmPhase.RAISED), (5, AlarmPhase.ENDED)]


def test_alarm_carries_who_stood_inside() -> None:
    plugin = IntrusionPlugin()
    plugin.open(scene(), Lending(ScriptedDetector([[IN_LEFT, IN_RIGHT]] * 2)))
    plugin.process(frame_at(0, grey()))
    (signal,) = plugin.process(frame_at(1, grey())).alarms
    assert [d.box for d in signal.detections] == [IN_LEFT.box]
    assert signal.kind == "intrusion"
    assert signal.score == 0.9


def test_without_a_model_motion_in_the_region_raises_the_alarm() -> None:
    plugin = IntrusionPlugin()
    plugin.open(scene(), Lending(None))
    signals = []
    for n in range(12):
        image = grey()
        if n >= 5:
            image[60:120, 10 + 8 * n : 40 + 8 * n] = 230
        findings = plugin.process(frame_at(n / 2, image))
        signals += [signal.phase for signal in findings.alarms]
    assert signals == [AlarmPhase.RAISED]


def test_motion_outside_the_region_raises_nothing() -> None:
    plugin = IntrusionPlugin()
    plugin.open(scene(), Lending(None))
    for n in range(12):
        image = grey()
        image[60:120, 200 + 5 * n : 230 + 5 * n] = 230
        assert plugin.process(frame_at(n / 2, image)) == Findings()


def test_a_light_switched_on_is_no_motion() -> None:
    plugin = IntrusionPlugin()
    plugin.open(Scene("s", "14040000001320000001", "intrusion"), Lending(None))
    for n in range(10):
        image = grey(60 if n < 5 else 200)
        assert plugin.process(frame_at(n, image)).detections == ()


def test_sensor_noise_is_no_motion() -> None:
    plugin = IntrusionPlugin()
    plugin.open(Scene("s", "14040000001320000001", "intrusion"), Lending(None))
    rng = np.random.default_rng(28181)
    for n in range(20):
        noisy = np.clip(90 + rng.normal(0, 8, (180, 320, 3)), 0, 255).astype(np.uint8)
        assert plugin.process(frame_at(n, noisy)).detections == ()


def test_parameters_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValidationError, match="min_scoer"):
        IntrusionPlugin().open(scene(min_scoer=0.5), Lending(None))


def test_a_person_scene_without_a_model_says_so() -> None:
    with pytest.raises(ValueError, match="no person model|none is configured"):
        IntrusionPlugin().open(scene(detector="person"), Lending(None))


def test_one_detector_call_serves_all_scenes_of_a_frame() -> None:
    detector = ScriptedDetector([[IN_LEFT]])
    plugins = [IntrusionPlugin(), IntrusionPlugin()]
    frame = frame_at(0, grey())
    for plugin in plugins:
        plugin.open(scene(), Lending(detector))
        plugin.process(frame)
    assert detector.calls == 1

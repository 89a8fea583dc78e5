import pytest

from sip.gb28181 import control, device_config, presets, ptz, query
from sip.gb28181.capability import capabilities_of

CAMERA = "34020000001320000001"


@pytest.mark.parametrize(
    ("question", "names"),
    [
        (query.ask_device_info(), ("device_info",)),
        (presets.ask_presets(CAMERA), ("presets",)),
        (control.send_ptz(CAMERA, ptz.Move(pan=1, pan_speed=80)), ("ptz",)),
        (control.stop(CAMERA), ("ptz",)),
        (control.send_ptz(CAMERA, ptz.Preset(ptz.PresetAction.CALL, 3)), ("presets",)),
        (control.request_key_frame(CAMERA), ("key_frame",)),
        (control.guard(is_on=True), ("guard",)),
        (
            device_config.ask_config(["BasicParam", "OSDConfig"]),
            ("config.BasicParam", "config.OSDConfig"),
        ),
    ],
)
def test_a_question_tries_an_ability(question, names):
    assert capabilities_of(question) == names

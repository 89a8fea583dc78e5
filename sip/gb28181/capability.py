"""Which ability of a device a question tries: the lines of its capability matrix.

Names are stable: they are stored, and people see them translated.
"""

from typing import Any

from sip.errors import MalformedMessage
from sip.gb28181 import control, device_config, ptz
from sip.gb28181.manscdp import Field
from sip.gb28181.question import Question

BY_COMMAND = {
    "Catalog": "catalog",
    "DeviceInfo": "device_info",
    "DeviceStatus": "device_status",
    "RecordInfo": "recordings",
    "PresetQuery": "presets",
    "HomePositionQuery": "home_position",
    "CruiseTrackListQuery": "cruise",
    "CruiseTrackQuery": "cruise",
    "PTZPosition": "ptz_position",
    "SDCardStatus": "sd_card",
    "Broadcast": "broadcast",
}
BY_ELEMENT = {
    "TeleBoot": "reboot",
    "IFameCmd": "key_frame",
    "IFrameCmd": "key_frame",
    "DragZoomIn": "drag_zoom",
    "DragZoomOut": "drag_zoom",
    "PTZPreciseCtrl": "precise_ptz",
    "FormatSDCard": "sd_card",
    "TargetTrack": "target_track",
    "RecordCmd": "device_recording",
    "GuardCmd": "guard",
    "AlarmCmd": "alarm_reset",
    "HomePosition": "home_position",
    "DeviceUpgrade": "upgrade",
}
BY_PTZ: dict[type, str] = {
    ptz.Move: "ptz",
    ptz.Lens: "lens",
    ptz.Preset: "presets",
    ptz.Cruise: "cruise",
    ptz.Scan: "scan",
    ptz.Auxiliary: "auxiliary",
}
SNAPSHOT = "snapshot"
CONFIG = "config."
"""Before the type of a configuration, e.g. `config.OSDConfig`."""


def capabilities_of(question: Question[Any]) -> tuple[str, ...]:
    """Name what a question tries; nothing for what has no line of its own."""
    if (known := BY_COMMAND.get(question.command)) is not None:
        return (known,)
    if question.command == device_config.DOWNLOAD:
        types = next((text for name, text in question.fields if name == "ConfigType"), "")
        return tuple(_config(name) for name in str(types).split("/") if name)
    if question.command == device_config.CONFIG:
        return tuple(_config(name.partition(" ")[0]) for name, _ in question.fields)
    if question.command == control.COMMAND:
        return tuple(dict.fromkeys(filter(None, map(_of_element, question.fields))))
    return ()


def _config(name: str) -> str:
    return SNAPSHOT if name.startswith("SnapShot") else CONFIG + name


def _of_element(field: Field) -> str:
    name, value = field
    if name != "PTZCmd":
        return BY_ELEMENT.get(name, "")
    try:
        return BY_PTZ.get(type(ptz.decode(str(value))), "")
    except MalformedMessage:
        return ""

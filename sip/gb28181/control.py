"""DeviceControl: every command to a channel or device, and how it is read (2022 9.3, A.2.3.1).

One function for each command returns the Question that sends it; bytes of PTZCmd are `ptz`'s.
"""

import re
from dataclasses import dataclass, field

from sip.errors import LocalProtocolError
from sip.gb28181 import ptz
from sip.gb28181.manscdp import Envelope, Field, Root, build_envelope, parse_number
from sip.gb28181.question import Question, ask_once, order, read_result
from sip.gb28181.xml import Element

COMMAND = "DeviceControl"

UNANSWERED = frozenset(
    {
        "PTZCmd", "TeleBoot", "IFameCmd", "IFrameCmd", "DragZoomIn", "DragZoomOut",
        "PTZPreciseCtrl", "FormatSDCard", "TargetTrack",
    }
)  # fmt: skip
"""Commands that get 200 and no Response (2022 A.2.6.1)."""

ANSWERED = frozenset({"RecordCmd", "GuardCmd", "AlarmCmd", "HomePosition", "DeviceUpgrade"})

LONGEST_NAME_BYTES = 32
"""PresetName and CruiseTrackName (2022 A.2.1)."""
LONGEST_RESET_S = 86_400

_NAMES = {name.lower(): name for name in UNANSWERED | ANSWERED}
_SESSION = re.compile(r"[0-9A-Za-z-]{32,128}")


@dataclass(frozen=True, slots=True)
class Control:
    """One command to a channel or device."""

    device_id: str
    sn: int
    command: str
    """The element's name in the spelling of the standard; empty when there is none we know."""
    value: str
    element: Element | None = field(default=None, compare=False)
    """The command's element; None where there is no command we know."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle on a picture, in pixels, origin top left (DragZoomIn, TargetArea)."""

    width: int
    """Of the whole picture; the standard calls it Length."""
    height: int
    """Of the whole picture; the standard calls it Width."""
    mid_x: int
    mid_y: int
    length_x: int
    length_y: int


@dataclass(frozen=True, slots=True)
class HomePosition:
    """Where a head returns to when nobody moves it (A.2.3.1.10)."""

    is_enabled: bool
    reset_s: int | None = None
    """Idle time after which it returns."""
    preset: int | None = None


# Commands that get no Response


def send_ptz(
    channel_id: str, command: ptz.PtzCommand, *, preset_name: str = "", cruise_name: str = ""
) -> Question[None]:
    """Send PTZCmd; names go along in PTZCmdParams, which 2016 devices ignore."""
    fields: list[Field] = [("PTZCmd", ptz.encode(command))]
    params: list[Field] = [
        (name, cut_name(text))
        for name, text in (("PresetName", preset_name), ("CruiseTrackName", cruise_name))
        if text
    ]
    if params:
        fields.append(("PTZCmdParams", params))
    return _order(channel_id, *fields)


def stop(channel_id: str) -> Question[None]:
    """Stop head, zoom, cruise and scan."""
    return send_ptz(channel_id, ptz.STOP)


def reboot(device_id: str = "") -> Question[None]:
    """Restart the device (TeleBoot); empty means the one that is asked."""
    return _order(device_id, ("TeleBoot", "Boot"))


def request_key_frame(channel_id: str) -> Question[None]:
    """Ask for an IDR; both spellings, because 2016 misspelt the one that 2022 mends."""
    return _order(channel_id, *_KEY_FRAME)


def drag_zoom(channel_id: str, frame: Frame, *, is_in: bool) -> Question[None]:
    """Zoom so that the rectangle fills the picture, or the picture shrinks into it."""
    return _order(channel_id, ("DragZoomIn" if is_in else "DragZoomOut", _frame_fields(frame)))


def move_precisely(
    channel_id: str,
    *,
    pan: float | None = None,
    tilt: float | None = None,
    zoom: float | None = None,
) -> Question[None]:
    """Go to angles in degrees and a zoom factor (PTZPreciseCtrl, 2022).

    `pan` 0 to 360, `tilt` -30 to 90 with down positive, `zoom` from 1; None leaves an axis alone.
    """
    limits = (("Pan", pan, 0.0, 360.0), ("Tilt", tilt, -30.0, 90.0), ("Zoom", zoom, 1.0, 1000.0))
    fields: list[Field] = []
    for name, value, least, most in limits:
        if value is None:
            continue
        if not least <= value <= most:
            raise LocalProtocolError(f"{name} must lie within {least} and {most}")
        fields.append((name, f"{value:.2f}"))
    return _order(channel_id, ("PTZPreciseCtrl", fields))


def format_card(number: int = 0, device_id: str = "") -> Question[None]:
    """Format a storage card, counted from 1; 0 is all (FormatSDCard, 2022)."""
    return _order(device_id, ("FormatSDCard", str(number)))


def track_target(
    channel_id: str, mode: str, *, panorama_id: str = "", area: Frame | None = None
) -> Question[None]:
    """Let a dome follow a target: mode `Auto`, `Manual` (with an area) or `Stop` (2022)."""
    if mode not in ("Auto", "Manual", "Stop") or (mode == "Manual") is (area is None):
        raise LocalProtocolError("TargetTrack is Auto, Stop, or Manual with an area")
    fields: list[Field] = [("TargetTrack", mode)]
    if panorama_id:
        fields.append(("DeviceID2", panorama_id))
    if area is not None:
        fields.append(("TargetArea", _frame_fields(area)))
    return _order(channel_id, *fields)


# Commands that are answered


def record(channel_id: str, *, is_on: bool, stream: int | None = None) -> Question[None]:
    """Start or stop recording on the device; the stream's number is 2022."""
    fields: list[Field] = [("RecordCmd", "Record" if is_on else "StopRecord")]
    if stream is not None:
        fields.append(("StreamNumber", str(stream)))
    return _ask(channel_id, *fields)


def guard(target_id: str = "", *, is_on: bool) -> Question[None]:
    """Arm or disarm a device or an alarm input."""
    return _ask(target_id, ("GuardCmd", "SetGuard" if is_on else "ResetGuard"))


def reset_alarm(target_id: str = "", *, method: str = "", alarm_type: str = "") -> Question[None]:
    """Reset an alarm; method and type narrow it down."""
    info: list[Field] = [
        (name, text) for name, text in (("AlarmMethod", method), ("AlarmType", alarm_type)) if text
    ]
    fields: list[Field] = [("AlarmCmd", "ResetAlarm")]
    if info:
        fields.append(("Info", info))
    return _ask(target_id, *fields)


def set_home(channel_id: str, home: HomePosition) -> Question[None]:
    """Set or switch off the home position."""
    return _ask(channel_id, ("HomePosition", home_fields(home)))


def upgrade(
    firmware: str, url: str, manufacturer: str, session_id: str, device_id: str = ""
) -> Question[None]:
    """Have the device fetch and install a firmware (DeviceUpgrade, 2022); the result comes later.

    `session_id` is 32 to 128 letters, digits and hyphens, and names the result.
    """
    if not is_session_id(session_id):
        raise LocalProtocolError("SessionID is 32 to 128 letters, digits and hyphens")
    fields: list[Field] = [
        ("Firmware", firmware),
        ("FileURL", url),
        ("Manufacturer", manufacturer),
        ("SessionID", session_id),
    ]
    return _ask(device_id, ("DeviceUpgrade", fields))


# Reading


def parse_control(envelope: Envelope) -> Control:
    """Find the command of a DeviceControl; there is one per message."""
    for child in envelope.body.children:
        if name := _NAMES.get(child.name.lower()):
            return Control(envelope.device_id, envelope.sn, name, child.text, child)
    return Control(envelope.device_id, envelope.sn, "", "")


def parse_frame(element: Element) -> Frame | None:
    """Read a rectangle; None when a number is missing, or the picture or the frame is empty."""
    names = ("Length", "Width", "MidPointX", "MidPointY", "LengthX", "LengthY")
    numbers = [parse_number(element.value(name)) for name in names]
    if any(number is None for number in numbers):
        return None
    width, height, mid_x, mid_y, length_x, length_y = (number or 0 for number in numbers)
    if not (width and height and length_x and length_y):
        return None
    return Frame(width, height, mid_x, mid_y, length_x, length_y)


def parse_home(element: Element) -> HomePosition:
    """Read a home position, of a command or of an answer."""
    return HomePosition(
        element.value("Enabled") in ("1", "true", "ON"),
        parse_number(element.value("ResetTime")),
        parse_number(element.value("PresetIndex")),
    )


def is_session_id(text: str) -> bool:
    """Whether a SessionID has the form that the standard asks for."""
    return _SESSION.fullmatch(text) is not None


# Writing


def build_control(
    device_id: str, sn: int, fields: list[Field], *, charset: str = "GB2312"
) -> bytes:
    """Write a command, e.g. `[("TeleBoot", "Boot")]`."""
    return build_envelope(Root.CONTROL, COMMAND, sn, device_id, fields, charset=charset)


def build_key_frame_request(channel_id: str, sn: int, *, charset: str = "GB2312") -> bytes:
    """Ask for an IDR in both spellings."""
    return build_control(channel_id, sn, list(_KEY_FRAME), charset=charset)


def build_control_response(
    device_id: str, sn: int, *, is_ok: bool = True, charset: str = "GB2312"
) -> bytes:
    """Write the answer to a command of ANSWERED."""
    result = "OK" if is_ok else "ERROR"
    return build_envelope(
        Root.RESPONSE, COMMAND, sn, device_id, [("Result", result)], charset=charset
    )


def home_fields(home: HomePosition) -> list[Field]:
    """Write the children of HomePosition."""
    fields: list[Field] = [("Enabled", "1" if home.is_enabled else "0")]
    if home.reset_s is not None:
        fields.append(("ResetTime", str(home.reset_s)))
    if home.preset is not None:
        fields.append(("PresetIndex", str(home.preset)))
    return fields


def cut_name(text: str) -> str:
    """Shorten a name to what 32 bytes hold, without half a character (GB18030)."""
    while len(text.encode("gb18030", "replace")) > LONGEST_NAME_BYTES:
        text = text[:-1]
    return text


_KEY_FRAME: tuple[Field, ...] = (("IFameCmd", "Send"), ("IFrameCmd", "Send"))


def _frame_fields(frame: Frame) -> list[Field]:
    return [
        ("Length", str(frame.width)),
        ("Width", str(frame.height)),
        ("MidPointX", str(frame.mid_x)),
        ("MidPointY", str(frame.mid_y)),
        ("LengthX", str(frame.length_x)),
        ("LengthY", str(frame.length_y)),
    ]


def _order(target_id: str, *fields: Field) -> Question[None]:
    return order(COMMAND, target_id=target_id, fields=fields)


def _ask(target_id: str, *fields: Field) -> Question[None]:
    return ask_once(COMMAND, read_result, root=Root.CONTROL, target_id=target_id, fields=fields)

"""DeviceControl basics: which command, and whether it is answered (GB/T 28181-2022 9.3, A.2.3)."""

from dataclasses import dataclass

from sip.gb28181.manscdp import Envelope, Field, Root, build_envelope

COMMAND = "DeviceControl"

UNANSWERED = frozenset(
    {
        "PTZCmd", "TeleBoot", "IFameCmd", "IFrameCmd", "DragZoomIn", "DragZoomOut",
        "PTZPreciseCtrl", "FormatSDCard", "TargetTrack",
    }
)  # fmt: skip
"""Commands that get 200 and no Response (2022 A.2.6.1)."""

ANSWERED = frozenset({"RecordCmd", "GuardCmd", "AlarmCmd", "HomePosition", "DeviceUpgrade"})

_NAMES = {name.lower(): name for name in UNANSWERED | ANSWERED}


@dataclass(frozen=True, slots=True)
class Control:
    """One command to a channel or device."""

    device_id: str
    sn: int
    command: str
    """The element's name in the spelling of the standard; empty when there is none we know."""
    value: str


def parse_control(envelope: Envelope) -> Control:
    """Find the command of a DeviceControl; there is one per message."""
    for child in envelope.body.children:
        if name := _NAMES.get(child.name.lower()):
            return Control(envelope.device_id, envelope.sn, name, child.text)
    return Control(envelope.device_id, envelope.sn, "", "")


def build_control(
    device_id: str, sn: int, fields: list[Field], *, charset: str = "GB2312"
) -> bytes:
    """Write a command, e.g. `[("TeleBoot", "Boot")]`."""
    return build_envelope(Root.CONTROL, COMMAND, sn, device_id, fields, charset=charset)


def build_key_frame_request(channel_id: str, sn: int, *, charset: str = "GB2312") -> bytes:
    """Ask for an IDR; both spellings, because 2016 misspelt the one that 2022 mends."""
    fields: list[Field] = [("IFameCmd", "Send"), ("IFrameCmd", "Send")]
    return build_control(channel_id, sn, fields, charset=charset)


def build_control_response(
    device_id: str, sn: int, *, is_ok: bool = True, charset: str = "GB2312"
) -> bytes:
    """Write the answer to a command of ANSWERED."""
    result = "OK" if is_ok else "ERROR"
    return build_envelope(
        Root.RESPONSE, COMMAND, sn, device_id, [("Result", result)], charset=charset
    )

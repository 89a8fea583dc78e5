"""DeviceInfo and DeviceStatus: query and answer (GB/T 28181 annex A.2.4, A.2.6)."""

from dataclasses import dataclass

from sip.gb28181.manscdp import Envelope, Field, Root, build_envelope, parse_number
from sip.gb28181.question import Question, ask_once

DEVICE_INFO = "DeviceInfo"
DEVICE_STATUS = "DeviceStatus"
LONGEST_TEXT = 256


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What a device says of itself."""

    device_id: str
    name: str = ""
    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    channel_count: int | None = None
    """Number of video inputs."""


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """The state a device reports."""

    device_id: str
    is_online: bool
    is_ok: bool
    reason: str = ""
    is_encoding: bool | None = None
    is_recording: bool | None = None
    device_time: str = ""
    """As sent: the device's local time."""
    duty: tuple[tuple[str, str], ...] = ()
    """(alarm input, ONDUTY | OFFDUTY | ALARM)."""


def ask_device_info(target_id: str = "") -> Question[DeviceInfo]:
    """Ask for maker, model and firmware."""
    return ask_once(DEVICE_INFO, parse_device_info, target_id=target_id)


def ask_device_status(target_id: str = "") -> Question[DeviceStatus]:
    """Ask a device, or a channel of it, how it is."""
    return ask_once(DEVICE_STATUS, parse_device_status, target_id=target_id)


def parse_device_info(envelope: Envelope) -> DeviceInfo:
    """Read a DeviceInfo answer; everything but the id may be missing."""
    body = envelope.body
    return DeviceInfo(
        device_id=envelope.device_id,
        name=body.value("DeviceName")[:LONGEST_TEXT],
        manufacturer=body.value("Manufacturer")[:LONGEST_TEXT],
        model=body.value("Model")[:LONGEST_TEXT],
        firmware=body.value("Firmware")[:LONGEST_TEXT],
        channel_count=parse_number(body.value("Channel")),
    )


def build_device_info(info: DeviceInfo, sn: int, *, charset: str = "GB2312") -> bytes:
    """Write a DeviceInfo answer."""
    fields: list[Field] = [
        ("DeviceName", info.name),
        ("Result", "OK"),
        ("Manufacturer", info.manufacturer),
        ("Model", info.model),
        ("Firmware", info.firmware),
    ]
    if info.channel_count is not None:
        fields.append(("Channel", str(info.channel_count)))
    return build_envelope(Root.RESPONSE, DEVICE_INFO, sn, info.device_id, fields, charset=charset)


def parse_device_status(envelope: Envelope) -> DeviceStatus:
    """Read a DeviceStatus answer."""
    body = envelope.body
    alarms = body.child("Alarmstatus")
    return DeviceStatus(
        device_id=envelope.device_id,
        is_online=body.value("Online", "ONLINE").upper() == "ONLINE",
        is_ok=body.value("Status", "OK").upper() == "OK",
        reason=body.value("Reason")[:LONGEST_TEXT],
        is_encoding=_switch(body.value("Encode")),
        is_recording=_switch(body.value("Record")),
        device_time=body.value("DeviceTime")[:LONGEST_TEXT],
        duty=tuple(
            (item.value("DeviceID"), item.value("DutyStatus").upper())
            for item in (alarms.children if alarms is not None else ())
        ),
    )


def build_device_status(status: DeviceStatus, sn: int, *, charset: str = "GB2312") -> bytes:
    """Write a DeviceStatus answer; note the small s of Alarmstatus, which both editions print."""
    fields: list[Field] = [
        ("Result", "OK"),
        ("Online", "ONLINE" if status.is_online else "OFFLINE"),
        ("Status", "OK" if status.is_ok else "ERROR"),
    ]
    for name, value in (("Encode", status.is_encoding), ("Record", status.is_recording)):
        if value is not None:
            fields.append((name, "ON" if value else "OFF"))
    if status.device_time:
        fields.append(("DeviceTime", status.device_time))
    if status.duty:
        items: list[Field] = [
            ("Item", [("DeviceID", code), ("DutyStatus", duty)]) for code, duty in status.duty
        ]
        fields.append((f'Alarmstatus Num="{len(items)}"', items))
    return build_envelope(
        Root.RESPONSE, DEVICE_STATUS, sn, status.device_id, fields, charset=charset
    )


def _switch(text: str) -> bool | None:
    return text.upper() == "ON" if text else None

"""Alarm notifications and their answer (GB/T 28181-2022 9.4, A.2.5)."""

from dataclasses import dataclass

from sip.gb28181.manscdp import (
    LONGEST_ID,
    Envelope,
    Field,
    Root,
    build_envelope,
    parse_float,
    parse_number,
)

COMMAND = "Alarm"
LONGEST_TEXT = 1024
ALL_METHODS = "0"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm as a device reports it."""

    device_id: str
    sn: int
    priority: int
    """1 highest to 4; 0 when missing or out of range."""
    method: str
    time_text: str = ""
    description: str = ""
    alarm_type: str = ""
    event_type: str = ""
    longitude: float | None = None
    latitude: float | None = None


def parse_alarm(envelope: Envelope) -> Alarm:
    """Read a notification; `info` in lower case is read too (WVP as lower platform sends it)."""
    body = envelope.body
    info = body.child("Info")
    parameters = info.child("AlarmTypeParam") if info is not None else None
    priority = parse_number(body.value("AlarmPriority")) or 0
    return Alarm(
        device_id=envelope.device_id,
        sn=envelope.sn,
        priority=priority if priority <= 4 else 0,
        method=body.value("AlarmMethod")[:LONGEST_ID],
        time_text=body.value("AlarmTime")[:LONGEST_ID],
        description=body.value("AlarmDescription")[:LONGEST_TEXT],
        alarm_type=(info.value("AlarmType") if info is not None else "")[:LONGEST_ID],
        event_type=(parameters.value("EventType") if parameters is not None else "")[:LONGEST_ID],
        longitude=parse_float(body.value("Longitude")),
        latitude=parse_float(body.value("Latitude")),
    )


def build_alarm(alarm: Alarm, *, charset: str = "GB2312") -> bytes:
    """Write a notification."""
    fields: list[Field] = [
        ("AlarmPriority", str(alarm.priority)),
        ("AlarmMethod", alarm.method),
        ("AlarmTime", alarm.time_text),
    ]
    if alarm.description:
        fields.append(("AlarmDescription", alarm.description))
    for name, value in (("Longitude", alarm.longitude), ("Latitude", alarm.latitude)):
        if value is not None:
            fields.append((name, f"{value:.6f}"))
    if alarm.alarm_type:
        info: list[Field] = [("AlarmType", alarm.alarm_type)]
        if alarm.event_type:
            info.append(("AlarmTypeParam", [("EventType", alarm.event_type)]))
        fields.append(("Info", info))
    return build_envelope(Root.NOTIFY, COMMAND, alarm.sn, alarm.device_id, fields, charset=charset)


def build_alarm_response(device_id: str, sn: int, *, charset: str = "GB2312") -> bytes:
    """Write the answer that follows an alarm by MESSAGE, in a MESSAGE of its own."""
    return build_envelope(
        Root.RESPONSE, COMMAND, sn, device_id, [("Result", "OK")], charset=charset
    )


def split_methods(text: str) -> tuple[str, ...]:
    """Read a combination of alarm methods: `12` in 2016, `1/2` in 2022."""
    text = text.strip()
    parts = text.split("/") if "/" in text else list(text)
    return tuple(part.strip() for part in parts if part.strip().isdecimal())

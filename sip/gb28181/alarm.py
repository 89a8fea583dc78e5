"""Alarms: notifications and their answer, what to be told of (GB/T 28181-2022 9.4, A.2)."""

from collections.abc import Iterable
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
from sip.gb28181.question import Question, order

COMMAND = "Alarm"
LONGEST_TEXT = 1024
ALL_METHODS = "0"
METHODS = frozenset("1234567")
LOWEST_PRIORITY = 4


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


def join_methods(methods: Iterable[str], *, is_2022: bool = True) -> str:
    """Write a combination of alarm methods; none or all of them are `0`."""
    chosen = sorted({method for method in methods if method in METHODS})
    if not chosen or len(chosen) == len(METHODS):
        return ALL_METHODS
    return ("/" if is_2022 else "").join(chosen)


@dataclass(frozen=True, slots=True)
class AlarmWish:
    """Which alarms a subscriber wants to be told of (A.2.4); the default is all."""

    first_priority: int = 0
    """1 to 4; 0: all."""
    last_priority: int = 0
    methods: tuple[str, ...] = ()
    """None: all."""
    alarm_type: str = ""
    start_text: str = ""
    """Alarms since, in the device's local time; empty: any."""
    end_text: str = ""

    def wants(self, alarm: Alarm) -> bool:
        """Whether an alarm passes; a priority that is not said passes always."""
        if self.methods and alarm.method not in self.methods:
            return False
        if self.alarm_type and alarm.alarm_type != self.alarm_type:
            return False
        last = self.last_priority or LOWEST_PRIORITY
        return not alarm.priority or self.first_priority <= alarm.priority <= last


def wish_fields(wish: AlarmWish, *, is_2022: bool = True) -> list[Field]:
    """Write the parameters of a subscription or query."""
    fields: list[Field] = [
        ("StartAlarmPriority", str(wish.first_priority)),
        ("EndAlarmPriority", str(wish.last_priority)),
        ("AlarmMethod", join_methods(wish.methods, is_2022=is_2022)),
    ]
    optional = (
        ("AlarmType", wish.alarm_type),
        ("StartAlarmTime", wish.start_text),
        ("EndAlarmTime", wish.end_text),
    )
    return fields + [(name, value) for name, value in optional if value]


def parse_wish(envelope: Envelope) -> AlarmWish:
    """Read the parameters; the 2016 sample says StartTime where its own schema does not."""
    body = envelope.body
    methods = split_methods(body.value("AlarmMethod"))
    first, last = (
        min(parse_number(body.value(name)) or 0, LOWEST_PRIORITY)
        for name in ("StartAlarmPriority", "EndAlarmPriority")
    )
    start = body.value("StartAlarmTime") or body.value("StartTime")
    end = body.value("EndAlarmTime") or body.value("EndTime")
    return AlarmWish(
        first_priority=first,
        last_priority=last,
        methods=() if ALL_METHODS in methods else methods[:16],
        alarm_type=body.value("AlarmType")[:LONGEST_ID],
        start_text=start[:LONGEST_ID],
        end_text=end[:LONGEST_ID],
    )


def ask_alarms(wish: AlarmWish, target_id: str = "") -> Question[None]:
    """Ask a device to report the alarms it has; they come as notifications (A.2.4)."""
    return order(COMMAND, root=Root.QUERY, target_id=target_id, fields=tuple(wish_fields(wish)))

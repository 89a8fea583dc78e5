"""Our alarms in the words of GB/T 28181, as each edition has them (2022 A.2.5, 2016 annex A)."""

from collections.abc import Mapping
from typing import Any

from sip.gb28181.alarm import Alarm as GbAlarm
from sip.gb28181.alarm import split_methods
from sip.gb28181.alarm_names import alarm_names
from sip.gb28181.record_info import format_time
from vms.records import Alarm, AlarmLevel

PRIORITIES = {AlarmLevel.RED: 1, AlarmLevel.ORANGE: 2, AlarmLevel.YELLOW: 3, AlarmLevel.BLUE: 4}
DEVICE, SCENE = "device", "scene:"
"""Sources of alarms that go up: what devices report, and what our own analysis sees. What the
platform finds about itself (a full disk, a stream that is lost) stays here."""
FAILED = "analysis_failed"
OTHER, VIDEO = "7", "5"
INTRUSION = "6"
ABNORMAL = {("5", "13"): "11"}
"""What only 2022 has → what is closest in 2016: a covered picture is an abnormal one."""


def is_for_uppers(alarm: Alarm) -> bool:
    """Whether it is about what a camera, or analysis, has seen."""
    is_scene = alarm.source.startswith(SCENE) and alarm.kind != FAILED
    return bool(alarm.channel) and (alarm.source == DEVICE or is_scene)


def alarm_for(alarm: Alarm, code: str, sn: int, *, is_2022: bool) -> GbAlarm:
    """The notification about `code`, the upper platform's name of the channel."""
    if alarm.source != DEVICE:
        return _seen(alarm, code, sn)
    detail = alarm.detail
    methods = split_methods(_text(detail, "method"))
    method = methods[0] if methods else OTHER
    alarm_type = _text(detail, "type")
    if not is_2022 and _is_new(method, alarm_type):
        alarm_type = ABNORMAL.get((method, alarm_type), "")
    priority = detail.get("priority")
    return GbAlarm(
        code,
        sn,
        priority if isinstance(priority, int) and 1 <= priority <= 4 else PRIORITIES[alarm.level],
        method,
        time_text=_text(detail, "time") or format_time(alarm.last_at),
        description=_text(detail, "description") or _text(detail, "name"),
        alarm_type=alarm_type,
        event_type=_text(detail, "event"),
        longitude=_number(detail, "longitude"),
        latitude=_number(detail, "latitude"),
    )


def _seen(alarm: Alarm, code: str, sn: int) -> GbAlarm:
    """What our analysis saw: somebody where nobody should be."""
    return GbAlarm(
        code,
        sn,
        PRIORITIES[alarm.level],
        VIDEO,
        time_text=format_time(alarm.raised_at),
        description=_text(alarm.detail, "scene") or alarm.kind,
        alarm_type=INTRUSION,
    )


def _is_new(method: str, alarm_type: str) -> bool:
    known = alarm_names().get((method, alarm_type))
    return known is not None and known.edition != "2016"


def _text(detail: Mapping[str, Any], name: str) -> str:
    value = detail.get(name)
    return value if isinstance(value, str) else ""


def _number(detail: Mapping[str, Any], name: str) -> float | None:
    value = detail.get(name)
    return float(value) if isinstance(value, int | float) else None

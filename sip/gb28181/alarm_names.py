"""What alarm methods and types are called: the tables of GB/T 28181 A.2.5 as data.

The file beside this module has one row per method (without a type) and per type of a method.
"""

import csv
import io
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

TABLE = "alarm_types.csv"
EVENT_TYPES = {"1": ("进入区域", "entered"), "2": ("离开区域", "left")}
"""EventType of an intrusion (method 5, type 6)."""


@dataclass(frozen=True, slots=True)
class AlarmName:
    """What one method, or one type of a method, is called."""

    method: str
    type: str
    """Empty for the method itself."""
    zh: str
    en: str
    edition: str
    """First edition that has it."""


@lru_cache(maxsize=1)
def alarm_names() -> dict[tuple[str, str], AlarmName]:
    """All names by method and type."""
    text = files("sip.gb28181").joinpath(TABLE).read_text(encoding="utf-8")
    rows = csv.DictReader(io.StringIO(text))
    return {(row["method"], row["type"]): AlarmName(**row) for row in rows}


def name_alarm(method: str, alarm_type: str = "", event_type: str = "") -> tuple[str, str]:
    """Return the Chinese and the English name; unknown numbers are shown, never refused."""
    names = alarm_names()
    found = names.get((method, alarm_type))
    if found is None:
        base = names.get((method, ""))
        zh, en = (base.zh, base.en) if base else ("报警", "alarm")
        number = "-".join(part for part in (method if base is None else "", alarm_type) if part)
        return (f"{zh}（{number}）", f"{en} ({number})") if number else (zh, en)
    if (method, alarm_type) == ("5", "6") and event_type in EVENT_TYPES:
        zh, en = EVENT_TYPES[event_type]
        return f"{found.zh}：{zh}", f"{found.en}: {en}"
    return found.zh, found.en

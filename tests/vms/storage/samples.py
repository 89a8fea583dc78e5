"""Times and values that the storage's tests share."""

from datetime import UTC, datetime, timedelta
from typing import Any

from vms.storage.records import AlarmLevel, NewAlarm, NewSegment, SceneDraft

T0 = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
CHANNEL = "14040200411320000001"
OTHER = "14040200411320000002"


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def alarm(key: str = "intrusion:1", **more: Any) -> NewAlarm:
    values: dict[str, Any] = {"channel": CHANNEL, "kind": "intrusion", "level": AlarmLevel.ORANGE}
    return NewAlarm(dedupe_key=key, **(values | more))


def segment(minute: int, channel: str = CHANNEL, **more: Any) -> NewSegment:
    values: dict[str, Any] = {
        "path": f"{channel}/{minute:04d}.mp4",
        "started_at": after(60 * minute),
        "ended_at": after(60 * minute + 60),
        "size_bytes": 1000,
        "codec": "h264",
    }
    return NewSegment(channel=channel, **(values | more))


def scene(name: str = "gate", **more: Any) -> SceneDraft:
    return SceneDraft(channel=more.pop("channel", CHANNEL), plugin="intrusion", name=name, **more)

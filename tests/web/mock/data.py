"""Contract JSON of a small mine, with one channel for every state that a tile can be in."""

from datetime import UTC, datetime, timedelta
from typing import Any

BOX = "14040000001110000001"
NVR = "14040000001180000002"
GONE = "14040000001110000003"
STRANGER = "14040000001110000099"
ADMIN_PASSWORD = "correct horse"

Json = dict[str, Any]

NAMES = [
    ("0101", "地面工业广场全景", "live"),
    ("0201", "主井口入井通道", "live"),
    ("0301", "副井口人员候罐区", "live"),
    ("0501", "调度室值班台", "live"),
    ("1201", "3108采煤工作面出入口", "stall"),
    ("1501", "3108采煤工作面1号支架", "h265"),
    ("1601", "3110掘进工作面迎头", "connect"),
    ("1901", "主运胶带机机头", "fail"),
    ("2101", "中央变电所东门", "offline"),
    ("2201", "中央水泵房", "denied"),
    ("2301", "煤仓上口", "unproven"),
    ("2901", "提升机房操作台", "flap"),
]
BEHAVIOUR = {
    f"140400000013200000{index:02d}": behaviour
    for index, (_, _, behaviour) in enumerate(NAMES, start=1)
}
CATEGORIES = {
    "01": "地面工业广场",
    "02": "主井口",
    "03": "副井口",
    "05": "调度室",
    "12": "采掘工作面出入口",
    "15": "采煤工作面",
    "16": "掘进工作面",
    "19": "井下连续主运设备机头（尾）",
    "21": "中央（采区）变电所",
    "22": "中央（采区）水泵房",
    "23": "煤仓上下口",
    "29": "提升机房",
}


def ago(**length: float) -> str:
    """A time before now as the API writes it."""
    return (datetime.now(UTC) - timedelta(**length)).isoformat()


def build_channel(index: int) -> Json:
    """The `index`th channel, counted from 1."""
    category, name, behaviour = NAMES[index - 1]
    is_off = behaviour == "offline"
    is_proven = behaviour not in {"unproven", "fail", "offline"}
    return {
        "code": f"140400000013200000{index:02d}",
        "name": f"常村矿{name}",
        "device_id": BOX if index <= 8 else NVR,
        "category_code": category,
        "category": CATEGORIES[category[:2]],
        "organisation_id": "org-1" if index <= 4 else "org-2",
        "registered": True,
        "says_on": not is_off,
        "proven": is_proven,
        "proven_at": ago(minutes=3) if is_proven else None,
        "missing_since": None,
        "online": not is_off,
        "state_since": ago(hours=5, minutes=12),
        "cause": "reported_off" if is_off else "registered",
        "recording": index in {1, 2},
        "ptz_type": 1,
        "live": None,
    }


def build_devices() -> list[Json]:
    """A mine box, a recorder and one that left."""
    rows = [
        (BOX, "常村矿汇聚箱", 8, True),
        (NVR, "井下录像机", 4, True),
        (GONE, "风井口摄像机", 1, False),
    ]
    return [build_device(*row) for row in rows]


def build_device(device_id: str, name: str, count: int, online: bool) -> Json:
    """One device."""
    return {
        "id": device_id,
        "name": name,
        "manufacturer": "Hikvision" if online else None,
        "model": "DS-7816N" if online else None,
        "firmware": "V4.30.085" if online else None,
        "registered": online,
        "online": online,
        "registered_at": ago(days=2, hours=3) if online else None,
        "last_seen_at": ago(seconds=21) if online else ago(hours=7),
        "expires_at": ago(hours=-20) if online else None,
        "transport": "udp",
        "address": "10.20.1.15:5060" if online else None,
        "channel_count": count,
        "online_since": ago(days=2, hours=3) if online else None,
        "offline_since": None if online else ago(hours=7),
        "cause": "registered" if online else "keepalive_lost",
    }


def build_alarm(number: int, index: int, level: int, state: str, minutes: float) -> Json:
    """One alarm on the `index`th channel."""
    channel = build_channel(index)
    is_taken = state != "raised"
    return {
        "id": str(number),
        "channel": channel["code"],
        "channel_name": channel["name"],
        "kind": "intrusion",
        "level": level,
        "state": state,
        "source": "scene:1",
        "raised_at": ago(minutes=minutes),
        "last_at": ago(minutes=minutes / 2),
        "acknowledged_at": ago(minutes=minutes / 3) if is_taken else None,
        "acknowledged_by": "admin" if is_taken else None,
        "cleared_at": ago(minutes=minutes / 4) if state == "cleared" else None,
        "cleared_by": "admin" if state == "cleared" else None,
        "note": "已通知跟班领导，人员撤离" if state == "cleared" else None,
        "detail": {"score": 0.87, "scene": "井口禁入区"},
        "snapshot_url": f"/api/v1/alarms/{number}/snapshot",
        "boxes": [{"label": "person", "score": 0.87, "box": [0.35, 0.42, 0.45, 0.58]}],
        "count": 3 if number == 4 else 1,
    }


def build_alarms() -> list[Json]:
    """Five alarms, one per level and one more."""
    return [
        build_alarm(5, 2, 2, "raised", 1.5),
        build_alarm(4, 3, 3, "raised", 12),
        build_alarm(3, 5, 1, "acknowledged", 45),
        build_alarm(2, 4, 4, "cleared", 180),
        build_alarm(1, 1, 2, "cleared", 700),
    ]


def build_attempts() -> list[Json]:
    """One attempt of every outcome."""
    rows = [
        (STRANGER, "10.20.1.77", "refused_unknown", 14, 0.2, False),
        (GONE, "10.20.1.31", "refused_password", 6, 3, True),
        (BOX, "10.20.1.15", "accepted", 52, 8, True),
        (NVR, "10.20.9.9", "refused_other_address", 2, 95, True),
    ]
    return [
        {
            "at": ago(minutes=minutes),
            "device_id": device_id,
            "address": address,
            "transport": "udp",
            "outcome": outcome,
            "count": count,
            "user_agent": "Embedded Net DVR/V4.30",
            "known": known,
        }
        for device_id, address, outcome, count, minutes, known in rows
    ]


def build_spans() -> list[Json]:
    """On, off and unobserved."""
    rows = [("on", "registered", 5.2, None), ("off", "keepalive_lost", 7.4, 5.2)]
    rows += [("on", "returned", 30, 7.4), ("unknown", "platform_down", 31, 30)]
    return [
        {
            "subject": "",
            "kind": "channel",
            "state": state,
            "cause": cause,
            "start": ago(hours=start),
            "end": None if end is None else ago(hours=end),
        }
        for state, cause, start, end in rows
    ]


INTRUSION: Json = {
    "id": "intrusion",
    "name": "区域入侵",
    "version": "1.0",
    "params_schema": {
        "properties": {
            "detector": {"enum": ["auto", "person", "motion"], "default": "auto"},
            "min_score": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.45},
            "hits": {"type": "integer", "minimum": 1, "maximum": 60, "default": 2},
            "window": {"type": "integer", "minimum": 1, "maximum": 60, "default": 3},
            "min_duration_s": {"type": "number", "minimum": 0, "default": 1.0},
            "clear_after_s": {"type": "number", "minimum": 0, "default": 5.0},
        }
    },
}
ACCESS: Json = {
    "server_id": "14040000002000000001",
    "domain": "1404000000",
    "realm": "1404000000",
    "addresses": ["10.20.0.5", "192.168.1.5"],
    "port": 5060,
    "transports": ["udp", "tcp"],
    "keepalive_interval_s": 60,
    "keepalive_count": 3,
    "expires_s": 86400,
}

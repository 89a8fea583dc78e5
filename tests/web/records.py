"""Records that the fake services answer with."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from channel_registry.records import MediaTransport
from vms.records import Alarm, AlarmLevel, AlarmState, AttemptView, ChannelView, DeviceView

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
DEVICE = "14040000001110000001"
CHANNEL = "14040000001320000001"
OTHER = "14040000001320000002"
UNKNOWN = "14040000001329999999"


def device(device_id: str = DEVICE, **changes: object) -> DeviceView:
    fields = {
        "id": device_id,
        "name": "一号井",
        "password_set": True,
        "manufacturer": "Maker",
        "model": "",
        "firmware": "",
        "user_agent": "Box/1.0",
        "gb_version": "3.0",
        "transport": "udp",
        "host": "10.0.0.9",
        "port": 5060,
        "media_transport": MediaTransport.UDP,
        "registered": True,
        "registered_at": NOON,
        "expires_at": NOON + timedelta(hours=1),
        "last_seen_at": NOON,
        "online": True,
        "state_since": NOON,
        "cause": "registered",
        "organisation_id": None,
        "channel_count": 2,
        "catalog_at": NOON,
        "catalog_complete": True,
        "created_at": NOON,
    }
    return DeviceView(**{**fields, **changes})


def channel(code: str = CHANNEL, **changes: object) -> ChannelView:
    return replace(
        ChannelView(code, "主井口 <script>", DEVICE, registered=True, says_on=True, online=True),
        **changes,
    )


def alarm(alarm_id: int = 1, **changes: object) -> Alarm:
    fields = {
        "id": alarm_id,
        "channel": CHANNEL,
        "channel_name": "主井口",
        "kind": "intrusion",
        "level": AlarmLevel.ORANGE,
        "state": AlarmState.RAISED,
        "dedupe_key": "k",
        "source": "scene:1",
        "raised_at": NOON,
        "last_at": NOON,
        "count": 1,
        "acknowledged_at": None,
        "acknowledged_by": None,
        "cleared_at": None,
        "cleared_by": None,
        "note": "",
        "detail": {"label": "person"},
        "boxes": (),
        "snapshot": "alarms/1.jpg",
    }
    return Alarm(**{**fields, **changes})


def attempt() -> AttemptView:
    return AttemptView(NOON, UNKNOWN, "10.0.0.66", "udp", "refused_unknown", 7, "", known=False)

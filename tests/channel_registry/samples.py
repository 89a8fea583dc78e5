"""Codes, times and catalog items that the tests of the registry share."""

from datetime import UTC, datetime, timedelta
from typing import Any

from channel_registry.codes import ChannelCode
from channel_registry.records import CatalogEntry, DeviceBinding

T0 = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
T1 = T0 + timedelta(minutes=1)
T2 = T0 + timedelta(minutes=2)
BOX = "14040000002000000002"
OTHER_BOX = "14040000002000000003"


def code(serial: int, type_number: int = 132) -> str:
    """A code of a mine in county 140402."""
    return str(
        ChannelCode.build(centre="140402", industry="41", type_number=type_number, serial=serial)
    )


def camera(serial: int, name: str = "", **more: Any) -> CatalogEntry:
    return CatalogEntry(code=code(serial), name=name or f"camera {serial}", **more)


def group(serial: int, name: str = "group", **more: Any) -> CatalogEntry:
    return CatalogEntry(code=code(serial, 215), name=name, **more)


def virtual(serial: int, name: str = "virtual", **more: Any) -> CatalogEntry:
    return CatalogEntry(code=code(serial, 216), name=name, **more)


def binding(device_id: str = BOX, at: datetime = T0, **more: Any) -> DeviceBinding:
    values: dict[str, Any] = {
        "transport": "udp",
        "host": "10.0.0.8",
        "port": 5060,
        "contact": f"sip:{device_id}@10.0.0.8:5060",
        "user_agent": "box/1",
        "gb_version": "2.0",
        "registered_at": at,
        "expires_at": at + timedelta(hours=1),
        "last_seen_at": at,
        "online": True,
    }
    return DeviceBinding(device_id=device_id, **(values | more))

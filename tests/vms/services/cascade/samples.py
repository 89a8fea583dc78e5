"""A province above, a county here, mines below: records that the tests of shares put together."""

from typing import Any

from channel_registry.records import (
    CategorySource,
    ChannelRecord,
    DeviceRecord,
    MediaTransport,
    OrganisationKind,
    OrganisationRecord,
)
from channel_registry.upper_records import (
    CatalogForm,
    DirectoryFacts,
    Share,
    UpperPlatform,
)
from tests.vms.bench import T0

UPPER = "14000000002000000001"
OWN = "14040200002000000001"
BOX = "14040200411180000001"
"""A recorder of a mine."""
LOWER = "14040300412000000001"
"""A lower platform."""
EVERYTHING = Share(everything=True)


def upper(form: CatalogForm = CatalogForm.CIVIL_CODE, **more: Any) -> UpperPlatform:
    values: dict[str, Any] = {
        "id": UPPER,
        "name": "省平台",
        "domain": UPPER[:10],
        "host": "10.14.0.1",
        "own_id": OWN,
        "catalog_form": form,
        "created_at": T0,
        "updated_at": T0,
    }
    return UpperPlatform(**(values | more))


def device(device_id: str = BOX, **more: Any) -> DeviceRecord:
    values: dict[str, Any] = {
        "id": device_id,
        "name": f"device {device_id[-4:]}",
        "password_set": True,
        "manufacturer": "Maker",
        "model": "NVR-1",
        "firmware": "",
        "user_agent": "",
        "gb_version": "2.0",
        "transport": "udp",
        "host": "10.0.0.8",
        "port": 5060,
        "media_transport": MediaTransport.UDP,
        "registered": True,
        "registered_at": T0,
        "expires_at": T0,
        "last_seen_at": T0,
        "online": True,
        "state_since": T0,
        "cause": "",
        "organisation_id": None,
        "channel_count": 0,
        "catalog_at": T0,
        "catalog_complete": True,
        "created_at": T0,
    }
    return DeviceRecord(**(values | more))


def camera(serial: int, device_id: str = BOX, *, type_number: int = 132, **more: Any) -> Any:
    """A channel whose code begins as its device's."""
    code = more.pop("code", f"{device_id[:10]}{type_number:03d}0{serial:06d}")
    values: dict[str, Any] = {
        "code": code,
        "device_id": device_id,
        "device_name": "",
        "name": f"主井口 {serial}",
        "reported_name": f"主井口 {serial}",
        "parent_id": device_id,
        "civil_code": "",
        "organisation_id": None,
        "organisation_given": False,
        "category": None,
        "category_code": None,
        "category_source": CategorySource.NONE,
        "registered": True,
        "says_on": True,
        "proven_at": None,
        "online": True,
        "missing_since": None,
        "manufacturer": "Maker",
        "model": "IPC-1",
        "owner": "",
        "address": "",
        "ptz_type": None,
        "longitude": None,
        "latitude": None,
        "note": "",
        "extra": {},
        "first_seen_at": T0,
        "updated_at": T0,
    }
    return ChannelRecord(**(values | more))


def organisation(
    kind: OrganisationKind,
    code: str,
    device_id: str | None = None,
    parent: str | None = None,
    name: str = "",
) -> OrganisationRecord:
    """One of a device's catalogue is called `device-code`, one of our own as `code` says."""
    local = kind is OrganisationKind.LOCAL
    return OrganisationRecord(
        id=f"local-{code}" if local else f"{device_id}-{code}",
        kind=kind,
        code="" if local else code,
        name=name or f"{kind} {code[-4:]}",
        parent_id=parent,
        device_id=device_id,
        missing_since=None,
    )


def facts(*things: Any, national: dict[str, str] | None = None) -> DirectoryFacts:
    """A registry of these channels, devices and organisations."""
    channels = [each for each in things if isinstance(each, ChannelRecord)]
    return DirectoryFacts(
        channels=tuple(sorted(channels, key=lambda each: each.code)),
        devices=tuple(each for each in things if isinstance(each, DeviceRecord)),
        organisations=tuple(each for each in things if isinstance(each, OrganisationRecord)),
        national=national or {},
        server_id=OWN,
        own_ids=frozenset({OWN}),
        own_name="县平台",
    )

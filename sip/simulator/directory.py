"""What a simulated device answers to queries: which items, in how many packets, how damaged."""

from collections.abc import Sequence

from sip.events import CatalogItem
from sip.gb28181.catalog import build_catalog_response
from sip.gb28181.query import DeviceInfo, DeviceStatus
from sip.simulator.profile import (
    DeviceProfile,
    Faults,
    SimulatedChannel,
    SimulatedOrganisation,
)

_VIDEO_TYPES = ("131", "132")


def device_info(profile: DeviceProfile) -> DeviceInfo:
    """Answer DeviceInfo."""
    cameras = sum(1 for channel in profile.channels if channel.code[10:13] in _VIDEO_TYPES)
    return DeviceInfo(
        profile.device_id,
        profile.name,
        profile.manufacturer,
        profile.model,
        profile.firmware,
        cameras,
    )


def device_status(profile: DeviceProfile) -> DeviceStatus:
    """Answer DeviceStatus; alarm inputs (134) are listed as disarmed."""
    return DeviceStatus(
        profile.device_id,
        is_online=True,
        is_ok=True,
        is_encoding=True,
        is_recording=False,
        duty=tuple((c.code, "OFFDUTY") for c in profile.channels if c.code[10:13] == "134"),
    )


def catalog_items(profile: DeviceProfile, target_id: str) -> list[CatalogItem]:
    """Return what a query for `target_id` must bring (2022 annex J): it and all below it."""
    organisations = [_organisation_item(organisation) for organisation in profile.organisations]
    channels = [channel_item(profile, channel) for channel in profile.channels]
    if target_id in (profile.device_id, ""):
        return organisations + channels
    if len(target_id) <= 8:
        return [
            item
            for item in organisations + channels
            if (item.civil_code or item.device_id).startswith(target_id)
        ]
    wanted = {target_id}
    found = []
    for item in _parents_first(organisations):
        if item.device_id in wanted or wanted & {*item.parent_ids, item.business_group_id}:
            wanted.add(item.device_id)
            found.append(item)
    return found + [
        item for item in channels if item.device_id == target_id or wanted & {*item.parent_ids}
    ]


def catalog_packets(profile: DeviceProfile, faults: Faults, target_id: str, sn: int) -> list[bytes]:
    """Write the whole answer to a catalog query, one body per MESSAGE, faults included."""
    items = catalog_items(profile, target_id)
    sum_num = len(items) if faults.catalog_sum_num is None else faults.catalog_sum_num
    if faults.catalog_duplicates:
        items = [item for item in items for _ in range(2)]
    if faults.catalog_short_by:
        items = items[: -faults.catalog_short_by]
    size = 1 if faults.catalog_one_per_message else max(1, profile.items_per_message)
    groups: list[Sequence[CatalogItem]] = [
        items[start : start + size] for start in range(0, len(items), size)
    ] or [[]]
    return [
        damage(
            build_catalog_response(profile.device_id, sn, group, sum_num, charset=profile.charset),
            faults,
        )
        for group in groups
    ]


def damage(body: bytes, faults: Faults) -> bytes:
    """Spoil a body in the ways that devices of the field spoil theirs."""
    if faults.wrong_charset:
        body = body.decode("gb18030").encode("utf-8")
    if faults.raw_ampersand:
        body = body.replace(b"</Name>", b" A&B <1</Name>")
    if faults.bad_byte:
        body = body.replace(b"</Name>", b"\xff</Name>")
    return body


def _parents_first(items: list[CatalogItem]) -> list[CatalogItem]:
    known = {item.device_id: item for item in items}

    def depth(item: CatalogItem, limit: int = 16) -> int:
        above = next((known[p] for p in item.parent_ids if p in known), None)
        return 0 if above is None or not limit else 1 + depth(above, limit - 1)

    return sorted(items, key=depth)


def _organisation_item(organisation: SimulatedOrganisation) -> CatalogItem:
    return CatalogItem(
        organisation.code,
        organisation.name,
        parent_ids=(organisation.parent_id,) if organisation.parent_id else (),
        business_group_id=organisation.business_group_id,
    )


def channel_item(profile: DeviceProfile, channel: SimulatedChannel) -> CatalogItem:
    """Return what a catalog says of one channel."""
    parents = [channel.parent_id or profile.device_id, channel.organisation_id]
    is_camera = channel.code[10:13] in _VIDEO_TYPES
    extra = {}
    if is_camera and channel.ptz_type is not None:
        extra = {"Info/PTZType": str(channel.ptz_type)}
        if profile.gb_version >= "3":
            extra |= {"Info/StreamNumberList": "0/1", "Info/PointType": "9"}
    if channel.track:
        extra = {**extra, "Info/MobileDeviceType": "4"}
    return CatalogItem(
        channel.code,
        channel.name,
        manufacturer=channel.manufacturer,
        model=channel.model,
        owner="" if profile.gb_version >= "3" else "Owner",
        civil_code=channel.civil_code or channel.code[:6],
        address=channel.address or channel.name,
        parental=False,
        parent_ids=tuple(parent for parent in parents if parent),
        register_way=1,
        status_on=channel.status_on,
        longitude=channel.longitude,
        latitude=channel.latitude,
        ptz_type=channel.ptz_type if is_camera else None,
        extra=extra,
    )

"""The fixed forms of catalogue items, by edition (GB/T 28181-2016 annex O, 2022 annex J). Pure.

| item | 2016 | 2022 |
|---|---|---|
| region | DeviceID, Name | the same |
| system, device, channel | Owner | no Owner; Info/StreamNumberList, GrassrootsCode, PointType |
| business group | ParentID | CivilCode, ParentID |
| virtual organisation | ParentID, BusinessGroupID | the same |
| group of a channel | Info/BusinessGroupID | BusinessGroupID |
"""

from collections.abc import Mapping
from typing import Literal

from channel_registry.records import ChannelRecord, DeviceRecord
from channel_registry.upper_records import UpperPlatform
from sip.events import CatalogItem

OWN_MANUFACTURER, OWN_MODEL = "Fengsui", "VMS"
UNKNOWN = "Unknown"
"""For required elements that nobody told: an upper platform may refuse an item without them."""
REGISTER_WAY = 1
GROUP_IN_INFO = "Info/BusinessGroupID"

_COMMON_INFO = frozenset(
    "RoomType SupplyLightType DirectionType Resolution DownloadSpeed SVCSpaceSupportMode "
    "SVCTimeSupportMode".split()
)
_INFO_2016 = frozenset({*_COMMON_INFO, "PositionType", "UseType"})
_INFO_2022 = _COMMON_INFO | frozenset(
    "PhotoelectricImagingType CapturePositionType StreamNumberList SSVCRatioSupportList "
    "MobileDeviceType HorizontalFieldAngle VerticalFieldAngle MaxViewDistance GrassrootsCode "
    "PointType PointCommonName MAC FunctionType EncodeType InstallTime ManagementUnit ContactInfo "
    "RecordSaveDays IndustrialClassification".split()
)
_INFO: Mapping[str, frozenset[str]] = {
    edition: frozenset(f"Info/{name}" for name in names)
    for edition, names in (("2016", _INFO_2016), ("2022", _INFO_2022))
}
_REQUIRED_2022 = {"Info/GrassrootsCode": "000000", "Info/PointType": "9"}
_PTZ_2016: Mapping[int, int | None] = {1: 1, 2: 2, 3: 3, 4: 4, 5: 2}
"""2022 has remote half domes (5), which 2016 calls half domes; its lens types 6 and 7 have no
word there."""


class ItemWriter:
    """Writes items for one upper platform; everything but the text of channels is per edition."""

    def __init__(self, platform: UpperPlatform) -> None:
        self._edition: Literal["2016", "2022"] = platform.edition
        self._is_2016 = platform.edition == "2016"
        self._info = _INFO[platform.edition]

    def region(self, civil_code: str, name: str) -> CatalogItem:
        """A region: code and name, nothing else."""
        return CatalogItem(civil_code, name=name)

    def own_system(self, code: str, name: str, civil_code: str) -> CatalogItem:
        """Our own system, the first item, without a parent (2022 annex H)."""
        return self._system(code, name, civil_code, (), OWN_MANUFACTURER, OWN_MODEL, is_on=True)

    def system(
        self,
        code: str,
        name: str,
        civil_code: str,
        parents: tuple[str, ...],
        device: DeviceRecord | None,
        *,
        is_on: bool,
    ) -> CatalogItem:
        """A system or a device; `device` where it registered here itself."""
        maker = device.manufacturer if device is not None else ""
        model = device.model if device is not None else ""
        return self._system(code, name, civil_code, parents, maker, model, is_on=is_on)

    def _system(
        self,
        code: str,
        name: str,
        civil_code: str,
        parents: tuple[str, ...],
        maker: str,
        model: str,
        *,
        is_on: bool,
    ) -> CatalogItem:
        return CatalogItem(
            code,
            name=name,
            manufacturer=maker or UNKNOWN,
            model=model or UNKNOWN,
            owner=UNKNOWN if self._is_2016 else "",
            civil_code=civil_code,
            address=name,
            parental=False,
            parent_ids=parents,
            register_way=REGISTER_WAY,
            status_on=is_on,
        )

    def group(self, code: str, name: str, civil_code: str, system: str) -> CatalogItem:
        """A business group (215): its parent is the owning system; there are no sub-groups."""
        civil = "" if self._is_2016 else civil_code
        return CatalogItem(code, name=name, civil_code=civil, parent_ids=(system,))

    def virtual(self, code: str, name: str, parents: tuple[str, ...], group: str) -> CatalogItem:
        """A virtual organisation (216); no parent when it is directly under its group."""
        return CatalogItem(code, name=name, parent_ids=parents, business_group_id=group)

    def channel(
        self,
        record: ChannelRecord,
        code: str,
        civil_code: str,
        parents: tuple[str, ...],
        group: str,
    ) -> CatalogItem:
        """A camera or another end."""
        extra = {name: text for name, text in record.extra.items() if name in self._info}
        ptz = record.ptz_type
        if self._is_2016:
            ptz = _PTZ_2016.get(ptz) if ptz is not None else None
            if group:
                extra[GROUP_IN_INFO] = group
        else:
            extra = _REQUIRED_2022 | extra
        return CatalogItem(
            code,
            name=record.name,
            manufacturer=record.manufacturer or UNKNOWN,
            model=record.model or UNKNOWN,
            owner=(record.owner or UNKNOWN) if self._is_2016 else "",
            civil_code=civil_code,
            block=record.extra.get("Block", ""),
            address=record.address or record.name,
            parental=False,
            parent_ids=parents,
            business_group_id="" if self._is_2016 else group,
            register_way=REGISTER_WAY,
            status_on=record.online,
            longitude=record.longitude,
            latitude=record.latitude,
            ptz_type=ptz,
            extra=extra,
        )


def group_of(item: CatalogItem) -> str:
    """The business group that an item names, wherever its edition writes it."""
    return item.business_group_id or item.extra.get(GROUP_IN_INFO, "")

"""Catalog queries, their many-packet answers and notifications (GB/T 28181-2022 A.2, J, M, N).

Reads what devices send into `CatalogItem`, writes what we send. `CatalogCollection` gathers the
packets of one query; merging with known channels belongs to the registry.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sip.events import CatalogItem
from sip.gb28181.manscdp import (
    LONGEST_ID,
    Envelope,
    Field,
    Root,
    build_envelope,
    parse_float,
    parse_number,
)
from sip.gb28181.question import Question
from sip.gb28181.xml import Element

COMMAND = "Catalog"
MOST_ITEMS = 100_000
"""Bound of one collection; 20,000 channels are a large system."""

LONGEST_TEXT = 4096
MOST_EXTRA = 64
EVENTS = frozenset({"ON", "OFF", "VLOST", "DEFECT", "ADD", "DEL", "UPDATE"})

_NULLS = frozenset({"", "null", "NULL", "None"})
_ON_WORDS = frozenset({"on", "online", "ok", "normal", "1", "true"})
_OWN_FIELDS = frozenset(
    "deviceid name manufacturer model owner civilcode block address parental parentid "
    "businessgroupid registerway secrecy ipaddress port status longitude latitude event info "
    "ptztype".split()
)


@dataclass(frozen=True, slots=True)
class CatalogPacket:
    """One message of an answer, or one notification."""

    device_id: str
    sn: int
    sum_num: int | None
    """Grand total; None when missing."""
    items: tuple[CatalogItem, ...]
    dropped: int = 0
    """Items without an id."""


def build_catalog_query(device_id: str, sn: int, *, charset: str = "GB2312") -> bytes:
    """Write the query for everything below a device, region, group or organisation."""
    return build_envelope(Root.QUERY, COMMAND, sn, device_id, charset=charset)


def parse_catalog(envelope: Envelope) -> CatalogPacket:
    """Read a Response or Notify; broken items are left out and counted."""
    body = envelope.body
    device_list = body.child("DeviceList")
    elements = device_list.children if device_list is not None else []
    items = [parse_item(element) for element in elements if element.name.lower() == "item"]
    good = tuple(item for item in items if item.device_id)
    return CatalogPacket(
        device_id=envelope.device_id,
        sn=envelope.sn,
        sum_num=parse_number(body.value("SumNum")),
        items=good,
        dropped=len(items) - len(good),
    )


def split_envelope(envelope: Envelope, size: int) -> Iterator[Envelope]:
    """Cut a long list into messages of at most `size` items, each with the same SumNum."""
    body = envelope.body
    device_list = body.child("DeviceList")
    items = device_list.children if device_list is not None else []
    if device_list is None or len(items) <= size:
        yield envelope
        return
    head = [child for child in body.children if child is not device_list]
    for start in range(0, len(items), size):
        share = Element(device_list.name, device_list.attributes, items[start : start + size])
        yield replace(envelope, body=Element(body.name, body.attributes, [*head, share], body.text))


def parse_item(element: Element) -> CatalogItem:
    """Read one Item; every field is optional, `device_id` is empty when it is unusable."""
    fields = element.texts()
    info = element.child("Info")
    inner = info.texts() if info is not None else {}
    status = fields.get("status", "").lower()
    parental = fields.get("parental", "")
    event = fields.get("event", "").upper()
    return CatalogItem(
        device_id=_code(fields.get("deviceid", "")),
        name=fields.get("name", "")[:LONGEST_TEXT],
        manufacturer=fields.get("manufacturer", "")[:LONGEST_TEXT],
        model=fields.get("model", "")[:LONGEST_TEXT],
        owner=fields.get("owner", "")[:LONGEST_TEXT],
        civil_code=_code(fields.get("civilcode", "")),
        block=fields.get("block", "")[:LONGEST_TEXT],
        address=fields.get("address", "")[:LONGEST_TEXT],
        parental=bool(parse_number(parental)) if parental else None,
        parent_ids=tuple(
            code for part in fields.get("parentid", "").split("/")[:16] if (code := _code(part))
        ),
        business_group_id=_code(fields.get("businessgroupid") or inner.get("businessgroupid", "")),
        register_way=parse_number(fields.get("registerway", "")),
        secrecy=bool(parse_number(fields.get("secrecy", ""))),
        ip_address=fields.get("ipaddress", "")[:LONGEST_ID],
        port=parse_number(fields.get("port", "")),
        status_on=not status or status in _ON_WORDS,
        longitude=parse_float(fields.get("longitude", "")),
        latitude=parse_float(fields.get("latitude", "")),
        ptz_type=parse_number(inner.get("ptztype") or fields.get("ptztype", "")),
        event=event if event in EVENTS else None,
        extra=_extra(element, info),
    )


def _code(text: str) -> str:
    """A code as sent; empty for `null` and for what is no code at all."""
    text = text.strip()
    usable = text not in _NULLS and len(text) <= LONGEST_ID and text.isascii() and text.isalnum()
    return text if usable else ""


def _extra(element: Element, info: Element | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for child in element.children:
        if child.name.lower() not in _OWN_FIELDS and child.text:
            found.setdefault(child.name[:LONGEST_ID], child.text[:LONGEST_TEXT])
    for child in info.children if info is not None else ():
        if child.text:
            found.setdefault(f"Info/{child.name[:LONGEST_ID]}", child.text[:LONGEST_TEXT])
    return found if len(found) <= MOST_EXTRA else dict(list(found.items())[:MOST_EXTRA])


@dataclass(frozen=True, slots=True)
class CatalogResult:
    """What a catalog query brought."""

    items: tuple[CatalogItem, ...]
    sum_num: int
    """As promised by the device; 0 when it never said."""
    complete: bool
    """False: a short answer, which must not delete anything."""


class CatalogCollection:
    """The distinct items of one query, until SumNum is reached or the caller gives up.

    SumNum may be wrong, differ between packets or be absurd; it only tells when to stop waiting,
    and memory is bounded by MOST_ITEMS.
    """

    def __init__(self) -> None:
        self.sum_num: int | None = None
        self.packets = 0
        self._items: dict[str, CatalogItem] = {}

    def add(self, envelope: Envelope) -> None:
        """Take one message of the answer."""
        self.add_packet(parse_catalog(envelope))

    def add_packet(self, packet: CatalogPacket) -> None:
        """Take one packet; an item sent twice counts once, the later one wins."""
        self.packets += 1
        if packet.sum_num is not None:
            self.sum_num = packet.sum_num
        for item in packet.items:
            if len(self._items) < MOST_ITEMS or item.device_id in self._items:
                self._items[item.device_id] = item

    @property
    def items(self) -> tuple[CatalogItem, ...]:
        """Everything so far, in the order of first arrival."""
        return tuple(self._items.values())

    @property
    def is_complete(self) -> bool:
        """Whether as many distinct items came as SumNum promised."""
        return self.sum_num is not None and len(self._items) >= self.sum_num

    def result(self) -> CatalogResult:
        """Return what came; short answers say so."""
        return CatalogResult(self.items, self.sum_num or 0, self.is_complete)


def ask_catalog(target_id: str = "") -> Question[CatalogResult]:
    """Ask for the channels of a device, or of one region, group or organisation (annex J)."""
    return Question(COMMAND, CatalogCollection, target_id=target_id, is_long=True)


def item_fields(item: CatalogItem) -> list[Field]:
    """Write one item as the fixed forms of 2022 annex J want it: absent fields are left out."""
    if item.event in {"ON", "OFF", "VLOST", "DEFECT", "DEL"}:
        return [("DeviceID", item.device_id), ("Event", item.event)]
    if len(item.device_id) <= 8:
        return [("DeviceID", item.device_id), ("Name", item.name)]
    fields: list[Field] = [("DeviceID", item.device_id)]
    if item.event:
        fields.append(("Event", item.event))
    optional: list[tuple[str, str]] = [
        ("Name", item.name),
        ("Manufacturer", item.manufacturer),
        ("Model", item.model),
        ("Owner", item.owner),
        ("CivilCode", item.civil_code),
        ("Block", item.block),
        ("Address", item.address),
        ("Parental", "" if item.parental is None else str(int(item.parental))),
        ("ParentID", "/".join(item.parent_ids)),
        ("RegisterWay", "" if item.register_way is None else str(item.register_way)),
        ("Secrecy", "" if item.register_way is None else str(int(item.secrecy))),
        ("IPAddress", item.ip_address),
        ("Port", "" if item.port is None else str(item.port)),
        ("Status", "" if item.register_way is None else ("ON" if item.status_on else "OFF")),
        ("Longitude", "" if item.longitude is None else f"{item.longitude:.6f}"),
        ("Latitude", "" if item.latitude is None else f"{item.latitude:.6f}"),
        ("BusinessGroupID", item.business_group_id),
    ]
    fields += [(name, value) for name, value in optional if value]
    info: list[Field] = [
        (name.removeprefix("Info/"), value)
        for name, value in item.extra.items()
        if name.startswith("Info/")
    ]
    if item.ptz_type is not None and "Info/PTZType" not in item.extra:
        info.insert(0, ("PTZType", str(item.ptz_type)))
    return [*fields, ("Info", info)] if info else fields


def build_catalog_response(
    device_id: str,
    sn: int,
    items: Sequence[CatalogItem],
    sum_num: int,
    *,
    charset: str = "GB2312",
) -> bytes:
    """Write one packet of an answer; without items there is no list element (2022 annex M)."""
    fields: list[Field] = [("SumNum", str(sum_num))]
    if items:
        fields.append((f'DeviceList Num="{len(items)}"', [("Item", item_fields(i)) for i in items]))
    return build_envelope(Root.RESPONSE, COMMAND, sn, device_id, fields, charset=charset)


def build_catalog_notify(
    device_id: str, sn: int, items: Iterable[CatalogItem], *, charset: str = "GB2312"
) -> bytes:
    """Write a notification of changes (2016 annex P, 2022 annex N)."""
    entries: list[Field] = [("Item", item_fields(item)) for item in items]
    fields: list[Field] = [("SumNum", str(len(entries)))]
    if entries:
        fields.append((f'DeviceList Num="{len(entries)}"', entries))
    return build_envelope(Root.NOTIFY, COMMAND, sn, device_id, fields, charset=charset)

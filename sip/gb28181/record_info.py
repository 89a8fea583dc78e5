"""RecordInfo: what a device has recorded (GB/T 28181-2022 A.2.4.5 and A.2.6.7, both editions).

Times on the wire are Beijing time without a zone; here they are aware. An answer comes in many
messages, in any order, with items sent twice: `RecordCollection` merges, deduplicates and sorts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from sip.gb28181.clock import parse_iso
from sip.gb28181.manscdp import LONGEST_ID, Envelope, Field, Root, build_envelope, parse_number
from sip.gb28181.question import Question
from sip.gb28181.xml import Element

COMMAND = "RecordInfo"
MOST_ITEMS = 50_000
"""Bound of one collection: a month in files of a minute has 43,200."""
LONGEST_TEXT = 1024
BEIJING = timezone(timedelta(hours=8))
TYPES = ("all", "time", "alarm", "manual")
"""Which recordings are asked for; a device that wants the element (quirk 24) gets `all`."""

_TIME = "%Y-%m-%dT%H:%M:%S"


@dataclass(frozen=True, slots=True)
class RecordItem:
    """One recorded file of a device."""

    device_id: str
    start: datetime
    end: datetime
    name: str = ""
    file_path: str = ""
    address: str = ""
    secrecy: bool = False
    record_type: str = ""
    """`time`, `alarm` or `manual`; empty when the device does not say."""
    recorder_id: str = ""
    size_bytes: int | None = None
    location: str = ""
    """Who stores it (2022, answers to indistinct queries)."""
    stream_number: int | None = None
    """0 main, 1 sub (2022)."""


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """What a device is asked for."""

    channel_id: str
    start: datetime
    end: datetime
    record_type: str = "all"
    stream_number: int | None = None
    """Only 2022 knows it; None leaves the element out."""


@dataclass(frozen=True, slots=True)
class RecordInfo:
    """What came of a query."""

    items: tuple[RecordItem, ...]
    """Distinct, sorted by start."""
    sum_num: int
    """As promised by the device; 0 when it never said."""
    complete: bool
    """False: the device stopped sending before its own SumNum."""


@dataclass(frozen=True, slots=True)
class RecordPacket:
    """One message of an answer."""

    sum_num: int | None
    items: tuple[RecordItem, ...]
    dropped: int = 0
    """Items without usable times."""


def format_time(at: datetime) -> str:
    """Write a dateTime of annex A: local Beijing time, no zone."""
    return at.astimezone(BEIJING).strftime(_TIME)


def parse_time(text: str) -> datetime | None:
    """Read a dateTime; None if it is none.

    Fractions, a space for T, missing leading zeros, an offset and a trailing Z (UTC) are fine.
    """
    text = text.strip().replace(" ", "T", 1)
    if not 10 <= len(text) <= LONGEST_ID:
        return None
    try:
        at = parse_iso(text) or datetime.fromisoformat(text)
        at = at if at.tzinfo is not None else at.replace(tzinfo=BEIJING)
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class RecordCollection:
    """The distinct items of one query, until SumNum is reached or the caller gives up.

    Its progress may be looked at while messages still come.
    """

    def __init__(self) -> None:
        self.sum_num: int | None = None
        self.packets = 0
        self._items: dict[tuple[datetime, datetime, str], RecordItem] = {}

    def __len__(self) -> int:
        return len(self._items)

    @property
    def is_complete(self) -> bool:
        """Whether as many distinct items came as SumNum promised."""
        return self.sum_num is not None and len(self._items) >= self.sum_num

    def add(self, envelope: Envelope) -> None:
        """Take one message; SumNum may differ between them, the newest counts (quirk 22)."""
        packet = parse_record_info(envelope)
        self.packets += 1
        if packet.sum_num is not None:
            self.sum_num = packet.sum_num
        for item in packet.items:
            if len(self._items) < MOST_ITEMS:
                self._items.setdefault((item.start, item.end, item.file_path), item)

    def items(self) -> tuple[RecordItem, ...]:
        """What is there so far, by start."""
        return tuple(sorted(self._items.values(), key=lambda item: (item.start, item.end)))

    def result(self) -> RecordInfo:
        """Return what came; short answers say so."""
        return RecordInfo(self.items(), self.sum_num or 0, self.is_complete)


def ask_record_info(
    query: RecordQuery, collection: RecordCollection | None = None
) -> Question[RecordInfo]:
    """Ask what a channel has recorded; `collection` lets the caller look at the progress."""
    fields: list[Field] = [
        ("StartTime", format_time(query.start)),
        ("EndTime", format_time(query.end)),
        ("Secrecy", "0"),
        ("Type", query.record_type),
    ]
    if query.stream_number is not None:
        fields.append(("StreamNumber", str(query.stream_number)))
    return Question(
        COMMAND,
        RecordCollection if collection is None else lambda: collection,
        target_id=query.channel_id,
        fields=tuple(fields),
    )


def parse_record_query(envelope: Envelope) -> RecordQuery | None:
    """Read a query as a device gets it; None without usable times."""
    body = envelope.body
    start, end = parse_time(body.value("StartTime")), parse_time(body.value("EndTime"))
    if start is None or end is None:
        return None
    kind = body.value("Type").lower()
    return RecordQuery(
        envelope.device_id,
        start,
        end,
        kind if kind in TYPES else "all",
        parse_number(body.value("StreamNumber")),
    )


def parse_record_info(envelope: Envelope) -> RecordPacket:
    """Read a Response; items without times are left out and counted."""
    body = envelope.body
    record_list = body.child("RecordList")
    elements = record_list.children if record_list is not None else []
    found = [parse_item(each) for each in elements if each.name.lower() == "item"]
    items = tuple(item for item in found if item is not None)
    return RecordPacket(parse_number(body.value("SumNum")), items, len(found) - len(items))


def parse_item(element: Element) -> RecordItem | None:
    """Read one Item; None when it has no start and end that make a stretch of time."""
    fields = {name: text[:LONGEST_TEXT] for name, text in element.texts().items()}
    start, end = parse_time(fields.get("starttime", "")), parse_time(fields.get("endtime", ""))
    if start is None or end is None or end <= start:
        return None
    kind = fields.get("type", "").lower()
    return RecordItem(
        device_id=fields.get("deviceid", "")[:LONGEST_ID],
        start=start,
        end=end,
        name=fields.get("name", ""),
        file_path=fields.get("filepath", ""),
        address=fields.get("address", ""),
        secrecy=bool(parse_number(fields.get("secrecy", ""))),
        record_type=kind if kind in TYPES else "",
        recorder_id=fields.get("recorderid", "")[:LONGEST_ID],
        size_bytes=parse_number(fields.get("filesize", "")),
        location=fields.get("recordlocation", "")[:LONGEST_ID],
        stream_number=parse_number(fields.get("streamnumber", "")),
    )


def build_record_info(
    channel_id: str,
    sn: int,
    name: str,
    items: Sequence[RecordItem],
    sum_num: int,
    *,
    charset: str = "GB2312",
) -> bytes:
    """Write one message of an answer; without items there is no list element (2022 annex M)."""
    fields: list[Field] = [("Name", name), ("SumNum", str(sum_num))]
    if items:
        entries: list[Field] = [("Item", item_fields(item)) for item in items]
        fields.append((f'RecordList Num="{len(items)}"', entries))
    return build_envelope(Root.RESPONSE, COMMAND, sn, channel_id, fields, charset=charset)


def item_fields(item: RecordItem) -> list[Field]:
    """Write one item; what is not known is left out."""
    optional = [
        ("DeviceID", item.device_id),
        ("Name", item.name),
        ("FilePath", item.file_path),
        ("Address", item.address),
        ("StartTime", format_time(item.start)),
        ("EndTime", format_time(item.end)),
        ("Secrecy", str(int(item.secrecy))),
        ("Type", item.record_type),
        ("RecorderID", item.recorder_id),
        ("FileSize", "" if item.size_bytes is None else str(item.size_bytes)),
        ("RecordLocation", item.location),
        ("StreamNumber", "" if item.stream_number is None else str(item.stream_number)),
    ]
    return [(name, value) for name, value in optional if value]

"""MANSCDP: the XML envelope of MESSAGE, SUBSCRIBE and NOTIFY (GB/T 28181 annex A).

Owns root, CmdType, SN, DeviceID and how text is written; what stands inside belongs to
`catalog`, `query`, `keepalive`, `alarm`, `control`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sip.gb28181.xml import Element, MalformedXml, parse_xml, read_in_shares

CONTENT_TYPE = "Application/MANSCDP+xml"
LONGEST_ID = 64
"""Codes have 2 to 20 digits; anything longer than this is not stored."""

_NUMBER = re.compile(r"[0-9]{1,10}")
_FIRST_ELEMENT = re.compile(rb"<([A-Za-z]{1,16})")
_PEEK_BYTES = 1024
_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}
    | {code: "" for code in range(32) if code not in (9, 10, 13)}
)

Field = tuple[str, "str | list[Field]"]
"""Element name with its text, or with its children."""


class Root(StrEnum):
    """The four root elements."""

    CONTROL = "Control"
    QUERY = "Query"
    NOTIFY = "Notify"
    RESPONSE = "Response"


_ROOTS = {root.value.lower(): root for root in Root}

COMMANDS = (
    "DeviceControl DeviceConfig DeviceStatus Catalog DeviceInfo RecordInfo Alarm ConfigDownload "
    "PresetQuery MobilePosition Keepalive MediaStatus Broadcast HomePositionQuery "
    "CruiseTrackListQuery CruiseTrackQuery PTZPosition SDCardStatus UploadSnapShotFinished "
    "VideoUploadNotify DeviceUpgradeResult"
).split()
"""CmdType values of both editions (2022 annex A)."""

_COMMANDS = {name.lower(): name for name in COMMANDS} | {"ptzprecisestatusquery": "PTZPosition"}


@dataclass(frozen=True, slots=True)
class Envelope:
    """One MANSCDP message."""

    root: Root
    command: str
    """CmdType in the spelling of the standard where it is one of its own, else as sent."""
    sn: int
    """0 when missing or senseless; a real one is at least 1."""
    device_id: str
    body: Element
    """The root element with all children."""


def parse_envelope(data: bytes) -> Envelope:
    """Read a body; raise MalformedXml when it is no MANSCDP message."""
    return _envelope(parse_xml(data), data)


def peek_root(data: bytes) -> Root | None:
    """Guess the root element without reading the body; None where it is no MANSCDP message."""
    first = _FIRST_ELEMENT.search(data, 0, _PEEK_BYTES)
    return _ROOTS.get(first[1].decode("ascii").lower()) if first is not None else None


def read_envelope(data: bytes) -> Iterator[Envelope | None]:
    """Do what `parse_envelope` does, with pauses; a long DeviceList comes in several messages."""
    shares = read_in_shares(data, "DeviceList")
    while True:
        try:
            part = next(shares)
        except StopIteration as done:
            yield _envelope(done.value, data)
            return
        yield _envelope(part, data) if part is not None else None


def _envelope(body: Element, data: bytes) -> Envelope:
    root = _ROOTS.get(body.name.lower())
    if root is None:
        raise MalformedXml("unknown MANSCDP root", body.name, status_hint=415)
    command = body.value("CmdType")
    if not command or len(command) > LONGEST_ID:
        raise MalformedXml("missing CmdType", data)
    return Envelope(
        root=root,
        command=_COMMANDS.get(command.lower(), command),
        sn=parse_number(body.value("SN")) or 0,
        device_id=body.value("DeviceID")[:LONGEST_ID],
        body=body,
    )


def parse_number(text: str) -> int | None:
    """Read an unsigned number of at most ten digits; None for anything else."""
    text = text.strip()
    return int(text) if _NUMBER.fullmatch(text) else None


def parse_float(text: str) -> float | None:
    """Read a finite decimal number; None for anything else."""
    try:
        value = float(text) if len(text) <= LONGEST_ID else None
    except ValueError:
        return None
    return value if value is not None and abs(value) < 1e9 else None


def build_envelope(
    root: Root,
    command: str,
    sn: int,
    device_id: str | None,
    fields: list[Field] | None = None,
    *,
    charset: str = "GB2312",
) -> bytes:
    """Write a body; GB2312 and GB18030 are both encoded as GB18030, a superset (2.5)."""
    head: list[Field] = [("CmdType", command), ("SN", str(sn))]
    if device_id is not None:
        head.append(("DeviceID", device_id))
    lines = [f'<?xml version="1.0" encoding="{charset}"?>', f"<{root}>"]
    for item in head + (fields or []):
        _write(item, lines)
    lines += [f"</{root}>", ""]
    return encode_text("\r\n".join(lines), charset)


def encode_text(text: str, charset: str) -> bytes:
    """Encode XML text in the bytes that go with a charset name."""
    codec = "utf-8" if charset.upper() == "UTF-8" else "gb18030"
    return text.encode(codec, "replace")


def escape(text: str) -> str:
    """Make any text safe inside an element or attribute."""
    return text.translate(_ESCAPES)


def _write(item: Field, lines: list[str]) -> None:
    name, value = item
    if isinstance(value, str):
        lines.append(f"<{name}>{escape(value)}</{name.partition(' ')[0]}>")
        return
    lines.append(f"<{name}>")
    for inner in value:
        _write(inner, lines)
    lines.append(f"</{name.partition(' ')[0]}>")

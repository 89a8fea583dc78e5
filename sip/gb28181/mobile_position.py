"""Positions of things that move (GB/T 28181-2022 9.15, A.2.4, A.2.5; 2016 annex A).

The 2016 form is flat and about one thing, the 2022 form holds a list; devices of both editions send
either. Degrees are WGS-84.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sip.events import Position
from sip.gb28181.manscdp import (
    LONGEST_ID,
    Envelope,
    Field,
    Root,
    build_envelope,
    parse_float,
    parse_number,
)
from sip.gb28181.xml import Element

COMMAND = "MobilePosition"
DEFAULT_INTERVAL_S = 5
"""Of both editions, where a subscription names none."""

LONGEST_INTERVAL_S = 86_400
MOST_POSITIONS = 10_000
"""Of one message: annex M allows no more items."""


@dataclass(frozen=True, slots=True)
class PositionPacket:
    """What one notification holds."""

    positions: tuple[Position, ...]
    dropped: int
    """Items without a place on earth."""


def parse_positions(envelope: Envelope, sender_id: str) -> PositionPacket:
    """Read both forms; the flat one without DeviceID (2016 has none) is about the sender."""
    body = envelope.body
    owner = envelope.device_id or sender_id
    device_list = body.child("DeviceList")
    if device_list is None:
        elements = [body] if body.child("Longitude") is not None else []
    else:
        elements = [each for each in device_list.children if each.name.lower() == "item"]
    time_text = body.value("Time")
    found = [_read(element, owner, time_text) for element in elements[:MOST_POSITIONS]]
    good = tuple(position for position in found if position is not None)
    return PositionPacket(good, len(elements) - len(good))


def _read(element: Element, owner: str, time_text: str) -> Position | None:
    longitude = parse_float(element.value("Longitude"))
    latitude = parse_float(element.value("Latitude"))
    if longitude is None or latitude is None or abs(longitude) > 180 or abs(latitude) > 90:
        return None
    time = element.value("CaptureTime") or element.value("Time") or time_text
    return Position(
        device_id=(element.value("DeviceID") or owner)[:LONGEST_ID],
        longitude=longitude,
        latitude=latitude,
        time_text=time[:LONGEST_ID],
        speed=parse_float(element.value("Speed")),
        direction=parse_float(element.value("Direction")),
        altitude=parse_float(element.value("Altitude")),
        height=parse_float(element.value("Height")),
    )


def position_fields(interval_s: int = DEFAULT_INTERVAL_S) -> list[Field]:
    """The parameters of a subscription."""
    return [("Interval", str(interval_s))]


def parse_interval(envelope: Envelope) -> int:
    """Read the interval a subscriber wishes, in seconds; 5 where it is missing or senseless."""
    wished = parse_number(envelope.body.value("Interval"))
    return min(wished, LONGEST_INTERVAL_S) if wished else DEFAULT_INTERVAL_S


def build_position(position: Position, sn: int, *, charset: str = "GB2312") -> bytes:
    """Write the flat form of 2016."""
    fields: list[Field] = [("Time", position.time_text), *_place(position)]
    return build_envelope(Root.NOTIFY, COMMAND, sn, position.device_id, fields, charset=charset)


def build_positions(
    device_id: str, sn: int, positions: Sequence[Position], *, charset: str = "GB2312"
) -> bytes:
    """Write the list of 2022."""
    items: list[Field] = [
        (
            "Item",
            [
                ("DeviceID", position.device_id),
                ("CaptureTime", position.time_text),
                *_place(position),
                *_optional("Height", position.height),
            ],
        )
        for position in positions
    ]
    fields: list[Field] = [
        ("Time", max((position.time_text for position in positions), default="")),
        ("SumNum", str(len(items))),
        (f'DeviceList Num="{len(items)}"', items),
    ]
    return build_envelope(Root.NOTIFY, COMMAND, sn, device_id, fields, charset=charset)


def _place(position: Position) -> list[Field]:
    return [
        ("Longitude", f"{position.longitude:.6f}"),
        ("Latitude", f"{position.latitude:.6f}"),
        *_optional("Speed", position.speed),
        *_optional("Direction", position.direction),
        *_optional("Altitude", position.altitude),
    ]


def _optional(name: str, value: float | None) -> list[Field]:
    return [] if value is None else [(name, f"{value:.1f}")]

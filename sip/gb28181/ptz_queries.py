"""What a head tells of itself: home, cruises, position (2022 A.2.4.10 to A.2.4.13, A.2.6)."""

from collections.abc import Iterable
from dataclasses import dataclass

from sip.gb28181.control import HomePosition, home_fields, parse_home
from sip.gb28181.manscdp import (
    Envelope,
    Field,
    Root,
    build_envelope,
    parse_float,
    parse_number,
)
from sip.gb28181.question import Question, ask_once, read_result
from sip.gb28181.xml import items_of

HOME = "HomePositionQuery"
CRUISES = "CruiseTrackListQuery"
CRUISE = "CruiseTrackQuery"
POSITION = "PTZPosition"
LONGEST_NAME = 128
MOST_POINTS = 256


@dataclass(frozen=True, slots=True)
class CruiseTrack:
    """One cruise by number and name."""

    number: int
    """Counts from 0."""
    name: str = ""


@dataclass(frozen=True, slots=True)
class CruisePoint:
    """A stop of a cruise."""

    preset: int
    stay_s: int = 0
    speed: int = 0
    """1 to 15."""


@dataclass(frozen=True, slots=True)
class CruiseRoute:
    """A cruise with its stops."""

    number: int
    name: str = ""
    points: tuple[CruisePoint, ...] = ()


@dataclass(frozen=True, slots=True)
class PtzPosition:
    """Where a head looks; None where the device does not say."""

    pan: float | None = None
    """Degrees, 0 to 360."""
    tilt: float | None = None
    """Degrees, -30 to 90, down positive."""
    zoom: float | None = None
    horizontal_angle: float | None = None
    vertical_angle: float | None = None
    view_distance_m: float | None = None


_POSITION_FIELDS = (
    ("Pan", "pan"),
    ("Tilt", "tilt"),
    ("Zoom", "zoom"),
    ("HorizontalFieldAngle", "horizontal_angle"),
    ("VerticalFieldAngle", "vertical_angle"),
    ("MaxViewDistance", "view_distance_m"),
)


def ask_home(channel_id: str) -> Question[HomePosition]:
    """Ask for the home position."""
    return ask_once(HOME, parse_home_answer, target_id=channel_id)


def ask_cruises(channel_id: str) -> Question[tuple[CruiseTrack, ...]]:
    """Ask which cruises a head has."""
    return ask_once(CRUISES, parse_cruises, target_id=channel_id)


def ask_cruise(channel_id: str, number: int) -> Question[CruiseRoute]:
    """Ask for the stops of one cruise."""
    return ask_once(CRUISE, parse_cruise, target_id=channel_id, fields=(("Number", str(number)),))


def ask_position(channel_id: str) -> Question[PtzPosition]:
    """Ask where a head looks."""
    return ask_once(POSITION, parse_position, target_id=channel_id)


def parse_home_answer(envelope: Envelope) -> HomePosition:
    """Read an answer to HomePositionQuery; without HomePosition there is none set."""
    read_result(envelope)
    element = envelope.body.child("HomePosition")
    return HomePosition(False) if element is None else parse_home(element)


def parse_cruises(envelope: Envelope) -> tuple[CruiseTrack, ...]:
    """Read an answer to CruiseTrackListQuery. Raises QueryFailed."""
    read_result(envelope)
    found: dict[int, CruiseTrack] = {}
    for item in items_of(envelope.body.child("CruiseTrackList"), "CruiseTrack", "Item"):
        number = parse_number(item.value("Number"))
        if number is not None and number <= 255:
            found[number] = CruiseTrack(number, item.value("Name")[:LONGEST_NAME])
    return tuple(found[number] for number in sorted(found))


def parse_cruise(envelope: Envelope) -> CruiseRoute:
    """Read an answer to CruiseTrackQuery. Raises QueryFailed."""
    read_result(envelope)
    body = envelope.body
    points = []
    for item in items_of(body.child("CruisePointList"), "CruisePoint", "Item")[:MOST_POINTS]:
        preset = parse_number(item.value("PresetIndex"))
        if preset is not None and preset <= 255:
            stay_s, speed = parse_number(item.value("StayTime")), parse_number(item.value("Speed"))
            points.append(CruisePoint(preset, stay_s or 0, speed or 0))
    number = parse_number(body.value("Number")) or 0
    return CruiseRoute(number, body.value("Name")[:LONGEST_NAME], tuple(points))


def parse_position(envelope: Envelope) -> PtzPosition:
    """Read a position, of an answer or of a notification. Raises QueryFailed."""
    read_result(envelope)
    values = {field: parse_float(envelope.body.value(name)) for name, field in _POSITION_FIELDS}
    return PtzPosition(**values)


def build_home_answer(
    channel_id: str, sn: int, home: HomePosition, *, charset: str = "GB2312"
) -> bytes:
    """Write an answer to HomePositionQuery."""
    fields: list[Field] = [("HomePosition", home_fields(home))]
    return build_envelope(Root.RESPONSE, HOME, sn, channel_id, fields, charset=charset)


def build_cruises(
    channel_id: str, sn: int, tracks: Iterable[CruiseTrack], *, charset: str = "GB2312"
) -> bytes:
    """Write an answer to CruiseTrackListQuery."""
    items: list[Field] = [
        ("CruiseTrack", [("Number", str(track.number)), ("Name", track.name)]) for track in tracks
    ]
    count = len(items)
    fields: list[Field] = [("SumNum", str(count)), (f'CruiseTrackList Num="{count}"', items)]
    return build_envelope(Root.RESPONSE, CRUISES, sn, channel_id, fields, charset=charset)


def build_cruise(channel_id: str, sn: int, route: CruiseRoute, *, charset: str = "GB2312") -> bytes:
    """Write an answer to CruiseTrackQuery."""
    points: list[Field] = [
        (
            "CruisePoint",
            [
                ("PresetIndex", str(point.preset)),
                ("StayTime", str(point.stay_s)),
                ("Speed", str(point.speed)),
            ],
        )
        for point in route.points
    ]
    count = len(points)
    fields: list[Field] = [
        ("Number", str(route.number)),
        ("Name", route.name),
        ("SumNum", str(count)),
        (f'CruisePointList Num="{count}"', points),
    ]
    return build_envelope(Root.RESPONSE, CRUISE, sn, channel_id, fields, charset=charset)


def build_position(
    channel_id: str,
    sn: int,
    position: PtzPosition,
    *,
    root: Root = Root.RESPONSE,
    charset: str = "GB2312",
) -> bytes:
    """Write a position, as an answer or with root Notify for a subscriber."""
    fields: list[Field] = []
    for name, attribute in _POSITION_FIELDS:
        value = getattr(position, attribute)
        if value is not None:
            fields.append((name, f"{value:.2f}"))
    return build_envelope(root, POSITION, sn, channel_id, fields, charset=charset)

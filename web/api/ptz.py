"""Turning cameras (云台): hold to move, who holds which camera, where to look."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

from pydantic import Field

from vms.records import Frame, PtzStatus, Steering
from web.api.wire import Body, GbCode, Text, Wire
from web.call import Call
from web.route import Permission, Resource

resource = Resource("ptz", "PTZ (云台): turning, zooming, focus, and who does it.")
PROBLEMS = (
    "channel_not_found",
    "ptz_missing",
    "ptz_held",
    "device_offline",
    "device_unreachable",
    "device_refused",
)
PROBLEMS_2022 = (*PROBLEMS, "edition_too_old", "device_silent")

Way = Annotated[float, Field(ge=-1, le=1)]
"""A direction and a share of the speed."""


class Move(Body):
    """How to turn; all 0 stops. A movement ends by itself unless it is sent again within 1.5 s."""

    pan: Way = 0
    """Positive to the right."""
    tilt: Way = 0
    """Positive upward."""
    zoom: Way = 0
    """Positive is nearer."""
    focus: Way = 0
    """Positive is farther."""
    iris: Way = 0
    """Positive opens."""


class Ptz(Wire):
    """Whether a camera turns, and who turns it."""

    code: str
    can_turn: bool
    holder: Text
    """Who steers it or has locked it."""
    held_until: datetime | None
    is_locked: bool
    is_moving: bool


class Lock(Body):
    """For how long."""

    seconds: int = Field(600, ge=10, le=3600)


class Position(Wire):
    """Where a head looks; null where the device does not say."""

    pan: float | None
    """Degrees, 0 to 360."""
    tilt: float | None
    """Degrees, -30 to 90, down positive."""
    zoom: float | None
    horizontal_angle: float | None
    vertical_angle: float | None
    view_distance_m: float | None


class PtzTarget(Body):
    """Where to turn; what is left out stays."""

    pan: float | None = Field(None, ge=0, le=360)
    tilt: float | None = Field(None, ge=-30, le=90)
    zoom: float | None = Field(None, ge=1, le=1000)


class Rectangle(Body):
    """A rectangle on the picture, in pixels of a picture of this size."""

    width: int = Field(ge=1, le=65_535)
    """Of the whole picture."""
    height: int = Field(ge=1, le=65_535)
    mid_x: int = Field(ge=0, le=65_535)
    mid_y: int = Field(ge=0, le=65_535)
    length_x: int = Field(ge=1, le=65_535)
    length_y: int = Field(ge=1, le=65_535)


class Zoom(Rectangle):
    """Let the rectangle fill the picture, or the picture shrink into the rectangle."""

    direction: Literal["in", "out"] = "in"


class TargetTrack(Body):
    """Follow what moves: by itself, within an area of the panorama, or no longer."""

    mode: Literal["auto", "manual", "stop"]
    panorama: str = Field("", pattern=r"^([0-9]{20})?$")
    """The channel on whose picture the area was drawn."""
    area: Rectangle | None = None


class Switch(Body):
    """On or off."""

    on: bool


def build_ptz(status: PtzStatus) -> Ptz:
    """The JSON form."""
    return Ptz.model_validate(status)


@resource.route(
    "GET",
    "/channels/{code}/ptz",
    summary="Show who turns a camera",
    permission=Permission.WATCH,
    problems=("channel_not_found",),
)
async def show_ptz(call: Call, code: GbCode) -> Ptz:
    """Tell whether the camera turns and who holds it."""
    return build_ptz(await call.services.ptz.status(code))


@resource.route(
    "POST",
    "/channels/{code}/ptz",
    summary="Turn a camera while this is repeated",
    permission=Permission.OPERATE,
    problems=PROBLEMS,
    audits_itself=True,
)
async def move_ptz(call: Call, code: GbCode, body: Move) -> Ptz:
    """Begin, renew, change or stop a movement; one entry of the audit log for each movement."""
    status = await call.services.ptz.steer(call.identity, code, Steering(**body.model_dump()))
    if status.began:
        await call.services.users.audit(
            call.identity.username, "move_ptz", target=code, source=call.source
        )
    return build_ptz(status)


@resource.route(
    "PUT",
    "/channels/{code}/ptz/lock",
    summary="Keep a camera for oneself",
    permission=Permission.OPERATE,
    problems=PROBLEMS,
)
async def lock_ptz(call: Call, code: GbCode, body: Lock) -> Ptz:
    """Keep others of the same role from turning it; a higher role still can."""
    return build_ptz(await call.services.ptz.lock(call.identity, code, body.seconds))


@resource.route(
    "DELETE",
    "/channels/{code}/ptz/lock",
    summary="Give a camera back",
    permission=Permission.OPERATE,
    problems=("channel_not_found", "ptz_held"),
)
async def release_ptz(call: Call, code: GbCode) -> Ptz:
    """End a lock, or the few seconds that a camera stays with who moved it last."""
    return build_ptz(await call.services.ptz.release(call.identity, code))


@resource.route(
    "GET",
    "/channels/{code}/ptz/position",
    summary="Ask where a camera looks",
    permission=Permission.WATCH,
    problems=PROBLEMS_2022,
)
async def show_ptz_position(call: Call, code: GbCode) -> Position:
    """Ask the device (2022)."""
    return Position.model_validate(await call.services.ptz_memory.position(code))


@resource.route(
    "PUT",
    "/channels/{code}/ptz/position",
    summary="Turn a camera to angles",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=PROBLEMS_2022,
)
async def set_ptz_position(call: Call, code: GbCode, body: PtzTarget) -> None:
    """Turn to degrees and a zoom (2022)."""
    await call.services.ptz_memory.go(call.identity, code, **body.model_dump())


@resource.route(
    "POST",
    "/channels/{code}/ptz/zoom",
    summary="Zoom to a rectangle",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=PROBLEMS,
)
async def zoom_ptz(call: Call, code: GbCode, body: Zoom) -> None:
    """Centre a rectangle of the picture and fill the picture with it, or the reverse."""
    frame = Frame(**body.model_dump(exclude={"direction"}))
    is_in = body.direction == "in"
    await call.services.ptz_memory.zoom_to(call.identity, code, frame, is_in=is_in)


@resource.route(
    "PUT",
    "/channels/{code}/ptz/track",
    summary="Follow a target",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=(*PROBLEMS_2022, "invalid"),
)
async def track_ptz(call: Call, code: GbCode, body: TargetTrack) -> None:
    """Let a dome follow what moves (2022)."""
    area = Frame(**body.area.model_dump()) if body.area is not None else None
    await call.services.ptz_memory.track(
        call.identity, code, body.mode.capitalize(), panorama=body.panorama, area=area
    )


@resource.route(
    "PUT",
    "/channels/{code}/ptz/switches/{number}",
    summary="Switch wiper, lamp or heater",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=PROBLEMS,
)
async def switch_ptz(
    call: Call, code: GbCode, number: Annotated[int, Field(ge=0, le=255)], body: Switch
) -> None:
    """Switch an auxiliary output; number 1 is the wiper."""
    await call.services.ptz_memory.switch(call.identity, code, number, on=body.on)

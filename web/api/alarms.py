"""Alarms: raised, acknowledged by somebody, cleared by somebody."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiohttp import web
from pydantic import AwareDatetime, Field

from vms.records import Alarm as AlarmRecord
from vms.records import AlarmFilter, AlarmLevel, AlarmState
from web.api.wire import WITHOUT_NUL, Body, GbCode, Id, Number, PageOf, PageQuery, Text, Wire
from web.call import Call
from web.route import Permission, Resource

resource = Resource("alarms", "Alarms (报警): what a person has to look at.")
JPEG = "image/jpeg"


class Box(Wire):
    """A thing in the picture."""

    label: str
    score: float
    box: tuple[float, float, float, float]
    """x1, y1, x2, y2 as shares of the picture's width and height."""
    track: int | None = None


class Alarm(Wire):
    """One cause, however often it was reported while open."""

    id: Id
    channel: Text
    """Channel or device; null for the platform itself."""
    channel_name: Text
    kind: str
    level: AlarmLevel
    """1 red, 2 orange, 3 yellow, 4 blue."""
    state: AlarmState
    source: Text
    """Who raised it: `scene:7`, `device`, `system`."""
    raised_at: datetime
    last_at: datetime
    """When the same cause was seen last."""
    count: int
    acknowledged_at: datetime | None
    acknowledged_by: Text
    cleared_at: datetime | None
    cleared_by: Text
    note: Text
    detail: Mapping[str, Any]
    boxes: list[Box]
    snapshot_url: str | None = None


class AlarmPage(PageOf[Alarm]):
    """One page of alarms, newest first."""


class AlarmQuery(PageQuery):
    """Which alarms."""

    state: AlarmState | None = None
    active: bool | None = None
    """True: raised or acknowledged; false: cleared."""
    channel: GbCode | None = None
    level: AlarmLevel | None = None
    kind: str | None = Field(None, max_length=64, pattern=r"^[a-z0-9_.-]+$")
    start: AwareDatetime | None = None
    """Raised at or after."""
    end: AwareDatetime | None = None
    """Raised before."""


class ClearNote(Body):
    """What was found."""

    note: str = Field("", max_length=2000, pattern=WITHOUT_NUL)


def build_alarm(alarm: AlarmRecord) -> Alarm:
    """The JSON form of an alarm."""
    url = f"/api/v1/alarms/{alarm.id}/snapshot" if alarm.snapshot else None
    return Alarm.model_validate(alarm).model_copy(update={"snapshot_url": url})


@resource.route("GET", "/alarms", summary="List alarms", permission=Permission.WATCH)
async def list_alarms(call: Call, query: AlarmQuery) -> AlarmPage:
    """Page through the alarms, newest first."""
    wanted = AlarmFilter(**query.model_dump(exclude={"page", "size"}))
    page = await call.services.alarms.alarms(wanted, query.page, query.size)
    items = [build_alarm(alarm) for alarm in page.items]
    return AlarmPage(items=items, total=page.total, page=page.page, size=page.size)


@resource.route(
    "GET",
    "/alarms/{alarm_id}",
    summary="Show an alarm",
    permission=Permission.WATCH,
    problems=("alarm_not_found",),
)
async def show_alarm(call: Call, alarm_id: Number) -> Alarm:
    """Tell everything about one alarm."""
    return build_alarm(await call.services.alarms.alarm(alarm_id))


@resource.route(
    "POST",
    "/alarms/{alarm_id}/acknowledge",
    summary="Acknowledge an alarm",
    permission=Permission.OPERATE,
    problems=("alarm_not_found", "conflict"),
)
async def acknowledge_alarm(call: Call, alarm_id: Number) -> Alarm:
    """Say that somebody has seen it and takes care."""
    return build_alarm(await call.services.alarms.acknowledge(alarm_id, call.identity.username))


@resource.route(
    "POST",
    "/alarms/{alarm_id}/clear",
    summary="Clear an alarm",
    permission=Permission.OPERATE,
    problems=("alarm_not_found", "conflict"),
)
async def clear_alarm(call: Call, alarm_id: Number, body: ClearNote) -> Alarm:
    """Close it, with a note about what was found."""
    alarm = await call.services.alarms.clear(alarm_id, call.identity.username, body.note)
    return build_alarm(alarm)


@resource.route(
    "GET",
    "/alarms/{alarm_id}/snapshot",
    summary="Show an alarm's picture",
    permission=Permission.WATCH,
    media_type=JPEG,
    problems=("alarm_not_found", "snapshot_not_found"),
)
async def show_snapshot(call: Call, alarm_id: Number) -> web.StreamResponse:
    """Answer the JPEG picture of the moment."""
    path = await call.services.alarms.snapshot_path(alarm_id)
    response = web.FileResponse(path, headers={"Cache-Control": "private, max-age=3600"})
    response.content_type = JPEG
    return response

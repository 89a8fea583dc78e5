"""What devices report of themselves: subscriptions, positions, and what is asked about alarms."""

import csv
import io
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from aiohttp import web
from pydantic import AwareDatetime, Field

from vms.clock import SystemClock
from vms.records import PositionView, SubscriptionTopic, SubscriptionView
from web.api.alarms import Alarm, build_alarm
from web.api.wire import Body, GbCode, ListOf, Number, Text, Wire
from web.call import Call
from web.route import Permission, Resource

resource = Resource("reports", "Reports (上报): subscriptions at devices, positions, alarm reset.")
CSV = "text/csv"
DAY = timedelta(days=1)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Nobody asks for earlier; times at the calendar's end cannot be reckoned with."""


class Subscription(Wire):
    """One thing a device is asked to report by SUBSCRIBE (GB/T 28181 9.11)."""

    topic: SubscriptionTopic
    wanted: bool
    """Asked for, by the configuration or by somebody."""
    given: bool | None
    """What somebody said; null: as configured."""
    state: str
    """subscribing, active, waiting, refused, released (offline), ending; none: not wanted."""
    since: datetime | None
    expires_s: int
    """As granted; 0 while it is not active."""
    reason: Text
    """Why it is not active: a SIP status or a word of RFC 6665."""
    notified_at: datetime | None
    notifications: int


class Subscriptions(ListOf[Subscription]):
    """All three."""


class SubscriptionWish(Body):
    """Whether somebody wants it."""

    wanted: bool | None
    """Null: as configured."""


class Position(Wire):
    """Where a channel was at one moment, WGS-84."""

    channel: str
    at: datetime
    """When it was heard."""
    time_text: Text
    """The device's own local time."""
    longitude: float
    latitude: float
    speed: float | None
    """Kilometres an hour."""
    direction: float | None
    """Degrees clockwise from north."""
    altitude: float | None
    height: float | None


class LastPosition(Wire):
    """The last place of a channel."""

    position: Position | None
    """Null for one that never said."""


class Track(ListOf[Position]):
    """Points, the oldest first."""


class TrackQuery(Body):
    """Which part of a track; without any, the last day."""

    start: AwareDatetime | None = Field(None, ge=EARLIEST)
    end: AwareDatetime | None = Field(None, ge=EARLIEST)


class AlarmQuestion(Body):
    """Which alarms a device shall report."""

    methods: list[str] = Field([], max_length=7, examples=[["2", "5"]])
    """Alarm methods 1 to 7 (A.2.5); none: all."""


def build_subscriptions(found: tuple[SubscriptionView, ...]) -> Subscriptions:
    """The JSON form of a device's subscriptions."""
    return Subscriptions(items=[Subscription.model_validate(each) for each in found])


def build_position(position: PositionView) -> Position:
    """The JSON form of a position."""
    return Position.model_validate(position)


@resource.route(
    "GET",
    "/devices/{device_id}/subscriptions",
    summary="Show what a device reports",
    permission=Permission.WATCH,
    problems=("device_not_found",),
)
async def list_subscriptions(call: Call, device_id: GbCode) -> Subscriptions:
    """Tell what is subscribed to at a device, since when, and when it last notified."""
    return build_subscriptions(await call.services.subscriptions.of_device(device_id))


@resource.route(
    "PUT",
    "/devices/{device_id}/subscriptions/{topic}",
    summary="Choose what a device reports",
    permission=Permission.OPERATE,
    problems=("device_not_found",),
)
async def choose_subscription(
    call: Call, device_id: GbCode, topic: SubscriptionTopic, body: SubscriptionWish
) -> Subscriptions:
    """Subscribe, unsubscribe, or leave it to the configuration; a refusal is tried again."""
    found = await call.services.subscriptions.wish(device_id, topic, body.wanted)
    return build_subscriptions(found)


@resource.route(
    "GET",
    "/channels/{code}/position",
    summary="Show where a channel is",
    permission=Permission.WATCH,
)
async def show_position(call: Call, code: GbCode) -> LastPosition:
    """Tell the last place it reported."""
    found = await call.services.positions.last(code)
    return LastPosition(position=build_position(found) if found is not None else None)


@resource.route(
    "GET",
    "/channels/{code}/track",
    summary="Show where a channel was",
    permission=Permission.WATCH,
)
async def show_track(call: Call, code: GbCode, query: TrackQuery) -> Track:
    """List its places, the oldest first."""
    return Track(items=[build_position(point) for point in await _track(call, code, query)])


@resource.route(
    "GET",
    "/channels/{code}/track.csv",
    summary="Download where a channel was",
    permission=Permission.WATCH,
    media_type=CSV,
)
async def download_track(call: Call, code: GbCode, query: TrackQuery) -> web.StreamResponse:
    """Answer the same as a table that spreadsheets open."""
    text = io.StringIO()
    writer = csv.writer(text)
    names = tuple(Position.model_fields)
    writer.writerow(names)
    for point in await _track(call, code, query):
        values = (getattr(point, name) for name in names)
        writer.writerow([_cell(value) for value in values])
    return web.Response(
        # Spreadsheets take a file without the mark for one in the system's own character set.
        body=b"\xef\xbb\xbf" + text.getvalue().encode(),
        content_type=CSV,
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="track-{code}.csv"'},
    )


@resource.route(
    "POST",
    "/alarms/{alarm_id}/reset",
    summary="Reset an alarm at its device",
    permission=Permission.OPERATE,
    problems=(
        "alarm_not_found",
        "not_a_device_alarm",
        "device_offline",
        "device_unreachable",
        "device_refused",
    ),
)
async def reset_alarm(call: Call, alarm_id: Number) -> Alarm:
    """Send ResetAlarm (报警复位): without it some devices send no second alarm."""
    return build_alarm(await call.services.alarm_commands.reset(alarm_id))


@resource.route(
    "POST",
    "/devices/{device_id}/alarm-query",
    summary="Have a device report its alarms",
    status=HTTPStatus.NO_CONTENT,
    permission=Permission.OPERATE,
    problems=("device_offline", "device_unreachable", "device_refused"),
)
async def query_alarms(call: Call, device_id: GbCode, body: AlarmQuestion) -> None:
    """Send an alarm query (报警查询); what the device has comes as alarms."""
    await call.services.alarm_commands.query(device_id, tuple(body.methods))


async def _track(call: Call, code: str, query: TrackQuery) -> tuple[PositionView, ...]:
    end = query.end or SystemClock().wall()
    return await call.services.positions.track(code, query.start or end - DAY, end)


def _cell(value: object) -> object:
    """A cell that no spreadsheet takes for a formula; numbers and times stay what they are."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return "" if value is None else value

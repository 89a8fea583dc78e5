"""The event WebSocket: what happens, as it happens, as one flat JSON object per event.

Events are not replayed: after a gap (`dropped`, or a new connection) a client reads the state anew
over REST.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import AliasChoices, Field

from vms.bus import Subscription
from vms.errors import Denied, Invalid
from vms.events import (
    AlarmRaised,
    AlarmUpdated,
    CatalogMerged,
    ChannelStatusChanged,
    DetectionsMade,
    DeviceStatusChanged,
    Event,
    LiveStatusChanged,
    PlatformsChanged,
    PlatformStateChanged,
    PositionReported,
    PtzHolderChanged,
    RegistrationAttempted,
    RegistryChanged,
    SegmentRecorded,
    SharesChanged,
    SubscriptionUpdated,
    VideoUploadAnnounced,
)
from vms.records import Identity, Role
from web.api.access import build_attempt
from web.api.alarms import Box, build_alarm
from web.api.live_status import build_live
from web.api.ptz import build_ptz
from web.api.recordings import build_segment
from web.api.subscriptions import build_position
from web.api.wire import Body, Text, Wire
from web.call import Call
from web.keys import limits_key, listeners_key
from web.language import Language
from web.route import Permission, Resource
from web.sockets import Socket

resource = Resource("events", "Events (事件): a WebSocket of JSON objects with `type` and `at`.")


class EventQuery(Body):
    """Which events."""

    types: str = Field(
        "", max_length=400, pattern=r"^([a-z_]+(,[a-z_]+)*)?$", examples=["alarm_raised,detections"]
    )
    """Names joined by commas; empty: all that the role may hear."""


class DeviceStatus(Wire):
    """A device came on, went off, or moved to another address."""

    id: str = Field(validation_alias=AliasChoices("device_id"))
    online: bool
    registered: bool
    cause: Text
    address: Text


class ChannelStatus(Wire):
    """A channel came on, went off, was proven, or its recording was switched."""

    code: str
    device_id: str
    online: bool
    registered: bool
    says_on: bool
    proven: bool
    cause: Text
    recording: bool | None


class Catalog(Wire):
    """A catalogue was merged; the tree may have changed."""

    id: str = Field(validation_alias=AliasChoices("device_id"))
    added: int
    updated: int
    missing: int
    returned: int
    complete: bool


class SubscriptionNews(Wire):
    """What a device reports of itself has begun, ended or failed."""

    device_id: str
    topic: str
    state: str
    reason: Text


class VideoUpload(Wire):
    """A device begins to send video by itself."""

    device_id: str
    channel: Text
    time_text: Text
    """When, in the device's own words."""
    longitude: float | None
    latitude: float | None


class Detections(Wire):
    """What analysis saw in one picture."""

    channel: str
    scene_id: int
    pts_ticks: int
    """The picture's place on the stream's time line, 90 kHz."""
    wall: datetime
    width: int
    height: int
    boxes: list[Box]
    region: list[tuple[float, float]]


class RegistryNews(Wire):
    """People named, placed or removed devices or channels; the tree may have changed."""


class PlatformNews(Wire):
    """Something is different about these upper platforms; read them anew."""

    platform_ids: list[str]


FORMS: Mapping[type[Event], Callable[[Any, Language], Wire]] = {
    DeviceStatusChanged: lambda event, _: DeviceStatus.model_validate(event),
    ChannelStatusChanged: lambda event, _: ChannelStatus.model_validate(event),
    CatalogMerged: lambda event, _: Catalog.model_validate(event),
    AlarmRaised: lambda event, _: build_alarm(event.alarm),
    AlarmUpdated: lambda event, _: build_alarm(event.alarm),
    DetectionsMade: lambda event, _: Detections.model_validate(event),
    LiveStatusChanged: lambda event, language: build_live(event.status, language),
    RegistrationAttempted: lambda event, _: build_attempt(event.attempt),
    SegmentRecorded: lambda event, _: build_segment(event.segment),
    PtzHolderChanged: lambda event, _: build_ptz(event.status),
    SubscriptionUpdated: lambda event, _: SubscriptionNews.model_validate(event),
    VideoUploadAnnounced: lambda event, _: VideoUpload.model_validate(event),
    PositionReported: lambda event, _: build_position(event.position),
    RegistryChanged: lambda event, _: RegistryNews.model_validate(event),
    PlatformsChanged: lambda event, _: PlatformNews.model_validate(event),
    PlatformStateChanged: lambda event, _: PlatformNews.model_validate(event),
    SharesChanged: lambda event, _: PlatformNews.model_validate(event),
}
"""Every event that leaves the platform, and its JSON form; another event stays inside."""

TYPES: Mapping[str, type[Event]] = {event.type: event for event in FORMS}
FOR_OPERATORS = frozenset(
    {RegistrationAttempted, PlatformsChanged, PlatformStateChanged, SharesChanged}
)
"""Addresses of strangers and platforms are no business of those who only watch."""


@resource.route(
    "GET",
    "/events",
    summary="Listen to events",
    permission=Permission.WATCH,
    status=HTTPStatus.SWITCHING_PROTOCOLS,
    problems=("invalid", "too_many_viewers", "cross_origin", "upgrade_required"),
)
async def stream_events(call: Call, query: EventQuery) -> web.StreamResponse:
    """Open a WebSocket that sends each event as one JSON text.

    A slow client loses the oldest events and is told by `dropped` with their `count`; it then reads
    the state anew. Close code 4401: the session is over.
    """
    wanted = find_events(query.types, call.identity)
    limit = call.request.app[limits_key].event_queue
    seats = call.request.app[listeners_key]
    socket = Socket(call, seats)
    with seats.seat(), call.services.bus.subscribe(*wanted, name="web", limit=limit) as events:
        return await socket.serve(partial(forward, events, call.language))


def find_events(names: str, identity: Identity) -> list[type[Event]]:
    """The events asked for that this person may hear; raises Invalid or Denied."""
    asked = names.split(",") if names else list(TYPES)
    if unknown := [name for name in asked if name not in TYPES]:
        raise Invalid("types", "unknown", names=unknown)
    is_operator = identity.may(Role.OPERATOR)
    wanted = [TYPES[name] for name in asked if is_operator or TYPES[name] not in FOR_OPERATORS]
    if not wanted:
        raise Denied(role=identity.role.value, needed=Role.OPERATOR.value)
    return wanted


async def forward(events: Subscription, language: Language, socket: Socket) -> None:
    """Send each event; before it, how many were lost since the last one."""
    told = 0
    while True:
        event = await events.next()
        if lost := events.dropped - told:
            told = events.dropped
            await socket.send_text(build_loss(event, lost))
        await socket.send_text(build_event(event, language))


def build_event(event: Event, language: Language) -> str:
    """One event as JSON: its facts with `type`, and `at` unless they have their own."""
    facts = FORMS[type(event)](event, language).model_dump(mode="json")
    return json.dumps({"at": _time(event), **facts, "type": event.type}, ensure_ascii=False)


def build_loss(event: Event, count: int) -> str:
    """What a slow client is told instead of the events that it lost."""
    return json.dumps({"at": _time(event), "type": "dropped", "count": count})


def _time(event: Event) -> str:
    return event.at.isoformat().replace("+00:00", "Z")

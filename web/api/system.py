"""System: the status line, on/off spans, metrics and health."""

from dataclasses import asdict
from datetime import datetime

from aiohttp import web
from pydantic import AwareDatetime, Field

from vms.errors import NotReady
from vms.metrics import CONTENT_TYPE, build_text
from vms.records import SpanCause, SpanState, SubjectKind
from web.api.wire import Body, ListOf, Wire
from web.call import Call
from web.keys import listeners_key, viewers_key
from web.limits import samples
from web.route import Permission, Resource

resource = Resource("system", "System (系统): status, on/off spans.")
machines = Resource("machines", "For machines: health and metrics.", prefix="")


class System(Wire):
    """The facts of the status line."""

    version: str
    started_at: datetime
    uptime_s: float
    streams: int
    viewers: int
    """Places before a live picture that people and players hold; analysis and recorders not."""
    recording: int
    """Channels whose recorder writes."""
    devices: int
    devices_online: int
    channels: int
    channels_online: int
    channels_proven: int
    alarms_open: int
    disk_free_bytes: int
    disk_total_bytes: int
    uppers: int
    """Upper platforms that are switched on."""
    uppers_registered: int
    """Those of them where we are registered now."""
    time_zone: str
    """Zone of the times that people are shown."""


class Span(Wire):
    """A stretch of time in which a device or channel was on, off or unobserved."""

    subject: str
    kind: SubjectKind
    state: SpanState
    cause: SpanCause
    start: datetime
    end: datetime | None
    """Null: it lasts."""


class SpanList(ListOf[Span]):
    """Spans, newest first."""


class SpanQuery(Body):
    """Whose spans, and when."""

    subject: str = Field("", max_length=20, pattern=r"^[0-9]*$")
    """A device's id or a channel's code."""
    kind: SubjectKind | None = None
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    limit: int = Field(500, ge=1, le=5000)


class Health(Wire):
    """The platform is ready."""

    status: str = "ok"


@resource.route("GET", "/system", summary="Show the status", permission=Permission.WATCH)
async def show_system(call: Call) -> System:
    """Sum up what runs."""
    status = await call.services.system.status()
    registered, uppers = call.services.platforms.links()
    places = call.request.app[viewers_key].taken
    links = {"uppers": uppers, "uppers_registered": registered, "viewers": places}
    return System.model_validate(asdict(status) | links)


@resource.route("GET", "/spans", summary="List on/off spans", permission=Permission.WATCH)
async def list_spans(call: Call, query: SpanQuery) -> SpanList:
    """List since when and why devices and channels were on, off or unobserved."""
    spans = await call.services.spans.spans(**query.model_dump())
    return SpanList(
        items=[
            Span(
                subject=span.subject,
                kind=span.kind,
                state=span.state,
                cause=span.cause,
                start=span.started_at,
                end=span.ended_at,
            )
            for span in spans
        ]
    )


@machines.route(
    "GET",
    "/healthz",
    summary="Tell whether the platform is ready",
    permission=Permission.OPEN,
    problems=("not_ready",),
)
async def show_health(call: Call) -> Health:
    """Answer 200 when everything has started, else 503; tells nothing else."""
    if not call.services.system.is_ready():
        raise NotReady()
    return Health()


@machines.route(
    "GET",
    "/metrics",
    summary="Show the metrics",
    permission=Permission.WATCH,
    media_type="text/plain",
)
async def show_metrics(call: Call) -> web.StreamResponse:
    """Answer all counters in Prometheus' text format 0.0.4."""
    app = call.request.app
    own = samples({"viewers": app[viewers_key], "listeners": app[listeners_key]})
    text = await call.services.system.metrics() + build_text(own)
    return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

"""The application factory: routes from their declarations, middlewares, pages, and the runner.

Constructs no service and starts nothing: `vms.app` hands the services in and runs the result.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel

from vms.config_sections import HttpSection
from vms.errors import VmsError
from vms.services import Services
from web import events, live_sound, media, media_playback, microphone, pages
from web.access_log import AccessLogger
from web.api import (
    access,
    alarms,
    announcements,
    capabilities,
    channels,
    device_config,
    device_control,
    devices,
    doctor,
    documentation,
    downloads,
    live,
    platform_shares,
    platforms,
    playbacks,
    ptz,
    ptz_memory,
    quirks,
    recordings,
    scenes,
    session,
    sip_trace,
    snapshots,
    subscriptions,
    system,
    users,
    voice,
)
from web.audit import write_down
from web.call import Call
from web.keys import (
    document_key,
    identity_key,
    limits_key,
    listeners_key,
    microphones_key,
    routes_key,
    services_key,
    settings_key,
    viewers_key,
)
from web.limits import Limits, Seats
from web.middleware import answer_problems, guard, set_headers
from web.openapi import build_document
from web.problems import code_of
from web.route import JSON, Answer, Resource, Route
from web.validation import read_arguments

RESOURCES: tuple[Resource, ...] = (
    session.resource,
    devices.resource,
    channels.resource,
    live.resource,
    doctor.resource,
    media.resource,
    live_sound.resource,
    ptz.resource,
    ptz_memory.resource,
    device_control.resource,
    device_config.resource,
    snapshots.resource,
    recordings.resource,
    voice.resource,
    microphone.resource,
    announcements.resource,
    playbacks.resource,
    media_playback.resource,
    downloads.resource,
    alarms.resource,
    subscriptions.resource,
    scenes.resource,
    events.resource,
    access.resource,
    sip_trace.resource,
    users.resource,
    quirks.resource,
    capabilities.resource,
    platforms.resource,
    platform_shares.resource,
    system.resource,
    system.machines,
    documentation.resource,
)
"""Everything this server answers besides pages and files, in the order of the documentation."""

TOKEN = frozenset({"token"})
SHUTDOWN_S = 3.0


def create_app(
    services: Services, settings: HttpSection, *, version: str, limits: Limits | None = None
) -> web.Application:
    """Build the application around running services."""
    app = web.Application(
        middlewares=[answer_problems, guard], client_max_size=settings.max_body_bytes
    )
    limits = limits or Limits()
    app[services_key] = services
    app[settings_key] = settings
    app[limits_key] = limits
    app[viewers_key] = Seats(settings.max_viewers)
    app[listeners_key] = Seats(limits.event_sockets)
    app[microphones_key] = Seats(limits.microphones)
    app[routes_key] = {}
    app[document_key] = build_document(RESOURCES, version)
    app[documentation.look_key] = documentation.read_look()
    for resource in RESOURCES:
        for route in resource:
            entry = app.router.add_route(route.method, route.path, _serve(route))
            app[routes_key][entry] = route
    app.on_response_prepare.append(set_headers)
    app.on_shutdown.append(_dismiss)
    pages.setup(app)
    return app


async def _dismiss(app: web.Application) -> None:
    """Let the long connections go, else the server would wait for them."""
    places = (app[viewers_key], app[listeners_key], app[microphones_key])
    await asyncio.gather(*(each.dismiss(SHUTDOWN_S) for each in places))


def create_runner(app: web.Application) -> web.AppRunner:
    """The server of an application; whoever calls it sets it up and cleans it up."""
    return web.AppRunner(
        app, access_log_class=AccessLogger, shutdown_timeout=SHUTDOWN_S, handle_signals=False
    )


def _serve(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of a declared route."""
    ignored = TOKEN if route.takes_url_token else frozenset[str]()

    async def answer(request: web.Request) -> web.StreamResponse:
        arguments = await read_arguments(route.shape, request, ignored)
        identity = request.get(identity_key)
        try:
            result: Answer = await route.handler(Call.of(request), **arguments)
        except VmsError as error:
            if identity is not None:
                await write_down(request, identity, route, code_of(error))
            raise
        if identity is not None:
            await write_down(request, identity, route, "ok")
        return _respond(route, result)

    return answer


def _respond(route: Route, result: Answer) -> web.StreamResponse:
    if isinstance(result, web.StreamResponse):
        return result
    if isinstance(result, BaseModel):
        body = result.model_dump_json().encode()
        return web.Response(status=route.status, body=body, content_type=JSON)
    return web.Response(status=HTTPStatus.NO_CONTENT)

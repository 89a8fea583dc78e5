"""What every request passes: problems answered, the person known, origin checked, headers set."""

import logging
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from aiohttp import hdrs, web

from vms.errors import Denied, VmsError
from vms.records import Identity
from web.audit import write_down
from web.auth import (
    CrossOrigin,
    bearer_token,
    check_origin,
    check_permission,
    declared,
    identify,
    identify_by_url,
    is_open,
)
from web.keys import identity_key, started_key
from web.problems import (
    build_problem,
    problem_of_http,
    problem_of_request,
    problem_of_service,
)
from web.route import Route
from web.sockets import UpgradeRequired
from web.validation import InvalidRequest, NotJson

logger = logging.getLogger(__name__)
CLIENT_LEFT = 499
"""For the access log only: no RFC has a status for it, but other servers write this one too."""
Next = Callable[[web.Request], Awaitable[web.StreamResponse]]

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; "
    "worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(self), geolocation=()",
}


@web.middleware
async def answer_problems(request: web.Request, handler: Next) -> web.StreamResponse:
    """Turn every refusal and every failure into problem details.

    The web's edge: an unknown error ends one request, is logged whole and shown to nobody. One
    after the answer has begun passes, because then only closing the connection is honest, which
    aiohttp does. A client that has left is no error: what is answered to it reaches nobody.
    """
    try:
        return await _answer_refusals(request, handler)
    except web.HTTPException:
        raise
    except Exception as error:
        if isinstance(error, ConnectionError) and _has_left(request):
            return web.Response(status=CLIENT_LEFT, reason="Client left")
        if request.get(started_key):
            raise
        facts = {"method": request.method, "route": _route_name(request)}
        logger.exception("A request failed for an unknown reason", extra=facts)
        return build_problem(request, "internal")


async def _answer_refusals(request: web.Request, handler: Next) -> web.StreamResponse:
    """Turn what the services, the guard and aiohttp refuse into problem details."""
    try:
        return await handler(request)
    except VmsError as error:
        if request.get(started_key):
            raise
        return problem_of_service(request, error)
    except (InvalidRequest, NotJson) as error:
        return problem_of_request(request, error)
    except CrossOrigin:
        logger.warning("Refused a request of another site", extra={"peer": request.remote or ""})
        return build_problem(request, "cross_origin")
    except UpgradeRequired:
        return build_problem(request, "upgrade_required")
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return problem_of_http(request, error)


@web.middleware
async def guard(request: web.Request, handler: Next) -> web.StreamResponse:
    """Let only known people through, with sufficient right, from their own pages."""
    if request.match_info.http_exception is not None:
        return await handler(request)
    route = declared(request)
    if is_open(request, route):
        check_origin(request, by_cookie=False)
        return await handler(request)
    try:
        identity, by_cookie = await _authenticate(request, route)
    except Denied:
        if _is_page(request, route):
            raise web.HTTPSeeOther(_login_address(request)) from None
        raise
    takes_file = route is not None and route.takes_file
    check_origin(request, by_cookie=by_cookie, takes_file=takes_file)
    request[identity_key] = identity
    try:
        check_permission(identity, route)
    except Denied:
        if route is not None:
            await write_down(request, identity, route, "denied")
        raise
    return await handler(request)


async def _authenticate(request: web.Request, route: Route | None) -> tuple[Identity, bool]:
    """Return who calls, and whether only the cookie says so; raises Denied."""
    url_token = request.query.get("token", "")
    if url_token and route is not None and route.takes_url_token:
        return await identify_by_url(request, url_token), False
    identity = await identify(request)
    if identity is None:
        raise Denied("unauthenticated")
    return identity, not bearer_token(request)


def _is_page(request: web.Request, route: Route | None) -> bool:
    return route is None and request.method == hdrs.METH_GET


def _login_address(request: web.Request) -> str:
    """The login page, told where to return to; always a path of this server."""
    if request.path == "/":
        return "/login"
    return "/login?" + urlencode({"next": request.path})


def _has_left(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _route_name(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "none"


async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add what protects the reader to every answer that leaves (signal on_response_prepare)."""
    request[started_key] = True
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    response.headers[hdrs.SERVER] = "vms"

"""Who a request comes from, whether that person may, and whether their own page sent it.

Everything is closed unless a route's declaration says `Permission.OPEN`; pages and files, which
have no declaration, need a login unless they are named here.
"""

from aiohttp import hdrs, web
from yarl import URL

from vms.errors import Denied
from vms.records import Identity, Role
from web.call import SESSION_COOKIE
from web.keys import routes_key, services_key, settings_key
from web.route import JSON, Permission, Route
from web.validation import NotJson

OPEN_PAGES = frozenset({"page-login", "static"})
"""Names of router entries outside the API that the login page needs."""

ROLES = {
    Permission.WATCH: Role.VIEWER,
    Permission.OPERATE: Role.OPERATOR,
    Permission.ADMINISTER: Role.ADMIN,
}
FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class CrossOrigin(Exception):
    """A browser sent the request for another site's page (CSRF, WebSocket hijacking)."""


def declared(request: web.Request) -> Route | None:
    """The declaration of the route that matched; None for pages and files."""
    return request.app[routes_key].get(request.match_info.route)


def is_open(request: web.Request, route: Route | None) -> bool:
    """Whether nobody has to be known."""
    if route is not None:
        return route.permission is Permission.OPEN
    return request.match_info.route.name in OPEN_PAGES


async def identify(request: web.Request) -> Identity | None:
    """The session behind the bearer token, else the cookie; Denied when it is not valid."""
    token = session_token(request)
    if not token:
        return None
    return await request.app[services_key].users.identify(token)


async def identify_by_url(request: web.Request, token: str) -> Identity:
    """Who may see this channel by the token in the address; raises Denied.

    Our own addresses carry media tokens: one channel, short-lived. A program that puts its session
    token there is let in as well; it gains nothing that its header would not give.
    """
    users = request.app[services_key].users
    try:
        return await users.identify_media(token, request.match_info["code"])
    except Denied:
        return await users.identify(token)


def session_token(request: web.Request) -> str:
    """The session token of the Authorization header, else of the cookie; else empty."""
    return bearer_token(request) or request.cookies.get(SESSION_COOKIE, "")


def bearer_token(request: web.Request) -> str:
    """The token of `Authorization: Bearer …` (RFC 6750 §2.1), or empty."""
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def check_permission(identity: Identity, route: Route | None) -> None:
    """Raise Denied when the identity's role is too low."""
    permission = route.permission if route else Permission.WATCH
    if permission is not Permission.OPEN and not identity.may(ROLES[permission]):
        raise Denied(role=identity.role.value, needed=ROLES[permission].value)


def check_origin(request: web.Request, *, by_cookie: bool, takes_file: bool = False) -> None:
    """Raise CrossOrigin or NotJson for state changes and WebSockets of another site's page.

    A browser always tells (Sec-Fetch-Site or Origin). Where nothing is told, only a request that
    carries its own credential may pass: a cookie is sent by the browser unasked. JSON is asked for
    even without a body, because no form of another site can send it; where a file is taken, any
    named type that needs the browser's leave (CORS) does.
    """
    is_websocket = request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
    if request.method in SAFE_METHODS and not is_websocket:
        return
    origin = request.headers.get(hdrs.ORIGIN)
    site = request.headers.get("Sec-Fetch-Site")
    if origin is not None and not _is_own(request, origin):
        raise CrossOrigin
    if origin is None and site is not None and site != "same-origin":
        raise CrossOrigin
    if origin is None and site is None and by_cookie:
        raise CrossOrigin
    if by_cookie and not is_websocket and request.content_type != JSON:
        if takes_file and request.headers.get(hdrs.CONTENT_TYPE) and not _is_of_form(request):
            return
        raise NotJson


def _is_of_form(request: web.Request) -> bool:
    """Whether any site's form may send this type without asking (Fetch standard, 2.2.2)."""
    return request.content_type in FORM_TYPES


def _is_own(request: web.Request, origin: str) -> bool:
    """Whether an Origin names the host that was asked, or one that the administrator allowed."""
    if origin in request.app[settings_key].allowed_origins:
        return True
    try:
        parsed = URL(origin)
        own = URL(f"{parsed.scheme}://{request.host}")
    except ValueError:
        return False
    if parsed.scheme not in {"http", "https"}:
        return False
    return (parsed.host, parsed.port) == (own.host, own.port)

"""The audit log's view of a request: who did what to which thing, from where, with which result."""

from aiohttp import web

from vms.records import Identity
from web.keys import services_key
from web.route import Permission, Route


def is_audited(route: Route) -> bool:
    """Changes by somebody known, and what is declared so; logins and steering write their own."""
    if route.audits_itself:
        return False
    return route.is_audited or (route.is_change and route.permission is not Permission.OPEN)


async def write_down(request: web.Request, identity: Identity, route: Route, result: str) -> None:
    """Write one entry; never a body, since that is where secrets are."""
    if not is_audited(route):
        return
    await request.app[services_key].users.audit(
        identity.username,
        route.operation_id,
        target=",".join(request.match_info.values()),
        source=request.remote or "",
        result=result,
    )

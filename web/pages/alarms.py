"""The alarms page."""

from aiohttp import web

from web.pages.render import renderer_key

NAME = "alarms"
PATH = "/alarms"


async def show(request: web.Request) -> web.Response:
    """Answer GET /alarms."""
    return request.app[renderer_key].page(request, NAME)

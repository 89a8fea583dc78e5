"""The devices page."""

from aiohttp import web

from web.pages.render import renderer_key

NAME = "devices"
PATH = "/devices"


async def show(request: web.Request) -> web.Response:
    """Answer GET /devices."""
    return request.app[renderer_key].page(request, NAME)

"""The system page."""

from aiohttp import web

from web.pages.render import renderer_key

NAME = "system"
PATH = "/system"


async def show(request: web.Request) -> web.Response:
    """Answer GET /system."""
    return request.app[renderer_key].page(request, NAME)

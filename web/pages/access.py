"""The access page."""

from aiohttp import web

from web.pages.render import renderer_key

NAME = "access"
PATH = "/access"


async def show(request: web.Request) -> web.Response:
    """Answer GET /access."""
    return request.app[renderer_key].page(request, NAME)

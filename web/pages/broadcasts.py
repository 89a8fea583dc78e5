"""The broadcast page."""

from aiohttp import web

from web.pages.render import renderer_key

NAME = "broadcasts"
PATH = "/broadcasts"


async def show(request: web.Request) -> web.Response:
    """Answer GET /broadcasts."""
    return request.app[renderer_key].page(request, NAME)

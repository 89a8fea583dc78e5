"""The wall page."""

from aiohttp import web

from web.pages.render import renderer_key

NAME = "wall"
PATH = "/"


async def show(request: web.Request) -> web.Response:
    """Answer GET /."""
    return request.app[renderer_key].page(request, NAME)

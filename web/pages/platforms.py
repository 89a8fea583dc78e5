"""The page of upper platforms."""

from aiohttp import web

from web.pages.render import renderer_key

NAME = "platforms"
PATH = "/platforms"


async def show(request: web.Request) -> web.Response:
    """Answer GET /platforms."""
    return request.app[renderer_key].page(request, NAME)

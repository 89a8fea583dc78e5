"""The login page."""

from aiohttp import web

from web.pages.render import renderer_key

NAME = "login"
PATH = "/login"


async def show(request: web.Request) -> web.Response:
    """Answer GET /login."""
    return request.app[renderer_key].page(request, NAME)

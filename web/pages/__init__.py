"""The HTML pages: one module, one template and one TypeScript entry per page, of the same name.

`setup(app)` is all the application factory needs. Pages hold no data: they render the frame in the
reader's language and name the built script; everything shown comes over the REST API and the event
WebSocket, so a page can never show what its reader may not ask for.
"""

from typing import Protocol

from aiohttp import web

from web.pages import access, alarms, assets, broadcasts, devices, login, platforms, system, wall
from web.pages.render import Renderer, renderer_key


class Page(Protocol):
    """What a page's module has."""

    NAME: str
    """Base name of the template and of the TypeScript entry."""
    PATH: str

    async def show(self, request: web.Request) -> web.Response:
        """Answer the page."""


PAGES: tuple[Page, ...] = (wall, login, alarms, devices, broadcasts, platforms, access, system)


def setup(app: web.Application) -> None:
    """Add the page routes and the static files to `app`."""
    app[renderer_key] = Renderer.from_package()
    for page in PAGES:
        app.router.add_get(page.PATH, page.show, name=f"page-{page.NAME}")
    assets.add_static_files(app)

"""An application over fake services, and clients in each role."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tests.web.fakes import FakeServices
from vms.config_sections import HttpSection
from vms.services import Services
from web.app import RESOURCES, create_app, create_runner
from web.limits import Limits
from web.openapi import build_document

FAST = Limits(
    write_s=60.0,
    first_chunk_s=60.0,
    presence_s=0.01,
    session_s=0.02,
    heartbeat_s=60.0,
    event_sockets=2,
    event_queue=4,
)
"""Looks often; waits as long as a busy machine may need."""
IMPATIENT = replace(FAST, write_s=0.2, first_chunk_s=0.2)
"""For tests of those who let one wait."""

Client = TestClient[web.Request, web.Application]
Connect = Callable[..., Awaitable[Client]]


class RealServer(TestServer):
    """Serves with the product's own runner; the usual test server cancels handlers too."""

    async def _make_runner(self, **_: object) -> web.AppRunner:
        return create_runner(self.app)


@pytest.fixture
def services(tmp_path: Path) -> FakeServices:
    (tmp_path / "1.mp4").write_bytes(b"recorded")
    (tmp_path / "1.jpg").write_bytes(b"\xff\xd8picture")
    return FakeServices(tmp_path)


@pytest.fixture
def settings() -> HttpSection:
    return HttpSection(max_viewers=2, max_body_bytes=4096)


@pytest.fixture(scope="session", autouse=True)
def document() -> Iterator[None]:
    """The OpenAPI document is made once for all tests: it depends on the declarations only."""
    made = cache(lambda version: build_document(RESOURCES, version))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("web.app.build_document", lambda _, version: made(version))
        yield


@pytest.fixture
def limits() -> Limits:
    return FAST


@pytest.fixture
def app(services: FakeServices, settings: HttpSection, limits: Limits) -> web.Application:
    return create_app(cast(Services, services), settings, version="0.1.0", limits=limits)


@pytest.fixture
async def connect(app: web.Application, services: FakeServices) -> AsyncIterator[Connect]:
    """`await connect("viewer")`: a client with that account's bearer token; none without."""
    async with AsyncExitStack() as stack:
        server = RealServer(app)

        async def open_client(username: str = "", **headers: str) -> Client:
            if not server.started:
                await stack.enter_async_context(server)
            if username:
                headers["Authorization"] = f"Bearer {services.users.open_session(username)}"
            client = TestClient(server, headers=headers)
            stack.push_async_callback(client.session.close)
            return client

        yield open_client


@pytest.fixture
async def anyone(connect: Connect) -> Client:
    return await connect()


@pytest.fixture
async def viewer(connect: Connect) -> Client:
    return await connect("viewer")


@pytest.fixture
async def operator(connect: Connect) -> Client:
    return await connect("operator")


@pytest.fixture
async def admin(connect: Connect) -> Client:
    return await connect("admin")

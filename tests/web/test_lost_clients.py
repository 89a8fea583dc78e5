"""A client that is gone before it is answered is no error: the log has only its line."""

import asyncio
import logging
import socket
import struct

import pytest
from aiohttp import web

from tests.web.conftest import Client
from tests.web.fake_live import FakeChunk
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL
from vms.records import Identity

UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
UPGRADE += "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
RESET = struct.pack("ii", 1, 0)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/api/v1/system", ""),
        ("/api/v1/events", UPGRADE),
        (f"/live/{CHANNEL}.ws", UPGRADE),
        (f"/live/{CHANNEL}.flv", ""),
    ],
)
async def test_a_client_that_left_before_its_answer_is_no_error(
    viewer: Client,
    services: FakeServices,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    path: str,
    headers: str,
) -> None:
    services.live.prepare(CHANNEL, FakeChunk("init", b"INIT"))
    token = next(iter(services.users.sessions))
    asked, is_gone, identify = asyncio.Event(), asyncio.Event(), services.users.identify

    async def identify_late(given: str) -> Identity:
        asked.set()
        await is_gone.wait()
        return await identify(given)

    monkeypatch.setattr(services.users, "identify", identify_late)
    lost = lost_connections(monkeypatch)
    with socket.socket() as caller:
        caller.connect((viewer.host, viewer.port))
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        lines = f"GET {path} HTTP/1.1\r\nHost: {viewer.host}\r\nAuthorization: Bearer {token}\r\n"
        caller.sendall(f"{lines}{headers}\r\n".encode())
        await asyncio.wait_for(asked.wait(), 60)
    await asyncio.wait_for(lost.wait(), 60)
    with caplog.at_level(logging.INFO):
        is_gone.set()
        await asyncio.sleep(0.1)
    assert "Traceback" not in caplog.text
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def lost_connections(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set once the server has noticed that a connection is gone."""
    lost, told = asyncio.Event(), web.RequestHandler.connection_lost

    def connection_lost(handler: web.RequestHandler, error: Exception | None) -> None:
        told(handler, error)
        lost.set()

    monkeypatch.setattr(web.RequestHandler, "connection_lost", connection_lost)
    return lost

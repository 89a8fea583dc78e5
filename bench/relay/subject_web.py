"""The product's web layer before the relay under test.

Real: routes, guard, seats, the media outputs, `Watch`. Stand-ins: accounts and directory, and the
session that would invite a device.
"""

import ssl
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bench.relay.native import HOST
from sip.message.sdp import StreamChoice
from stream_relay.outputs.chunk import Format
from stream_relay.relay import Relay
from stream_relay.stream import Stream
from tests.web.fakes import FakeServices
from vms.clock import SystemClock
from vms.config_sections import HttpSection
from vms.errors import NotFound
from vms.records import LiveState, LiveStatus, LiveStep
from vms.services import Services
from vms.services.live import Watch
from vms.services.live.board import Board
from web.app import create_app, create_runner

VIEWER_LIMIT = 150
"""Chunks that may wait for one viewer: what the platform itself allows."""
SEATS = 10_000
BACKLOG = 1024
"""Viewers come all at once; a connection that finds the queue full tries again after a second."""


async def serve(
    relay: Relay, stack: AsyncExitStack, *, is_tls: bool = False
) -> tuple[Callable[[str], None], dict[str, Any]]:
    """Listen on a port of the kernel's choice.

    Returns whom to tell of a channel whose stream was closed, and `http_port` and a viewer's
    `token`.
    """
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    services = FakeServices(folder)
    live = LiveStandIn(relay)
    services.live = cast(Any, live)
    app = create_app(cast(Services, services), HttpSection(max_viewers=SEATS), version="0")
    runner: web.AppRunner = create_runner(app)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    context = tls_context(folder) if is_tls else None
    site = web.TCPSite(runner, HOST, 0, backlog=BACKLOG, ssl_context=context)
    await site.start()
    facts = {"http_port": runner.addresses[0][1], "token": services.users.open_session("viewer")}
    return live.end, facts


def tls_context(folder: Path) -> ssl.SSLContext:
    """A server's, with a certificate made for this run."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / "server.pem"
    path.write_bytes(pem + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


class SessionStandIn:
    """What `Watch` needs of a live session whose stream is there already."""

    def __init__(self, relay: Relay, code: str) -> None:
        self.is_over = False
        self.board = Board(code, SystemClock(), lambda status: None)
        self.board.progress(LiveState.LIVE, LiveStep.PLAYING)
        self._relay, self._code = relay, code

    @property
    def stream(self) -> Stream | None:
        return self._relay.stream(self._code)

    @property
    def status(self) -> LiveStatus:
        return self.board.status(self.stream, 0)


class LiveStandIn:
    """The live service of a platform whose cameras all send already."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._sessions: dict[str, SessionStandIn] = {}

    def statuses(self) -> tuple[LiveStatus, ...]:
        return ()

    def status(self, code: str) -> LiveStatus:
        return LiveStatus(code)

    @asynccontextmanager
    async def watch(
        self, code: str, output_format: Format, viewer: str, stream: StreamChoice = "main"
    ) -> AsyncIterator[Watch]:
        if self._relay.stream(code) is None:
            raise NotFound("channel", code)
        session = self._sessions.setdefault(code, SessionStandIn(self._relay, code))
        yield Watch(cast(Any, session), self._relay, output_format, VIEWER_LIMIT)

    def end(self, code: str) -> None:
        """The channel is stopped: its watches end."""
        session = self._sessions.pop(code, None)
        if session is not None:
            session.is_over = True
            session.board.finish()

"""Starts everything in order, stops it in the reverse order.

Start: database, planes, services, web. Stop, each step under a time limit: accept nothing more,
close recordings, end all invitations (BYE), flush events, close sockets, close the database.
"""

import asyncio
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from aiohttp import web

from channel_registry.errors import DatabaseUnavailable
from vms.app.composition import Parts, build_parts
from vms.app.planes import Planes, build_fleet, build_relay, build_sip
from vms.app.ports import explained_port
from vms.clock import SystemClock
from vms.config import Config
from vms.errors import ConfigError
from vms.secrets import Secrets
from vms.services import Services
from vms.services.credentials import CredentialCache
from vms.services.passwords import PasswordHashes
from vms.services.quirks import QuirkService
from vms.services.store import Store
from vms.storage.worker import DatabaseWorker
from vms.supervise import supervise
from vms.version import VERSION
from web.app import create_app, create_runner

logger = logging.getLogger(__name__)

STOP_S = 8.0
"""How long one step of the stop may take."""
LONGEST_SOCKET_PATH = 100
"""A unix socket's path may have 107 bytes on Linux."""


@dataclass(frozen=True, slots=True)
class Started:
    """What people are told when everything runs."""

    http_host: str
    http_port: int
    sip_port: int
    admin_password: str
    """Generated at the first start, else empty."""
    restored: int
    """Registrations that outlived the restart."""


async def run_app(config: Config, stop: asyncio.Event, announce: Callable[[Started], None]) -> None:
    """Run the platform until `stop` is set; `announce` is called when everything serves.

    Raises ConfigError when a port is taken, the data folder or the database cannot be used.
    """
    clock = SystemClock()
    secrets = _prepare_data(config)
    async with AsyncExitStack() as stack:
        worker = await _open_database(config, stack)
        store = Store(worker)
        credentials = CredentialCache(store, secrets)
        hashes = PasswordHashes()
        stack.callback(hashes.close)
        quirks = QuirkService(store, config.data)
        relay = build_relay(config, clock)
        fleet = build_fleet(config, relay, clock)
        planes = Planes(build_sip(config, credentials, quirks, clock), relay, fleet)
        server = HttpServer(config)
        parts = build_parts(
            config,
            planes=planes,
            worker=worker,
            store=store,
            secrets=secrets,
            credentials=credentials,
            quirks=quirks,
            hashes=hashes,
            socket=frames_socket(config.data),
            http_port=lambda: server.port,
            clock=clock,
        )
        password = await _begin(config, parts)
        async with asyncio.TaskGroup() as group, AsyncExitStack() as running:
            await _start(config, running, group, parts, planes)
            restored = await parts.registration.restore()
            await running.enter_async_context(_task(group, "registration", parts.registration.run))
            await running.enter_async_context(server.serving(parts.services))
            parts.services.system.set_ready(True)
            running.callback(parts.services.system.set_ready, False)
            announce(Started(config.http.host, server.port, planes.sip.port, password, restored))
            await stop.wait()
            logger.info("stopping")
        await parts.services.spans.end()


async def _open_database(config: Config, stack: AsyncExitStack) -> DatabaseWorker:
    try:
        return await stack.enter_async_context(DatabaseWorker(config.database))
    except DatabaseUnavailable as error:
        example = 'database_url = "postgresql://vms:secret@10.1.2.4/vms"'
        raise ConfigError("database_url", str(error), example) from error


async def _begin(config: Config, parts: Parts) -> str:
    """What has to be known before anything listens; answers a generated admin password."""
    services = parts.services
    await services.spans.begin()
    password = await services.users.ensure_admin(config.admin_password.get_secret_value())
    await parts.credentials.reload()
    await services.quirks.begin()
    await services.registration_rules.begin()
    await services.recording.begin()
    await services.downloads.begin()
    await services.analysis.begin()
    await services.voice.begin()
    await services.platforms.begin()
    return password


async def _start(
    config: Config,
    running: AsyncExitStack,
    group: asyncio.TaskGroup,
    parts: Parts,
    planes: Planes,
) -> None:
    """Open the planes and start the services; `running` stops them in reverse order."""
    services = parts.services
    with explained_port("media.shared_port", config.media.shared_port, step=2):
        await running.enter_async_context(planes.relay)
    if planes.fleet is not None:
        await running.enter_async_context(planes.fleet)
    with explained_port("sip.port", config.sip.port):
        await running.enter_async_context(planes.sip)
    for name, work in (
        ("spans", services.spans.run),
        ("alarms", services.alarms.run),
        ("live", services.live.run),
        ("ptz", services.ptz.run),
        ("subscriptions", services.subscriptions.run),
        ("recording", services.recording.run),
        ("capabilities", services.capabilities.run),
        ("device-recordings", services.device_recordings.run),
        ("playback", services.playback.run),
        ("downloads", services.downloads.run),
        ("analysis", services.analysis.run),
        ("voice", services.voice.run),
        ("shares", services.platforms.run),
        ("cascade", parts.cascade.run),
        ("housekeeping", parts.housekeeping.run),
    ):
        await running.enter_async_context(_task(group, name, work))


@asynccontextmanager
async def _task(
    group: asyncio.TaskGroup, name: str, work: Callable[[], Awaitable[None]]
) -> AsyncIterator[None]:
    """A service's work for the length of the block; then it is cancelled and waited for."""
    task = group.create_task(supervise(name, work), name=name)
    await asyncio.sleep(0)
    try:
        yield
    finally:
        task.cancel()
        _, late = await asyncio.wait([task], timeout=STOP_S)
        if late:
            logger.error("a service does not stop", extra={"task": name})


class HttpServer:
    """The web layer, listening."""

    def __init__(self, config: Config) -> None:
        self._settings = config.http
        self.port = config.http.port
        """The bound port once it serves."""

    @asynccontextmanager
    async def serving(self, services: Services) -> AsyncIterator[None]:
        """Listen for the length of the block; then accept nothing more and end what is open."""
        app = create_app(services, self._settings, version=VERSION)
        runner = create_runner(app)
        await runner.setup()
        try:
            with explained_port("http.port", self._settings.port):
                await web.TCPSite(runner, self._settings.host, self._settings.port).start()
            self.port = int(runner.addresses[0][1])
            yield
        finally:
            try:
                async with asyncio.timeout(STOP_S):
                    await runner.cleanup()
            except TimeoutError:
                logger.error("open connections were cut")


def _prepare_data(config: Config) -> Secrets:
    """The data folder, private to this user, and the installation's key."""
    try:
        config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Secrets(config.data)
    except OSError as error:
        raise ConfigError("data", str(error), 'data = "/var/lib/vms"') from error


def frames_socket(data: Path) -> Path:
    """Where the analysis worker gets its pictures: below the data folder if its path is short."""
    path = data.resolve() / "run" / "frames.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"vms-{name}" / "frames.sock"

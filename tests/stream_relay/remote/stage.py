"""A relay node and its controller on loopback, with a cable between them that can be cut."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from stream_relay.control import RelayControl
from stream_relay.events import StreamEvent
from stream_relay.receiver import Transport
from stream_relay.relay import Relay
from stream_relay.remote.connection import Node
from stream_relay.remote.link import RemoteConfig
from stream_relay.remote.relay import RemoteRelay
from stream_relay.remote.server import NodeConfig, RelayServer
from tests.stream_relay.media import SSRC, Clock
from tests.stream_relay.test_relay import HOST, config

SECRET = "0123456789abcdef-relay-node-secret"
FAST = RemoteConfig(retry_first_s=0.01, retry_max_s=0.05, alive_s=0.1)
NODE = NodeConfig(SECRET, HOST, 0, beat_s=0.05)
Wall = Callable[[], datetime]


class Desk:
    """An open relay, wherever it runs, that collects its events."""

    def __init__(self, relay: RelayControl) -> None:
        self.relay = relay
        self.events: list[StreamEvent] = []

    async def open(self, transport: Transport = "udp", *, name: str = "s", ssrc: int = SSRC):
        return await self.relay.open_receiver(
            name, transport, ssrc, ssrc_check=True, signalling_host=HOST
        )

    async def event(self, kind: type[StreamEvent], stream_id: str = "s") -> StreamEvent:
        """The next event of this kind; the ones before it are kept in `events`."""
        async with asyncio.timeout(60):
            async for event in self.relay.events():
                self.events.append(event)
                if isinstance(event, kind) and event.stream_id == stream_id:
                    return event
        raise AssertionError("events end never")


class Cable:
    """Carries bytes to a port; `cut` breaks what is open, `unplug` refuses what is new too."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.is_plugged = True
        self.is_frozen = False
        self.connections = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._thaw = asyncio.Event()
        self.port = 0

    @asynccontextmanager
    async def laid(self) -> AsyncIterator["Cable"]:
        server = await asyncio.start_server(self._carry, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.unplug()
            self.thaw()

    def cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    def unplug(self) -> None:
        self.is_plugged = False
        self.cut()

    def plug(self) -> None:
        self.is_plugged = True

    def freeze(self) -> None:
        """Nothing is carried and nothing breaks: a power cut on the way."""
        self.is_frozen = True
        self._thaw.clear()

    def thaw(self) -> None:
        self.is_frozen = False
        self._thaw.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_plugged:
            writer.transport.abort()
            return
        self.connections += 1
        self._writers.add(writer)
        try:
            there_reader, there_writer = await asyncio.open_connection(HOST, self.target)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(there_writer)
        with contextlib.suppress(OSError):
            await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))
        for each in (writer, there_writer):
            self._writers.discard(each)
            each.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self.is_frozen:
                await self._thaw.wait()
            writer.write(data)
            await writer.drain()
        writer.transport.abort()


@dataclass
class Stage:
    """A controller, its node, and what lies between."""

    desk: Desk
    remote: RemoteRelay
    local: Relay
    node: Relay
    server: RelayServer
    cable: Cable


@asynccontextmanager
async def remote_stage(
    *,
    secret: str = SECRET,
    remote_config: RemoteConfig = FAST,
    node_config: NodeConfig = NODE,
    wall: Wall | None = None,
    **relay_config: object,
) -> AsyncIterator[Stage]:
    """Both sides in one loop, over real sockets."""
    clock = Clock().wall
    async with contextlib.AsyncExitStack() as stack:
        node = await stack.enter_async_context(Relay(config(**relay_config), clock))
        server = await stack.enter_async_context(RelayServer(node, node_config, clock))
        cable = await stack.enter_async_context(Cable(server.port).laid())
        local = await stack.enter_async_context(Relay(config(), clock))
        address = Node(f"http://{HOST}:{cable.port}", secret)
        remote = RemoteRelay(address, local, wall or clock, remote_config)
        await stack.enter_async_context(remote)
        yield Stage(Desk(remote), remote, local, node, server, cable)


def node_of(**changes: object) -> NodeConfig:
    return replace(NODE, **changes)


def patience(**changes: object) -> RemoteConfig:
    return replace(FAST, **changes)

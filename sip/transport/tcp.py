"""SIP over TCP: a listener, the connections devices opened, and those we open (RFC 3261 §18).

An answer and every request to a device behind NAT go over the connection it opened.
"""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sip.message import Peer
from sip.transport.connection import Connection
from sip.transport.driver import Driver, is_address
from sip.transport.held import HeldBytes

logger = logging.getLogger(__name__)

_SWEEP_S = 5.0
_CLOSING_S = 2.0
_MAX_WAITING = 64


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """What one peer may cost; seconds and counts."""

    connections: int = 25_000
    connections_per_source: int = 2_048
    """A whole mine may sit behind one NAT address."""
    idle_s: float = 600.0
    """Without an octet for this long the connection is closed; keepalives come each minute."""
    stuck_s: float = 30.0
    """For a message that was begun, and for the first one."""
    connect_s: float = 5.0
    held_bytes: int = 128 * 1024 * 1024
    """Of unfinished messages on all connections; see `HeldBytes`."""
    held_bytes_per_source: int = 32 * 1024 * 1024
    """Some boxes of one mine behind one address, sending their catalogs at the same time."""


class TcpTransport:
    """Listener and connections; `async with` opens and closes them.

    `port` None means that nothing listens, for devices, which only connect.
    """

    def __init__(
        self, driver: Driver, host: str, port: int | None, limits: TcpLimits | None = None
    ) -> None:
        self.driver = driver
        self._host = host
        self._wanted_port = port
        self._limits = limits or TcpLimits()
        self._server: asyncio.Server | None = None
        self._connections: dict[int, Connection] = {}
        self._by_address: dict[tuple[str, int], Connection] = {}
        self._per_source: Counter[str] = Counter()
        self._held = HeldBytes(self._limits.held_bytes, self._limits.held_bytes_per_source)
        self._waiting: dict[Peer, list[bytes]] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._group = asyncio.TaskGroup()
        self._numbers = 0
        self._sweeper: asyncio.TimerHandle | None = None
        self._all_closed = asyncio.Event()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        if self._wanted_port is not None:
            self._server = await loop.create_server(
                self._make_connection, self._host, self._wanted_port, backlog=1024
            )
        await self._group.__aenter__()
        self._sweeper = loop.call_later(_SWEEP_S, self._sweep)
        self.driver.attach("tcp", self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.driver.detach("tcp")
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._server is not None:
            self._server.close()
        for task in self._connecting:
            task.cancel()
        try:
            await self._close_connections()
        finally:
            await self._group.__aexit__(None, None, None)

    @property
    def port(self) -> int:
        """The port that listens, also where 0 was asked for; 0 without a listener."""
        if self._server is None or not self._server.sockets:
            return self._wanted_port or 0
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def connection_count(self) -> int:
        """Connections open now."""
        return len(self._connections)

    def send(self, data: bytes, peer: Peer) -> bool:
        """Send over the peer's connection, else over another to its address, else over a new one.

        False where there is none and none can be opened.
        """
        connection = self._find(peer)
        if connection is not None:
            return connection.write(data)
        if peer.connection is not None or not is_address(peer.host):
            # The device's own connection is gone, and nobody listens behind its NAT.
            return False
        waiting = self._waiting.get(peer)
        if waiting is None:
            self._waiting[peer] = [data]
            task = self._group.create_task(self._connect(peer))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
            return True
        if len(waiting) >= _MAX_WAITING:
            return False
        waiting.append(data)
        return True

    def disconnect(self, peer: Peer) -> None:
        """Close the connection to an address; one that is not there is fine."""
        connection = self._by_address.get(_address(peer))
        if connection is not None:
            connection.abort()

    def admit(self, connection: Connection) -> bool:
        """Register a connection; False where its source or all together have too many."""
        host = connection.peer.host
        if (
            len(self._connections) >= self._limits.connections
            or self._per_source[host] >= self._limits.connections_per_source
        ):
            self.driver.counters["tcp.refused"] += 1
            return False
        self._connections[connection.number] = connection
        self._by_address[_address(connection.peer)] = connection
        self._per_source[host] += 1
        return True

    def knows(self, connection: Connection) -> bool:
        """Whether the connection was admitted and is still open."""
        return connection.number in self._connections

    def hold(self, connection: Connection, octets: int) -> bool:
        """Note what a connection holds of an unfinished message; False where that is too much."""
        change = octets - connection.held
        if not change or not self.knows(connection):
            return True
        connection.held = octets
        self._held.note(connection.peer.host, change)
        if change < 0 or not self._held.is_excessive(connection.peer.host):
            return True
        self.driver.counters["tcp.held_too_much"] += 1
        return False

    @property
    def held_bytes(self) -> int:
        """Octets of unfinished messages on all connections."""
        return self._held.total

    def closed(self, connection: Connection) -> None:
        """Forget a connection and tell the endpoint."""
        self.hold(connection, 0)
        if self._connections.pop(connection.number, None) is None:
            return
        if self._by_address.get(_address(connection.peer)) is connection:
            del self._by_address[_address(connection.peer)]
        self._per_source[connection.peer.host] -= 1
        if not self._per_source[connection.peer.host]:
            del self._per_source[connection.peer.host]
        self.driver.lost(connection.peer)
        if connection.target is not None:
            self.driver.lost(connection.target)
        self.driver.flush()
        if not self._connections:
            self._all_closed.set()

    def close_useless(self, now: float) -> None:
        """Close connections that only cost; called every few seconds."""
        for connection in list(self._connections.values()):
            stuck = connection.stuck_since
            if now - connection.last_heard > self._limits.idle_s:
                self.driver.counters["tcp.idle"] += 1
                connection.close()
            elif stuck is not None and now - stuck > self._limits.stuck_s:
                self.driver.counters["tcp.stuck"] += 1
                connection.abort()

    def _find(self, peer: Peer) -> Connection | None:
        if peer.connection is not None:
            connection = self._connections.get(peer.connection)
            if connection is not None:
                return connection
        return self._by_address.get(_address(peer))

    def _make_connection(self, target: Peer | None = None) -> Connection:
        self._numbers += 1
        return Connection(self, self._numbers, target)

    async def _connect(self, peer: Peer) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limits.connect_s):
                _, connection = await loop.create_connection(
                    lambda: self._make_connection(peer), peer.host, peer.port
                )
        except (OSError, TimeoutError, OverflowError) as error:
            logger.debug("no connection", extra={"peer": str(peer), "reason": str(error)})
            self.driver.counters["tcp.connect_failed"] += 1
            del self._waiting[peer]
            self.driver.lost(peer)
            self.driver.flush()
            return
        waiting = self._waiting.pop(peer)
        if not all([connection.write(data) for data in waiting]):
            self.driver.lost(peer)
            self.driver.flush()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self.close_useless(loop.time())
        self._sweeper = loop.call_later(_SWEEP_S, self._sweep)

    async def _close_connections(self) -> None:
        if not self._connections:
            return
        self._all_closed.clear()
        for connection in list(self._connections.values()):
            connection.close()
        try:
            async with asyncio.timeout(_CLOSING_S):
                await self._all_closed.wait()
        except TimeoutError:
            for connection in list(self._connections.values()):
                connection.abort()


def _address(peer: Peer) -> tuple[str, int]:
    return peer.host, peer.port

"""The controller's end of one forwarder at a node."""

import asyncio
from collections.abc import Awaitable, Callable

from stream_relay.forwarder import ForwarderStatistics
from stream_relay.receiver import Transport


class RemoteForwarder:
    """One target of a stream that the node sends to; see `stream_relay.forwarder.Forwarder`."""

    def __init__(
        self,
        number: int,
        transport: Transport,
        ssrc: int,
        on_end: Callable[["RemoteForwarder"], None],
        on_start: Callable[["RemoteForwarder"], Awaitable[None]],
    ) -> None:
        self.number = number
        self.transport = transport
        self.ssrc = ssrc
        self.host = ""
        """The node's address."""
        self.port = 9
        """Where the node sends from or listens; 9 where it connects (RFC 4145 §4.1)."""
        self.is_connected = False
        """Whether packets leave, when the node last told."""
        self.statistics = ForwarderStatistics()
        """The counters when the node last told."""
        self._on_end = on_end
        self._on_start = on_start
        self._over = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._over.is_set()

    async def start(self) -> None:
        """Begin to send what was held back; idempotent. Raises `RelayUnreachable`."""
        if not self.is_over:
            await self._on_start(self)

    def close(self) -> None:
        """Stop sending; idempotent. The node is told in the background."""
        if not self._over.is_set():
            self.is_connected = False
            self._over.set()
            self._on_end(self)

    async def wait_closed(self) -> None:
        """Wait until it has ended, whoever ended it."""
        await self._over.wait()

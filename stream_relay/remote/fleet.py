"""Several relay nodes as one relay: each stream goes to the node with the fewest."""

import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from types import TracebackType
from typing import Self

from stream_relay.control import ForwarderControl, ReceiverControl, ViewerControl
from stream_relay.errors import Overload, RelayUnreachable, StreamClosed
from stream_relay.event_queue import EventQueue
from stream_relay.events import EndReason, StreamEvent
from stream_relay.forwarder import Content
from stream_relay.receiver import Transport
from stream_relay.relay import Relay
from stream_relay.remote.connection import Node
from stream_relay.remote.link import RemoteConfig
from stream_relay.remote.relay import RemoteRelay
from stream_relay.stream import Stream
from stream_relay.viewer import Wire


class RelayFleet:
    """Async context manager within an open `Relay`, whose engine writes to the viewers here."""

    def __init__(
        self,
        nodes: Sequence[Node],
        local: Relay,
        wall: Callable[[], datetime],
        config: RemoteConfig | None = None,
    ) -> None:
        self.news = EventQueue()
        self.relays = tuple(RemoteRelay(node, local, wall, config, self.news) for node in nodes)
        self._local = local
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for relay in self.relays:
            await self._stack.enter_async_context(relay)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def open_receiver(
        self,
        stream_id: str,
        transport: Transport,
        ssrc: int,
        *,
        ssrc_check: bool,
        signalling_host: str | None,
    ) -> ReceiverControl:
        """See `RelayControl`; a node that does not answer, or is full, is followed by the next.

        Raises what the last one raised, and `RelayUnreachable` with the faults of all when none
        is connected.
        """
        faults: list[str] = []
        error: Overload | RelayUnreachable | None = None
        for relay in sorted(self.relays, key=_load):
            try:
                return await relay.open_receiver(
                    stream_id,
                    transport,
                    ssrc,
                    ssrc_check=ssrc_check,
                    signalling_host=signalling_host,
                )
            except Overload as full:
                error = full
            except RelayUnreachable as gone:
                faults.append(str(gone))
        raise error or RelayUnreachable("; ".join(faults))

    def adopt(self, sock: socket.socket, wire: Wire) -> ViewerControl:
        """See `Relay.adopt`."""
        return self._local.adopt(sock, wire)

    async def forward(
        self,
        stream: Stream,
        transport: Transport,
        *,
        ssrc: int,
        host: str,
        port: int,
        content: Content = "source",
        is_held: bool = False,
    ) -> ForwarderControl:
        """See `RelayControl`."""
        for relay in self.relays:
            if relay.stream(stream.id) is stream:
                return await relay.forward(
                    stream,
                    transport,
                    ssrc=ssrc,
                    host=host,
                    port=port,
                    content=content,
                    is_held=is_held,
                )
        raise StreamClosed(stream.end_reason or EndReason.CLOSED)

    def stream(self, stream_id: str) -> Stream | None:
        """The live stream of this id, wherever it is received."""
        found = (relay.stream(stream_id) for relay in self.relays)
        return next((stream for stream in found if stream is not None), None)

    def streams(self) -> tuple[Stream, ...]:
        """All live streams of all nodes."""
        return tuple(stream for relay in self.relays for stream in relay.streams())

    def events(self) -> AsyncIterator[StreamEvent]:
        """Everything that happens at all nodes, in order; one consumer."""
        return self.news.take()


def _load(relay: RemoteRelay) -> tuple[bool, int]:
    """Those that answer first, the least loaded of them first."""
    return not relay.is_connected, len(relay.streams())

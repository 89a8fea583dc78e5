"""A relay in another process or on another machine, spoken to as one in this process."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from types import TracebackType
from typing import Self

from stream_relay.errors import Overload, RelayError, RelayUnreachable, StreamClosed
from stream_relay.event_queue import EventQueue
from stream_relay.events import EndReason, StreamEvent
from stream_relay.forwarder import Content
from stream_relay.receiver import Transport
from stream_relay.relay import TICK_S, Relay
from stream_relay.remote.connection import Node, NodeConnection
from stream_relay.remote.forwarder import RemoteForwarder
from stream_relay.remote.link import Link, RemoteConfig
from stream_relay.remote.protocol import (
    Alive,
    Counted,
    Forwarded,
    Happened,
    Hello,
    Message,
    Opened,
    OpenForward,
    OpenReceiver,
    build,
    parse_opened,
)
from stream_relay.remote.receiver import RemoteReceiver
from stream_relay.stream import Stream
from stream_relay.viewer import Viewer, Wire

logger = logging.getLogger(__name__)

MAX_CLOSING = 1000
"""Wishes to close that wait for the node; what is not told is found out by `Alive`."""


class RemoteRelay:
    """Async context manager within an open `Relay`, whose engine writes to the viewers here.

    Leaving it ends every stream with `EndReason.STOPPED`; a node that is lost ends them with
    `EndReason.RELAY_LOST`, and is connected to again.
    """

    def __init__(
        self,
        node: Node,
        local: Relay,
        wall: Callable[[], datetime],
        config: RemoteConfig | None = None,
        news: EventQueue | None = None,
    ) -> None:
        """`news` is where events go when other relays put theirs there as well."""
        self.url = node.url
        self.news = news or EventQueue()
        self._local = local
        self._config = config or RemoteConfig()
        self._connection = NodeConnection(node, wall, self._config.answer_s)
        self._link = Link(self._connection, self._config, self)
        self._receivers: dict[int, RemoteReceiver] = {}
        self._forwarders: dict[int, RemoteForwarder] = {}
        self._numbers = 0
        self._closing: asyncio.Queue[str] = asyncio.Queue(MAX_CLOSING)
        self._stack = AsyncExitStack()
        self._group: asyncio.TaskGroup | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._connection)
        self._group = await self._stack.enter_async_context(asyncio.TaskGroup())
        work = (self._link.run, self._close_in_background, self._tick)
        self._tasks = [self._group.create_task(each()) for each in work]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_all(EndReason.STOPPED)
        for task in self._tasks:
            task.cancel()
        try:
            await self._link.close()
        finally:
            self._group = None
            await self._stack.aclose()

    @property
    def is_connected(self) -> bool:
        """Whether the node answers."""
        return bool(self._link.path)

    @property
    def fault(self) -> str:
        """Why it does not; empty while it does."""
        return self._link.reason

    # For the owner: see `stream_relay.control.RelayControl`

    async def open_receiver(
        self,
        stream_id: str,
        transport: Transport,
        ssrc: int,
        *,
        ssrc_check: bool,
        signalling_host: str | None,
    ) -> RemoteReceiver:
        """See `Relay.open_receiver`. Raises `RelayUnreachable` as well."""
        path = await self._link.session()
        older = self._find(stream_id)
        if older is not None:
            older.end(EndReason.CLOSED)
        number = self._next_number()
        receiver = RemoteReceiver(
            number,
            stream_id,
            transport,
            self._local.new_stream,
            self.news.put,
            self._forget_receiver,
        )
        self._receivers[number] = receiver  # what the node says about it before it answers counts
        wanted = OpenReceiver(number, stream_id, transport, ssrc, ssrc_check, signalling_host)
        try:
            opened = await self._open(f"{path}/streams", wanted)
            if self._group is None or receiver.stream.end_reason is EndReason.RELAY_LOST:
                raise RelayUnreachable(self._link.reason or "the relay is not open")
        except BaseException:
            self._abandon(receiver)
            raise
        work = receiver.work(self._connection, f"{path}/streams/{number}", self._config)
        receiver.opened(opened.host, opened.port, self._group.create_task(work))
        return receiver

    def adopt(self, sock: socket.socket, wire: Wire) -> Viewer:
        """See `Relay.adopt`: the engine of this process writes to it."""
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
    ) -> RemoteForwarder:
        """See `Relay.forward`: the node sends, from its own address. Raises `RelayUnreachable`."""
        receiver = self._find(stream.id)
        if receiver is None or receiver.stream is not stream:
            raise StreamClosed(stream.end_reason or EndReason.CLOSED)
        path = await self._link.session()
        number = self._next_number()
        forwarder = RemoteForwarder(
            number, transport, ssrc, self._forget_forwarder, self._start_forwarder
        )
        self._forwarders[number] = forwarder
        stream.follow(forwarder.close)
        wanted = OpenForward(number, receiver.number, transport, ssrc, host, port, content, is_held)
        try:
            opened = await self._open(f"{path}/forwards", wanted)
        except BaseException:
            forwarder.close()
            raise
        forwarder.host, forwarder.port = opened.host, opened.port
        forwarder.is_connected = transport != "tcp-passive" and not forwarder.is_over
        return forwarder

    def stream(self, stream_id: str) -> Stream | None:
        """The live stream of this id."""
        receiver = self._find(stream_id)
        return receiver.stream if receiver is not None else None

    def streams(self) -> tuple[Stream, ...]:
        """All live streams."""
        return tuple(receiver.stream for receiver in self._receivers.values())

    def events(self) -> AsyncIterator[StreamEvent]:
        """Everything that happens, in order; one consumer. Ends never: cancel it."""
        return self.news.take()

    # For the link

    def wanted(self) -> Alive:
        """What should be open at the node."""
        return Alive(frozenset(self._receivers) | frozenset(self._forwarders), self._numbers)

    def hear(self, message: Message) -> None:
        """The node says something."""
        match message:
            case Hello():
                self._compare(message)
            case Happened():
                if message.number in self._receivers:
                    self._receivers[message.number].happened(message.event)
            case Counted():
                if message.number in self._receivers:
                    self._receivers[message.number].counted(message.counters)
            case Forwarded():
                self._forwarded(message)

    def lost(self) -> None:
        """The session is over, and all that was open in it."""
        self._end_all(EndReason.RELAY_LOST)

    def _compare(self, hello: Hello) -> None:
        """What the node no longer has is over; its reason was told in an event that was missed."""
        for number in [*self._receivers, *self._forwarders]:
            if number <= hello.newest and number not in hello.numbers:
                if number in self._forwarders:
                    self._forwarders[number].close()
                elif hello.missed:
                    self._receivers[number].end(EndReason.RELAY_LOST)

    def _forwarded(self, message: Forwarded) -> None:
        forwarder = self._forwarders.get(message.number)
        if forwarder is None:
            return
        forwarder.statistics = message.statistics
        forwarder.is_connected = message.is_connected
        if message.is_over:
            forwarder.close()

    # Inside

    async def _open(self, path: str, wanted: OpenReceiver | OpenForward) -> Opened:
        """Raises what the node's relay raised; all else is a node that is not as it should be."""
        try:
            return parse_opened(await self._connection.call("POST", path, build(wanted)))
        except (Overload, StreamClosed, RelayUnreachable):
            raise
        except RelayError as error:
            raise RelayUnreachable(f"{self.url}: {error}") from error

    def _find(self, stream_id: str) -> RemoteReceiver | None:
        return next((r for r in self._receivers.values() if r.stream.id == stream_id), None)

    def _next_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _end_all(self, reason: EndReason) -> None:
        for receiver in list(self._receivers.values()):
            receiver.end(reason)
        for forwarder in list(self._forwarders.values()):
            forwarder.close()

    def _abandon(self, receiver: RemoteReceiver) -> None:
        """It was never opened: nothing is told of it, but the node may have opened it."""
        if self._receivers.pop(receiver.number, None) is not None:
            receiver.stream.close(EndReason.CLOSED)
            self._close_at_node("streams", receiver.number)

    def _forget_receiver(self, receiver: RemoteReceiver) -> None:
        self._receivers.pop(receiver.number, None)
        self._close_at_node("streams", receiver.number)

    def _forget_forwarder(self, forwarder: RemoteForwarder) -> None:
        self._forwarders.pop(forwarder.number, None)
        for receiver in self._receivers.values():
            receiver.stream.unfollow(forwarder.close)
        self._close_at_node("forwards", forwarder.number)

    async def _start_forwarder(self, forwarder: RemoteForwarder) -> None:
        await self._connection.call("POST", f"{self._link.path}/forwards/{forwarder.number}/start")

    def _close_at_node(self, kind: str, number: int) -> None:
        if self._link.path:
            with suppress(asyncio.QueueFull):
                self._closing.put_nowait(f"{self._link.path}/{kind}/{number}")

    async def _close_in_background(self) -> None:
        while True:
            path = await self._closing.get()
            with suppress(RelayError):  # the next sign of life says it again
                await self._connection.call("DELETE", path)

    async def _tick(self) -> None:
        """The figures of the streams, which no engine drives."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(TICK_S)
            for receiver in list(self._receivers.values()):
                receiver.stream.tick(loop.time())

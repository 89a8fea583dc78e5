"""The relay: the directory of live streams, their ports and their events.

Python's side of the data plane: it says what goes where and hears what happened. The bytes are
moved by the engine's thread (`stream_relay.engine`), which this object starts and stops.
"""

import asyncio
import atexit
import logging
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Self

from stream_relay.engine._loop import Loop
from stream_relay.engine._source import Inlet
from stream_relay.errors import Overload, StreamClosed
from stream_relay.event_queue import EventQueue
from stream_relay.events import EndReason, StreamEvent
from stream_relay.evidence import Observer
from stream_relay.formats.twins import twin
from stream_relay.forwarder import Content, Forwarder
from stream_relay.reader import QueueLimit
from stream_relay.receiver import Receiver, Transport
from stream_relay.sources.gb28181 import (
    Source,
    TcpActiveSource,
    TcpPassiveSource,
    UdpSource,
)
from stream_relay.sources.peers import host_keys
from stream_relay.sources.policy import LatchPolicy
from stream_relay.sources.ports import PortPool
from stream_relay.sources.shared_port import SharedPort
from stream_relay.sources.sockets import bind_listener, bind_pair
from stream_relay.stream import Stream, StreamLimits
from stream_relay.switchboard import Switchboard
from stream_relay.viewer import Viewer, Wire

logger = logging.getLogger(__name__)
Intake = twin("intake", "stream_relay.sources").Intake
SourceLatch = twin("latch", "stream_relay.sources").SourceLatch

TICK_S = 0.5
"""A wake-up of Python costs 0.2 ms while all else sleeps; no timeout is that exact."""
BIND_ATTEMPTS = 16


@dataclass(frozen=True, slots=True)
class RelayConfig:
    """What a relay is told once."""

    host: str = "0.0.0.0"
    """Address to bind; media come from outside."""
    advertised_host: str = ""
    """Address to write into SDP; empty: the owner knows better."""
    ports: range = range(30_000, 31_000)
    """RTP takes the even, RTCP the odd ones; empty: the kernel chooses (tests)."""
    shared_port: int = 0
    """Even port where all streams arrive that do not connect from here, UDP (RTCP on the next) and
    TCP, told apart by their SSRC: devices must send the agreed one. 0: each has a port of its
    own."""
    reorder_window: int = 256
    """Packets that may wait for an earlier one."""
    reorder_wait_s: float = 0.1
    """How long they may wait."""
    first_packet_timeout_s: float = 10.0
    stall_timeout_s: float = 15.0
    """GB/T 28181-2022 annex K: detect loss of media."""
    silence_s: float = 3.0
    """Silence of the locked source after which another may take its place."""
    port_quarantine_s: float = 30.0
    receive_buffer_bytes: int = 4 * 1024 * 1024
    connect_attempts: int = 3
    connect_pause_s: float = 1.0
    rest_us: int = 1000
    """How long the engine rests between rounds of a burst; see docs/performance.md."""
    limits: StreamLimits = field(default_factory=StreamLimits)


class Relay:
    """Async context manager; leaving it ends every stream with `EndReason.STOPPED`."""

    def __init__(
        self, config: RelayConfig, wall: Callable[[], datetime], news: EventQueue | None = None
    ) -> None:
        """`news` is where events go when other relays put theirs there as well."""
        self.config = config
        self.news = news or EventQueue()
        self._wall = wall
        self._ports = PortPool(config.ports, config.port_quarantine_s)
        self.shared_port: SharedPort | None = None
        """Open as long as the relay is, where it is configured."""
        self._receivers: dict[str, Receiver] = {}
        self._connectors: dict[str, asyncio.Task[None]] = {}
        self._has_receivers = asyncio.Event()
        self._stack = AsyncExitStack()
        self._group: asyncio.TaskGroup | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._engine = Loop(config.rest_us)
        self._board = Switchboard(self._engine.hub)
        self._thread = threading.Thread(target=self._engine.run, name="relay-engine", daemon=True)
        self._viewers: set[Viewer] = set()
        self._forwarders: dict[Forwarder, int] = {}

    async def __aenter__(self) -> Self:
        if self.config.shared_port:
            self.shared_port = self._open_shared_port()
        self._thread.start()
        atexit.register(self._halt)
        asyncio.get_running_loop().add_reader(self._board.hub.fd, self._board.deliver)
        self._group = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._ticker = self._group.create_task(self._tick())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for receiver in list(self._receivers.values()):
            receiver.end(EndReason.STOPPED)
        for viewer in list(self._viewers):
            viewer.abort()
        if self.shared_port is not None:
            self.shared_port.close()
        if self._ticker is not None:
            self._ticker.cancel()
        try:
            await self._stack.aclose()
        finally:
            asyncio.get_running_loop().remove_reader(self._board.hub.fd)
            await asyncio.to_thread(self._halt)
            atexit.unregister(self._halt)

    def _halt(self) -> None:
        """End the engine's thread, at the latest before the interpreter goes: it needs the GIL."""
        self._engine.stop()
        self._thread.join()

    async def open_receiver(
        self,
        stream_id: str,
        transport: Transport,
        ssrc: int,
        *,
        ssrc_check: bool,
        signalling_host: str | None,
    ) -> Receiver:
        """Allocate a port and begin to listen; an older stream of the same id is closed.

        `ssrc_check` off accepts any RTP (devices ignore the agreed SSRC), but not at the shared
        port; `signalling_host` is the address the device registered from, preferred as media
        source. Raises `Overload` when no port is left, or the SSRC is another stream's at the
        shared port.
        """
        older = self._receivers.get(stream_id)
        if older is not None:
            older.end(EndReason.CLOSED)
        config = self.config
        stream = self.new_stream(stream_id, self._tell_of_stream)
        is_shared = self.shared_port is not None and transport != "tcp-active"
        policy = LatchPolicy(
            ssrc,
            ssrc_check or is_shared,
            host_keys((signalling_host or "",)),
            round(config.silence_s * 1e6),
        )
        intake = Intake(
            stream.core,
            SourceLatch(policy),
            reorder_window=config.reorder_window,
            reorder_wait_us=round(config.reorder_wait_s * 1e6),
            choose=(observer := Observer()).choose,
        )
        inlet = Inlet(self._engine, stream.number, intake, stream.core)
        try:
            source = self._open_source(transport, inlet, ssrc)
        except BaseException:
            inlet.close()
            raise
        receiver = Receiver(
            stream,
            transport,
            inlet,
            source,
            host=config.advertised_host,
            timeouts=(config.first_packet_timeout_s, config.stall_timeout_s),
            opened_at=asyncio.get_running_loop().time(),
            on_event=self.news.put,
            on_close=self._forget,
            on_answer=self._connect,
            observer=observer,
        )
        self._receivers[stream_id] = receiver
        self._board.listen("source", stream.number, partial(self._learn, receiver))
        self._has_receivers.set()
        return receiver

    def new_stream(self, stream_id: str, on_event: Callable[[StreamEvent], None]) -> Stream:
        """A stream of this relay's engine; its owner brings the units, the ticks and the end."""
        return Stream(
            stream_id,
            limits=self.config.limits,
            wall=self._wall,
            opened_at=asyncio.get_running_loop().time(),
            on_event=on_event,
            board=self._board,
        )

    def adopt(self, sock: socket.socket, wire: Wire, *, limit: QueueLimit | None = None) -> Viewer:
        """Take over the connection of a client whose answer has begun, whatever happens.

        `limit` is how far it may fall behind. Raises `StreamClosed` when the relay is not open.
        """
        limit = limit or self.config.limits.queue
        try:
            if self._ticker is None or self._ticker.done():
                raise StreamClosed(EndReason.STOPPED)
            viewer = Viewer(self._engine, self._board, sock, wire, limit, self._viewers.discard)
        except BaseException:
            sock.close()
            raise
        self._viewers.add(viewer)
        return viewer

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
    ) -> Forwarder:
        """Send a stream on as PS over RTP with another SSRC.

        A program stream passes as it is, from the packets that come next; any other, and what
        `content` asks to be changed, is muxed, from the cached group of pictures on; with `is_held`
        nothing is sent before `Forwarder.start`. `host` and
        `port` are where to; of a passive one they are who may connect (port unused, an empty host:
        anybody), and `Forwarder.port` is where. Raises `StreamClosed`, `Overload` when
        no port is left, `OSError` when the target cannot be reached.
        """
        receiver = self._receivers.get(stream.id)
        if receiver is None or receiver.stream is not stream:
            raise StreamClosed(stream.end_reason or EndReason.CLOSED)
        config = self.config
        own_port = 0
        if transport != "tcp-active":
            own_port = self._ports.take(asyncio.get_running_loop().time())
        forwarder = Forwarder(
            self._engine,
            self._board,
            receiver.inlet,
            transport,
            ssrc,
            content,
            config.limits.queue,
            self._forget_forwarder,
            is_held=is_held,
        )
        self._forwarders[forwarder] = own_port
        stream.follow(forwarder.close)
        try:
            await forwarder.open(host, port, config.host, own_port)
        except BaseException:
            forwarder.close()
            raise
        return forwarder

    @property
    def ports(self) -> PortPool:
        """The media ports; voice to devices leaves from them as well (`voice/sender.py`)."""
        return self._ports

    def _forget_forwarder(self, forwarder: Forwarder) -> None:
        own_port = self._forwarders.pop(forwarder)
        if own_port:
            self._ports.give_back(own_port, asyncio.get_running_loop().time())
        for receiver in self._receivers.values():
            receiver.stream.unfollow(forwarder.close)

    def stream(self, stream_id: str) -> Stream | None:
        """The live stream of this id."""
        receiver = self._receivers.get(stream_id)
        return receiver.stream if receiver is not None else None

    def streams(self) -> tuple[Stream, ...]:
        """All live streams."""
        return tuple(receiver.stream for receiver in self._receivers.values())

    def events(self) -> AsyncIterator[StreamEvent]:
        """Everything that happens, in order; one consumer. Ends never: cancel it."""
        return self.news.take()

    def _tell_of_stream(self, event: StreamEvent) -> None:
        """The source's first packets may complete a picture: the source is told before it."""
        receiver = self._receivers.get(event.stream_id)
        if receiver is not None:
            self._learn(receiver)
        self.news.put(event)

    def _learn(self, receiver: Receiver) -> None:
        receiver.news()
        for forwarder in [each for each in self._forwarders if each.inlet is receiver.inlet]:
            forwarder.review()

    def _open_shared_port(self) -> SharedPort:
        config = self.config
        return SharedPort(
            self._engine,
            self._board,
            config.host,
            config.shared_port,
            config.receive_buffer_bytes,
        )

    def _open_source(self, transport: Transport, inlet: Inlet, ssrc: int) -> Source:
        if transport == "tcp-active":
            return TcpActiveSource(
                self._engine,
                self._board,
                inlet,
                self.config.connect_attempts,
                self.config.connect_pause_s,
            )
        if self.shared_port is not None:
            is_udp = transport == "udp"
            opener = self.shared_port.open_udp if is_udp else self.shared_port.open_tcp
            return opener(inlet, ssrc)
        now = asyncio.get_running_loop().time()
        for _ in range(BIND_ATTEMPTS):
            port = self._ports.take(now)
            try:
                return self._bind(transport, inlet, ssrc, port)
            except OSError as error:
                logger.warning(
                    "a media port is taken by another program",
                    extra={"count": port, "reason": str(error)},
                )
                self._ports.put_last(port)
        raise Overload("the media ports tried are all taken by other programs")

    def _bind(self, transport: Transport, inlet: Inlet, ssrc: int, port: int) -> Source:
        config = self.config
        if transport == "udp":
            rtp, rtcp = bind_pair(config.host, port, config.receive_buffer_bytes)
            return UdpSource(self._engine, inlet, rtp, rtcp, ssrc)
        listener = bind_listener(config.host, port)
        return TcpPassiveSource(self._engine, self._board, inlet, listener)

    def _connect(self, receiver: Receiver, host: str, port: int) -> None:
        """The answer came: connect where that is our part."""
        source, stream_id = receiver.source, receiver.stream.id
        if not isinstance(source, TcpActiveSource) or stream_id in self._connectors:
            return
        assert self._group is not None, "the relay is open"
        run = source.run(host, port, lambda: receiver.end(EndReason.SOURCE_LOST))
        self._connectors[stream_id] = self._group.create_task(run)

    def _forget(self, receiver: Receiver) -> None:
        stream_id = receiver.stream.id
        self._receivers.pop(stream_id, None)
        self._board.forget("source", receiver.stream.number)
        connector = self._connectors.pop(stream_id, None)
        if connector is not None:
            connector.cancel()
        if receiver.transport != "tcp-active" and self.shared_port is None:
            self._ports.give_back(receiver.port, asyncio.get_running_loop().time())
        if not self._receivers:
            self._has_receivers.clear()

    async def _tick(self) -> None:
        """Housekeeping of all receivers; costs nothing while there are none."""
        loop = asyncio.get_running_loop()
        while True:
            await self._has_receivers.wait()
            await asyncio.sleep(TICK_S)
            now = loop.time()
            for receiver in list(self._receivers.values()):
                self._tick_one(receiver, now)
            if self.shared_port is not None:
                self.shared_port.tick(now)

    def _tick_one(self, receiver: Receiver, now: float) -> None:
        """One stream's fault ends that stream, else the relay's group would die of it with all."""
        try:
            receiver.tick(now)
        except Exception:
            logger.exception("a stream failed and is closed", extra={"stream": receiver.stream.id})
            receiver.fail()

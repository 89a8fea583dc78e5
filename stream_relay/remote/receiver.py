"""The controller's end of one receiver at a node: its port, its answer, its stream.

The node's access units are published into a stream of the relay in this process, once per stream
however many look: viewers, recorder and analysis read it as any other.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from stream_relay.errors import RelayError
from stream_relay.events import (
    EndReason,
    FirstPacket,
    StreamEnded,
    StreamEvent,
)
from stream_relay.evidence import SourceEvidence
from stream_relay.receiver import Transport
from stream_relay.remote.connection import NodeConnection
from stream_relay.remote.link import Backoff, RemoteConfig
from stream_relay.remote.protocol import Answered, build
from stream_relay.remote.units import UnitStream
from stream_relay.statistics import SourceCounters
from stream_relay.stream import Stream

ANSWER_TRIES = 5


class RemoteReceiver:
    """Ends once, for the reason that came first: closed, ended at the node, or the node is lost."""

    def __init__(
        self,
        number: int,
        stream_id: str,
        transport: Transport,
        open_stream: Callable[[str, Callable[[StreamEvent], None]], Stream],
        on_event: Callable[[StreamEvent], None],
        on_end: Callable[["RemoteReceiver"], None],
    ) -> None:
        self.number = number
        self.transport = transport
        self.host = ""
        """The node's address, to write into the offer."""
        self.port = 0
        """The node's port, to write into the offer."""
        self.stream = open_stream(stream_id, on_event)
        self._on_event = on_event
        self._on_end = on_end
        self._is_heard = asyncio.Event()
        self._answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._told: SourceCounters = SourceCounters()
        self._work: asyncio.Task[None] | None = None
        self._forget: Callable[[], None] = lambda: None
        self.stream.read_counters = self._read_counters

    # For the owner

    def answered(self, host: str, port: int, ssrc: int | None) -> None:
        """See `Receiver.answered`; the node is told in the background."""
        if self._answer.done():
            self._answer = asyncio.get_running_loop().create_future()
        self._answer.set_result(Answered(host, port, ssrc))

    def evidence(self) -> SourceEvidence:
        """See `Receiver.evidence`: what crosses the wire, which is what the node has counted."""
        told = self._told
        return SourceEvidence(
            is_partial=True,
            packets=told.packets,
            source=told.source,
            ssrc=told.ssrc,
            malformed=told.malformed,
        )

    async def close(self) -> None:
        """End the stream here and at the node; idempotent."""
        if self.stream.end_reason is None:
            self.end(EndReason.CLOSED)

    # For the relay

    def opened(self, host: str, port: int, work: asyncio.Task[None]) -> None:
        """The node listens; `work` brings the media."""
        self.host, self.port, self._work = host, port, work
        if self.stream.end_reason is not None:
            work.cancel()

    def happened(self, event: StreamEvent) -> None:
        """The node says something about the stream."""
        if self.stream.end_reason is not None:
            return
        match event:
            case FirstPacket():
                self._first_packet(event)
            case StreamEnded():
                # The node goes down: nobody stopped the picture, the relay is lost.
                is_stop = event.reason is EndReason.STOPPED
                self.end(EndReason.RELAY_LOST if is_stop else event.reason)
            case _:
                self._on_event(replace(event, stream_id=self.stream.id))

    def counted(self, counters: SourceCounters) -> None:
        """What the node has counted; a first packet that was not told shows in it."""
        self._told = counters
        if counters.source is not None and counters.ssrc is not None:
            self._first_packet(FirstPacket(self.stream.id, counters.source, counters.ssrc))

    def end(self, reason: EndReason) -> None:
        """It is over; the first reason stays."""
        if self.stream.end_reason is not None:
            return
        self.stream.close(reason)
        if self._work is not None:
            self._work.cancel()
        self._on_end(self)
        self._on_event(StreamEnded(self.stream.id, reason))

    def _first_packet(self, event: FirstPacket) -> None:
        if not self._is_heard.is_set() and self.stream.end_reason is None:
            self._is_heard.set()
            self._on_event(replace(event, stream_id=self.stream.id))

    def _read_counters(self, counters: SourceCounters) -> None:
        for name in SourceCounters.__slots__:
            setattr(counters, name, getattr(self._told, name))

    # Work

    async def work(self, connection: NodeConnection, path: str, config: RemoteConfig) -> None:
        """Tell the answer, bring the media, until cancelled; `path` is the receiver's."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell_answers(connection, path, config))
            group.create_task(self._bring_media(connection, path, config))

    async def _tell_answers(
        self, connection: NodeConnection, path: str, config: RemoteConfig
    ) -> None:
        while True:
            answer, self._answer = await self._answer, asyncio.get_running_loop().create_future()
            backoff = Backoff(config.retry_first_s, config.retry_max_s)
            for _ in range(ANSWER_TRIES):
                try:
                    await connection.call("POST", f"{path}/answer", build(answer))
                    break
                except RelayError:  # the link judges whether the node is lost
                    await asyncio.sleep(backoff.next())

    async def _bring_media(
        self, connection: NodeConnection, path: str, config: RemoteConfig
    ) -> None:
        units = UnitStream()
        backoff = Backoff(config.retry_first_s, config.retry_max_s)
        while True:
            try:
                await self._read_media(connection, path, config, units, backoff)
            except RelayError:
                pass  # the link judges whether the node is lost, the events say when it has ended
            await asyncio.sleep(backoff.next())

    async def _read_media(
        self,
        connection: NodeConnection,
        path: str,
        config: RemoteConfig,
        units: UnitStream,
        backoff: Backoff,
    ) -> None:
        """One connection, to its end or its silence."""
        loop = asyncio.get_running_loop()
        units.connected()
        try:
            async with asyncio.timeout(None) as patience:
                async with connection.listen(f"{path}/units") as pieces:
                    patience.reschedule(loop.time() + config.media_silence_s)
                    async for piece in pieces:
                        backoff.reset()
                        await self._publish(units, piece)
                        patience.reschedule(loop.time() + config.media_silence_s)
        except TimeoutError:
            return

    async def _publish(self, units: UnitStream, piece: bytes) -> None:
        """In the order of the events: the first packet is told before any picture."""
        await self._is_heard.wait()
        fresh = units.receive(piece)
        if fresh:
            now = asyncio.get_running_loop().time()
            self.stream.publish(fresh, units.tracks.keys(), now)

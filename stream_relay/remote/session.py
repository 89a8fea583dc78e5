"""What one controller has opened at this node, and what it has not been told yet."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from itertools import islice

from stream_relay.errors import Overload, RelayError
from stream_relay.events import EndReason, StreamEnded, StreamEvent
from stream_relay.forwarder import Forwarder
from stream_relay.receiver import Receiver
from stream_relay.relay import Relay
from stream_relay.remote.protocol import (
    Alive,
    Answered,
    Beat,
    Counted,
    Forwarded,
    Happened,
    Hello,
    Message,
    OpenForward,
    OpenReceiver,
    Over,
    is_told,
)

MAX_KEPT_EVENTS = 4096
"""What a controller may miss while its connection is away; the oldest goes first, counted."""
MAX_OPEN = 10_000
"""Receivers and forwarders of one controller."""
TARGET_S = 4.0
"""How long the target of a forwarder may take to accept."""


class NotOpen(RelayError):
    """The session, stream or forwarder that a request names is not there (any more)."""


class Session:
    """Receivers and forwarders by the controller's numbers; ends by its wish or its silence."""

    def __init__(self, name: str, relay: Relay, now: float) -> None:
        self.name = name
        self.heard_at = now
        """When the controller last said something, monotonic seconds."""
        self.is_over = False
        self._relay = relay
        self._receivers: dict[int, Receiver] = {}
        self._forwarders: dict[int, Forwarder] = {}
        self._numbers: dict[str, int] = {}
        self._newest = 0
        self._judged = 0
        self._wanted: frozenset[int] = frozenset()
        self._events: deque[Happened] = deque()
        self._sequence = 0
        self._wake = asyncio.Event()
        self._listener = 0

    # What the controller asks for

    async def open_receiver(self, wanted: OpenReceiver) -> Receiver:
        """See `Relay.open_receiver`; an SSRC agreed with the device is the controller's affair."""
        self._take_number(wanted.number)
        stream_id = f"{wanted.stream_id}/{self.name[:8]}.{wanted.number}"
        self._numbers[stream_id] = wanted.number
        try:
            receiver = await self._relay.open_receiver(
                stream_id,
                wanted.transport,
                wanted.ssrc,
                ssrc_check=wanted.ssrc_check,
                signalling_host=wanted.signalling_host,
            )
        except BaseException:
            del self._numbers[stream_id]
            raise
        self._receivers[wanted.number] = receiver
        return receiver

    async def forward(self, wanted: OpenForward) -> Forwarder:
        """See `Relay.forward`; a target that takes too long is one that cannot be reached."""
        self._take_number(wanted.number)
        stream = self.receiver(wanted.source).stream
        try:
            async with asyncio.timeout(TARGET_S):
                forwarder = await self._relay.forward(
                    stream,
                    wanted.transport,
                    ssrc=wanted.ssrc,
                    host=wanted.host,
                    port=wanted.port,
                    content=wanted.content,
                    is_held=wanted.is_held,
                )
        except TimeoutError as error:
            raise OSError("the target does not answer") from error
        except ValueError as error:
            raise OSError("the target is no address") from error
        if self.is_over:  # it ended while the target was asked
            forwarder.close()
            raise NotOpen("the session is over")
        self._forwarders[wanted.number] = forwarder
        return forwarder

    async def start(self, number: int) -> None:
        """See `Forwarder.start`. Raises `NotOpen`."""
        if number not in self._forwarders:
            raise NotOpen(f"no forwarder {number}")
        await self._forwarders[number].start()

    def answered(self, number: int, answer: Answered) -> None:
        """See `Receiver.answered`. Raises `NotOpen`."""
        self.receiver(number).answered(answer.host, answer.port, answer.ssrc)

    def receiver(self, number: int) -> Receiver:
        """Raises `NotOpen`."""
        if number not in self._receivers:
            raise NotOpen(f"no stream {number}")
        return self._receivers[number]

    async def close(self, number: int) -> None:
        """Close a receiver or a forwarder; nothing when it is closed already."""
        if number in self._receivers:
            await self._receivers[number].close()
        if number in self._forwarders:
            self._forwarders.pop(number).close()

    async def hear(self, alive: Alive, now: float) -> None:
        """The controller lives; close what it does not know of, its wish to close it was lost."""
        self.heard_at = now
        if alive.newest >= self._judged:  # else it was overtaken by a later one
            self._judged, self._wanted = alive.newest, alive.wanted
        for number in [*self._receivers, *self._forwarders]:
            if number <= alive.newest and number not in alive.wanted:
                await self.close(number)
        for receiver in list(self._receivers.values()):
            stream = receiver.stream
            if stream.end_reason is not None:  # told already, unless too much happened at once
                self.happened(StreamEnded(stream.id, stream.end_reason))

    def end(self, reason: EndReason) -> None:
        """Close everything and tell the listener that it is over."""
        self.is_over = True
        for receiver in list(self._receivers.values()):
            receiver.end(reason)
            self.happened(StreamEnded(receiver.stream.id, reason))
        for forwarder in self._forwarders.values():
            forwarder.close()
        self._forwarders.clear()
        self._wake.set()

    def _take_number(self, number: int) -> None:
        if self.is_over or (number <= self._judged and number not in self._wanted):
            raise NotOpen("its controller has given it up")
        if len(self._receivers) + len(self._forwarders) >= MAX_OPEN:
            raise Overload(f"{MAX_OPEN} streams are open")
        if number in self._receivers or number in self._forwarders:
            raise NotOpen(f"{number} is open already")
        self._newest = max(self._newest, number)

    # What it is told

    def happened(self, event: StreamEvent) -> None:
        """Keep an event until it is told; those of other sessions are not its affair."""
        number = self._numbers.get(event.stream_id)
        if number is None:
            return
        if isinstance(event, StreamEnded):
            self._receivers.pop(number, None)
            del self._numbers[event.stream_id]
        if not is_told(event):
            return
        self._sequence += 1
        if len(self._events) >= MAX_KEPT_EVENTS:
            self._events.popleft()
        self._events.append(Happened(self._sequence, number, event))
        self._wake.set()

    async def messages(self, after: int, beat_s: float) -> AsyncIterator[list[Message]]:
        """All that happened after event `after`, then what happens; counters each `beat_s`.

        A later listener takes the place of an earlier one.
        """
        self._listener += 1
        listener = self._listener
        oldest = self._events[0].sequence if self._events else self._sequence + 1
        missed = max(0, oldest - after - 1)
        numbers = frozenset(self._receivers) | frozenset(self._forwarders)
        yield [Hello(numbers, self._newest, missed)]
        loop = asyncio.get_running_loop()
        beat_at = loop.time()
        while listener == self._listener:
            news: list[Message] = list(self._since(after))
            after = self._sequence
            if loop.time() >= beat_at:
                beat_at = loop.time() + beat_s
                news += self._counters()
            if news:
                yield news
            elif self.is_over:
                yield [Over()]
                return
            self._wake.clear()
            if self._sequence > after or self.is_over:
                continue
            try:
                async with asyncio.timeout_at(beat_at):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _since(self, after: int) -> Iterator[Happened]:
        missing = min(len(self._events), max(0, self._sequence - after))
        return islice(self._events, len(self._events) - missing, None)

    def _counters(self) -> list[Message]:
        counted = [Counted(n, each.stream.counters) for n, each in self._receivers.items()]
        forwarded = [
            Forwarded(number, each.statistics, each.is_connected, each.is_over)
            for number, each in self._forwarders.items()
        ]
        for each in forwarded:
            if each.is_over:
                del self._forwarders[each.number]
        return [Beat(), *counted, *forwarded]

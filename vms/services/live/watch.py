"""One viewer of one channel."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Protocol

from stream_relay.control import MediaControl, ViewerControl
from stream_relay.errors import Overload, StreamClosed, Unsupported
from stream_relay.outputs.chunk import Chunk, Format
from stream_relay.reader import Reader
from stream_relay.stream import Stream
from stream_relay.viewer import InitFacts, ViewerEnd, Wire
from vms.errors import LiveFailed, NotReady
from vms.records import LiveReason, LiveState, LiveStatus, LiveStep
from vms.services.live.board import Board


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of a WebSocket that outlives the streams, built by who knows its language."""

    state: Callable[[LiveStatus], str]
    """On each change of the status."""
    init: Callable[[InitFacts], str]
    """Before each initialisation segment."""
    ended: Callable[[str], str]
    """The last one: why nothing follows."""


class Shown(Protocol):
    """What can be looked at: a live picture or a playback."""

    board: Board
    stream: Stream | None
    is_over: bool

    @property
    def status(self) -> LiveStatus:
        """The status now."""


class Watch:
    """A place before the picture, for the length of `LiveService.watch`.

    `adopt` hands a client's connection to the relay, which writes to it: `show` ends with the
    stream (players), `talk` outlives it and tells what happens (our own page).

    `reader()` is for consumers in this process that end with the stream. Iterating is for
    connections that cannot be handed over, and for waiting: it yields LiveStatus at each change and
    Chunk between, beginning with an `init` chunk after each new start of the stream; it ends when
    the channel is stopped.
    """

    def __init__(
        self, session: Shown, media: MediaControl, output_format: Format, limit: int
    ) -> None:
        self._session = session
        self._media = media
        self._format: Format = output_format
        self._limit = limit
        self._entered_at = session.board.version

    @property
    def status(self) -> LiveStatus:
        """The status now."""
        return self._session.status

    def adopt(self, sock: socket.socket, wire: Wire) -> ViewerControl:
        """Hand a client's connection to the relay; who calls aborts the viewer at last."""
        return self._media.adopt(sock, wire)

    async def show(self, viewer: ViewerControl) -> ViewerEnd:
        """Let the relay write the running stream until it, or the client, ends.

        No texts: on a WebSocket the messages are the bytes that HTTP would carry.
        """
        return await _drive(viewer, self._show(viewer))

    async def talk(self, viewer: ViewerControl, words: Words) -> ViewerEnd:
        """Tell a WebSocket each change and let the relay write each stream to it.

        Ends with the client, or by `words.ended` when the channel is stopped.
        """
        return await _drive(viewer, self._talk(viewer, words))

    async def _show(self, viewer: ViewerControl) -> None:
        stream = self._playing()
        if stream is not None:
            viewer.attach(stream, self._format)
        while stream is not None:
            change = self._session.board.next_change()
            if self._playing() is not stream or stream.refusal(self._format):
                break
            await change.wait()
        viewer.finish()

    async def _talk(self, viewer: ViewerControl, words: Words) -> None:
        """What iteration yields, as orders to a viewer; nothing is told while a picture runs."""
        session, told = self._session, _Told(viewer, words)
        attached: Stream | None = None
        version = -1
        while True:
            change = session.board.next_change()
            stream = self._playing()
            refusal = stream.refusal(self._format) if stream is not None else ""
            if attached is not None and (stream is not attached or refusal):
                viewer.detach()
                attached = None
            if version != session.board.version and attached is None:
                told.state(session.status)
            version = session.board.version
            if session.is_over:
                viewer.finish(words.ended(LiveReason.STOPPED.value))
                return
            if refusal:
                told.state(replace(session.status, reason=LiveReason.UNPLAYABLE, detail=refusal))
            elif stream is not None and attached is None:
                viewer.attach(stream, self._format, words.init)
                attached = stream
            await change.wait()

    def _playing(self) -> Stream | None:
        """The stream that runs, while the channel is said to be live."""
        session = self._session
        if session.stream is None or session.stream.end_reason is not None:
            return None
        return session.stream if session.board.state is LiveState.LIVE else None

    async def reader(self, *, patient: bool = False) -> Reader:
        """Wait for the picture; raises LiveFailed at the first failure since entering.

        With `patient` failures are waited out: only the end of the channel is an error.
        """
        stream = await self.stream(patient=patient)
        return stream.open_reader(self._format, self._limit)

    async def stream(self, *, patient: bool = False) -> Stream:
        """Wait for the stream itself, for who sends it on; the same errors."""
        session = self._session
        while True:
            change = session.board.next_change()
            if session.stream is not None and session.stream.end_reason is None:
                return session.stream
            status = session.status
            is_news = session.board.version > self._entered_at
            if status.reason and is_news and not patient:
                raise LiveFailed(status.step or LiveStep.LOOKUP, status.reason, status.detail)
            if session.is_over:
                raise LiveFailed(LiveStep.LOOKUP, LiveReason.STOPPED)
            await change.wait()

    async def __aiter__(self) -> AsyncIterator[LiveStatus | Chunk]:
        session = self._session
        version = -1
        while True:
            change = session.board.next_change()
            stream = session.stream
            if version != session.board.version:
                version = session.board.version
                yield session.status
            if session.is_over:
                return
            if stream is not None and stream is session.stream:
                async for item in self._play(stream):
                    yield item
            await change.wait()

    async def _play(self, stream: Stream) -> AsyncIterator[LiveStatus | Chunk]:
        """The chunks of one stream to its end; then the status has changed or is about to."""
        try:
            async with stream.open_reader(self._format, self._limit) as reader:
                async for chunk in reader:
                    yield chunk
        except StreamClosed:
            return
        except Unsupported as error:
            yield replace(self.status, reason=LiveReason.UNPLAYABLE, detail=error.what)
        except Overload as error:
            raise NotReady(code="viewer_too_slow") from error


class _Told:
    """Tells a viewer each state once."""

    def __init__(self, viewer: ViewerControl, words: Words) -> None:
        self._viewer = viewer
        self._words = words
        self._last = ""

    def state(self, status: LiveStatus) -> None:
        text = self._words.state(status)
        if text != self._last:
            self._viewer.send_text(text)
        self._last = text


async def _drive(viewer: ViewerControl, work: Coroutine[Any, Any, None]) -> ViewerEnd:
    """Give a viewer its orders until it is closed."""
    async with asyncio.TaskGroup() as group:
        driving = group.create_task(work)
        end = await viewer.wait_closed()
        driving.cancel()
    return end

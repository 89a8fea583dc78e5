"""One viewer of one channel."""

from collections.abc import AsyncIterator
from dataclasses import replace

from stream_relay.errors import Overload, StreamClosed, Unsupported
from stream_relay.outputs.chunk import Chunk, Format
from stream_relay.reader import Reader
from stream_relay.stream import Stream
from vms.errors import LiveFailed, NotReady
from vms.records import LiveReason, LiveStatus, LiveStep
from vms.services.live.session import LiveSession


class Watch:
    """A place before the picture, for the length of `LiveService.watch`.

    `reader()` is for outputs that end with the stream (HTTP). Iterating is for those that outlive
    it (WebSocket): it yields LiveStatus at each change and Chunk between, beginning with an `init`
    chunk after each new start of the stream; it ends when the channel is stopped.
    """

    def __init__(self, session: LiveSession, output_format: Format, limit: int) -> None:
        self._session = session
        self._format: Format = output_format
        self._limit = limit
        self._entered_at = session.board.version

    @property
    def status(self) -> LiveStatus:
        """The status now."""
        return self._session.status

    async def reader(self, *, patient: bool = False) -> Reader:
        """Wait for the picture; raises LiveFailed at the first failure since entering.

        With `patient` failures are waited out: only the end of the channel is an error.
        """
        session = self._session
        while True:
            change = session.board.next_change()
            if session.stream is not None and session.stream.end_reason is None:
                return session.stream.open_reader(self._format, self._limit)
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

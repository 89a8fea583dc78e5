"""The live service as the web sees it: watches that yield what a test puts into them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace

from tests.web.records import CHANNEL, OTHER
from vms.errors import NotFound
from vms.records import LiveState, LiveStatus


@dataclass
class FakeChunk:
    kind: str
    data: bytes
    codec_string: str = "avc1.64001f"
    tracks: tuple[object, ...] = (
        SimpleNamespace(kind="video", codec="h264", width=1280, height=720),
    )


class FakeWatch:
    """Yields what the test puts into `items`; None ends it, an exception is raised."""

    def __init__(self, status: LiveStatus) -> None:
        self.status = status
        self.items: asyncio.Queue[object] = asyncio.Queue()
        self.is_left = asyncio.Event()
        self.is_closed = False
        self.was_closed_first = False
        """Its iteration was closed before the place before the picture was left."""

    async def __aiter__(self) -> AsyncIterator[object]:
        try:
            yield self.status
            while (item := await self.items.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.is_closed = True


class FakeLive:
    def __init__(self) -> None:
        self.watches: dict[str, FakeWatch] = {}
        self.opened: list[tuple[str, str, str]] = []
        self.known = {CHANNEL, OTHER}

    def prepare(self, code: str = CHANNEL, *items: object) -> FakeWatch:
        watch = self.watches[code] = FakeWatch(LiveStatus(code, LiveState.CONNECTING))
        for item in items:
            watch.items.put_nowait(item)
        return watch

    async def start(self, code: str) -> LiveStatus:
        if code not in self.known:
            raise NotFound("channel", code)
        return LiveStatus(code, LiveState.CONNECTING)

    def status(self, code: str) -> LiveStatus:
        return LiveStatus(code)

    def statuses(self) -> tuple[LiveStatus, ...]:
        return ()

    @asynccontextmanager
    async def watch(self, code: str, output_format: str, viewer: str) -> AsyncIterator[FakeWatch]:
        if code not in self.known:
            raise NotFound("channel", code)
        self.opened.append((code, output_format, viewer))
        watch = self.watches.get(code) or self.prepare(code)
        try:
            yield watch
        finally:
            watch.was_closed_first = watch.is_closed
            watch.is_left.set()

    async def stop(self, code: str) -> LiveStatus:
        return LiveStatus(code)

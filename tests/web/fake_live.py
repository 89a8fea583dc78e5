"""The live service as the web sees it: watches that yield what a test puts into them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

from stream_relay.viewer import InitFacts, ViewerEnd
from tests.web.fake_viewer import FakeViewer
from tests.web.records import CHANNEL, OTHER
from vms.errors import NotFound, NotReady
from vms.records import LiveState, LiveStatus
from vms.services.live import Words


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
        """Its iteration or its viewer was closed before the place before the picture was left."""
        self.group: list[FakeChunk] = []
        """What a viewer that is attached now gets first."""
        self.wires: list[str] = []
        """The connections that were handed over."""

    async def __aiter__(self) -> AsyncIterator[object]:
        try:
            yield self.status
            while (item := await self.items.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                if isinstance(item, FakeChunk):
                    self.group.append(item)
                yield item
        finally:
            self.is_closed = True

    def adopt(self, sock: socket.socket, wire: str) -> FakeViewer:
        self.wires.append(wire)
        return FakeViewer(sock, wire)

    async def show(self, viewer: FakeViewer) -> ViewerEnd:
        return await self._drive(viewer, None)

    async def talk(self, viewer: FakeViewer, words: Words) -> ViewerEnd:
        return await self._drive(viewer, words)

    async def _drive(self, viewer: FakeViewer, words: Words | None) -> ViewerEnd:
        feeding = asyncio.get_running_loop().create_task(self._feed(viewer, words))
        self.is_closed = False
        try:
            return await viewer.wait_closed()
        finally:
            feeding.cancel()
            self.is_closed = True

    async def _feed(self, viewer: FakeViewer, words: Words | None) -> None:
        """Give the viewer what iteration would yield; without words it ends with the picture."""
        told = ""
        item: object = self.status
        for chunk in self.group:
            await viewer.put(chunk.data)
        while True:
            if isinstance(item, LiveStatus) and words is not None:
                text, before = words.state(item), told
                if (told := text) != before:
                    await viewer.put_text(text)
            elif isinstance(item, FakeChunk):
                if item.kind == "init" and words is not None:
                    await viewer.put_text(words.init(cast(InitFacts, item)))
                await viewer.put(item.data)
            elif isinstance(item, NotReady):
                viewer.give_up()
            elif item is None or isinstance(item, LiveStatus) and item.state != LiveState.LIVE:
                if item is not self.status:
                    viewer.finish(words.ended("stopped") if words else None)
            item = await self.items.get()


class FakeLive:
    def __init__(self) -> None:
        self.watches: dict[str, FakeWatch] = {}
        self.opened: list[tuple[str, str, str]] = []
        self.streams: list[str] = []
        """Which stream of each that was opened."""
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
    async def watch(
        self, code: str, output_format: str, viewer: str, stream: str = "main"
    ) -> AsyncIterator[FakeWatch]:
        if code not in self.known:
            raise NotFound("channel", code)
        self.opened.append((code, output_format, viewer))
        self.streams.append(stream)
        watch = self.watches.get(code) or self.prepare(code)
        try:
            yield watch
        finally:
            watch.was_closed_first = watch.is_closed
            watch.is_left.set()

    async def stop(self, code: str) -> LiveStatus:
        return LiveStatus(code)

"""A viewer that writes what it is given: stands for `stream_relay.viewer` without a relay."""

import asyncio
import socket
import struct
from contextlib import suppress

from stream_relay.viewer import Reason, ViewerEnd, ViewerStatistics
from tests.web.websocket_frames import BINARY, CLOSE, TEXT, BadFrame, FrameReader, frame

PATIENCE_S = 0.2


class FakeViewer:
    def __init__(self, sock: socket.socket, wire: str) -> None:
        self.statistics = ViewerStatistics()
        self._sock = sock
        self._is_websocket = wire == "websocket"
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue(1)
        self._last: bytes | None = None
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[ViewerEnd] = self._loop.create_future()
        self._work = [self._loop.create_task(self._write()), self._loop.create_task(self._read())]

    async def put(self, data: bytes, kind: int = BINARY) -> None:
        await self._outbox.put(frame(kind, data) if self._is_websocket else data)

    async def put_text(self, text: str) -> None:
        await self.put(text.encode(), TEXT)

    def finish(self, text: str | None = None) -> None:
        last = b"" if text is None else frame(TEXT, text.encode())
        if self._is_websocket:
            last += frame(CLOSE, struct.pack(">H", 1000))
        self._last = last
        self._loop.create_task(self._outbox.put(b""))

    def give_up(self) -> None:
        self._close("slow")

    def abort(self) -> None:
        self._close("aborted")

    async def wait_closed(self) -> ViewerEnd:
        return await asyncio.shield(self._end)

    async def _write(self) -> None:
        with suppress(OSError):
            while True:
                await self._send(await self._outbox.get())
                if self._last is not None and self._outbox.empty():
                    await self._send(self._last)
                    self._sock.shutdown(socket.SHUT_WR)
                    return

    async def _send(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._loop.sock_sendall(self._sock, data)
        except TimeoutError:
            self._close("slow")
        self.statistics.bytes += len(data)

    async def _read(self) -> None:
        frames = FrameReader()
        with suppress(OSError):
            while data := await self._loop.sock_recv(self._sock, 65536):
                try:
                    if self._is_websocket and CLOSE in {kind for kind, _ in frames.feed(data)}:
                        break
                except BadFrame as error:
                    self._last = frame(CLOSE, struct.pack(">H", error.code))
                    self._outbox.put_nowait(b"")
                    frames = FrameReader()
                    self._is_websocket = False
        self._close("left" if self._last is None else "finished")

    def _close(self, reason: Reason) -> None:
        if self._end.done():
            return
        for work in self._work:
            work.cancel()
        if reason in ("slow", "aborted"):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._loop.call_soon(self._sock.close)
        self._end.set_result(ViewerEnd(reason))

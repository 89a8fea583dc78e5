"""K viewers over HTTPS that take everything and look at nothing but how much came.

The counterpart of `bench/native/viewers.c` under TLS, with the same answers: one JSON line when
ready, one per line on stdin, one at its end.
"""

import argparse
import asyncio
import json
import resource
import ssl
import sys
import time
from functools import partial
from typing import Any

from bench.relay.native import HOST

ROOM_BYTES = 1 << 18
HEAD_END = b"\r\n\r\n"


class Viewer(asyncio.BufferedProtocol):
    """One connection; certificates are not looked at."""

    def __init__(self, path: str) -> None:
        self.bytes = 0
        self.before = -1
        self.is_answered = self.is_refused = self.is_closed = False
        self._request = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
        self._room = bytearray(ROOM_BYTES)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        if not self.is_answered:  # the head comes first, and in one piece
            self.is_answered = True
            self.is_refused = b" 200 " not in self._room[:20]
            nbytes -= self._room.find(HEAD_END, 0, nbytes) + len(HEAD_END)
        self.bytes += nbytes

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True


def snapshot(viewers: list[Viewer]) -> dict[str, Any]:
    """What `viewers.c` says."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Handshakes take long, so they join one after the other: alike is what came since they were
    # asked first.
    came = [viewer.bytes - max(viewer.before, 0) for viewer in viewers]
    return {
        "now_ns": time.monotonic_ns(),
        "cpu_s": used.ru_utime + used.ru_stime,
        "viewers": len(viewers),
        "answered": sum(viewer.is_answered for viewer in viewers),
        "refused": sum(viewer.is_refused for viewer in viewers),
        "closed": sum(viewer.is_closed for viewer in viewers),
        "bytes": sum(viewer.bytes for viewer in viewers),
        "least": min(came),
        "most": max(came),
    }


def as_protocol(viewer: Viewer) -> Viewer:
    """What a connection is made with."""
    return viewer


def say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


async def run(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    viewers = [Viewer(options.path) for _ in range(options.viewers)]
    async with asyncio.TaskGroup() as group:
        for viewer in viewers:
            factory = partial(as_protocol, viewer)
            opened = loop.create_connection(factory, HOST, options.port, ssl=context)
            group.create_task(opened)
    commands = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(commands)
    await loop.connect_read_pipe(lambda: protocol, sys.stdin)
    say({"ready": True})
    while await commands.readline():
        say(snapshot(viewers))
        for viewer in viewers:
            if viewer.before < 0:
                viewer.before = viewer.bytes
    say(snapshot(viewers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--viewers", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("path")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()

"""A connection on its way from aiohttp to the relay.

aiohttp reads the request, we answer the head through it, and then its transport is let go while a
duplicate of the socket lives on: closing a descriptor that has a duplicate sends nothing to the
peer (neither FIN nor RST), and the event loop has forgotten the number before it is free again.
Nothing is read meanwhile, so that what the client sends next waits in the kernel for the new owner.

The handler stays until the client has left: its place, the access log and the shutdown work as for
any other request. Where this cannot be, `can_hand_over` says so and the handler writes itself.
"""

import asyncio
import socket
from typing import Any

from aiohttp import hdrs, web

from web.keys import limits_key

PROBES = 3
"""Unanswered keep-alive probes after which a silent peer is gone."""


class Handed(web.StreamResponse):
    """The head of an answer whose body is written elsewhere and ends with the connection."""

    _length_check = False  # as in aiohttp's WebSocketResponse: neither length nor chunks
    sent = 0
    """Bytes that the new owner wrote, for the access log."""

    def __init__(self, content_type: str) -> None:
        super().__init__(headers={hdrs.CONTENT_TYPE: content_type})
        self.force_close()

    @property
    def body_length(self) -> int:
        """What the access log says."""
        return self.sent

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing: the connection is somebody else's."""


class HandedSocket(web.WebSocketResponse):
    """A WebSocket's handshake; the frames are written elsewhere. Never compressed."""

    sent = 0

    def __init__(self) -> None:
        super().__init__(compress=False)

    @property
    def body_length(self) -> int:
        """What the access log says."""
        return self.sent

    async def write_eof(self) -> None:  # type: ignore[override]  # as in WebSocketResponse
        """Nothing: the connection is somebody else's."""


def can_hand_over(request: web.Request) -> bool:
    """Whether the bare socket is what the client talks to; reads nothing more from it if so.

    Not under TLS: its state is in this process's Python. Not when a WebSocket client spoke before
    the handshake (RFC 6455 §4.1 forbids it): aiohttp has those bytes, the new owner would not.
    """
    transport = request.transport
    if transport is None or transport.get_extra_info("ssl_object") is not None:
        return False
    transport.pause_reading()
    if not is_upgrade(request) or not getattr(request.protocol, "_message_tail", b""):
        return True
    transport.resume_reading()
    return False


def is_upgrade(request: web.Request) -> bool:
    """Whether the request asks for a WebSocket."""
    return request.headers.get(hdrs.UPGRADE, "").lower().strip() == "websocket"


async def hand_over(request: web.Request, response: Handed | HandedSocket) -> socket.socket:
    """Answer the head and take the socket; `can_hand_over` comes first.

    The caller owns the socket. Raises ConnectionError when the client is gone or takes nothing.
    """
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client left before its answer")
    limits = request.app[limits_key]
    transport.set_write_buffer_limits(0)  # so that drain waits for the last byte
    writer = await response.prepare(request)
    try:
        async with asyncio.timeout(limits.write_s):
            if writer is not None:
                await writer.drain()
    except TimeoutError as error:
        transport.abort()
        raise ConnectionResetError("the client takes nothing") from error
    if transport.is_closing():
        raise ConnectionResetError("the client left during its answer")
    taken: socket.socket = transport.get_extra_info("socket").dup()
    try:
        _watch_peer(taken, limits.heartbeat_s)
    except BaseException:
        taken.close()
        raise
    finally:
        transport.abort()
    return taken


def _watch_peer(taken: socket.socket, heartbeat_s: float) -> None:
    """Let the kernel find out that a peer is gone without a goodbye, in half a heartbeat more.

    `TCP_USER_TIMEOUT` does so while bytes are under way to it, keep-alive while none are.
    """
    if taken.family not in (socket.AF_INET, socket.AF_INET6):
        return
    settings: dict[Any, float] = {
        socket.TCP_KEEPIDLE: heartbeat_s,
        socket.TCP_KEEPINTVL: heartbeat_s / 2 / PROBES,
        socket.TCP_KEEPCNT: PROBES,
        socket.TCP_USER_TIMEOUT: heartbeat_s * 1500,
    }
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in settings.items():
        taken.setsockopt(socket.IPPROTO_TCP, name, max(1, round(value)))

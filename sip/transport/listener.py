"""UDP and TCP on one port for one endpoint, as GB/T 28181-2022 9.1 wants a platform to listen."""

import errno
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from sip.message import Peer
from sip.transport.driver import Driven, Driver
from sip.transport.tcp import TcpLimits, TcpTransport
from sip.transport.udp import UdpTransport

_TRIES = 16
"""Free TCP ports that are tried until one is free for UDP too; only where port 0 was asked for."""


class Listener:
    """Driver and both transports together; `async with` opens and closes them.

    Raises OSError on entry where the port is taken.
    """

    def __init__(
        self,
        driven: Driven,
        host: str,
        port: int,
        *,
        on_progress: Callable[[], None] | None = None,
        limits: TcpLimits | None = None,
    ) -> None:
        self.driver = Driver(driven, on_progress)
        self._host = host
        self._port = port
        self._limits = limits
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for last in range(_TRIES - 1, -1, -1):
            try:
                await self._open()
            except OSError as error:
                if self._port or error.errno != errno.EADDRINUSE or not last:
                    raise
            else:
                break
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Last words (BYE, unregister) leave before the sockets close.
        self.driver.flush()
        self.driver.close()
        await self._stack.aclose()

    @property
    def port(self) -> int:
        """The port both transports listen on."""
        return self._bound

    def flush(self) -> None:
        """Send what the endpoint has to send; to be called after each call to the endpoint."""
        self.driver.flush()

    def disconnect(self, peer: Peer) -> None:
        """Close the TCP connection to an address whose peer answers nothing any more."""
        self._tcp.disconnect(peer)

    async def _open(self) -> None:
        async with AsyncExitStack() as stack:
            tcp = TcpTransport(self.driver, self._host, self._port, self._limits)
            await stack.enter_async_context(tcp)
            udp = UdpTransport(self.driver, self._host, tcp.port)
            await stack.enter_async_context(udp)
            self._tcp = tcp
            self._bound = tcp.port
            self._stack = stack.pop_all()

"""An endpoint that answers each message with its own octets and notes what it is told."""

import asyncio
from collections.abc import Callable

import pytest

from sip.errors import RemoteProtocolError
from sip.message import Peer


class Echo:
    """Driven by the transports under test; every change sets `changed`."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, Peer]] = []
        self.lost: list[Peer] = []
        self.woken: list[float] = []
        self.outbox: list[tuple[bytes, Peer]] = []
        self.timer: float | None = None
        self.answers = True
        self._changed = asyncio.Event()

    def receive(self, data: bytes, peer: Peer, now: float) -> None:
        self._changed.set()
        if data == b"raise":
            raise RemoteProtocolError("asked for")
        self.received.append((data, peer))
        if self.answers:
            self.outbox.append((data, peer))

    def data_to_send(self, now: float) -> list[tuple[bytes, Peer]]:
        packets, self.outbox = self.outbox, []
        return packets

    def next_timer(self) -> float | None:
        return self.timer

    def handle_timer(self, now: float) -> None:
        if self.timer is not None and now >= self.timer:
            self.woken.append(now)
            self.timer = None
            self._changed.set()

    def connection_lost(self, peer: Peer, now: float) -> None:
        self.lost.append(peer)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something the endpoint was told makes `condition` true."""
        async with asyncio.timeout(60):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
async def echo() -> Echo:
    return Echo()

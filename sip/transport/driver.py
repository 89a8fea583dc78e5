"""Between an endpoint's five methods and the loop: what goes out, when it wakes, what failed."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from typing import Protocol

from sip.errors import SipError
from sip.message import Peer

logger = logging.getLogger(__name__)

MAX_ROUNDS = 8
"""How often failures of one flush may cause further packets before the next wake-up."""


class Driven(Protocol):
    """A sans-IO endpoint; `now` is the loop's monotonic time in seconds."""

    def receive(self, data: bytes, peer: Peer, now: float) -> object:
        """Take a datagram or one message of a stream."""

    def data_to_send(self, now: float) -> list[tuple[bytes, Peer]]:
        """Return and forget what is to be sent."""

    def next_timer(self) -> float | None:
        """Return when `handle_timer` is due."""

    def handle_timer(self, now: float) -> object:
        """Do what is due."""

    def connection_lost(self, peer: Peer, now: float) -> object:
        """Learn that a peer cannot be reached."""


class Carrier(Protocol):
    """One transport: sends what it can and says False where the peer cannot be reached."""

    def send(self, data: bytes, peer: Peer) -> bool:
        """Send or queue one message; never raises over the state of the network."""


class Driver:
    """Drives one endpoint over any number of transports, with one timer.

    `on_progress` is called whenever the endpoint may have something to tell; it may call the
    endpoint and `flush`. Whoever calls methods of the endpoint from outside calls `flush` after.
    """

    def __init__(self, driven: Driven, on_progress: Callable[[], None] | None = None) -> None:
        self.counters: Counter[str] = Counter()
        self._driven = driven
        self._on_progress = on_progress
        self._carriers: dict[str, Carrier] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._is_flushing = False
        self._is_closed = False

    def attach(self, transport: str, carrier: Carrier) -> None:
        """Let packets to peers of this transport go through `carrier`."""
        self._carriers[transport] = carrier

    def detach(self, transport: str) -> None:
        """Undo `attach`; what is sent there from now on fails."""
        self._carriers.pop(transport, None)

    def close(self) -> None:
        """Stop the timer; nothing reaches the endpoint any more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def receive(self, data: bytes, peer: Peer) -> None:
        """Hand one message to the endpoint; the transport flushes after the last of a batch."""
        if self._is_closed:
            return
        try:
            self._driven.receive(data, peer, _now())
        except SipError:
            # The endpoint answers for its peers' mistakes itself; this guards the listener.
            self.counters["escaped_errors"] += 1
            logger.exception("endpoint raised over a message", extra={"peer": str(peer)})

    def lost(self, peer: Peer) -> None:
        """Tell the endpoint of a peer that cannot be reached."""
        if not self._is_closed:
            self.counters["unreachable"] += 1
            self._driven.connection_lost(peer, _now())

    def flush(self) -> None:
        """Send what waits, tell what failed, and set the timer anew."""
        if self._is_flushing or self._is_closed:
            return
        self._is_flushing = True
        try:
            self._send_all()
            if self._on_progress is not None:
                self._on_progress()
                self._send_all()
        finally:
            self._is_flushing = False
        self._set_timer()

    def _send_all(self) -> None:
        for _ in range(MAX_ROUNDS):
            packets = self._driven.data_to_send(_now())
            if not packets:
                return
            for data, peer in packets:
                carrier = self._carriers.get(peer.transport)
                if carrier is None or not carrier.send(data, peer):
                    self.lost(peer)

    def _set_timer(self) -> None:
        when = self._driven.next_timer()
        if self._timer is not None:
            if when is not None and self._timer.when() == when:
                return
            self._timer.cancel()
            self._timer = None
        if when is not None:
            self._timer = asyncio.get_running_loop().call_at(when, self._wake)

    def _wake(self) -> None:
        self._timer = None
        try:
            # The loop may wake a clock tick early; the timer is then simply set anew.
            self._driven.handle_timer(_now())
        finally:
            self.flush()


@lru_cache(maxsize=65_536)
def is_address(host: str) -> bool:
    """Whether a host is an IP address: a name would make the socket ask DNS and block the loop."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _now() -> float:
    return asyncio.get_running_loop().time()

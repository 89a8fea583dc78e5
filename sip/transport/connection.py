"""One TCP connection that carries SIP (RFC 3261 §18.3, RFC 5626 §3.5.1)."""

import asyncio
import logging
from typing import Protocol

from sip.errors import MalformedMessage
from sip.message import Peer, StreamFramer
from sip.transport.driver import Driver

logger = logging.getLogger(__name__)

MAX_UNSENT_BYTES = 1024 * 1024
"""What may wait for a peer that does not read; a device's whole day of queries is less."""

MAX_PONGS = 4
"""Answers to pings of one read; more pings than that are no keepalive."""


class Owner(Protocol):
    """Who keeps the connections: `TcpTransport`."""

    driver: Driver

    def admit(self, connection: "Connection") -> bool:
        """Take a new connection in, or refuse it."""

    def knows(self, connection: "Connection") -> bool:
        """Whether it was taken in and is still open."""

    def hold(self, connection: "Connection", octets: int) -> bool:
        """Note what it holds of an unfinished message; False where that is too much."""

    def closed(self, connection: "Connection") -> None:
        """Learn that it is gone."""


class Connection(asyncio.Protocol):
    """Frames what comes, writes what goes, and keeps the times by which it is judged."""

    def __init__(self, owner: Owner, number: int, target: Peer | None = None) -> None:
        self.number = number
        self.target = target
        """Whom we connected to; None where the peer connected to us."""
        self.peer = Peer("tcp", "", 0, number)
        self.last_heard = 0.0
        self.stuck_since: float | None = None
        """Since when we wait for the rest of a message, or for the first of an accepted peer."""
        self.held = 0
        """Octets of an unfinished message, as the owner knows them."""
        self._owner = owner
        self._framer = StreamFramer()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register with the owner, who may refuse."""
        assert isinstance(transport, asyncio.Transport)  # what the loop promises
        self._transport = transport
        name = transport.get_extra_info("peername")
        if not name:
            # The peer was gone before we looked.
            transport.abort()
            return
        self.peer = Peer("tcp", str(name[0]).partition("%")[0], int(name[1]), self.number)
        self.last_heard = asyncio.get_running_loop().time()
        self.stuck_since = self.last_heard if self.target is None else None
        if not self._owner.admit(self):
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Hand on every message that is whole."""
        if not self._owner.knows(self):
            return
        self.last_heard = asyncio.get_running_loop().time()
        driver = self._owner.driver
        self._framer.receive(data)
        try:
            while (message := self._framer.next_message()) is not None:
                self.stuck_since = None
                driver.receive(message, self.peer)
            self._note_progress()
        except MalformedMessage as error:
            self._give_up(error)
        finally:
            driver.flush()
        if not self._owner.hold(self, self._framer.pending_bytes):
            logger.info("too much unfinished, connection closed", extra={"peer": str(self.peer)})
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner."""
        self._transport = None
        self._owner.closed(self)

    def write(self, data: bytes) -> bool:
        """Write one message; False where the connection is gone or its peer has stopped reading."""
        if self._transport is None or self._transport.is_closing():
            return False
        if self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self._owner.driver.counters["tcp.slow_readers"] += 1
            self._transport.abort()
            return False
        self._transport.write(data)
        return True

    def close(self) -> None:
        """Close after what waits was written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._framer.clear()
        if self._transport is not None:
            self._transport.abort()

    def _note_progress(self) -> None:
        if self._framer.pending_bytes == 0:
            self.stuck_since = None
        elif self.stuck_since is None:
            self.stuck_since = self.last_heard
        if self._framer.keepalives and self._transport is not None:
            self._transport.write(b"\r\n" * min(self._framer.keepalives, MAX_PONGS))
            self._framer.keepalives = 0

    def _give_up(self, error: MalformedMessage) -> None:
        """Let the endpoint refuse the last head, then close: the stream cannot be followed."""
        driver = self._owner.driver
        driver.counters["tcp.framing_errors"] += 1
        logger.info(
            "stream cannot be followed, connection closed",
            extra={"peer": str(self.peer), "reason": error.reason},
        )
        if self._framer.rejected:
            driver.receive(self._framer.rejected, self.peer)
            driver.flush()
        self.close()

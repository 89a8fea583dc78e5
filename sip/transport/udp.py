"""SIP over UDP: one socket, drained in batches (RFC 3261 §18)."""

import asyncio
import logging
import socket
from types import TracebackType
from typing import Self

from sip.message import Peer
from sip.transport.driver import Driver, is_address

logger = logging.getLogger(__name__)

MAX_DATAGRAM_BYTES = 65_535
"""Catalogues come in datagrams of many KiB, fragmented by IP."""

DATAGRAMS_PER_WAKE = 64
"""How many are taken before the rest of the loop has its turn."""

RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024
"""Asked of the system for the storm after a power cut; it grants up to net.core.rmem_max."""

_KNOWN_PEERS = 65_536


class UdpTransport:
    """A UDP socket bound to one address; `async with` opens and closes it."""

    def __init__(self, driver: Driver, host: str, port: int) -> None:
        self._driver = driver
        self._address = host, port
        self._socket: socket.socket | None = None
        self._peers: dict[tuple[str, int], Peer] = {}

    async def __aenter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            sock.bind(self._address)
        except OSError:
            sock.close()
            raise
        self._socket = sock
        asyncio.get_running_loop().add_reader(sock.fileno(), self._drain, sock)
        self._driver.attach("udp", self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._driver.detach("udp")
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    @property
    def port(self) -> int:
        """The port that is bound, also where 0 was asked for."""
        if self._socket is None:
            return self._address[1]
        return int(self._socket.getsockname()[1])

    def send(self, data: bytes, peer: Peer) -> bool:
        """Send one datagram; False where the system knows that it cannot arrive."""
        if self._socket is None or not is_address(peer.host):
            return False
        try:
            self._socket.sendto(data, (peer.host, peer.port))
        except (BlockingIOError, InterruptedError):
            # The send buffer is full: as good as lost on the way, repetition heals it.
            self._driver.counters["udp.send_buffer_full"] += 1
        except (OSError, OverflowError) as error:
            self._driver.counters["udp.send_failed"] += 1
            logger.debug("datagram not sent", extra={"peer": str(peer), "reason": str(error)})
            return False
        return True

    def _drain(self, sock: socket.socket) -> None:
        try:
            for _ in range(DATAGRAMS_PER_WAKE):
                try:
                    data, address = sock.recvfrom(MAX_DATAGRAM_BYTES)
                except (BlockingIOError, InterruptedError):
                    break
                except OSError:
                    # An ICMP error about an earlier datagram; its timer will tell.
                    self._driver.counters["udp.receive_failed"] += 1
                    continue
                self._driver.receive(data, self._peer_of(address))
        finally:
            self._driver.flush()

    def _peer_of(self, address: tuple[str, int]) -> Peer:
        """Return the peer of an address, made once: it is hashed for every datagram."""
        key = address[:2]
        peer = self._peers.get(key)
        if peer is None:
            if len(self._peers) >= _KNOWN_PEERS:
                self._peers.clear()
            peer = self._peers[key] = Peer("udp", key[0].partition("%")[0], key[1])
        return peer

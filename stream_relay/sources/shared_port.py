"""One port for many streams, told apart by the SSRC of their packets.

RTP over UDP arrives at the port, RTCP at the next one, TCP connections at the same number. A site
then opens two ports in its firewall instead of hundreds. The price: a device that ignores the
agreed SSRC cannot be served, for nothing else says whose its packets are.

Anybody can reach the port, as he can each port of one stream. What has an SSRC that no stream
expects is dropped and counted, never answered; what has one goes to that stream's latch, which
judges it as everywhere. Connections that no stream has locked are bounded in number and in time,
and when there is no room, the host that holds most of them gives one up.
"""

import asyncio
import logging
from collections import Counter
from contextlib import suppress
from itertools import chain

from stream_relay.engine._loop import Loop
from stream_relay.engine._source import Inlet, UdpPort
from stream_relay.errors import RelayError, SsrcTaken
from stream_relay.evidence import Arrivals
from stream_relay.formats.rtp import NO_FRAME
from stream_relay.sources.gb28181 import (
    DATAGRAM_BYTES,
    IDLE_CONNECTION_S,
    MAX_CONNECTIONS,
    US,
    Connection,
    Reporter,
    punch_through,
)
from stream_relay.sources.peers import PORT_BITS, peer_key
from stream_relay.sources.rtcp import sender_of
from stream_relay.sources.sockets import bind_listener, bind_pair
from stream_relay.switchboard import Switchboard

logger = logging.getLogger(__name__)

MAX_STRANGERS = 256
"""Connections that no stream has locked, over the whole port; `MAX_CONNECTIONS` for each stream."""
BACKLOG = 128
"""A recorder with many channels connects all of them at once."""
ROOM_FACTOR = 8
"""The receive buffer serves all streams; more of it than for one."""
MAX_REPORTS = 64
"""RTCP packets taken before others get their turn."""


class SharedSource:
    """One stream's part of the shared port; see `gb28181.Source`."""

    def __init__(
        self,
        shared: "SharedPort",
        routes: UdpPort,
        inlet: Inlet,
        ssrc: int,
        reporter: Reporter | None,
    ) -> None:
        self.port = shared.port
        self.ssrc = ssrc
        self.inlet = inlet
        self.routes = routes
        self.reporter = reporter
        self.arrivals = Arrivals()
        self._unrouted_before = routes.unrouted
        self._shared = shared

    @property
    def is_tcp(self) -> bool:
        """Whether its media come over connections; those bring no reports."""
        return self.reporter is None

    @property
    def locked(self) -> int:
        """The peer that its packets come from, `NO_PEER` when there is none."""
        return int(self.inlet.intake.latch.peer)

    def strays(self) -> list[tuple[int, int, int]]:
        """See `Source.strays`: the latest, where the host that signalled sent it."""
        routes = self.routes
        count = routes.unrouted - self._unrouted_before
        is_ours = routes.stray_peer >> PORT_BITS in self.inlet.intake.latch.policy.hosts
        return [(routes.stray_peer, routes.stray_ssrc, count)] if count and is_ours else []

    def expect(self, ssrc: int) -> None:
        """See `Source.expect`: the route moves."""
        self._shared.move(self, ssrc)

    def punch(self, host: str, port: int) -> None:
        """See `Source.punch`."""
        if not self.is_tcp:
            self._shared.punch(host, port)

    def tick(self, now: float) -> None:
        """See `Source.tick`; connections are the port's business."""
        if self.reporter is not None:
            self.reporter.tick(now)

    def close(self) -> None:
        """See `Source.close`; the port stays."""
        self._shared.remove(self)


class SharedPort:
    """The sockets, and which SSRC is whose. Raises `OSError` when the port is taken."""

    def __init__(
        self, engine: Loop, board: Switchboard, host: str, port: int, receive_buffer_bytes: int
    ) -> None:
        self.strangers_closed = 0
        """Connections that were closed because no stream wanted what they brought."""
        self._engine = engine
        self._board = board
        self._sources: dict[int, SharedSource] = {}
        self._connections: set[Connection] = set()
        self._rtp, self._rtcp = bind_pair(host, port, receive_buffer_bytes * ROOM_FACTOR)
        self.port = int(self._rtp.getsockname()[1])
        try:
            self._listener = bind_listener(host, self.port, BACKLOG)
        except OSError:
            self._rtp.close()
            self._rtcp.close()
            raise
        self._udp = UdpPort(engine, self._rtp.fileno(), None)
        # Apart from the others: a datagram with a forged sender must not pass for a connection.
        self._tcp = UdpPort(engine, -1, None)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._rtcp, self._drain_rtcp)
        self._loop.add_reader(self._listener, self._accept)

    @property
    def unrouted(self) -> int:
        """Packets whose SSRC no stream expects."""
        return self._udp.unrouted + self._tcp.unrouted

    @property
    def connections(self) -> int:
        """TCP connections that are open."""
        return len(self._connections)

    def open_udp(self, inlet: Inlet, ssrc: int) -> SharedSource:
        """Let a stream have the datagrams with this SSRC. Raises `SsrcTaken`."""
        return self._add(self._udp, inlet, ssrc, Reporter(inlet, self._rtcp, ssrc))

    def open_tcp(self, inlet: Inlet, ssrc: int) -> SharedSource:
        """Let a stream have what connections bring with this SSRC. Raises `SsrcTaken`."""
        return self._add(self._tcp, inlet, ssrc, None)

    def _add(
        self, routes: UdpPort, inlet: Inlet, ssrc: int, reporter: Reporter | None
    ) -> SharedSource:
        self._claim(ssrc)
        source = SharedSource(self, routes, inlet, ssrc, reporter)
        routes.add_route(ssrc, inlet)
        self._sources[ssrc] = source
        return source

    def _claim(self, ssrc: int) -> None:
        if ssrc in self._sources:
            raise SsrcTaken(f"SSRC {ssrc:010d} is another stream's at the shared port")

    def move(self, source: SharedSource, ssrc: int) -> None:
        """The stream's packets have another SSRC from now on. Raises `SsrcTaken`."""
        if ssrc == source.ssrc or not self._has(source):
            return
        self._claim(ssrc)
        source.routes.add_route(ssrc, source.inlet)
        source.routes.remove_route(source.ssrc)
        del self._sources[source.ssrc]
        source.ssrc = ssrc
        self._sources[ssrc] = source

    def remove(self, source: SharedSource) -> None:
        """Drop the stream's packets from now on, close its connection; idempotent."""
        if not self._has(source):
            return
        peer = source.locked
        source.routes.remove_route(source.ssrc)
        del self._sources[source.ssrc]
        if not source.is_tcp:
            return
        rest = {other.locked for other in self._tcp_sources()}
        for connection in list(self._connections):
            if not rest or (connection.peer == peer and peer not in rest):
                connection.end()

    def _has(self, source: SharedSource) -> bool:
        return self._sources.get(source.ssrc) is source

    def punch(self, host: str, port: int) -> None:
        """Open the way to a device through a NAT on our side."""
        punch_through(self._rtp, self._rtcp, host, port)

    def tick(self, now: float) -> None:
        """Close connections that bring nothing. A locked source may be silent."""
        for connection in self._strangers():
            if now - connection.used_us / US > IDLE_CONNECTION_S:
                connection.end("idle")

    def close(self) -> None:
        """Free the sockets; the streams must be closed before."""
        self._loop.remove_reader(self._rtcp)
        self._loop.remove_reader(self._listener)
        self._listener.close()
        for connection in list(self._connections):
            connection.end()
        self._udp.close()
        self._rtp.close()
        self._rtcp.close()

    # RTCP

    def _drain_rtcp(self) -> None:
        with suppress(OSError):
            for _ in range(MAX_REPORTS):
                data, address = self._rtcp.recvfrom(DATAGRAM_BYTES)
                source = self._sources.get(sender_of(data))
                if source is not None and source.reporter is not None:
                    source.reporter.receive(data, address[:2], self._loop.time())

    # TCP

    def _tcp_sources(self) -> list[SharedSource]:
        return [source for source in self._sources.values() if source.is_tcp]

    def _strangers(self) -> list[Connection]:
        """Connections that are no stream's locked source."""
        locked = {source.locked for source in self._tcp_sources()}
        return [each for each in self._connections if each.peer not in locked]

    def _accept(self) -> None:
        try:
            sock, address = self._listener.accept()
        except OSError:  # gone before we looked, or no descriptor left: the listener stays
            return
        if not self._make_room(address[0], address[1]):
            self.strangers_closed += 1
            sock.close()
            return
        try:
            connection = Connection(self._engine, self._board, sock, None, self._tcp, self._ended)
        except (OSError, RelayError):  # closed before we looked (a port scan)
            sock.close()
            return
        self._connections.add(connection)
        for source in self._tcp_sources():
            if connection.peer >> PORT_BITS in source.inlet.intake.latch.policy.hosts:
                source.arrivals.connections += 1

    def _make_room(self, host: str, port: int) -> bool:
        """Whether a connection may come; the least promising one is closed for it.

        A host that signalled goes before others, then one that holds few; then the newer.
        """
        sources = self._tcp_sources()
        room = min(MAX_CONNECTIONS * len(sources), MAX_STRANGERS)
        strangers = self._strangers()
        if len(strangers) < room:
            return True
        if not strangers:
            return False
        named = set(chain.from_iterable(s.inlet.intake.latch.policy.hosts for s in sources))
        newcomer = peer_key(host, port) >> PORT_BITS
        crowd = Counter(each.peer >> PORT_BITS for each in strangers)
        crowd[newcomer] += 1

        def promise(host: int) -> tuple[bool, int]:
            return host in named, -crowd[host]

        worst = min(strangers, key=lambda each: (promise(each.peer >> PORT_BITS), each.used_us))
        if promise(newcomer) < promise(worst.peer >> PORT_BITS):
            return False
        worst.end("crowded out")
        return True

    def _ended(self, connection: Connection, reason: str) -> None:
        self._connections.discard(connection)
        if reason == "closed":
            return
        # The latch has let go of it already.
        inlets = [source.inlet for source in self._tcp_sources()]
        inlet = next((each for each in inlets if each.intake.source == connection.peer), None)
        if inlet is None:
            self.strangers_closed += 1
        elif reason == "malformed":
            intake = inlet.intake
            inlet.locked(lambda: intake.blame(connection.peer, NO_FRAME))
        logger.debug("a connection that no stream wants is closed", extra={"reason": reason})

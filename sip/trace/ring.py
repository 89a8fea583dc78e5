"""The latest SIP messages of every peer, so that a dialogue can be looked at after the fact.

Nothing is parsed when a message passes: octets are kept by reference under the address they came
from, and read when somebody asks. What is bounded:

- messages of one address: `per_peer`, keepalives and their answers apart, which otherwise push out
  everything else;
- octets in all: where they exceed `most_bytes`, those that hold most are cut first, so that a noisy
  peer costs its own past and nobody else's;
- addresses: those at which a registration or a message succeeded, and a small number of others, in
  which strangers push out strangers only.

A device that registers from a new address keeps its past: addresses are found by the id that
registered there.
"""

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from sip.message.parse import is_keepalive as is_ping
from sip.message.peer import Peer

LARGEST_BYTES = 65_536
"""What is kept of one message; a catalogue over TCP may have 8 MiB."""
ENTRY_BYTES = 256
"""What an entry costs beside its octets."""
KEEPALIVES_KEPT = 6
MOST_PEERS = 65_536
MOST_STRANGERS = 1_024
MOST_IDS = 512
"""Ids of one address that are remembered: devices behind one gateway."""
MOST_STRANGER_IDS = 32
MOST_ROUTES = 8
"""Addresses of one id; a device that connects anew each minute has another port each time."""
STRANGERS_SHARE = 8
"""Strangers hold at most this part of all octets."""

_KEEPALIVE = b"<CmdType>Keepalive"
_FROM = re.compile(rb"\n(?:From|f)[ \t]*:[^\r\n]{0,128}?sips?:([0-9A-Za-z_.-]{1,64})@", re.I)
_REQUEST_URI = re.compile(rb"[A-Z]{1,16} sips?:([0-9A-Za-z_.-]{1,64})@")
_PROVING = re.compile(rb"\nCSeq[ \t]*:[ \t]*[0-9]{1,10}[ \t]+(?:REGISTER|MESSAGE)\b", re.I)

_make_entry = tuple.__new__
"""Twice as fast as the call of a named tuple, which shows here."""

Route = tuple[str, str, int]
"""Transport, host and port; connections of one address follow each other."""


class Entry(NamedTuple):
    """One message as it passed."""

    number: int
    """Grows by one with each message, over restarts too."""
    at: float
    """Monotonic, seconds."""
    is_sent: bool
    """By us."""
    peer: Peer
    data: bytes
    """At most LARGEST_BYTES of it."""
    size_bytes: int


@dataclass(slots=True)
class _Past:
    """What is kept of one address."""

    route: Route
    is_known: bool = False
    was_asked: bool = False
    """We sent it a request: its 2xx answers one."""
    awaits_answer: bool = False
    """The latest that came was a keepalive."""
    held: int = 0
    last: int = 0
    messages: deque[Entry] = field(default_factory=deque)
    keepalives: deque[Entry] = field(default_factory=deque)
    ids: dict[str, None] = field(default_factory=dict)


class _Pool:
    """Addresses of one kind with their common bounds."""

    def __init__(self, most_bytes: int, most_peers: int) -> None:
        self.most_bytes = most_bytes
        self.most_peers = most_peers
        self.pasts: dict[Route, _Past] = {}
        self.held = 0

    def idle(self) -> list[_Past]:
        """Those heard longest ago, above seven eighths of the places."""
        surplus = len(self.pasts) - self.most_peers * 7 // 8
        return sorted(self.pasts.values(), key=lambda past: past.last)[: max(surplus, 0)]

    def cut(self) -> int:
        """Shorten those that hold most until seven eighths are left; return how many went."""
        level = self._level(self.most_bytes * 7 // 8)
        return sum(self._shorten(past, level) for past in self.pasts.values())

    def _level(self, left: int) -> int:
        """How much each may hold so that together they hold so much."""
        sizes = sorted(past.held for past in self.pasts.values())
        for place, size in enumerate(sizes):
            share = left // (len(sizes) - place)
            if size > share:
                return share
            left -= size
        return left

    def _shorten(self, past: _Past, level: int) -> int:
        gone = 0
        while past.held > level:
            ring = past.keepalives or past.messages
            self.forget(past, ring.popleft())
            gone += 1
        return gone

    def forget(self, past: _Past, entry: Entry) -> None:
        size = len(entry.data) + ENTRY_BYTES
        past.held -= size
        self.held -= size


class Trace:
    """Remembers what passes; `per_peer` 0 remembers nothing."""

    def __init__(self, per_peer: int, most_bytes: int, first: int = 0) -> None:
        self._per_peer = per_peer
        self._known = _Pool(most_bytes, MOST_PEERS)
        self._strangers = _Pool(most_bytes // STRANGERS_SHARE, MOST_STRANGERS)
        self._by_id: dict[str, dict[Route, None]] = {}
        self._number = first
        self.counters: Counter[str] = Counter()

    def received(self, data: bytes, peer: Peer, now: float) -> None:
        """Take what came in."""
        if self._per_peer and (data[:1] > b" " or not is_ping(data)):
            self._note(data, peer, now, is_sent=False)

    def sent(self, packets: Iterable[tuple[bytes, Peer]], now: float) -> None:
        """Take what goes out."""
        if self._per_peer:
            for data, peer in packets:
                self._note(data, peer, now, is_sent=True)

    def of(self, peer_id: str, routes: Iterable[Route] = ()) -> list[Entry]:
        """What passed between us and a device or platform, oldest first.

        Its addresses are those where it registered, and `routes`. Where several share an address,
        what names another of them as sender or receiver is left out.
        """
        found = [*self._by_id.get(peer_id, ()), *routes]
        return _sorted(
            entry
            for past in self._pasts(dict.fromkeys(found))
            for entry in _entries(past)
            if len(past.ids) < 2 or _concerns(entry.data, peer_id, past.ids)
        )

    def at(self, host: str, port: int | None = None) -> list[Entry]:
        """What passed between us and an address, whoever is there; oldest first."""
        pasts = [*self._known.pasts.values(), *self._strangers.pasts.values()]
        return _sorted(
            entry
            for past in pasts
            if past.route[1] == host and port in (None, past.route[2])
            for entry in _entries(past)
        )

    def sizes(self) -> dict[str, int]:
        """How much is kept, for the figures of the server."""
        pools = (self._known, self._strangers)
        return {
            "peers": sum(len(pool.pasts) for pool in pools),
            "bytes": sum(pool.held for pool in pools),
            **self.counters,
        }

    # Inside

    def _note(self, data: bytes, peer: Peer, now: float, *, is_sent: bool) -> None:
        size = cost = len(data)
        if size > LARGEST_BYTES:
            data = data[:LARGEST_BYTES]
            cost = LARGEST_BYTES
        self._number = number = self._number + 1
        route = peer[:3]
        pool = self._known
        past = pool.pasts.get(route)
        if past is None:
            past = self._stranger(route, data, is_sent)
            pool = self._known if past.is_known else self._strangers
        if not past.ids or data.startswith(b"REGISTER "):
            self._identify(past, data, is_sent)
        past.last = number
        if is_sent:
            is_keepalive = past.awaits_answer and data.startswith(b"SIP/")
            past.awaits_answer = False
        else:
            past.awaits_answer = is_keepalive = _KEEPALIVE in data
        if is_keepalive:
            ring, most = past.keepalives, KEEPALIVES_KEPT
        else:
            ring, most = past.messages, self._per_peer
        ring.append(_make_entry(Entry, (number, now, is_sent, peer, data, size)))
        cost += ENTRY_BYTES
        if len(ring) > most:
            cost -= len(ring.popleft()[4]) + ENTRY_BYTES
        past.held += cost
        pool.held += cost
        if pool.held > pool.most_bytes or len(pool.pasts) > pool.most_peers:
            self._make_room(pool)

    def _stranger(self, route: Route, data: bytes, is_sent: bool) -> _Past:
        """The past of an address that has not succeeded yet; it may do so with this message."""
        pool = self._strangers
        past = pool.pasts.get(route)
        if past is None:
            past = pool.pasts[route] = _Past(route)
        is_success = data.startswith(b"SIP/2.0 2") and _PROVING.search(data) is not None
        if is_success and (is_sent or past.was_asked):
            self._promote(past)
        elif is_sent and not data.startswith(b"SIP/"):
            past.was_asked = True
        return past

    def _promote(self, past: _Past) -> None:
        past.is_known = True
        del self._strangers.pasts[past.route]
        self._strangers.held -= past.held
        self._known.pasts[past.route] = past
        self._known.held += past.held
        for peer_id in past.ids:
            routes = [route for route in self._by_id[peer_id] if route in self._known.pasts]
            for route in routes[:-MOST_ROUTES]:
                if len(self._known.pasts[route].ids) == 1:
                    self._drop(self._known, self._known.pasts[route])

    def _identify(self, past: _Past, data: bytes, is_sent: bool) -> None:
        """Learn who is at an address: who registers there, or at whom we register."""
        if data.startswith(b"SIP/"):
            return
        found = _REQUEST_URI.match(data) if is_sent else _FROM.search(data)
        if found is None or (is_sent and not data.startswith(b"REGISTER ")):
            return
        peer_id = found[1].decode("ascii")
        most = MOST_IDS if past.is_known else MOST_STRANGER_IDS
        if peer_id not in past.ids and len(past.ids) < most:
            past.ids[peer_id] = None
            self._by_id.setdefault(peer_id, {})[past.route] = None

    def _make_room(self, pool: _Pool) -> None:
        for past in pool.idle() if len(pool.pasts) > pool.most_peers else ():
            self.counters["forgotten_peers"] += 1
            self._drop(pool, past)
        if pool.held > pool.most_bytes:
            self.counters["cut"] += pool.cut()

    def _drop(self, pool: _Pool, past: _Past) -> None:
        del pool.pasts[past.route]
        pool.held -= past.held
        for peer_id in past.ids:
            routes = self._by_id[peer_id]
            del routes[past.route]
            if not routes:
                del self._by_id[peer_id]

    def _pasts(self, routes: Iterable[Route]) -> Iterator[_Past]:
        for route in routes:
            past = self._known.pasts.get(route) or self._strangers.pasts.get(route)
            if past is not None:
                yield past


def _entries(past: _Past) -> list[Entry]:
    return [*past.keepalives, *past.messages]


def _sorted(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: entry.number)


def _concerns(data: bytes, peer_id: str, sharing: Iterable[str]) -> bool:
    """Whether a message names this peer, or none of those that share its address."""
    if peer_id.encode() in data:
        return True
    return not any(other.encode() in data for other in sharing)

"""The part of the server's facade that shows what passed on the wire."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sip.trace.capture import capture
from sip.trace.pcap import MEDIA_TYPE
from sip.trace.ring import Entry, Route, Trace
from sip.trace.view import TracedMessage, build_views, wall_of

__all__ = ["MEDIA_TYPE", "Excerpt", "Route", "ServerTrace", "TracedMessage"]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What passed between us and one peer, unread: reading takes a while and needs no loop."""

    own: tuple[str, int]
    """Our address, as peers know it."""
    taken: float
    """When, monotonic."""
    taken_at: datetime
    """The same."""
    entries: tuple[Entry, ...]
    """Oldest first."""

    def messages(self) -> list[TracedMessage]:
        """Read and mask them, oldest first."""
        return list(build_views(self.entries, wall_of(self.taken, self.taken_at)))

    def capture(self, messages: Iterable[TracedMessage]) -> bytes:
        """Return a pcap file of messages."""
        return capture(messages, self.own)


class ServerTrace:
    """What a server remembers of its messages; its methods belong to the server's loop."""

    def __init__(
        self,
        trace: Trace,
        own: Callable[[], tuple[str, int]],
        wall: Callable[[], datetime],
        now: Callable[[], float],
    ) -> None:
        self._trace = trace
        self._own = own
        self._wall = wall
        self._now = now

    def of(self, peer_id: str, routes: Iterable[Route] = ()) -> Excerpt:
        """Take what passed between us and a device or platform, by id and by addresses."""
        return self._excerpt(self._trace.of(peer_id, routes))

    def at(self, host: str, port: int | None = None) -> Excerpt:
        """Take what passed between us and an address, whoever is there."""
        return self._excerpt(self._trace.at(host, port))

    def _excerpt(self, entries: Iterable[Entry]) -> Excerpt:
        return Excerpt(self._own(), self._now(), self._wall(), tuple(entries))

"""What we know of each upper platform, and whose request is whose.

An upper platform is believed by three facts together: the id in From is its own, the packet comes
from the host at which we are registered, and we are registered there now. Everything else is
treated as a device's.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sip.message import Peer, Request, Response
from sip.roles.register_answer import Place
from sip.roles.upward.terms import Uplink, UplinkState, UplinkStatus

MOST_LINKS = 64
"""Upper platforms of one server; a mine has three or four."""


class UpwardRequest(ABC):
    """A request of ours to an upper platform that waits for its answer: the transaction's user."""

    __slots__ = ()

    @abstractmethod
    def receive_response(self, response: Response, peer: Peer, now: float) -> None:
        """Take an answer, provisional ones too."""

    @abstractmethod
    def fail(self, now: float, *, is_unreachable: bool) -> None:
        """Note that none came; `is_unreachable`: it could not even be sent."""


@dataclass(slots=True, eq=False)
class Link:
    """One upper platform as it is now; changed by its registration only."""

    uplink: Uplink
    place: Place
    """Where we register: at home, or where a 302 sent us."""
    since: datetime
    state: UplinkState = UplinkState.STOPPED
    failure: str = ""
    status_code: int = 0
    next_attempt_at: datetime | None = None
    gb_version: str = ""
    clock_offset_s: float | None = None
    answered_from: str = ""
    """Host whose packets answered our REGISTER; another one than asked behind some gateways."""
    last_sn: int = 0
    dead: Peer | None = None
    """A TCP peer that answers nothing any more: its connection is to be closed."""

    @property
    def platform_id(self) -> str:
        """By which it is known, whatever a 302 said."""
        return self.uplink.platform_id

    @property
    def is_registered(self) -> bool:
        """Whether requests may pass in either direction."""
        return self.state is UplinkState.REGISTERED

    @property
    def is_2022(self) -> bool:
        """Whether it may be sent what only the 2022 edition has."""
        return self.uplink.edition == "2022"

    def is_sender(self, request: Request, peer: Peer) -> bool:
        """Whether a request comes from this platform."""
        sender = request.from_.uri.user
        return (
            self.is_registered
            and sender in (self.uplink.platform_id, self.place.server_id)
            and peer.host in (self.place.server.host, self.answered_from)
        )

    def uses(self, peer: Peer) -> bool:
        """Whether a lost TCP connection was the one to this platform."""
        server = self.place.server
        return peer[:3] == server[:3] and server.transport == "tcp"

    def status(self) -> UplinkStatus:
        """What is to be shown of the registration; others add calls and subscriptions."""
        return UplinkStatus(
            self.platform_id,
            self.state,
            self.since,
            self.failure,
            self.status_code,
            self.next_attempt_at,
            self.gb_version,
            clock_offset_s=self.clock_offset_s,
        )


class Links:
    """All upper platforms by id."""

    def __init__(self) -> None:
        self._by_id: dict[str, Link] = {}

    def __iter__(self) -> Iterator[Link]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, platform_id: str) -> Link | None:
        """Return one."""
        return self._by_id.get(platform_id)

    def put(self, link: Link) -> None:
        """Keep one."""
        self._by_id[link.platform_id] = link

    def remove(self, link: Link) -> None:
        """Forget one; another one of the same id stays."""
        if self._by_id.get(link.platform_id) is link:
            del self._by_id[link.platform_id]

    def are_at(self, host: str) -> bool:
        """Whether one that is registered sends from this address."""
        return any(
            link.is_registered and host in (link.place.server.host, link.answered_from)
            for link in self._by_id.values()
        )

    def of_sender(self, request: Request, peer: Peer) -> Link | None:
        """Return the upper platform a request comes from, None where it is none of them."""
        for link in self._by_id.values():
            if link.is_sender(request, peer):
                return link
        return None

"""All upper platforms together: which request is for which part, and what happens when one is down.

GB/T 28181-2022 clause 9 with ourselves as the lower platform. Nothing of an upper platform that is
not registered gets here: it is treated as a device's, and refused as a stranger's.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address

from sip.gb28181.ssrc import SsrcPool
from sip.gb28181.subscription import Topic
from sip.message import Peer, Request, build_response
from sip.roles.config import SipConfig
from sip.roles.inquiry import PeerUnreachable
from sip.roles.register_answer import Place
from sip.roles.upward.calls import UpperCalls
from sip.roles.upward.desk import UpperDesk
from sip.roles.upward.link import MOST_LINKS, Link, Links
from sip.roles.upward.messenger import UpperMessenger
from sip.roles.upward.registration import UplinkRegistration, home_of
from sip.roles.upward.subscriptions import UpperSubscriptions
from sip.roles.upward.terms import (
    Uplink,
    UplinkChanged,
    UplinkEvent,
    UplinkRefused,
    UplinkState,
    UplinkStatus,
    UpperSent,
)
from sip.transactions import ServerTransaction, TransactionLayer

BEGINNINGS = frozenset({"INVITE", "SUBSCRIBE", "MESSAGE"})
"""Methods by which an upper platform begins something."""

EVERYWHERE = frozenset({"0.0.0.0", "::", ""})


class Uppers:
    """The upper platforms at which we register."""

    def __init__(
        self,
        config: SipConfig,
        layer: TransactionLayer,
        ids: Callable[[], str],
        emit: Callable[[UplinkEvent | UpperSent], None],
        wall: Callable[[], datetime],
        ssrcs: SsrcPool,
    ) -> None:
        self._config = config
        self._layer = layer
        self._emit = emit
        self._wall = wall
        self._links = Links()
        self._registrations: dict[str, UplinkRegistration] = {}
        self._messenger = UpperMessenger(config, layer, ids)
        self._registering: Counter[str] = Counter()
        self.desk = UpperDesk(config, self._messenger, self._links.get, emit)
        self.subscriptions = UpperSubscriptions(layer, self._messenger, emit)
        self.calls = UpperCalls(layer, self._messenger, ssrcs, emit)

    def __len__(self) -> int:
        return len(self._links)

    # What it is told to do

    def set(self, uplink: Uplink, now: float) -> None:
        """Register at a platform; raises UplinkRefused where it would be ourselves."""
        self._check(uplink)
        known = self._registrations.get(uplink.platform_id)
        if known is None:
            if len(self._links) >= MOST_LINKS:
                raise UplinkRefused("too many upper platforms")
            self._start(uplink, now)
            return
        wanted = known.successor or known.link.uplink
        leaving = known.link.state is UplinkState.UNREGISTERING
        if wanted == uplink and (known.successor is not None or not leaving):
            return
        known.successor = uplink
        known.stop(now)

    def try_now(self, platform_id: str, now: float) -> None:
        """Do not wait for the next attempt; where none is waited for nothing changes."""
        known = self._registrations.get(platform_id)
        if known is not None and known.link.state is UplinkState.WAITING:
            known.start(now)

    def remove(self, platform_id: str, now: float) -> None:
        """End everything with a platform and unregister there; unknown is fine."""
        known = self._registrations.get(platform_id)
        if known is not None:
            known.successor = None
            known.stop(now)

    def remove_all(self, now: float) -> None:
        """Leave every platform: the server stops."""
        for platform_id in list(self._registrations):
            self.remove(platform_id, now)

    def statuses(self) -> tuple[UplinkStatus, ...]:
        """Return how each platform stands."""
        return tuple(self._status(link) for link in self._links)

    def status(self, platform_id: str) -> UplinkStatus | None:
        """Return how one stands."""
        link = self._links.get(platform_id)
        return None if link is None else self._status(link)

    def next_sn(self, platform_id: str) -> int:
        """Return a fresh SN; 1 for a platform that is unknown."""
        link = self._links.get(platform_id)
        return 1 if link is None else self._messenger.next_sn(link)

    def send(self, platform_id: str, body: bytes, routes: Sequence[str], now: float) -> int:
        """Queue a MESSAGE; UpperSent carries the returned key. Raises PeerUnreachable."""
        link = self._links.get(platform_id)
        if link is None:
            raise PeerUnreachable("no such upper platform")
        return self.desk.send(link, body, routes, now)

    def notify(self, platform_id: str, topic: Topic, body: bytes, now: float) -> bool:
        """Queue a NOTIFY; False where the platform has not subscribed."""
        return self.subscriptions.notify(platform_id, topic, body, now)

    # What comes

    def link_of(self, request: Request, peer: Peer) -> Link | None:
        """Return the registered upper platform that sent a request."""
        return self._links.of_sender(request, peer)

    def is_at(self, host: str) -> bool:
        """Whether a registered upper platform sends from this address."""
        return len(self._links) > 0 and self._links.are_at(host)

    def take(
        self,
        request: Request,
        transaction: ServerTransaction,
        peer: Peer,
        now: float,
        *,
        is_device: bool,
    ) -> bool:
        """Take a request that begins something; False where it is not an upper platform's.

        `is_device`: its sender is registered here too, as a lower platform.
        """
        if request.method not in BEGINNINGS:
            return False
        link = self.link_of(request, peer)
        if link is None:
            return False
        match request.method:
            case "INVITE":
                self.calls.receive_invite(link, request, transaction, peer, now)
            case "SUBSCRIBE":
                self.subscriptions.receive(link, request, transaction, peer, now)
            case "MESSAGE" if self.desk.is_addressed(request, is_device=is_device):
                status, asked = self.desk.receive(link, request)
                self._layer.respond(transaction, build_response(request, status), now)
                if asked is not None:
                    self._emit(asked)
            case _:
                return False
        return True

    # Time and losses

    def next_timer(self) -> float | None:
        """Return when `handle_timer` is due."""
        times = [each.next_timer() for each in self._registrations.values()]
        times += [self.subscriptions.next_timer(), self.calls.next_timer()]
        return min((time for time in times if time is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        for registration in list(self._registrations.values()):
            registration.handle_timer(now)
        self.subscriptions.handle_timer(now)
        self.calls.handle_timer(now)

    def connection_lost(self, peer: Peer, now: float) -> None:
        """Take the loss of a TCP connection; those behind it are offline."""
        for registration in list(self._registrations.values()):
            if registration.link.uses(peer):
                registration.connection_lost(now)

    def dead_connections(self) -> list[Peer]:
        """Return and forget the TCP peers whose connection is to be closed: nobody answers."""
        dead = [link.dead for link in self._links if link.dead is not None]
        for link in self._links:
            link.dead = None
        return dead

    def stats(self) -> dict[str, int]:
        """Return all counters by name."""
        counted: Counter[str] = Counter()
        for prefix, counters in (
            ("uplinks", self._registering),
            ("uplinks", self.desk.counters),
            ("uplinks.subscriptions", self.subscriptions.counters),
            ("uplinks.calls", self.calls.counters),
        ):
            counted.update({f"{prefix}.{name}": count for name, count in counters.items()})
        registered = sum(link.is_registered for link in self._links)
        return {
            **counted,
            "uplinks": len(self._links),
            "uplinks.registered": registered,
            "uplinks.letters": len(self.desk),
            "uplinks.subscriptions": len(self.subscriptions),
            "uplinks.calls": len(self.calls),
        }

    # Inside

    def _check(self, uplink: Uplink) -> None:
        times = (uplink.expires_s, uplink.keepalive_interval_s, uplink.retry_s)
        if min(times) <= 0 or uplink.keepalive_count < 1:
            raise UplinkRefused("times of an uplink must be positive")
        own_ids = (uplink.own_id, self._config.server_id)
        if uplink.platform_id in own_ids or self._is_ourselves(home_of(uplink)):
            raise UplinkRefused("the upper platform would be ourselves")

    def _is_ourselves(self, place: Place) -> bool:
        """Whether we would register at our own socket."""
        host, port = self._layer.sent_by
        if place.server_id == self._config.server_id:
            return True
        if place.server.port != port:
            return False
        return place.server.host in {host, self._config.host} | EVERYWHERE or _is_loopback(
            place.server.host
        )

    def _start(self, uplink: Uplink, now: float) -> None:
        link = Link(uplink, home_of(uplink), self._wall())
        registration = UplinkRegistration(
            link,
            self._config,
            self._layer,
            self._messenger,
            self._changed,
            self._wall,
            is_ourselves=self._is_ourselves,
            counters=self._registering,
        )
        self._links.put(link)
        self._registrations[uplink.platform_id] = registration
        registration.start(now)

    def _changed(self, link: Link, now: float) -> None:
        """Hear of a new state: what needs a registration ends with it."""
        if not link.is_registered:
            self.calls.end_platform(link.platform_id, now)
            self.subscriptions.end_platform(link.platform_id)
            self.desk.release(link.platform_id)
        self._emit(UplinkChanged(self._status(link)))
        if link.state is not UplinkState.STOPPED:
            return
        gone = self._registrations.pop(link.platform_id)
        self._links.remove(link)
        if gone.successor is not None:
            self._start(gone.successor, now)

    def _status(self, link: Link) -> UplinkStatus:
        return replace(
            link.status(),
            subscriptions=self.subscriptions.topics(link.platform_id),
            calls=self.calls.count(link.platform_id),
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

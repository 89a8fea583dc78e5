"""The registrar: REGISTER, refresh, unregister, expiry, keepalive supervision.

GB/T 28181-2022 9.1, 9.6; RFC 3261 §10. Answers by the packet, believes only proven passwords, and
changes nothing for anybody else: a wrong password leaves a living binding as it was.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from sip.events import (
    AttemptOutcome,
    DeviceDisconnected,
    DeviceExpired,
    DeviceMoved,
    DeviceRedirected,
    DeviceRefreshed,
    DeviceRegistered,
    DeviceUnregistered,
    Event,
    GuessingLocked,
    KeepaliveReceived,
    KeepalivesMissed,
)
from sip.gb28181.clock import find_zone, format_date
from sip.gb28181.edition import OWN_VERSION, read_version
from sip.gb28181.keepalive import Keepalive
from sip.message import Peer, Request, Response, build_response, readable
from sip.roles.admission import Admission
from sip.roles.attempts import AttemptLog
from sip.roles.authentication import Authenticator, Judgement, Verdict
from sip.roles.bindings import (
    LONGEST_RHYTHM_S,
    MOST_COUNT,
    SHORTEST_RHYTHM_S,
    Binding,
    Bindings,
    Rhythm,
    address_of,
)
from sip.roles.clocks import ClockWatch
from sip.roles.config import SipConfig
from sip.roles.rules import RedirectTarget, RuleBook

LONGEST_ID = 32
LONGEST_AGENT = 128


class Registrar:
    """Answers REGISTER and watches what was registered."""

    def __init__(
        self,
        config: SipConfig,
        authenticator: Authenticator,
        emit: Callable[[Event], None],
        wall: Callable[[], datetime],
    ) -> None:
        self._config = config
        self._authenticator = authenticator
        self._emit = emit
        self._wall = wall
        self._zone = find_zone(config.time_zone)
        self._attempts = AttemptLog(emit, wall)
        self._admission = Admission(config.registrations_per_s)
        self.bindings = Bindings(config.keepalive_interval_s, config.keepalive_count)
        self.clocks = ClockWatch(config.clock_tolerance_s, self._zone, emit, wall)
        self.rules = RuleBook(config.digest_algorithms, send_date=config.send_date)

    @property
    def put_off(self) -> int:
        """How many first REGISTERs were answered 503."""
        return self._admission.refused

    def register(self, request: Request, peer: Peer, now: float) -> Response:
        """Return the answer to a REGISTER, having acted on it."""
        device_id = request.to.uri.user or ""
        if not (0 < len(device_id) <= LONGEST_ID and device_id.isascii() and device_id.isalnum()):
            return self._answer(request, 400)
        algorithms = self.rules.algorithms(device_id)
        at_home = self.bindings.last_host(device_id) == peer.host
        judged = self._authenticator.judge(
            request, device_id, peer.host, now, algorithms, is_at_home=at_home
        )
        # Whoever leaves makes room: a goodbye is never put off.
        is_leaving = at_home and self._wanted_expires(request) == 0
        if judged.verdict is Verdict.CHALLENGE and not (judged.is_stale or is_leaving):
            wait_s = self._admission.put_off_s(now)
            if wait_s is not None:
                return self._answer(request, 503, [("Retry-After", str(wait_s))])
        outcome = judged.outcome
        if judged.is_stale and self._is_elsewhere(device_id, peer):
            outcome = AttemptOutcome.REFUSED_OTHER_ADDRESS
        agent = request.user_agent[:LONGEST_AGENT]
        self._attempts.note(device_id, address_of(peer), outcome, agent, now)
        if judged.is_locking:
            self._emit(GuessingLocked(device_id, address_of(peer), self._wall()))
        match judged.verdict:
            case Verdict.BROKEN:
                return self._answer(request, 400)
            case Verdict.REFUSED:
                return self._answer(request, 403)
            case Verdict.CHALLENGE:
                return self._challenge(request, device_id, judged, now)
        self.clocks.note(device_id, request.headers.get("date"))
        return self._accept(request, device_id, peer, now)

    def is_doubtful(self, request: Request, now: float) -> bool:
        """Whether a REGISTER would be refused by the passwords that are known now."""
        device_id = request.to.uri.user or ""
        algorithms = self.rules.algorithms(device_id)
        return self._authenticator.is_doubtful(request, device_id, now, algorithms)

    def keepalive(self, binding: Binding, keepalive: Keepalive, peer: Peer, now: float) -> None:
        """Take a keepalive of a binding that was found by `admit`; its packet tells the route."""
        previous, was_silent = binding.peer, binding.is_silent
        if _may_move(previous, peer):
            self.bindings.move(binding, peer)
        binding.rhythm.hear(now)
        if was_silent:
            self.bindings.revive(binding, now)
        if was_silent or previous != binding.peer:
            self._emit(
                DeviceRefreshed(
                    binding.device_id,
                    address_of(binding.peer),
                    binding.expires_s,
                    self._wall(),
                    address_of(previous) if previous != binding.peer else None,
                    is_returned=was_silent,
                )
            )
        self._emit(
            KeepaliveReceived(
                binding.device_id,
                address_of(peer),
                keepalive.status,
                keepalive.faulty,
                self._wall(),
            )
        )

    def admit(self, device_id: str | None, peer: Peer, now: float) -> Binding | None:
        """Return who sent a packet, None for strangers and for forged ids (threat 9).

        The id in From counts when it comes from the host it registered from; else the route must
        belong to one device, because some send under a channel's id (quirk 7).
        """
        binding = self.bindings.get(device_id or "")
        if binding is None or binding.peer.host != peer.host:
            binding = self.bindings.on_route(peer)
        if binding is not None:
            binding.last_seen = now
        return binding

    def revive(self, device_id: str | None, peer: Peer, now: float) -> Binding | None:
        """Take back a device that sends keepalives although its registration has ended.

        An option, because a keepalive proves nothing: only who was proven before, ended without a
        goodbye and sends from the same host comes back; the rest is to register (2.10).
        """
        gone = self.bindings.departed(device_id or "")
        if not self._config.revives_by_keepalive or gone is None or gone.peer.host != peer.host:
            return None
        gone.peer, gone.expires_at, gone.last_seen = peer, now + gone.expires_s, now
        gone.is_silent = True
        self.bindings.put(gone)
        return gone

    def check_clock(self, device_id: str, text: str) -> None:
        """Compare a time that a registered device told with our own."""
        if self.bindings.get(device_id) is not None:
            self.clocks.note(device_id, text)

    def learn_heartbeat(self, device_id: str, interval_s: float, count: int) -> None:
        """Take what a device's BasicParam says of its keepalives; absurd values are clamped."""
        binding = self.bindings.get(device_id)
        if binding is not None:
            rhythm = binding.rhythm
            rhythm.interval_s = max(SHORTEST_RHYTHM_S, min(interval_s, LONGEST_RHYTHM_S))
            rhythm.count = max(1, min(count, MOST_COUNT))
            self.bindings.watch(binding)

    def connection_lost(self, peer: Peer, now: float) -> list[str]:
        """Take the loss of a TCP connection; returns the devices that are gone with it."""
        lost = [binding.device_id for binding in self.bindings.all_on_route(peer)]
        for device_id in lost:
            self.bindings.remove(device_id, may_return=True)
            self._emit(DeviceDisconnected(device_id, address_of(peer), self._wall()))
        return lost

    def next_timer(self) -> float | None:
        """Return when somebody may have to be called offline."""
        times = (self.bindings.next_deadline(), self._attempts.next_timer())
        return min((time for time in times if time is not None), default=None)

    def handle_timer(self, now: float) -> list[str]:
        """Find who has expired or fallen silent; returns those that went offline."""
        self._attempts.handle_timer(now)
        gone: list[str] = []
        for binding in self.bindings.overdue(now):
            gone.append(binding.device_id)
            if binding.expires_at <= now:
                self.bindings.remove(binding.device_id, may_return=True)
                self._emit(DeviceExpired(binding.device_id, self._wall()))
                continue
            binding.is_silent = True
            self.bindings.watch(binding)
            missed = max(self._config.keepalive_count, binding.rhythm.count or 0)
            silence_s = now - binding.last_seen
            self._emit(KeepalivesMissed(binding.device_id, missed, silence_s, self._wall()))
        return gone

    def forget(self, device_id: str) -> bool:
        """Remove a binding without asking the device (it was deleted)."""
        self.clocks.forget(device_id)
        self.rules.set(device_id, None)
        return self.bindings.remove(device_id) is not None

    def _challenge(
        self, request: Request, device_id: str, judged: Judgement, now: float
    ) -> Response:
        values = self._authenticator.challenges(
            device_id, now, self.rules.algorithms(device_id), is_stale=judged.is_stale
        )
        return self._answer(request, 401, [("WWW-Authenticate", value) for value in values])

    def _accept(self, request: Request, device_id: str, peer: Peer, now: float) -> Response:
        expires_s = self._wanted_expires(request)
        if expires_s == 0:
            return self._unregister(request, device_id, peer)
        gb_version = read_version(request.headers.get("x-gb-ver"))
        target = self.rules.redirect(device_id, gb_version)
        if target is not None:
            return self._redirect(request, device_id, peer, target, expires_s)
        wall = self._wall()
        known = self.bindings.get(device_id)
        contact = str(request.contact.uri) if request.contact is not None else ""
        binding = Binding(
            device_id=device_id,
            peer=peer,
            contact=readable(contact),
            user_agent=request.user_agent[:LONGEST_AGENT],
            gb_version=gb_version,
            registered_at=known.registered_at if known is not None else wall,
            expires_s=expires_s,
            expires_at=now + expires_s,
            last_seen=now,
            rhythm=known.rhythm if known is not None else Rhythm(),
        )
        self.bindings.put(binding)
        self._tell(binding, known, wall)
        headers = [("Expires", str(expires_s))]
        if contact:
            headers.insert(0, ("Contact", f"<{contact}>;expires={expires_s}"))
        if self.rules.sends_date(device_id):
            headers.append(("Date", format_date(wall, self._zone)))
        return self._answer(request, 200, headers)

    def _tell(self, binding: Binding, known: Binding | None, wall: datetime) -> None:
        here = address_of(binding.peer)
        moved = known is not None and known.peer != binding.peer
        previous = address_of(known.peer) if known is not None and moved else None
        if known is None:
            self._emit(
                DeviceRegistered(
                    binding.device_id,
                    here,
                    binding.expires_s,
                    binding.user_agent,
                    binding.gb_version,
                    wall,
                )
            )
            return
        if previous is not None and previous.host != here.host:
            self._emit(DeviceMoved(binding.device_id, previous, here, wall))
        self._emit(
            DeviceRefreshed(
                binding.device_id,
                here,
                binding.expires_s,
                wall,
                previous,
                is_returned=known.is_silent,
            )
        )

    def _unregister(self, request: Request, device_id: str, peer: Peer) -> Response:
        if self.bindings.remove(device_id) is not None:
            self._emit(DeviceUnregistered(device_id, address_of(peer), self._wall()))
        return self._answer(request, 200, [("Expires", "0")])

    def _redirect(
        self, request: Request, device_id: str, peer: Peer, target: RedirectTarget, expires_s: int
    ) -> Response:
        """Send a device elsewhere; with us it is not registered any more."""
        wall = self._wall()
        if self.bindings.remove(device_id) is not None:
            self._emit(DeviceUnregistered(device_id, address_of(peer), wall))
        self._emit(DeviceRedirected(device_id, address_of(peer), target.contact, wall))
        headers = [("Contact", target.contact), ("Expires", str(expires_s))]
        return self._answer(request, 302, headers)

    def _wanted_expires(self, request: Request) -> int:
        """Contact's expires, else Expires, else the default; 0 stays 0, the rest is bounded."""
        wanted = request.contact_expires
        if wanted is None:
            wanted = request.expires
        if wanted is None:
            wanted = self._config.default_expires_s
        if wanted == 0:
            return 0
        return max(self._config.min_expires_s, min(wanted, self._config.max_expires_s))

    def _is_elsewhere(self, device_id: str, peer: Peer) -> bool:
        binding = self.bindings.get(device_id)
        return binding is not None and not binding.is_silent and binding.peer.host != peer.host

    def _answer(
        self, request: Request, status: int, headers: Iterable[tuple[str, str]] = ()
    ) -> Response:
        version = [("X-GB-Ver", OWN_VERSION)] if self._config.edition == "2022" else []
        return build_response(request, status, headers=[*headers, *version])


def _may_move(old: Peer, new: Peer) -> bool:
    """Whether a keepalive may change the route: same host only, and no datagram takes a device
    from the living connection it opened."""
    if old == new or old.host != new.host:
        return False
    return not (old.transport == "tcp" and old.connection is not None and new.transport == "udp")

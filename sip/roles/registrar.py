"""The registrar: REGISTER, refresh, unregister, expiry, keepalive supervision.

GB/T 28181-2022 9.1, 9.6; RFC 3261 §10. Answers by the packet, believes only proven passwords, and
changes nothing for anybody else: a wrong password leaves a living binding as it was.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sip.events import (
    AttemptOutcome,
    DeviceDisconnected,
    DeviceExpired,
    DeviceMoved,
    DeviceRefreshed,
    DeviceRegistered,
    DeviceUnregistered,
    Event,
    KeepaliveReceived,
    KeepalivesMissed,
)
from sip.gb28181.edition import OWN_VERSION, read_version
from sip.gb28181.keepalive import Keepalive
from sip.message import Peer, Request, Response, build_response, readable
from sip.roles.attempts import AttemptLog
from sip.roles.authentication import Authenticator, Verdict
from sip.roles.bindings import Binding, Bindings, RegistrationSnapshot, address_of
from sip.roles.config import SipConfig

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
        self.bindings = Bindings(config.keepalive_interval_s, config.keepalive_count)

    def register(self, request: Request, peer: Peer, now: float) -> Response:
        """Return the answer to a REGISTER, having acted on it."""
        device_id = request.to.uri.user or ""
        if not (0 < len(device_id) <= LONGEST_ID and device_id.isascii() and device_id.isalnum()):
            return self._answer(request, 400)
        judged = self._authenticator.judge(request, device_id, peer.host, now)
        outcome = judged.outcome
        if judged.is_stale and self._is_elsewhere(device_id, peer):
            outcome = AttemptOutcome.REFUSED_OTHER_ADDRESS
        agent = request.user_agent[:LONGEST_AGENT]
        self._attempts.note(device_id, address_of(peer), outcome, agent, now)
        match judged.verdict:
            case Verdict.BROKEN:
                return self._answer(request, 400)
            case Verdict.REFUSED:
                return self._answer(request, 403)
            case Verdict.CHALLENGE:
                challenge = self._authenticator.challenge(device_id, now, is_stale=judged.is_stale)
                return self._answer(request, 401, [("WWW-Authenticate", challenge)])
        return self._accept(request, device_id, peer, now)

    def keepalive(self, binding: Binding, keepalive: Keepalive, peer: Peer, now: float) -> None:
        """Take a keepalive of a binding that was found by `admit`; its packet tells the route."""
        previous = binding.peer
        if _may_move(previous, peer):
            self.bindings.move(binding, peer)
        if binding.is_silent:
            self.bindings.revive(binding, now)
            self._emit(
                DeviceRefreshed(
                    binding.device_id,
                    address_of(binding.peer),
                    binding.expires_s,
                    self._wall(),
                    address_of(previous) if previous != binding.peer else None,
                    is_returned=True,
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

    def connection_lost(self, peer: Peer, now: float) -> list[str]:
        """Take the loss of a TCP connection; returns the devices that are gone with it."""
        lost = [binding.device_id for binding in self.bindings.all_on_route(peer)]
        for device_id in lost:
            self.bindings.remove(device_id)
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
                self.bindings.remove(binding.device_id)
                self._emit(DeviceExpired(binding.device_id, self._wall()))
                continue
            binding.is_silent = True
            self.bindings.watch(binding)
            missed = self._config.keepalive_count
            silence_s = now - binding.last_seen
            self._emit(KeepalivesMissed(binding.device_id, missed, silence_s, self._wall()))
        return gone

    def forget(self, device_id: str) -> bool:
        """Remove a binding without asking the device (it was deleted)."""
        return self.bindings.remove(device_id) is not None

    def snapshot(self, now: float) -> list[RegistrationSnapshot]:
        """Return all bindings in a form that survives a restart."""
        wall = self._wall()
        return [
            RegistrationSnapshot(
                binding.device_id,
                address_of(binding.peer),
                binding.contact,
                binding.user_agent,
                binding.gb_version,
                binding.registered_at,
                wall + timedelta(seconds=binding.expires_at - now),
            )
            for binding in self.bindings
        ]

    def restore(self, snapshots: Iterable[RegistrationSnapshot], now: float) -> int:
        """Take bindings back after a restart and return how many still run.

        A UDP device is called offline only after the usual silence from now on. A TCP device has
        lost its connection: it is silent until a keepalive of the same host brings the new one.
        """
        wall = self._wall()
        restored = 0
        for snapshot in snapshots:
            left_s = (snapshot.expires_at - wall).total_seconds()
            if left_s <= 0 or self.bindings.get(snapshot.device_id) is not None:
                continue
            restored += 1
            address = snapshot.peer
            self.bindings.put(
                Binding(
                    device_id=snapshot.device_id,
                    peer=Peer(address.transport, address.host, address.port),
                    contact=snapshot.contact,
                    user_agent=snapshot.user_agent,
                    gb_version=snapshot.gb_version,
                    registered_at=snapshot.registered_at,
                    expires_s=int(left_s),
                    expires_at=now + left_s,
                    last_seen=now,
                    is_silent=address.transport == "tcp",
                )
            )
        return restored

    def _accept(self, request: Request, device_id: str, peer: Peer, now: float) -> Response:
        expires_s = self._wanted_expires(request)
        if expires_s == 0:
            return self._unregister(request, device_id, peer)
        wall = self._wall()
        known = self.bindings.get(device_id)
        contact = str(request.contact.uri) if request.contact is not None else ""
        binding = Binding(
            device_id=device_id,
            peer=peer,
            contact=readable(contact),
            user_agent=request.user_agent[:LONGEST_AGENT],
            gb_version=read_version(request.headers.get("x-gb-ver")),
            registered_at=known.registered_at if known is not None else wall,
            expires_s=expires_s,
            expires_at=now + expires_s,
            last_seen=now,
        )
        self.bindings.put(binding)
        self._tell(binding, known, wall)
        headers = [("Expires", str(expires_s))]
        if contact:
            headers.insert(0, ("Contact", f"<{contact}>;expires={expires_s}"))
        if self._config.send_date:
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
        return build_response(request, status, headers=[*headers, ("X-GB-Ver", OWN_VERSION)])


def _may_move(old: Peer, new: Peer) -> bool:
    """Whether a keepalive may change the route: same host only, and no datagram takes a device
    from the living connection it opened."""
    if old == new or old.host != new.host:
        return False
    return not (old.transport == "tcp" and old.connection is not None and new.transport == "udp")


def find_zone(name: str) -> tzinfo:
    """Return a zone; Beijing time, which has no summer time, also where the system has no table."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return timezone(timedelta(hours=8))


def format_date(wall: datetime, zone: tzinfo) -> str:
    """Write the Date of a 200 to REGISTER: local, milliseconds, no zone (2022 9.10)."""
    return wall.astimezone(zone).replace(tzinfo=None).isoformat(timespec="milliseconds")

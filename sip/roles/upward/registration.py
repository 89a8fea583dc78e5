"""Our registration at one upper platform: REGISTER, refresh, keepalive, goodbye.

GB/T 28181-2022 9.1 and 9.6; RFC 3261 §10 and §22. A failure is followed by growing pauses, a wrong
password by the longest at once: the upper platform locks out who guesses.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sip.errors import LocalProtocolError, MalformedDigest, SipError
from sip.gb28181.clock import find_zone, read_offset
from sip.gb28181.edition import OWN_VERSION, read_version
from sip.message import NameAddr, Request, Response, SipUri, build_request
from sip.message.digest import Algorithm, answer_challenge
from sip.message.peer import Peer
from sip.roles.config import SipConfig
from sip.roles.register_answer import (
    MOST_CHALLENGES,
    MOST_REDIRECTS,
    REFRESH_SHARE,
    Place,
    choose_challenge,
    granted_expires,
    read_redirect,
    retry_after,
)
from sip.roles.upward.keepalives import Keepalives
from sip.roles.upward.link import Link, UpwardRequest
from sip.roles.upward.messenger import UpperMessenger
from sip.roles.upward.terms import Uplink, UplinkState
from sip.transactions import TransactionLayer

GOODBYE_S = 4.0
"""Longest wait for the answer to the last REGISTER."""

SHORTEST_PAUSE_S = 5.0
"""Before a refresh or another try, whatever Expires and Retry-After say."""

CLOSING_S = 1.0
"""Longest wait for the end of a dead TCP connection before we register anew."""

LONGEST_EXPIRES_S = 604_800
"""A Min-Expires above a week is not believed."""

ALGORITHMS = frozenset(Algorithm)
PROOFS = {401: ("www-authenticate", "Authorization")} | {
    407: ("proxy-authenticate", "Proxy-Authorization")
}
_STATES = UplinkState


def home_of(uplink: Uplink) -> Place:
    """The place that people typed in."""
    return Place(
        uplink.platform_id, uplink.domain, Peer(uplink.transport, uplink.host, uplink.port)
    )


@dataclass(slots=True, eq=False)
class RegisterSent(UpwardRequest):
    """One REGISTER on its way."""

    registration: "UplinkRegistration"
    is_proven: bool
    """Whether it carried an answer to a challenge."""

    def receive_response(self, response: Response, peer: Peer, now: float) -> None:
        """Hand on the final answer."""
        if response.is_final:
            self.registration.answered(self, response, peer, now)

    def fail(self, now: float, *, is_unreachable: bool) -> None:
        """Hand on that there is none."""
        self.registration.unanswered(self, now, is_unreachable=is_unreachable)


class UplinkRegistration:
    """Keeps us registered at one upper platform; `changed` hears of every new state."""

    def __init__(
        self,
        link: Link,
        config: SipConfig,
        layer: TransactionLayer,
        messenger: UpperMessenger,
        changed: Callable[[Link, float], None],
        wall: Callable[[], datetime],
        *,
        is_ourselves: Callable[[Place], bool],
        counters: Counter[str],
    ) -> None:
        self.link = link
        self.successor: Uplink | None = None
        """What is to be registered here once the goodbye is over."""
        self._config = config
        self._layer = layer
        self._messenger = messenger
        self._changed = changed
        self._wall = wall
        self._is_ourselves = is_ourselves
        self._counters = counters
        self._zone = find_zone(config.time_zone)
        self._call_id = messenger.new_call_id()
        self._tag = messenger.new_id()
        self._cseq = 0
        self._expires_s = link.uplink.expires_s
        self._challenges = self._redirects = self._failures = 0
        self._is_raised = False
        """Whether a 423 made us ask for longer in this attempt."""
        self._is_reconnecting = False
        self._pending: RegisterSent | None = None
        self._register_at: float | None = None
        self._expires_at = 0.0
        self._keepalives = Keepalives(link, messenger, self._missed, self._forgotten, counters)

    # What it is told to do

    def start(self, now: float) -> None:
        """Register from now on."""
        self._begin(now)

    def stop(self, now: float) -> None:
        """Unregister where registered, else just stop; STOPPED tells that it is done."""
        self._register_at = None
        self._keepalives.stop()
        state = self.link.state
        if state in (_STATES.STOPPED, _STATES.UNREGISTERING):
            return
        # One that is proven may have arrived, though its answer has not.
        is_proven = self._pending is not None and self._pending.is_proven
        if state is not _STATES.REGISTERED and not is_proven:
            self._pending = None
            self._change(_STATES.STOPPED, now)
            return
        self._change(_STATES.UNREGISTERING, now)
        self._challenges = 0
        self._send_register(now)

    # What comes

    def answered(self, sent: RegisterSent, response: Response, peer: Peer, now: float) -> None:
        """Take the final answer to a REGISTER."""
        if sent is not self._pending:
            return
        self._pending = None
        version = response.headers.get("x-gb-ver")
        if version is not None:
            self.link.gb_version = read_version(version)
        if response.status in PROOFS and self._prove(sent, response, now):
            return
        if self.link.state is _STATES.UNREGISTERING:
            self._change(_STATES.STOPPED, now)
        elif response.is_success and granted_expires(response) != 0:
            self._accepted(response, peer, now)
        elif response.status == 302 and self._follow(response, now):
            self._counters["redirects"] += 1
        elif response.status == 423 and self._ask_for_longer(response, now):
            self._counters["intervals.raised"] += 1
        else:
            self._refused(sent, response, now)

    def unanswered(self, sent: RegisterSent, now: float, *, is_unreachable: bool) -> None:
        """Note that a REGISTER got no answer."""
        if sent is not self._pending:
            return
        self._pending = None
        if self.link.state is _STATES.UNREGISTERING:
            self._change(_STATES.STOPPED, now)
            return
        if self._is_spared(self.link.uplink.retry_s, now):
            return
        self._give_up("unreachable" if is_unreachable else "no_answer", 0, now)

    def _is_spared(self, pause_s: float, now: float) -> bool:
        """Whether a failed refresh ends nothing, because the registration runs beyond the next."""
        if not self.link.is_registered or now + pause_s >= self._expires_at:
            return False
        self._counters["refreshes.failed"] += 1
        self._register_at = now + max(pause_s, min(self.link.uplink.retry_s, SHORTEST_PAUSE_S))
        return True

    def connection_lost(self, now: float) -> None:
        """Take the loss of our TCP connection: offline, again after the usual pause (9.1.1 f)."""
        if self._is_reconnecting:
            self._register_at = now
            return
        self._pending = None
        if self.link.state is _STATES.UNREGISTERING:
            self._change(_STATES.STOPPED, now)
        elif self.link.state in (_STATES.REGISTERED, _STATES.REGISTERING):
            self._give_up("unreachable", 0, now)

    # Time

    def next_timer(self) -> float | None:
        """Return when to register or to send a keepalive."""
        times = (self._register_at, self._keepalives.due)
        return min((time for time in times if time is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        if self._register_at is not None and self._register_at <= now:
            self._begin(now)
        self._keepalives.handle_timer(now)

    # REGISTER

    def _begin(self, now: float) -> None:
        self._register_at = None
        self._is_reconnecting = False
        if not self.link.is_registered:
            self._change(_STATES.REGISTERING, now, self.link.failure, self.link.status_code)
        self._challenges = 0
        self._is_raised = False
        self._send_register(now)

    def _missed(self, now: float) -> None:
        self._begin_anew("keepalives_missed", 0, now)

    def _forgotten(self, status: int, now: float) -> None:
        """The platform does not know us any more, as after its restart."""
        self._begin_anew("", status, now)

    def _begin_anew(self, failure: str, status: int, now: float) -> None:
        """Register at once, from home on and with a new Call-ID, as after a start."""
        self._keepalives.stop()
        if failure:
            self._mark_dead()
        self._go_home()
        self._change(_STATES.REGISTERING, now, failure, status)
        if self.link.dead is None:
            self._begin(now)
        else:
            self._is_reconnecting = True
            self._register_at = now + CLOSING_S

    def _mark_dead(self) -> None:
        """A half-open connection would swallow the next REGISTER too."""
        if self.link.place.server.is_reliable:
            self.link.dead = self.link.place.server

    def _go_home(self) -> None:
        self.link.place, self._redirects = home_of(self.link.uplink), 0
        self._call_id = self._messenger.new_call_id()

    def _send_register(self, now: float, proof: tuple[str, str] | None = None) -> None:
        leaving = self.link.state is _STATES.UNREGISTERING
        sent = RegisterSent(self, is_proven=proof is not None)
        self._pending = sent
        try:
            self._layer.send_request(
                self._build_register(0 if leaving else self._expires_s, proof),
                self.link.place.server,
                now,
                user=sent,
                timeout_s=GOODBYE_S if leaving else None,
            )
        except SipError:
            self.unanswered(sent, now, is_unreachable=True)

    def _build_register(self, expires_s: int, proof: tuple[str, str] | None) -> Request:
        link = self.link
        own = self._messenger.own_address(link)
        headers = [("User-Agent", self._messenger.user_agent), ("Expires", str(expires_s))]
        if link.is_2022:
            headers.append(("X-GB-Ver", OWN_VERSION))
        if proof is not None:
            headers.append(proof)
        self._cseq += 1
        return build_request(
            "REGISTER",
            SipUri(link.place.domain, link.place.server_id),
            from_=own.with_tag(self._tag),
            to=NameAddr(own.uri),
            call_id=self._call_id,
            cseq=self._cseq,
            contact=self._messenger.contact(link),
            headers=headers,
        )

    def _prove(self, sent: RegisterSent, response: Response, now: float) -> bool:
        """Answer a challenge; False where we cannot, or where the password was wrong already."""
        if self._challenges >= MOST_CHALLENGES:
            return False
        self._challenges += 1
        challenged_by, answered_by = PROOFS[response.status]
        uplink, place = self.link.uplink, self.link.place
        try:
            challenge = choose_challenge(response.headers.get_all(challenged_by), ALGORITHMS)
            if sent.is_proven and not challenge.is_stale:
                return False
            credentials = answer_challenge(
                challenge,
                method="REGISTER",
                uri=f"sip:{place.server_id}@{place.domain}",
                username=uplink.username or uplink.own_id,
                password=uplink.password,
                cnonce=self._messenger.new_id(),
            )
        except (MalformedDigest, LocalProtocolError):
            self._counters["challenges.unusable"] += 1
            return False
        self._send_register(now, (answered_by, str(credentials)))
        return True

    def _accepted(self, response: Response, peer: Peer, now: float) -> None:
        granted = granted_expires(response)
        expires_s = self._expires_s if granted is None else granted
        self._failures = self._redirects = 0
        self._expires_at = now + expires_s
        self._register_at = now + max(SHORTEST_PAUSE_S, expires_s * REFRESH_SHARE)
        link = self.link
        link.answered_from = peer.host
        date = response.headers.get("date")
        if date is not None:
            link.clock_offset_s = read_offset(date, self._wall(), self._zone)
        if not link.is_registered:
            self._keepalives.start(now)
            self._change(_STATES.REGISTERED, now)

    def _follow(self, response: Response, now: float) -> bool:
        """Register where a 302 says; False where it says nothing usable, or ourselves."""
        place = read_redirect(response, self.link.place)
        if place is None or self._redirects >= MOST_REDIRECTS or self._is_ourselves(place):
            return False
        redirects = self._redirects + 1
        if self.link.is_registered:
            self._keepalives.stop()
            self._change(_STATES.REGISTERING, now, "", 302)
        self._redirects = redirects
        self.link.place = place
        self._call_id = self._messenger.new_call_id()
        self._challenges = 0
        self._send_register(now)
        return True

    def _ask_for_longer(self, response: Response, now: float) -> bool:
        """Take the Min-Expires of a 423, once in each attempt (RFC 3261 §10.2.8)."""
        digits = (response.headers.get("min-expires") or "").strip()[:8]
        if self._is_raised or not digits.isdecimal():
            return False
        if not self._expires_s < int(digits) <= LONGEST_EXPIRES_S:
            return False
        self._is_raised = True
        self._expires_s = int(digits)
        self._challenges = 0
        self._send_register(now)
        return True

    def _refused(self, sent: RegisterSent, response: Response, now: float) -> None:
        status = response.status
        if status in PROOFS or (status == 403 and sent.is_proven):
            failure = "wrong_password" if sent.is_proven else "refused"
        else:
            failure = {403: "forbidden", 404: "unknown_to_upper", 423: "interval_too_brief"}.get(
                status, "refused"
            )
        pause_s = retry_after(response)
        if status < 500 or not self._is_spared(
            self.link.uplink.retry_s if pause_s is None else pause_s, now
        ):
            self._give_up(failure, status, now, pause_s)

    def _give_up(self, failure: str, status: int, now: float, pause_s: float | None = None) -> None:
        uplink = self.link.uplink
        self._counters[f"failures.{failure}"] += 1
        self._keepalives.stop()
        if failure == "no_answer":
            self._mark_dead()
        # The platform we were sent to is gone or refuses: begin again where we were sent from.
        self._go_home()
        if pause_s is None:
            doublings = 16 if failure == "wrong_password" else min(self._failures, 16)
            pause_s = min(uplink.retry_s * (1 << doublings), uplink.longest_retry_s)
            # Not all platforms of a province at the same moment (7.1).
            pause_s *= 1 + sum(self._messenger.new_id().encode()) % 256 / 1024
        pause_s = max(pause_s, min(uplink.retry_s, SHORTEST_PAUSE_S))
        self._failures += 1
        self._register_at = now + pause_s
        at = self._wall() + timedelta(seconds=pause_s)
        self._change(_STATES.WAITING, now, failure, status, at)

    def _change(
        self,
        state: UplinkState,
        now: float,
        failure: str = "",
        status: int = 0,
        next_attempt_at: datetime | None = None,
    ) -> None:
        link = self.link
        before = (link.state, link.failure, link.status_code)
        if state is not link.state:
            link.since = self._wall()
        link.state, link.failure, link.status_code = state, failure, status
        link.next_attempt_at = next_attempt_at
        if before != (state, failure, status) or next_attempt_at is not None:
            self._changed(link, now)

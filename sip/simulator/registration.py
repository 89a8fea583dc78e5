"""The registering side of a simulated device: REGISTER, refresh, keepalive, unregister.

GB/T 28181-2022 9.1 and 9.6, checklist 24-26 and 31 of the profile.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from sip.errors import LocalProtocolError, MalformedDigest
from sip.gb28181.clock import find_zone, format_date
from sip.gb28181.keepalive import build_keepalive
from sip.gb28181.manscdp import CONTENT_TYPE
from sip.message import NameAddr, Request, Response, SipUri, build_request
from sip.message.digest import Challenge, answer_challenge
from sip.roles.register_answer import (
    FORGOTTEN_STATUSES,
    MOST_CHALLENGES,
    MOST_REDIRECTS,
    REFRESH_SHARE,
    Place,
    choose_challenge,
    granted_expires,
    read_redirect,
    retry_after,
)
from sip.simulator.profile import (
    DeviceProfile,
    Faults,
    RegistrationChanged,
    RegistrationState,
    SimulatedChannel,
    SimulatorEvent,
)
from sip.transactions import ClientTransaction, TransactionLayer

_ZONE = find_zone("Asia/Shanghai")


def home_of(profile: DeviceProfile) -> Place:
    """The place that people typed into the device."""
    return Place(profile.server_id, profile.domain, profile.server)


class RegistrationClient:
    """Keeps one device registered, at home or where a 302 sent it; slots, for fleets of them."""

    __slots__ = (
        "_call_id", "_challenges", "_channels", "_cseq", "_emit", "_faults", "_keepalive_at",
        "_layer", "_pending", "_place", "_profile", "_random_bytes", "_redirects", "_register_at",
        "_sn", "_tag", "_unanswered", "_wall", "state",
    )  # fmt: skip

    def __init__(
        self,
        profile: DeviceProfile,
        faults: Faults,
        layer: TransactionLayer,
        random_bytes: Callable[[int], bytes],
        emit: Callable[[SimulatorEvent], None],
        wall: Callable[[], datetime] | None = None,
        channels: Callable[[], Iterable[SimulatedChannel]] | None = None,
    ) -> None:
        """`channels` are those of the moment, for keepalives; None: the profile's, for ever."""
        self.state = RegistrationState.IDLE
        self._profile = profile
        self._channels = channels
        self._faults = faults
        self._layer = layer
        self._random_bytes = random_bytes
        self._emit = emit
        self._wall = wall
        self._place = home_of(profile)
        self._redirects = 0
        self._call_id = self._new_call_id()
        self._tag = random_bytes(6).hex()
        self._cseq = 0
        self._sn = 0
        self._challenges = 0
        self._register_at: float | None = None
        self._keepalive_at: float | None = None
        self._unanswered = 0
        self._pending: ClientTransaction | None = None

    def start(self, now: float) -> None:
        """Register; a device that does so already goes on."""
        if self.state in (RegistrationState.IDLE, RegistrationState.WAITING):
            self._begin(now)

    def stop(self, now: float) -> None:
        """Unregister where registered, else just stop."""
        self._register_at = self._keepalive_at = None
        if self.state in (RegistrationState.IDLE, RegistrationState.UNREGISTERING):
            return
        if self.state is RegistrationState.WAITING:
            self._change(RegistrationState.IDLE)
            return
        self._change(RegistrationState.UNREGISTERING)
        self._challenges = 0
        self._send_register(now)

    def restart(self, now: float, after_s: float) -> None:
        """Fall silent as a device does that restarts, and register again later."""
        if self.state in (RegistrationState.REGISTERED, RegistrationState.REGISTERING):
            self._pending = None
            self._keepalive_at = None
            self._register_at = now + after_s
            self._change(RegistrationState.WAITING)

    @property
    def place(self) -> Place:
        """Where the device registers now, and where all of its requests go."""
        return self._place

    def next_sn(self) -> int:
        """Return the next SN."""
        self._sn += 1
        return self._sn

    def build_message(self, body: bytes, *, from_id: str | None = None) -> Request:
        """Return a MESSAGE to the platform."""
        profile = self._profile
        sender = SipUri(profile.domain, from_id or profile.device_id)
        platform = SipUri(self._place.domain, self._place.server_id)
        self._cseq += 1
        return build_request(
            "MESSAGE",
            platform,
            from_=NameAddr(sender).with_tag(self._random_bytes(6).hex()),
            to=NameAddr(platform),
            call_id=self._new_call_id(),
            cseq=self._cseq,
            headers=[("User-Agent", profile.user_agent), ("Content-Type", CONTENT_TYPE)],
            body=body,
        )

    def receive_response(
        self, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        """Take an answer to a REGISTER or a keepalive."""
        if not response.is_final:
            return
        if transaction.method == "MESSAGE":
            self._receive_keepalive_answer(response, now)
        elif transaction is self._pending:
            self._pending = None
            self._receive_register_answer(response, now)

    def fail(self, transaction: ClientTransaction, now: float) -> None:
        """Note that no answer came."""
        if transaction.method == "MESSAGE":
            self._note_unanswered(now)
        elif transaction is self._pending:
            self._pending = None
            self._give_up(None, now)

    def connection_lost(self, now: float) -> None:
        """Take the loss of our TCP connection: offline, again after the usual delay (9.1.1 f)."""
        if self.state in (RegistrationState.REGISTERED, RegistrationState.REGISTERING):
            self._pending = None
            self._give_up(None, now)
        elif self.state is RegistrationState.UNREGISTERING:
            self._change(RegistrationState.IDLE)

    def next_timer(self) -> float | None:
        """Return when to register or to send a keepalive."""
        times = (self._register_at, self._keepalive_at)
        return min((time for time in times if time is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        if self._register_at is not None and self._register_at <= now:
            self._begin(now)
        if self._keepalive_at is not None and self._keepalive_at <= now:
            self._keepalive_at = now + self._profile.keepalive_interval_s
            if not self._faults.keepalive_stopped:
                self.send_keepalive(now)

    def send_keepalive(self, now: float) -> None:
        """Send one keepalive; channels that are off are told as faulty."""
        channels = self._profile.channels if self._channels is None else self._channels()
        faulty = [channel.code for channel in channels if not channel.status_on]
        body = build_keepalive(
            self._profile.device_id, self.next_sn(), faulty, charset=self._profile.charset
        )
        self._layer.send_request(
            self.build_message(body),
            self._place.server,
            now,
            user=self,
            timeout_s=min(self._profile.keepalive_interval_s, 32.0),
        )

    def _begin(self, now: float) -> None:
        self._register_at = None
        if self.state is not RegistrationState.REGISTERED:
            self._change(RegistrationState.REGISTERING)
        if self._faults.new_call_id_on_refresh:
            self._call_id = self._new_call_id()
        self._challenges = 0
        self._send_register(now)

    def _send_register(self, now: float, authorization: str | None = None) -> None:
        profile = self._profile
        own = SipUri(self._place.domain, profile.device_id)
        leaving = self.state is RegistrationState.UNREGISTERING
        headers = [
            ("User-Agent", profile.user_agent),
            ("Expires", "0" if leaving else str(profile.expires_s)),
        ]
        if self._faults.clock_offset_s is not None and self._wall is not None:
            time = self._wall() + timedelta(seconds=self._faults.clock_offset_s)
            headers.append(("Date", format_date(time, _ZONE)))
        if profile.gb_version:
            headers.append(("X-GB-Ver", profile.gb_version))
        if authorization is not None:
            headers.append(("Authorization", authorization))
        self._cseq += 1
        request = build_request(
            "REGISTER",
            SipUri(self._place.domain, self._place.server_id),
            from_=NameAddr(own).with_tag(self._tag),
            to=NameAddr(own),
            call_id=self._call_id,
            cseq=self._cseq,
            contact=f"<{SipUri(profile.local_host, profile.device_id, profile.local_port)}>",
            headers=headers,
        )
        self._pending = self._layer.send_request(request, self._place.server, now, user=self)

    def _receive_register_answer(self, response: Response, now: float) -> None:
        if response.status == 401 and self._challenges < MOST_CHALLENGES:
            self._challenges += 1
            authorization = self._authorization(response)
            if authorization is not None:
                self._send_register(now, authorization)
                return
        if self.state is RegistrationState.UNREGISTERING:
            self._change(RegistrationState.IDLE, response.status)
        elif response.is_success:
            self._accepted(response, now)
        elif response.status == 302 and self._follow(response, now):
            return
        else:
            self._give_up(response.status, now, retry_after(response))

    def _follow(self, response: Response, now: float) -> bool:
        """Register where a 302 says; False where it says nothing usable."""
        place = read_redirect(response, self._place)
        if place is None or self._redirects >= MOST_REDIRECTS:
            return False
        self._redirects += 1
        self._place = place
        self._call_id = self._new_call_id()
        self._challenges = 0
        self._send_register(now)
        return True

    def _authorization(self, response: Response) -> str | None:
        """Answer a challenge; None where we cannot, or where the password was wrong already."""
        profile = self._profile
        try:
            challenge = self._choose_challenge(response)
            if self._challenges > 1 and not challenge.is_stale:
                return None
            return str(
                answer_challenge(
                    challenge,
                    method="REGISTER",
                    uri="sip:" + self._digest_name(),
                    username="" if self._faults.digest_nameless else profile.device_id,
                    password="wrong" if self._faults.wrong_password else profile.password,
                    cnonce=self._random_bytes(8).hex(),
                )
            )
        except (MalformedDigest, LocalProtocolError):
            return None

    def _digest_name(self) -> str:
        """Whom the digest's uri names: the Request-URI, or the server by its address."""
        place = self._place
        if self._faults.digest_other_uri:
            return f"{place.server_id}@{place.server.host}:{place.server.port}"
        return f"{place.server_id}@{place.domain}"

    def _choose_challenge(self, response: Response) -> Challenge:
        """Return the first challenge that the device can answer (RFC 8760 §2.4).

        Raises MalformedDigest where there is none.
        """
        values = response.headers.get_all("www-authenticate")
        if self._faults.reads_first_challenge:
            values = values[:1]
        return choose_challenge(values, self._profile.digest_algorithms)

    def _accepted(self, response: Response, now: float) -> None:
        granted = granted_expires(response)
        expires_s = self._profile.expires_s if granted is None else granted
        self._unanswered = self._redirects = 0
        was_registered = self.state is RegistrationState.REGISTERED
        self._change(RegistrationState.REGISTERED, response.status)
        if not self._faults.registers_once:
            self._register_at = now + max(1.0, expires_s * REFRESH_SHARE)
        if not was_registered or self._keepalive_at is None:
            first_s = self._profile.first_keepalive_s
            interval_s = self._profile.keepalive_interval_s
            self._keepalive_at = now + (interval_s if first_s is None else first_s)

    def _give_up(self, status: int | None, now: float, retry_after_s: float | None = None) -> None:
        if self.state is RegistrationState.UNREGISTERING:
            self._change(RegistrationState.IDLE, status)
            return
        self._keepalive_at = None
        # The platform we were sent to is gone or refuses: begin again where we were sent from.
        self._place, self._redirects = home_of(self._profile), 0
        share = int.from_bytes(self._random_bytes(2), "big") / 65_536
        pause_s = self._profile.retry_interval_s * (1 + share / 4)
        self._register_at = now + (pause_s if retry_after_s is None else retry_after_s)
        self._change(RegistrationState.WAITING, status)

    def _receive_keepalive_answer(self, response: Response, now: float) -> None:
        if response.is_success:
            self._unanswered = 0
        elif self._is_forgotten(response):
            # The platform does not know us any more, as after its restart.
            self._change(RegistrationState.REGISTERING, response.status)
            self._begin(now)
        else:
            self._note_unanswered(now)

    def _is_forgotten(self, response: Response) -> bool:
        known = self.state is RegistrationState.REGISTERED and not self._faults.refusals_ignored
        return known and response.status in FORGOTTEN_STATUSES

    def _note_unanswered(self, now: float) -> None:
        self._unanswered += 1
        if (
            self._unanswered >= self._profile.keepalive_count
            and self.state is RegistrationState.REGISTERED
        ):
            self._unanswered = 0
            self._place = home_of(self._profile)
            self._change(RegistrationState.REGISTERING)
            self._begin(now)

    def _change(self, state: RegistrationState, status: int | None = None) -> None:
        if state is not self.state:
            self.state = state
            self._emit(RegistrationChanged(state, status))

    def _new_call_id(self) -> str:
        return f"{self._random_bytes(8).hex()}@{self._profile.local_host}"

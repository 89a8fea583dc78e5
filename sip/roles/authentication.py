"""Digest authentication of REGISTER: who is it, and does he know the password.

GB/T 28181-2022 9.1, RFC 3261 §22. An id that does not exist goes through the same steps as one
that does, so that from outside both look alike; only the event tells them apart.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import Enum

from sip.errors import MalformedDigest, MalformedMessage
from sip.events import AttemptOutcome
from sip.message import Request, parse_uri
from sip.message.digest import (
    Algorithm,
    Challenge,
    Credentials,
    compute_ha1,
    find_credentials,
    is_right,
)
from sip.message.nonce import NonceSource, NonceState
from sip.roles.attempts import GuessLock

NONCE_LIFETIME_S = 60.0
_NO_PASSWORD = "\x00nobody"  # hashed in place of a missing one, to take the same time


@dataclass(frozen=True, slots=True, repr=False)
class Credential:
    """What a device must know to be let in."""

    password: str
    username: str | None = None
    """When it differs from the device id."""

    def __repr__(self) -> str:
        return f"Credential(username={self.username!r}, …)"


class Verdict(Enum):
    """What an authentication came to."""

    PROVEN = "proven"
    CHALLENGE = "challenge"
    REFUSED = "refused"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict with what belongs to it."""

    verdict: Verdict
    outcome: AttemptOutcome
    is_stale: bool = False
    """Credentials were shown, but of a nonce that no longer counts."""
    is_locking: bool = False
    """One wrong password too many for a device that exists: guessing is shut out from now on."""


_CHALLENGE = Judgement(Verdict.CHALLENGE, AttemptOutcome.CHALLENGED)
_STALE = Judgement(Verdict.CHALLENGE, AttemptOutcome.CHALLENGED, is_stale=True)
_BROKEN = Judgement(Verdict.BROKEN, AttemptOutcome.CHALLENGED)
_PROVEN = Judgement(Verdict.PROVEN, AttemptOutcome.ACCEPTED)


class Authenticator:
    """Checks Authorization headers and writes challenges; stores nothing for a challenge."""

    def __init__(
        self,
        realm: str,
        credentials: Callable[[str], Credential | None],
        secret: bytes,
        own_names: frozenset[str] = frozenset(),
        *,
        offers_qop: bool = False,
    ) -> None:
        """`own_names` are our id, domain and addresses, which a digest's uri may name."""
        self._realm = realm
        self._qop = ("auth",) if offers_qop else ()
        self._own_names = own_names
        self._credentials = credentials
        self._nonces = NonceSource(secret, NONCE_LIFETIME_S)
        self._lock = GuessLock()

    def challenges(
        self,
        device_id: str,
        now: float,
        algorithms: Iterable[Algorithm] = (Algorithm.MD5,),
        *,
        is_stale: bool = False,
    ) -> list[str]:
        """Return a WWW-Authenticate value for each algorithm, in this order (RFC 8760).

        Without qop unless it is asked for: the form that every camera knows.
        """
        values = []
        for algorithm in algorithms:
            nonce = self._nonces.new(now, device_id)
            challenge = Challenge(self._realm, nonce, algorithm, self._qop, is_stale=is_stale)
            values.append(str(challenge))
        return values

    def judge(
        self,
        request: Request,
        device_id: str,
        host: str,
        now: float,
        algorithms: Collection[Algorithm] = (Algorithm.MD5,),
        *,
        is_at_home: bool = False,
    ) -> Judgement:
        """Check a REGISTER of `device_id` that came from `host`; others get a new challenge.

        `is_at_home` says that the device registered from that host before.
        """
        try:
            shown = find_credentials(request.headers.get_all("authorization"), self._realm)
        except MalformedDigest:
            return _BROKEN
        if shown is None or shown.algorithm not in algorithms:
            # Who is not known yet is looked up while the device reads the challenge.
            self._credentials(device_id)
            return _CHALLENGE
        state = self._nonces.check(shown.nonce, now, device_id)
        if state is not NonceState.VALID:
            return _STALE if state is NonceState.STALE else _CHALLENGE
        known = self._credentials(device_id)
        if known is not None and not known.password:
            known = None
        if self._lock.is_locked(device_id, host, known, now, is_at_home=is_at_home):
            return Judgement(Verdict.REFUSED, AttemptOutcome.REFUSED_LOCKED)
        return self._check_password(shown, known, request, device_id, host, now)

    def is_doubtful(
        self, request: Request, device_id: str, now: float, algorithms: Collection[Algorithm]
    ) -> bool:
        """Whether a REGISTER answers our challenge with what we do not know to be right.

        Changes nothing: a guess counts when it is judged.
        """
        try:
            shown = find_credentials(request.headers.get_all("authorization"), self._realm)
        except MalformedDigest:
            return False
        if shown is None or shown.algorithm not in algorithms:
            return False
        if self._nonces.check(shown.nonce, now, device_id) is not NonceState.VALID:
            return False
        known = self._credentials(device_id)
        password = known.password if known is not None else ""
        ha1 = compute_ha1(shown.username, self._realm, password or _NO_PASSWORD, shown.algorithm)
        return not is_right(shown, request.method, ha1) or not password

    def _check_password(
        self,
        shown: Credentials,
        known: Credential | None,
        request: Request,
        device_id: str,
        host: str,
        now: float,
    ) -> Judgement:
        password = _NO_PASSWORD if known is None else known.password
        ha1 = compute_ha1(shown.username, self._realm, password, shown.algorithm)
        right = is_right(shown, request.method, ha1)
        username = device_id if known is None else known.username or device_id
        fits = shown.username in ("", username) and self._names_us(shown.uri, request)
        if known is None or not right or not fits:
            is_locking = self._lock.failed(device_id, host, known, now)
            unknown = known is None
            return Judgement(
                Verdict.REFUSED,
                AttemptOutcome.REFUSED_UNKNOWN if unknown else AttemptOutcome.REFUSED_PASSWORD,
                is_locking=is_locking,
            )
        if self._nonces.claim(shown.nonce, shown.nonce_count, now, device_id) is not (
            NonceState.VALID
        ):
            return _STALE
        self._lock.succeeded(device_id, host)
        return _PROVEN

    def _names_us(self, uri: str, request: Request) -> bool:
        """Whether the digest's uri means this request or us: devices write many forms (quirk 1)."""
        try:
            meant = parse_uri(uri)
        except MalformedMessage:
            return False
        if meant.user == request.uri.user or meant.host == request.uri.host:
            return True
        return meant.user in self._own_names or meant.host in self._own_names

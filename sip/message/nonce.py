"""Nonces that cost no memory until somebody proves a password with one (RFC 2617 §3.2.1).

A nonce is its time of issue, a number and an HMAC over both: a storm of challenges stores nothing.
Memory is only taken by nonces in successful use, for a bounded time and up to a bounded number.
"""

import hmac
from collections import OrderedDict
from enum import Enum

MAX_CLAIMED = 131_072
"""Nonces in use that are remembered; 20,000 devices use one each per registration."""

_TIME_DIGITS = 12
_COUNT_DIGITS = 6
_MAC_DIGITS = 32
_STAMP_DIGITS = _TIME_DIGITS + _COUNT_DIGITS


class NonceState(Enum):
    """What a nonce is worth.

    VALID: ours, young enough and not used in this way before
    STALE: ours, but too old or used up: challenge again with stale=true
    FOREIGN: never ours, or ours for somebody else: challenge as if nothing had been sent
    """

    VALID = "valid"
    STALE = "stale"
    FOREIGN = "foreign"


class NonceSource:
    """Makes nonces and judges them. `secret` is fresh randomness of 16 octets or more."""

    def __init__(
        self, secret: bytes, lifetime_s: float = 60.0, *, max_claimed: int = MAX_CLAIMED
    ) -> None:
        self._secret = secret
        self._lifetime_ms = int(lifetime_s * 1000)
        self._max_claimed = max_claimed
        self._count = 0
        self._claimed: OrderedDict[str, int] = OrderedDict()
        self._floor_ms = -1

    def new(self, now: float, context: str = "") -> str:
        """Return a fresh nonce; `context` (the id, the address) binds it to who it is for."""
        self._count = (self._count + 1) % 16**_COUNT_DIGITS
        stamp = f"{max(int(now * 1000), 0):0{_TIME_DIGITS}x}{self._count:0{_COUNT_DIGITS}x}"
        return stamp + self._mac(stamp, context)

    def check(self, nonce: str, now: float, context: str = "") -> NonceState:
        """Judge a nonce by itself, before the password is looked at."""
        issued_ms = self._issued_ms(nonce, context)
        if issued_ms is None:
            return NonceState.FOREIGN
        age_ms = int(now * 1000) - issued_ms
        if not 0 <= age_ms <= self._lifetime_ms:
            return NonceState.STALE
        if issued_ms <= self._floor_ms and nonce not in self._claimed:
            return NonceState.STALE
        return NonceState.VALID

    def claim(
        self, nonce: str, nonce_count: int | None, now: float, context: str = ""
    ) -> NonceState:
        """Use a nonce up, after the password proved right; VALID lets the request through.

        With qop the count must rise with each use; without qop (None) a nonce serves once. A
        replayed request is STALE, so that an honest device behind a lost answer tries again.
        """
        state = self.check(nonce, now, context)
        if state is not NonceState.VALID:
            return state
        last = self._claimed.get(nonce)
        if last is not None and (nonce_count is None or nonce_count <= last):
            return NonceState.STALE
        # Without qop the highest count there is, so that nothing can follow.
        self._claimed[nonce] = 2**32 if nonce_count is None else nonce_count
        if last is None:
            self._make_room(now)
        return NonceState.VALID

    def __len__(self) -> int:
        return len(self._claimed)

    def _make_room(self, now: float) -> None:
        """Forget what is too old to be used again, and the earliest where there are too many.

        Whatever was forgotten early stays refused: nothing issued up to then is taken any more.
        """
        oldest_ms = int(now * 1000) - self._lifetime_ms
        while self._claimed:
            nonce = next(iter(self._claimed))
            issued_ms = int(nonce[:_TIME_DIGITS], 16)
            if issued_ms >= oldest_ms:
                if len(self._claimed) <= self._max_claimed:
                    return
                self._floor_ms = max(self._floor_ms, issued_ms)
            del self._claimed[nonce]

    def _issued_ms(self, nonce: str, context: str) -> int | None:
        if len(nonce) != _STAMP_DIGITS + _MAC_DIGITS or not nonce.isascii():
            return None
        stamp, mac = nonce[:_STAMP_DIGITS], nonce[_STAMP_DIGITS:]
        if not hmac.compare_digest(mac, self._mac(stamp, context)):
            return None
        return int(stamp[:_TIME_DIGITS], 16)

    def _mac(self, stamp: str, context: str) -> str:
        text = f"{stamp}:{context}".encode("utf-8", "surrogateescape")
        return hmac.digest(self._secret, text, "sha256").hex()[:_MAC_DIGITS]

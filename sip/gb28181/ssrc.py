"""The SSRC rule of y= (GB/T 28181-2022 annex G; 2016 annex F).

Ten decimal digits: 0 live or 1 history, digits 4 to 8 of the server's code, then four that are
unique among the streams of the domain.
"""

from collections.abc import Callable

from sip.errors import SipError

STREAMS = 10_000
QUARANTINE_S = 60.0
"""Media of an ended session keep coming for seconds (quirk 36), receivers bind an SSRC for 15."""


class NoSsrcLeft(SipError):
    """All ten thousand numbers of the domain are in use."""


def ssrc_base(server_id: str, *, is_history: bool = False) -> int:
    """Return the first number of the domain; an id that is no code gives zeros for its digits."""
    digits = server_id[3:8]
    domain = int(digits) if len(digits) == 5 and digits.isdecimal() and digits.isascii() else 0
    return (1_000_000_000 if is_history else 0) + domain * STREAMS


class SsrcPool:
    """Numbers handed out at random and not again before the old stream has surely died away.

    A number taken but never held (nothing came of the plan) comes back by itself.
    """

    def __init__(self, server_id: str, random_bytes: Callable[[int], bytes]) -> None:
        self._bases = {flag: ssrc_base(server_id, is_history=flag) for flag in (False, True)}
        self._random_bytes = random_bytes
        self._blocked_until: dict[int, float] = {}

    def take(self, now: float, *, is_history: bool = False) -> int:
        """Return a free number; raise NoSsrcLeft when the domain has none."""
        base = self._bases[is_history]
        start = int.from_bytes(self._random_bytes(4), "big") % STREAMS
        for step in range(STREAMS):
            ssrc = base + (start + step) % STREAMS
            if ssrc and self._blocked_until.get(ssrc, now) <= now:
                self._blocked_until[ssrc] = now + QUARANTINE_S
                return ssrc
        raise NoSsrcLeft("no SSRC left in this domain")

    def hold(self, ssrc: int) -> None:
        """Block a number until it is released."""
        self._blocked_until[ssrc] = float("inf")

    def release(self, ssrc: int, now: float) -> None:
        """Give a number back; it rests for a while."""
        self._blocked_until[ssrc] = now + QUARANTINE_S
        if len(self._blocked_until) > 2 * STREAMS:
            self._blocked_until = {n: t for n, t in self._blocked_until.items() if t > now}

    def __len__(self) -> int:
        return len(self._blocked_until)

"""REGISTERs that would be refused wait until the passwords were looked up anew.

Another process may have added the device, or changed its password, a moment ago. Unknown ids and
wrong passwords wait alike: how long an answer takes must not tell who is known.
"""

from collections import OrderedDict
from collections.abc import Callable

from sip.roles.registrar import Registrar
from sip.transactions import RequestReceived

MOST_WAITING = 1000
"""Further ones are judged at once by what is known."""
LONGEST_WAIT_S = 3.0
"""Without news of the passwords they are judged by what is known."""


class Doubts:
    """Holds REGISTERs until `settle`, or until they have waited long enough."""

    def __init__(
        self, registrar: Registrar, answer: Callable[[RequestReceived, float], None]
    ) -> None:
        self.on_doubt: Callable[[], None] | None = None
        """Called for each that waits; while there is nobody to ask, none does."""
        self._registrar = registrar
        self._answer = answer
        self._waiting: OrderedDict[int, tuple[RequestReceived, float]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def newest(self) -> int:
        """The number of the latest that had to wait."""
        return self._count

    def take(self, event: RequestReceived, now: float) -> bool:
        """Return whether a REGISTER is kept back; it is answered later then."""
        if self.on_doubt is None or len(self._waiting) >= MOST_WAITING:
            return False
        if not self._registrar.is_doubtful(event.request, now):
            return False
        self._count += 1
        self._waiting[self._count] = (event, now + LONGEST_WAIT_S)
        self.on_doubt()
        return True

    def settle(self, newest: int, now: float) -> None:
        """Judge those up to a number: the passwords were read after they had come."""
        while self._waiting and next(iter(self._waiting)) <= newest:
            _, (event, _) = self._waiting.popitem(last=False)
            self._answer(event, now)

    def next_timer(self) -> float | None:
        """Return when one has waited long enough."""
        return next((deadline for _, deadline in self._waiting.values()), None)

    def handle_timer(self, now: float) -> None:
        """Judge those that waited in vain."""
        late = [number for number, (_, deadline) in self._waiting.items() if deadline <= now]
        if late:
            self.settle(late[-1], now)

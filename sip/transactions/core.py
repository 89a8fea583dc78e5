"""What all transactions share: the wire, the timers and the taking of steps."""

from abc import ABC, abstractmethod
from collections.abc import Hashable

from sip.message import Peer
from sip.transactions.tables import Action, Input, State, Table, TimerSettings, take_step
from sip.transactions.timers import Entry, TimerQueue


class Wire:
    """Packets to be sent and timers to be waited for, for all transactions of one layer."""

    def __init__(self, settings: TimerSettings) -> None:
        self.settings = settings
        self.outbox: list[tuple[bytes, Peer]] = []
        self.tables: dict[Hashable, Transaction] = {}
        """Every transaction that may have a timer armed, by its key."""
        self.timers = TimerQueue(self._is_armed)

    def send(self, packet: bytes, peer: Peer) -> None:
        """Queue one packet."""
        self.outbox.append((packet, peer))

    def _is_armed(self, entry: Entry) -> bool:
        when, key, timer = entry
        transaction = self.tables.get(key)
        return transaction is not None and transaction.armed.get(timer) == when


class Transaction(ABC):
    """One run of a state machine.

    `step` performs what concerns the wire and returns the actions that concern the user.
    """

    __slots__ = (
        "_retry_s",
        "_table",
        "_wire",
        "armed",
        "call_id",
        "cseq",
        "key",
        "method",
        "peer",
        "state",
        "user",
    )

    def __init__(
        self,
        wire: Wire,
        key: Hashable,
        peer: Peer,
        table: Table,
        state: State,
        *,
        method: str,
        call_id: str,
        cseq: int,
    ) -> None:
        self._wire = wire
        self._table = table
        self._retry_s = wire.settings.t1_s
        self.key = key
        self.peer = peer
        self.state = state
        self.method = method
        self.call_id = call_id
        self.cseq = cseq
        self.armed: dict[Input, float] = {}
        """Timers that run, with their times."""
        self.user: object = None
        """Whatever the transaction user wants to find again."""

    @property
    def is_terminated(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state is State.TERMINATED

    def arm(self, timer: Input, delay_s: float, now: float) -> None:
        """Start a timer, or restart it."""
        self.armed[timer] = self._wire.timers.arm(now, delay_s, self.key, timer)

    def step(self, event: Input, now: float) -> tuple[Action, ...]:
        """Go one step; raises LocalProtocolError and changes nothing where it is impossible."""
        step = take_step(self._table, self.state, event)
        self.state = step.state
        self.armed.pop(event, None)
        reports = tuple(action for action in step.actions if not self._perform(action, event, now))
        if self.state is State.TERMINATED:
            self.armed.clear()
        return reports

    def abandon(self) -> None:
        """End without another word: neither the wire nor the user hears of it."""
        self.state = State.TERMINATED
        self.armed.clear()

    @abstractmethod
    def _perform(self, action: Action, event: Input, now: float) -> bool:
        """Do what concerns the wire; False hands the action to the user's side."""

    def _linger(self, timer: Input, delay_s: float, now: float) -> None:
        """Wait for the network to become empty; on a reliable transport it is already."""
        self.armed.clear()
        if delay_s > 0:
            self.arm(timer, delay_s, now)
        else:
            self.state = State.TERMINATED

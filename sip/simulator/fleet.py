"""Very many simulated devices over one socket: they register, keep alive and answer questions.

Sans-IO. One transaction layer serves them all, channels are made when somebody asks for them, and a
device that waits for its next keepalive is but a few values. It sends no pictures: an invitation is
answered 486.
"""

import heapq
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from sip.errors import MalformedMessage
from sip.gb28181.manscdp import Envelope, parse_envelope
from sip.message import Peer, Request, build_response
from sip.simulator import control
from sip.simulator.answers import DeviceState, directory_handlers
from sip.simulator.control import ControlState
from sip.simulator.profile import (
    DeviceProfile,
    Faults,
    RegistrationChanged,
    RegistrationState,
    SimulatedChannel,
    SimulatorEvent,
)
from sip.simulator.registration import RegistrationClient
from sip.transactions import (
    ClientTransaction,
    Event,
    RequestReceived,
    ResponseReceived,
    TransactionLayer,
    TransactionTimedOut,
    TransportFailed,
)

MOST_LETTERS = 10_000
"""Answers of one device that may wait; further ones are left out."""

SMALLEST_TABLE = 16_384
GOLDEN = 0.618_033_988_75
"""Multiples of it, without the whole part, fill an interval evenly whatever their number."""

BUSY, NOT_FOUND, NO_DIALOG, NOT_ALLOWED = 486, 404, 481, 405
_BUSY_STATES = (RegistrationState.REGISTERING, RegistrationState.UNREGISTERING)


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """What the fleet is made of."""

    template: DeviceProfile
    """What all have in common; its own id and password do not count."""
    passwords: Mapping[str, str]
    """By device id; these are the devices."""
    channels_of: Callable[[str], tuple[SimulatedChannel, ...]]
    """Asked anew for every catalogue, so that nothing is kept."""
    window: int = 200
    """Devices that register or say goodbye at the same time."""


@dataclass(slots=True, eq=False)
class _Letters:
    """Answers of one device that go out one after the other (2022 annex M)."""

    client: RegistrationClient
    device_id: str
    bodies: deque[bytes] = field(default_factory=deque)


class Fleet:
    """All devices; driven by the five methods like a single one."""

    def __init__(
        self,
        plan: FleetPlan,
        random_bytes: Callable[[int], bytes],
        faults: Faults | None = None,
    ) -> None:
        self._plan = plan
        self._faults = faults or Faults()
        template = plan.template

        def ids() -> str:
            return random_bytes(8).hex()

        size = max(SMALLEST_TABLE, 4 * len(plan.passwords))
        address = (template.local_host, template.local_port)
        self._layer = TransactionLayer(ids, address, max_client=size, max_server=size)
        self._index = {device_id: n for n, device_id in enumerate(plan.passwords)}
        self._clients = [self._make(device_id, random_bytes) for device_id in plan.passwords]
        self._known = [RegistrationState.IDLE] * len(self._clients)
        self._armed: list[float | None] = [None] * len(self._clients)
        self._timers: list[tuple[float, int]] = []
        self._letters: dict[str, _Letters] = {}
        self._waiting: deque[int] = deque()
        self._is_stopping = False
        self.states: Counter[RegistrationState] = Counter(
            {RegistrationState.IDLE: len(self._clients)}
        )
        """How many devices are how far."""
        self.counters: Counter[str] = Counter()
        """Registrations, catalogues answered, invitations refused."""

    def __len__(self) -> int:
        return len(self._clients)

    @property
    def is_over(self) -> bool:
        """Whether every device is idle and nothing waits."""
        return not self._waiting and self.states[RegistrationState.IDLE] == len(self)

    def start(self, now: float) -> None:
        """Let the devices register, a window at a time."""
        self._is_stopping = False
        self._waiting = deque(range(len(self._clients)))
        self._begin_some(now)

    def stop(self, now: float) -> None:
        """Let them unregister, a window at a time; `is_over` tells the end."""
        self._is_stopping = True
        self._waiting = deque(range(len(self._clients)))
        self._begin_some(now)

    # What a transport drives

    def receive(self, data: bytes, peer: Peer, now: float) -> None:
        """Take one datagram."""
        for event in self._layer.receive_data(data, peer, now):
            self._handle(event, now)
        self._begin_some(now)

    def data_to_send(self, now: float) -> list[tuple[bytes, Peer]]:
        """Return and forget what is to be sent."""
        return self._layer.data_to_send(now)

    def next_event(self) -> SimulatorEvent | None:
        """Return None: `states` and `counters` tell all that a fleet tells."""
        return None

    def next_timer(self) -> float | None:
        """Return when `handle_timer` is to be called."""
        times = (self._layer.next_timer(), self._timers[0][0] if self._timers else None)
        return min((time for time in times if time is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        for event in self._layer.handle_timer(now):
            self._handle(event, now)
        while self._timers and self._timers[0][0] <= now:
            when, number = heapq.heappop(self._timers)
            if self._armed[number] != when:
                continue
            self._armed[number] = None
            self._clients[number].handle_timer(now)
            self._arm(number)
        self._begin_some(now)

    def connection_lost(self, peer: Peer, now: float) -> None:
        """Take the failure of one packet."""
        for event in self._layer.connection_lost(peer, now):
            self._handle(event, now)

    # Inside

    def _make(self, device_id: str, random_bytes: Callable[[int], bytes]) -> RegistrationClient:
        number = self._index[device_id]
        template = self._plan.template
        profile = replace(
            template,
            device_id=device_id,
            password=self._plan.passwords[device_id],
            channels=(),
            first_keepalive_s=template.keepalive_interval_s * (number * GOLDEN % 1.0),
        )
        emit = partial(self._changed, number)
        return RegistrationClient(profile, self._faults, self._layer, random_bytes, emit)

    def _changed(self, number: int, event: SimulatorEvent) -> None:
        """Count a device's new state."""
        if not isinstance(event, RegistrationChanged):
            return
        self.states[self._known[number]] -= 1
        self.states[event.state] += 1
        self._known[number] = event.state
        if event.state is RegistrationState.REGISTERED:
            self.counters["registered"] += 1

    def _begin_some(self, now: float) -> None:
        while self._waiting and self._busy < self._plan.window:
            number = self._waiting.popleft()
            client = self._clients[number]
            if self._is_stopping:
                client.stop(now)
            else:
                client.start(now)
            self._arm(number)

    @property
    def _busy(self) -> int:
        return sum(self.states[state] for state in _BUSY_STATES)

    def _arm(self, number: int) -> None:
        when = self._clients[number].next_timer()
        if when != self._armed[number]:
            self._armed[number] = when
            if when is not None:
                heapq.heappush(self._timers, (when, number))

    def _handle(self, event: Event, now: float) -> None:
        match event:
            case RequestReceived():
                self._handle_request(event, now)
            case ResponseReceived(transaction=transaction) if transaction is not None:
                user = transaction.user
                if isinstance(user, RegistrationClient):
                    user.receive_response(transaction, event.response, now)
                    self._arm(self._number_of(transaction))
                elif isinstance(user, _Letters) and event.response.is_final:
                    self._post_next(user, now)
            case TransactionTimedOut(transaction=failed):
                self._fail(failed, now)
            case TransportFailed(transaction=lost) if lost is not None:
                self._fail(lost, now)
            case _:
                pass

    def _fail(self, transaction: ClientTransaction, now: float) -> None:
        user = transaction.user
        if isinstance(user, RegistrationClient):
            user.fail(transaction, now)
            self._arm(self._number_of(transaction))
        elif isinstance(user, _Letters):
            self._post_next(user, now)

    def _number_of(self, transaction: ClientTransaction) -> int:
        return self._index[transaction.request.from_.uri.user or ""]

    def _handle_request(self, event: RequestReceived, now: float) -> None:
        request = event.request
        device_id = request.uri.user or ""
        number = self._index.get(device_id)
        envelope: Envelope | None = None
        match request.method:
            case "MESSAGE" if number is not None:
                status, envelope = _read(request)
            case "OPTIONS":
                status = 200
            case "MESSAGE":
                status = NOT_FOUND
            case "INVITE":
                status = BUSY
                self.counters["invitations"] += 1
            case "BYE" | "INFO":
                status = NO_DIALOG
            case _:
                status = NOT_ALLOWED
        self._layer.respond(event.transaction, build_response(request, status), now)
        if envelope is not None and number is not None:
            self._answer(device_id, number, envelope, now)

    def _answer(self, device_id: str, number: int, envelope: Envelope, now: float) -> None:
        profile = replace(
            self._plan.template,
            device_id=device_id,
            channels=self._plan.channels_of(device_id),
        )
        state = DeviceState(profile, self._faults, lambda _: None)
        # Heads and cards are as new at each question: a fleet is there for its number.
        handlers = {**directory_handlers(state), **control.handlers(state, ControlState(state))}
        handler = handlers.get((envelope.root, envelope.command))
        if handler is None or self._faults.query_silent:
            return
        self.counters[f"answered.{envelope.command}"] += 1
        self._post(device_id, number, list(handler(envelope)), now)

    def _post(self, device_id: str, number: int, bodies: Sequence[bytes], now: float) -> None:
        letters = self._letters.get(device_id)
        if letters is not None:
            letters.bodies += bodies[: max(0, MOST_LETTERS - len(letters.bodies))]
            return
        letters = _Letters(self._clients[number], device_id, deque(bodies))
        self._letters[device_id] = letters
        self._post_next(letters, now)

    def _post_next(self, letters: _Letters, now: float) -> None:
        if not letters.bodies:
            del self._letters[letters.device_id]
            return
        request = letters.client.build_message(letters.bodies.popleft())
        self._layer.send_request(request, letters.client.place.server, now, user=letters)


def _read(request: Request) -> tuple[int, Envelope | None]:
    try:
        return 200, parse_envelope(request.body)
    except MalformedMessage as error:
        return error.status, None

"""Turning cameras: nothing goes on turning when a hand or a line lets go.

Every movement has a lease that the browser renews while a key is held; without renewal, and when
the platform stops, the device is told to stop, again and again until it has answered.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field, replace

from channel_registry.records import ChannelRecord
from sip.gb28181 import control, ptz
from sip.gb28181.ptz_queries import PtzPosition
from sip.gb28181.question import Question
from vms.bus import Bus
from vms.clock import Clock
from vms.errors import Conflict, Invalid, NotReady, VmsError
from vms.events import PtzHolderChanged
from vms.records import Identity, PtzStatus, Steering
from vms.services.device_desk import DeviceDesk
from vms.services.ptz_holds import HoldBook

logger = logging.getLogger(__name__)

LEASE_S = 1.5
"""How long a movement lasts without renewal; browsers renew three times in this."""
ORDER_S = 4.0
"""Longest wait for the 200 of one command."""
LOOK_S = 1.0
"""How often it is looked whether a hold has run out."""
STOPS = 4
"""Stops that are sent at most while none is answered."""
FAREWELL_S = 4.0
HOPELESS = frozenset({"device_offline", "device_refused", "database_unavailable"})
"""Refusals that another try does not change."""
FIXED = 3
"""PTZType of a camera that does not turn (2022 A.2.6.5)."""


@dataclass(slots=True, eq=False)
class _Movement:
    """A camera that was set in motion."""

    code: str
    device_id: str
    steering: Steering
    deadline: float
    """Loop time."""
    unanswered: set[asyncio.Task[VmsError | None]] = field(default_factory=set)
    """Commands whose 200 has not come: a repetition of one could outrun the stop."""


class PtzService:
    """Steers heads; `run` sends the stops that are due."""

    def __init__(self, desk: DeviceDesk, clock: Clock, bus: Bus, lease_s: float = LEASE_S) -> None:
        self._desk = desk
        self._clock = clock
        self._bus = bus
        self._told: dict[str, tuple[str, bool]] = {}
        """Who holds a camera, and whether by a lock, as it was last told."""
        self._holds = HoldBook(clock)
        self._lease_s = lease_s
        self._moving: dict[str, _Movement] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        """Of `run`: orders outlive the request that gave them."""

    async def run(self) -> None:
        """Stop what is no longer held, until cancelled; then stop everything."""
        async with asyncio.TaskGroup() as self._group:
            try:
                while True:
                    self._changed.clear()
                    wait_s = self._stop_due()
                    for code in list(self._told):
                        self._tell_holder(code)
                    if self._told:
                        wait_s = min(wait_s or LOOK_S, LOOK_S)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(wait_s):
                            await self._changed.wait()
            finally:
                await self._stop_all()
                self._group = None

    # What people do

    async def status(self, code: str) -> PtzStatus:
        """Whether a camera turns and who steers it; raises NotFound(channel)."""
        channel = await self._desk.channel(code)
        return self._status(code, can_turn=can_turn(channel))

    async def steer(
        self, who: Identity, code: str, steering: Steering, *, lease_s: float | None = None
    ) -> PtzStatus:
        """Turn as told for LEASE_S, or on while a movement is running; all 0 stops.

        `lease_s` is the lease of those who do not renew it: another platform says once go, once
        stop.

        Raises NotFound(channel), Conflict(ptz_missing), Conflict(ptz_held), NotReady.
        """
        running = self._moving.get(code)
        if running is None:
            device_id = (await self.turnable(code)).device_id
            running = self._moving.get(code)  # another request may have come meanwhile
        else:
            device_id = running.device_id
        self._take_over(code, who)
        if steering.is_stop:
            await self._stop_by_hand(code, device_id)
            return self._status(code)
        began = running is None
        if running is None:
            running = _Movement(code, device_id, Steering(), 0.0)
            self._moving[code] = running
        running.deadline = asyncio.get_running_loop().time() + (lease_s or self._lease_s)
        self._changed.set()
        if running.steering != steering:
            before, running.steering = running.steering, steering
            await self._send_steering(running, before)
        return replace(self._status(code), began=began)

    async def order(self, who: Identity, code: str, question: Question[None]) -> None:
        """Send another command to a head: preset, cruise, home, wiper; the same errors."""
        channel = await self.turnable(code)
        self._take_over(code, who)
        await self._desk.ask(channel.device_id, question)

    async def lock(self, who: Identity, code: str, seconds: float) -> PtzStatus:
        """Keep others of the same role away; raises Conflict(ptz_held)."""
        await self.turnable(code)
        self._holds.lock(code, who, seconds)
        self._tell_holder(code)
        return self._status(code)

    async def release(self, who: Identity, code: str) -> PtzStatus:
        """Give a camera back; raises Conflict(ptz_held)."""
        await self._desk.channel(code)
        self._holds.release(code, who)
        self._tell_holder(code)
        return self._status(code)

    async def position(self, code: str, question: Question[PtzPosition]) -> PtzPosition:
        """Where a head looks (2022)."""
        channel = await self.turnable(code)
        await self._desk.check(channel.device_id, "PTZPosition")
        return await self._desk.ask(channel.device_id, question)

    async def turnable(self, code: str) -> ChannelRecord:
        """A channel that turns; raises NotFound(channel), Conflict(ptz_missing)."""
        channel = await self._desk.channel(code)
        if not can_turn(channel):
            raise Conflict("ptz_missing", "the camera is fixed")
        return channel

    # Inside

    def _take_over(self, code: str, who: Identity) -> None:
        loser = self._holds.take(code, who)
        if loser is not None:
            logger.info(
                "camera taken over",
                extra={"channel": code, "user": who.username, "before": loser.username},
            )
        self._tell_holder(code)

    def _tell_holder(self, code: str) -> None:
        """Tell everybody at whose hand a camera is, when that has changed."""
        hold = self._holds.find(code)
        now = (hold.username, hold.is_lock) if hold is not None else ("", False)
        if now == self._told.get(code, ("", False)):
            return
        self._told[code] = now
        if hold is None:
            del self._told[code]
        self._changed.set()
        self._bus.publish(PtzHolderChanged(at=self._clock.wall(), status=self._status(code)))

    def _status(self, code: str, *, can_turn: bool = True) -> PtzStatus:
        hold = self._holds.find(code)
        return PtzStatus(
            code,
            can_turn,
            holder=hold.username if hold is not None else "",
            held_until=self._holds.until(hold) if hold is not None else None,
            is_locked=hold is not None and hold.is_lock,
            is_moving=code in self._moving,
        )

    async def _send_steering(self, movement: _Movement, before: Steering) -> None:
        """Send what changed of head and lens; a refused beginning is no movement."""
        try:
            for question in _changes(movement.code, before, movement.steering):
                await self._send(movement, question)
        except VmsError:
            if before.is_stop:
                movement.deadline = 0.0
                self._changed.set()
            raise

    async def _send(self, movement: _Movement, question: Question[None]) -> None:
        task = self._tasks().create_task(self._outcome(movement.device_id, question))
        movement.unanswered.add(task)
        task.add_done_callback(movement.unanswered.discard)
        error = await asyncio.shield(task)
        if error is not None:
            raise error

    async def _outcome(self, device_id: str, question: Question[None]) -> VmsError | None:
        """The refusal as a value: one device must not end the tasks of all."""
        try:
            await self._desk.ask(device_id, question, ORDER_S)
        except VmsError as error:
            return error
        return None

    def _tasks(self) -> asyncio.TaskGroup:
        if self._group is None:
            raise NotReady(code="not_ready")
        return self._group

    def _stop_due(self) -> float | None:
        """Begin the stops whose lease is over; answers how long until the next."""
        now = asyncio.get_running_loop().time()
        for movement in [m for m in self._moving.values() if m.deadline <= now]:
            logger.info("camera stopped, nobody holds it", extra={"channel": movement.code})
            self._begin_stop(movement)
        deadlines = [movement.deadline for movement in self._moving.values()]
        return max(0.0, min(deadlines) - now) if deadlines else None

    def _begin_stop(self, movement: _Movement) -> asyncio.Task[None]:
        self._moving.pop(movement.code, None)
        task = self._tasks().create_task(self._stop(movement))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)
        return task

    async def _stop_by_hand(self, code: str, device_id: str) -> None:
        """Stop, whether we know of a movement or not: cruise and scan end by it as well."""
        movement = self._moving.get(code) or _Movement(code, device_id, Steering(), 0.0)
        await asyncio.shield(self._begin_stop(movement))

    async def _stop(self, movement: _Movement) -> None:
        """Stop until the device has answered, and once more after a late command."""
        questions = [control.stop(movement.code)]
        if movement.steering.focus or movement.steering.iris:
            questions.append(control.send_ptz(movement.code, ptz.STOP_LENS))
        for question in questions:
            await self._insist(movement, question)
        if movement.unanswered:
            await asyncio.wait(movement.unanswered)
            if movement.code not in self._moving:
                await self._insist(movement, questions[0])

    async def _insist(self, movement: _Movement, question: Question[None]) -> None:
        for attempt in range(1, STOPS + 1):
            error = await self._outcome(movement.device_id, question)
            if error is None:
                return
            facts = {"channel": movement.code, "attempt": attempt, "reason": error.code}
            logger.warning("stop was not taken", extra=facts)
            if error.code in HOPELESS or movement.code in self._moving:
                return  # nobody is there, or somebody moves it again

    async def _stop_all(self) -> None:
        for movement in list(self._moving.values()):
            self._begin_stop(movement)
        if self._stopping:
            await asyncio.wait(self._stopping, timeout=FAREWELL_S)


def can_turn(channel: ChannelRecord) -> bool:
    """Whether a camera may turn: only a catalogue that calls it fixed says no."""
    return channel.ptz_type != FIXED


def _changes(code: str, before: Steering, after: Steering) -> list[Question[None]]:
    """The commands from one steering to the next: head and lens apart."""
    changes = []
    if (before.pan, before.tilt, before.zoom) != (after.pan, after.tilt, after.zoom):
        changes.append(control.send_ptz(code, _move(after)))
    if (before.focus, before.iris) != (after.focus, after.iris):
        changes.append(control.send_ptz(code, _lens(after)))
    return changes


def _move(steering: Steering) -> ptz.Move:
    pan, tilt, zoom = steering.pan, steering.tilt, steering.zoom
    return ptz.Move(
        _way(pan),
        _way(tilt),
        _way(zoom),
        _speed(pan, ptz.FASTEST),
        _speed(tilt, ptz.FASTEST),
        _speed(zoom, ptz.FASTEST_ZOOM),
    )


def _lens(steering: Steering) -> ptz.Lens:
    focus, iris = steering.focus, steering.iris
    return ptz.Lens(_way(focus), _way(iris), _speed(focus, ptz.FASTEST), _speed(iris, ptz.FASTEST))


def _way(value: float) -> int:
    return (value > 0) - (value < 0)


def _speed(value: float, fastest: int) -> int:
    """At least 1: some servers never send 0, and some devices take it for none (4.6)."""
    if abs(value) > 1:
        raise Invalid("speed", "out_of_range")
    return max(1, round(abs(value) * fastest)) if value else 0

"""Outages: a picture that is lost is an alarm, and very many at once are one alarm together.

A switch that dies, or a cable that is cut, takes two hundred cameras away. Two hundred alarms would
hide what happened; one says it, with the number and the first names. Devices that go off by
themselves are no alarm, they are seen in the list; many within two minutes are one.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from vms.bus import Bus
from vms.clock import Clock
from vms.events import DeviceStatusChanged, Event, LiveStatusChanged
from vms.records import Alarm, AlarmLevel, LiveState, LiveStatus
from vms.storage.records import NewAlarm, SpanCause

STATUSES = 65_536
"""Events that may wait: a switch that dies stalls every picture at the same moment."""

GATHER_S = 1.0
"""So long after the first loss others are waited for, before it is said how many there are."""

WINDOW_S = 120.0
"""Losses within this time belong together: the last keepalives were spread over an interval."""

MANY = 10
"""More losses than this within the window are one outage."""

NAMED = 50
"""Codes that the alarm of an outage names."""

MOST_REMEMBERED = 65_536

LOST_CAUSES = frozenset({SpanCause.KEEPALIVE_LOST, SpanCause.CONNECTION_LOST, SpanCause.EXPIRED})
"""Ways to go off without a goodbye."""

Raise = Callable[[NewAlarm], Awaitable[Alarm]]


class Window:
    """What was lost within the last two minutes, each once, the latest last."""

    def __init__(self) -> None:
        self._lost: OrderedDict[str, float] = OrderedDict()

    def lost(self, name: str, now: float) -> None:
        """Take a loss."""
        self._lost[name] = now
        self._lost.move_to_end(name)
        if len(self._lost) > MOST_REMEMBERED:
            self._lost.popitem(last=False)

    def back(self, name: str) -> None:
        """Take a return."""
        self._lost.pop(name, None)

    def names(self, now: float) -> tuple[str, ...]:
        """What is lost and still belongs together."""
        while self._lost and next(iter(self._lost.values())) < now - WINDOW_S:
            self._lost.popitem(last=False)
        return tuple(self._lost)


class OutageWatch:
    """Hears of pictures and devices that go, and raises alarms for them; `run` it."""

    def __init__(self, raise_: Raise, bus: Bus, clock: Clock) -> None:
        self._raise = raise_
        self._bus = bus
        self._clock = clock
        self._stalled: set[str] = set()
        """Channels whose loss was judged: a status is told again with each retry and at the end."""
        self._pictures, self._devices = Window(), Window()

    async def run(self) -> None:
        """Watch until cancelled."""
        kinds = (LiveStatusChanged, DeviceStatusChanged)
        with self._bus.subscribe(*kinds, name="alarms", limit=STATUSES) as events:
            while True:
                gathered = [await events.next()]
                if self._is_loss(gathered[0]):
                    await asyncio.sleep(GATHER_S)
                gathered += [await events.next() for _ in range(len(events))]
                await self._judge(gathered)

    def _is_loss(self, event: Event) -> bool:
        if isinstance(event, LiveStatusChanged):
            return event.status.state is LiveState.STALLED
        return isinstance(event, DeviceStatusChanged) and event.cause in LOST_CAUSES

    async def _judge(self, events: Sequence[Event]) -> None:
        now = self._clock.now()
        stalled: list[LiveStatus] = []
        has_lost_devices = False
        for event in events:
            if isinstance(event, LiveStatusChanged):
                stalled += self._newly_stalled(event.status, now)
            elif isinstance(event, DeviceStatusChanged):
                has_lost_devices |= self._take_device(event, now)
        await self._tell_pictures(stalled, now)
        if has_lost_devices and len(self._devices.names(now)) > MANY:
            await self._tell_devices(self._devices.names(now))

    def _newly_stalled(self, status: LiveStatus, now: float) -> list[LiveStatus]:
        """A picture that was there and is lost; that nobody could reach one is no alarm."""
        if status.state is not LiveState.STALLED:
            self._stalled.discard(status.code)
            if status.state is LiveState.LIVE:
                self._pictures.back(status.code)
            return []
        if status.code in self._stalled:
            return []
        self._stalled.add(status.code)
        self._pictures.lost(status.code, now)
        return [status]

    def _take_device(self, event: DeviceStatusChanged, now: float) -> bool:
        if event.online or event.cause not in LOST_CAUSES:
            self._devices.back(event.device_id)
            return False
        self._devices.lost(event.device_id, now)
        return True

    async def _tell_pictures(self, stalled: Sequence[LiveStatus], now: float) -> None:
        lost = self._pictures.names(now)
        if stalled and len(lost) > MANY:
            await self._raise(
                NewAlarm(
                    channel="",
                    kind="streams_lost",
                    level=AlarmLevel.ORANGE,
                    dedupe_key="streams_lost",
                    source="system",
                    detail=_named(lost),
                )
            )
            return
        for status in stalled:
            await self._raise(
                NewAlarm(
                    channel=status.code,
                    kind="stream_lost",
                    level=AlarmLevel.YELLOW,
                    dedupe_key=f"stream_lost:{status.code}",
                    source="system",
                    detail={"reason": status.reason or "", "detail": status.detail},
                )
            )

    async def _tell_devices(self, lost: Sequence[str]) -> None:
        await self._raise(
            NewAlarm(
                channel="",
                kind="devices_offline",
                level=AlarmLevel.ORANGE,
                dedupe_key="devices_offline",
                source="system",
                detail=_named(lost),
            )
        )


def _named(lost: Sequence[str]) -> dict[str, object]:
    """How many, and which."""
    return {"lost": len(lost), "names": " ".join(lost[:NAMED])}

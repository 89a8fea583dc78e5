"""One sound to all its targets, from the first call to the last goodbye."""

import asyncio
from datetime import datetime

from stream_relay.voice.sources import Live, Recorded
from stream_relay.voice.studio import Studio
from vms.clock import Clock
from vms.records.voice import TargetState, VoiceKind, VoiceState, VoiceView
from vms.services.voice.line import Exchange, Line
from vms.services.voice.ports import Hearer, MakeSender

GATHER_S = 4.0
"""How long the first that hears waits for the others; who is later joins in the middle."""
TAIL_S = 0.4
"""Between the last sound and BYE: a device plays what it has buffered."""


class Programme:
    """A talk or a broadcast; `run` plays it once."""

    def __init__(
        self,
        programme_id: str,
        kind: VoiceKind,
        name: str,
        by: str,
        source: Live | Recorded,
        hearers: list[Hearer],
        *,
        priority: int,
        exchange: Exchange,
        make_sender: MakeSender,
        clock: Clock,
    ) -> None:
        self.id = programme_id
        self.kind = kind
        self.by = by
        self.priority = priority
        self.state = VoiceState.WAITING
        self.source = source
        self.codes = frozenset(hearer.code for hearer in hearers)
        self.over = asyncio.Event()
        """Set when nothing more will happen."""
        self.changed = asyncio.Event()
        """Set, and replaced, at each change of the state."""
        self._name = name
        self._clock = clock
        self._created_at = clock.wall()
        self._started_at: datetime | None = None
        self._ended_at: datetime | None = None
        self._studio = Studio(source)
        self._lines = [Line(each, exchange, self._studio, make_sender) for each in hearers]
        self._ending: VoiceState | None = None
        self._stop = asyncio.Event()

    @property
    def view(self) -> VoiceView:
        """As people see it."""
        source, meter = self.source, self._studio.meter
        is_live = isinstance(source, Live)
        return VoiceView(
            self.id,
            self.kind,
            self._name,
            self.by,
            self.priority,
            self.state,
            self._created_at,
            self._started_at,
            self._ended_at,
            round(self._studio.played_s, 2),
            source.length_s if isinstance(source, Recorded) else None,
            round(meter.peak_db, 1),
            meter.clipped,
            source.dropped_samples / 8000 if is_live and isinstance(source, Live) else 0.0,
            tuple(line.view for line in self._lines),
        )

    @property
    def lines(self) -> tuple[Line, ...]:
        """Its targets."""
        return tuple(self._lines)

    @property
    def failure(self) -> Line | None:
        """The first target that failed."""
        return next((line for line in self._lines if line.reason is not None), None)

    def stop(self, ending: VoiceState) -> None:
        """End it early; idempotent."""
        if self._ending is None and not self.over.is_set():
            self._ending = ending
            self._stop.set()
            if self.state is VoiceState.WAITING:
                self._finish(ending)

    async def run(self) -> None:
        """Call, speak, hang up."""
        if self.over.is_set():
            return
        self._enter(VoiceState.CALLING)
        ending = VoiceState.FAILED
        try:
            async with asyncio.TaskGroup() as group:
                lines = [group.create_task(line.run()) for line in self._lines]
                ending = await self._play(group, lines)
                for line in lines:
                    line.cancel()
        except asyncio.CancelledError:
            ending = VoiceState.STOPPED
            raise
        finally:
            self._finish(self._ending or ending)

    def _enter(self, state: VoiceState) -> None:
        self.state = state
        if state is VoiceState.SPEAKING:
            self._started_at = self._clock.wall()
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    def _finish(self, state: VoiceState) -> None:
        if not self.over.is_set():
            self._ended_at = self._clock.wall()
            self._enter(state)
            self.over.set()

    async def _play(self, group: asyncio.TaskGroup, lines: list[asyncio.Task[None]]) -> VoiceState:
        stopped = group.create_task(self._stop.wait())
        gathering = group.create_task(self._gather())
        try:
            await asyncio.wait({stopped, gathering}, return_when=asyncio.FIRST_COMPLETED)
            if stopped.done():
                return VoiceState.STOPPED
            if not any(line.state is TargetState.SPEAKING for line in self._lines):
                return VoiceState.FAILED
            self._enter(VoiceState.SPEAKING)
            playing = group.create_task(self._studio.run())
            everybody_left = group.create_task(self._until_all(lines))
            try:
                await asyncio.wait(
                    {stopped, playing, everybody_left}, return_when=asyncio.FIRST_COMPLETED
                )
                if playing.done():
                    await asyncio.sleep(TAIL_S)
                    return VoiceState.DONE
                return VoiceState.STOPPED if stopped.done() else VoiceState.FAILED
            finally:
                playing.cancel()
                everybody_left.cancel()
        finally:
            stopped.cancel()
            gathering.cancel()

    async def _gather(self) -> None:
        """Wait until somebody hears, then a little for the others; or until nobody will."""
        async with asyncio.TaskGroup() as group:
            pending = {group.create_task(line.settled.wait()) for line in self._lines}
            waiting = set(pending)
            while pending:
                _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                if any(line.state is TargetState.SPEAKING for line in self._lines):
                    if pending:
                        await asyncio.wait(pending, timeout=GATHER_S)
                    break
            for task in waiting:
                task.cancel()

    @staticmethod
    async def _until_all(lines: list[asyncio.Task[None]]) -> None:
        await asyncio.wait(lines)

"""Voice to devices: one talk per camera, broadcasts to groups, what is next and what was.

A target hears one thing at a time. A broadcast whose targets are busy waits, unless it is more
urgent than everything that holds them: then those end as interrupted. A talk never waits.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from sip.gb28181.quirks import DeviceQuirks, none_known
from stream_relay.errors import Unsupported
from stream_relay.voice.decode import LiveForm, MicrophoneDecoder
from stream_relay.voice.level import Samples
from stream_relay.voice.sources import Live, Recorded
from vms.clock import Clock
from vms.errors import Conflict, Invalid, NotFound, NotReady
from vms.records.voice import (
    Announcement,
    BroadcastOrder,
    TimetableEntry,
    VoiceKind,
    VoiceState,
    VoiceTargets,
    VoiceView,
)
from vms.services.capability_notes import NoteCapability, ignore_note
from vms.services.store import Store
from vms.services.users import UserService
from vms.services.voice.hearers import find_hearers
from vms.services.voice.history import History
from vms.services.voice.library import Library
from vms.services.voice.line import Exchange
from vms.services.voice.microphone import Microphone
from vms.services.voice.ports import Hearer, MakeSender, Signalling
from vms.services.voice.programme import Programme
from vms.services.voice.speech import speak
from vms.services.voice.timetable import Timetable
from vms.supervise import supervise

logger = logging.getLogger(__name__)

MOST_WAITING = 100
OVER = 20
"""Programmes that are over and kept with all they have; the history has the others."""
TALK_PRIORITY = 6
"""A talk is a person at a microphone: above an ordinary announcement, below an emergency."""
FIRST_SOUND_S = 30.0
"""A live broadcast whose microphone does not come is ended."""


class VoiceService:
    """Owns every talk and broadcast; `begin` once, then `run`."""

    def __init__(
        self,
        signalling: Signalling,
        make_sender: MakeSender,
        store: Store,
        users: UserService,
        data: Path,
        *,
        advertised: str,
        zone: ZoneInfo,
        clock: Clock,
        quirks: DeviceQuirks = none_known,
    ) -> None:
        self._exchange = Exchange(signalling, quirks)
        self._make_sender = make_sender
        self._store = store
        self._users = users
        self._advertised = advertised
        self._clock = clock
        self._library = Library(data / "voice" / "announcements")
        self._timetable = Timetable(data / "voice" / "timetable.json", zone, self._announce, clock)
        self._history = History(store)
        self._programmes: OrderedDict[str, Programme] = OrderedDict()
        self._microphones: set[str] = set()
        self._numbers = 0
        self._group: asyncio.TaskGroup | None = None
        self.on_capability: NoteCapability = ignore_note
        """Hears which devices let us speak."""

    async def begin(self) -> None:
        """Read the timetable and what was said before."""
        await self._timetable.begin()
        await self._history.begin()
        self._numbers = self._history.newest

    async def run(self) -> None:
        """Serve until cancelled; then every call is ended."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(supervise("voice-news", self._exchange.run))
                group.create_task(supervise("voice-timetable", self._timetable.run))
        finally:
            self._group = None

    # Talks

    def talk_of(self, code: str) -> VoiceView | None:
        """Who talks to a camera now; None when nobody does."""
        programme = self._on(code, VoiceKind.TALK)
        return programme.view if programme is not None else None

    async def begin_talk(self, code: str, by: str) -> VoiceView:
        """Call a camera so that `by` may speak to it; raises NotFound(channel).

        Conflict(talk_busy) when somebody talks to it, Conflict(voice_busy) when something at least
        as urgent is being said there.
        """
        hearers = await self._hearers(VoiceTargets(channels=(code,)))
        talking = self._on(code, VoiceKind.TALK)
        if talking is not None:
            raise Conflict("talk_busy", by=talking.by, id=talking.id)
        blockers = self._blockers({code})
        if any(each.priority >= TALK_PRIORITY for each in blockers):
            raise Conflict("voice_busy", by=blockers[0].by, name=blockers[0].view.name)
        programme = self._make(
            VoiceKind.TALK, hearers[0].name, by, Live(), hearers, priority=TALK_PRIORITY
        )
        await self._users.audit(by, "talk", target=code)
        self._dispatch()
        return programme.view

    async def end_talk(self, code: str) -> None:
        """End the talk to a camera, whoever talks; one that is over is fine."""
        talking = self._on(code, VoiceKind.TALK)
        if talking is not None:
            talking.stop(VoiceState.STOPPED)

    @asynccontextmanager
    async def microphone(
        self, voice_id: str, by: str, form: LiveForm, rate: int
    ) -> AsyncIterator[Microphone]:
        """Speak into a talk or live broadcast of one's own; leaving ends it.

        Raises NotFound(broadcast), also for somebody else's, Conflict(microphone_busy),
        Invalid(rate).
        """
        programme = self._programmes.get(voice_id)
        if programme is None or programme.by != by or not isinstance(programme.source, Live):
            raise NotFound("broadcast", voice_id)
        if voice_id in self._microphones or programme.over.is_set():
            raise Conflict("microphone_busy")
        try:
            decoder = MicrophoneDecoder(form, rate)
        except Unsupported as error:
            raise Invalid("rate", "unknown", error.what) from error
        self._microphones.add(voice_id)
        try:
            yield Microphone(programme, programme.source, decoder)
        finally:
            self._microphones.discard(voice_id)
            programme.source.finish()
            if programme.state is not VoiceState.SPEAKING:
                programme.stop(VoiceState.STOPPED)

    # Broadcasts

    async def order(self, order: BroadcastOrder, by: str) -> VoiceView:
        """Make a broadcast; it begins as soon as its targets are free.

        Raises NotFound, Invalid, NotReady(speech_engine_missing), Conflict(too_many_broadcasts).
        """
        if sum((bool(order.announcement), bool(order.text), order.is_live)) != 1:
            raise Invalid("source", "one_source")
        hearers = await self._hearers(order.targets)
        if sum(each.state is VoiceState.WAITING for each in self._programmes.values()) >= (
            MOST_WAITING
        ):
            raise Conflict("too_many_broadcasts", limit=MOST_WAITING)
        source: Live | Recorded
        if order.is_live:
            kind, source = VoiceKind.LIVE, Live()
        else:
            kind = VoiceKind.TEXT if order.text else VoiceKind.FILE
            source = Recorded(await self._sound(order), order.times)
        programme = self._make(kind, order.name, by, source, hearers, priority=order.priority)
        await self._users.audit(
            by,
            "broadcast",
            target=programme.id,
            detail={"kind": kind.value, "name": order.name, "targets": len(hearers)},
        )
        self._dispatch()
        return programme.view

    def broadcasts(self) -> tuple[VoiceView, ...]:
        """All that run or wait, and the latest that are over; the newest first. No talks."""
        found = [each for each in self._programmes.values() if each.kind is not VoiceKind.TALK]
        before = [view for view in self._history.views if view.id not in self._programmes]
        return (*(each.view for each in reversed(found)), *before)

    def broadcast(self, voice_id: str) -> VoiceView:
        """One talk or broadcast; raises NotFound(broadcast)."""
        before = self._history.find(voice_id)
        if before is not None and voice_id not in self._programmes:
            return before
        return self._programme(voice_id).view

    async def prune(self, keep_days: int) -> int:
        """Forget broadcasts that ended long ago; answers how many."""
        return await self._history.prune(keep_days, self._clock.wall())

    async def stop(self, voice_id: str) -> VoiceView:
        """End a broadcast now; one that is over stays as it is. Raises NotFound(broadcast)."""
        if voice_id not in self._programmes:
            return self.broadcast(voice_id)
        programme = self._programmes[voice_id]
        is_waiting = programme.state is VoiceState.WAITING
        programme.stop(VoiceState.STOPPED)
        if is_waiting:
            await self._history.add(programme.view)
        return programme.view

    async def next_change(self, voice_id: str) -> VoiceView:
        """Wait for another state; one that is over returns at once."""
        if voice_id not in self._programmes:
            return self.broadcast(voice_id)
        programme = self._programmes[voice_id]
        if not programme.over.is_set():
            await programme.changed.wait()
        return programme.view

    # The library and the timetable

    async def announcements(self) -> tuple[Announcement, ...]:
        """The library, the newest first."""
        return await asyncio.to_thread(self._library.list)

    async def add_announcement(self, name: str, data: bytes, by: str) -> Announcement:
        """Keep a sound file; raises Invalid(file), Conflict(library_full)."""
        return await asyncio.to_thread(self._library.add, name, data, by, self._clock.wall())

    async def add_spoken(self, name: str, text: str, by: str) -> Announcement:
        """Keep a text as sound; raises what `speak` raises."""
        samples = await speak(text)
        return await asyncio.to_thread(self._library.keep, name, samples, by, self._clock.wall())

    async def announcement_sound(self, announcement_id: str) -> bytes:
        """A WAV file to listen to; raises NotFound(announcement)."""
        return await asyncio.to_thread(self._library.wav, announcement_id)

    async def delete_announcement(self, announcement_id: str) -> None:
        """Remove one; raises NotFound(announcement), Conflict(announcement_in_use)."""
        for entry in self._timetable.entries:
            if entry.order.announcement == announcement_id:
                raise Conflict("announcement_in_use", name=entry.order.name)
        await asyncio.to_thread(self._library.delete, announcement_id)

    def timetable(self) -> tuple[TimetableEntry, ...]:
        """What comes by itself, by the time of day."""
        return self._timetable.entries

    async def put_entry(self, entry: TimetableEntry) -> TimetableEntry:
        """Add (with an empty id) or replace an entry.

        Raises NotFound for what it names and is not there, Invalid, Conflict(timetable_full).
        """
        order = entry.order
        if order.is_live or bool(order.announcement) == bool(order.text):
            raise Invalid("source", "one_source")
        if entry.id:
            old = self._timetable.get(entry.id)
            entry = replace(entry, last_at=old.last_at, last_result=old.last_result)
        await self._hearers(order.targets)
        if order.announcement:
            await asyncio.to_thread(self._library.get, order.announcement)
        return await self._timetable.put(entry)

    async def delete_entry(self, entry_id: str) -> None:
        """Remove an entry; raises NotFound(timetable_entry)."""
        await self._timetable.delete(entry_id)

    # Inside

    async def _announce(self, entry: TimetableEntry) -> str:
        return (await self.order(entry.order, entry.by)).id

    async def _hearers(self, targets: VoiceTargets) -> list[Hearer]:
        return await self._store.run(find_hearers, targets, self._advertised)

    async def _sound(self, order: BroadcastOrder) -> Samples:
        if order.text:
            return await speak(order.text)
        return await asyncio.to_thread(self._library.sound, order.announcement)

    def _programme(self, voice_id: str) -> Programme:
        programme = self._programmes.get(voice_id)
        if programme is None:
            raise NotFound("broadcast", voice_id)
        return programme

    def _make(
        self,
        kind: VoiceKind,
        name: str,
        by: str,
        source: Live | Recorded,
        hearers: list[Hearer],
        *,
        priority: int,
    ) -> Programme:
        if self._group is None:
            raise NotReady(retry_after_s=1.0)
        self._numbers += 1
        programme = Programme(
            str(self._numbers),
            kind,
            name,
            by,
            source,
            hearers,
            priority=priority,
            exchange=self._exchange,
            make_sender=self._make_sender,
            clock=self._clock,
        )
        self._programmes[programme.id] = programme
        return programme

    def _on(self, code: str, kind: VoiceKind) -> Programme | None:
        return next(
            (
                each
                for each in self._programmes.values()
                if each.kind is kind and code in each.codes and not each.over.is_set()
            ),
            None,
        )

    def _blockers(self, codes: frozenset[str] | set[str]) -> list[Programme]:
        return [
            each
            for each in self._programmes.values()
            if each.state in (VoiceState.CALLING, VoiceState.SPEAKING) and each.codes & codes
        ]

    def _dispatch(self) -> None:
        """Begin what can begin, the most urgent first, then in the order of coming."""
        waiting = [e for e in self._programmes.values() if e.state is VoiceState.WAITING]
        taken: set[str] = set()
        for programme in sorted(waiting, key=lambda each: -each.priority):
            if programme.codes & taken:
                continue
            taken |= programme.codes
            blockers = self._blockers(programme.codes)
            if not blockers:
                self._start(programme)
            elif all(each.priority < programme.priority for each in blockers):
                for each in blockers:
                    each.stop(VoiceState.INTERRUPTED)
        self._forget_old()

    def _start(self, programme: Programme) -> None:
        assert self._group is not None, "made only while we run"
        # Marked here: the task begins later, and its targets are taken from now on.
        programme.state = VoiceState.CALLING
        self._group.create_task(self._play(programme))

    async def _play(self, programme: Programme) -> None:
        facts = {"id": programme.id, "event": programme.kind.value, "count": len(programme.codes)}
        logger.info("voice begins", extra=facts)
        try:
            async with asyncio.TaskGroup() as group:
                guard = group.create_task(self._expect_microphone(programme))
                # A programme that fails is over: started again it returns at once.
                await supervise(f"voice {programme.id}", programme.run)
                guard.cancel()
        finally:
            await self._history.add(programme.view)
        name = "talk" if programme.kind is VoiceKind.TALK else "broadcast"
        for line in programme.lines:
            if line.verdict is not None:
                self.on_capability(line.hearer.device_id, name, line.verdict, line.detail)
        logger.info("voice ended", extra=facts | {"state": programme.state.value})
        if self._group is not None:
            self._dispatch()

    async def _expect_microphone(self, programme: Programme) -> None:
        """End a live sound to which nobody brings a microphone."""
        if not isinstance(programme.source, Live):
            return
        await asyncio.sleep(FIRST_SOUND_S)
        if programme.id not in self._microphones:
            programme.stop(VoiceState.STOPPED)

    def _forget_old(self) -> None:
        over = [each.id for each in self._programmes.values() if each.over.is_set()]
        for voice_id in over[: max(0, len(over) - OVER)]:
            del self._programmes[voice_id]

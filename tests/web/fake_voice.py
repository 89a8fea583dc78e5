"""The voice service as the web sees it: answers at once, keeps what it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

from tests.web.records import CHANNEL, NOON
from vms.errors import Conflict, Invalid, NotFound
from vms.records.voice import (
    Announcement,
    BroadcastOrder,
    TargetState,
    TargetView,
    TimetableEntry,
    VoiceKind,
    VoiceReason,
    VoiceState,
    VoiceView,
)

SOUND_ID = "a" * 32
ENTRY_ID = "b" * 32


def voice_view(voice_id: str = "1", **changes: object) -> VoiceView:
    target = TargetView(
        CHANNEL, "主井口", TargetState.FAILED, VoiceReason.NO_INVITE, "", packets=0, dropped=0
    )
    fields = {
        "id": voice_id, "kind": VoiceKind.FILE, "name": "交接班", "by": "operator", "priority": 5,
        "state": VoiceState.SPEAKING, "created_at": NOON, "started_at": NOON, "ended_at": None,
        "played_s": 1.5, "length_s": 3.0, "level_db": -12.0, "clipped": 0, "dropped_s": 0.0,
        "targets": (target,),
    }  # fmt: skip
    return VoiceView(**{**fields, **changes})  # type: ignore[arg-type]


class FakeVoice:
    def __init__(self) -> None:
        self.talks: dict[str, VoiceView] = {}
        self.orders: list[BroadcastOrder] = []
        self.made: dict[str, VoiceView] = {"1": voice_view()}
        self.sounds: dict[str, Announcement] = {}
        self.uploads: list[bytes] = []
        self.entries: dict[str, TimetableEntry] = {}
        self.heard: list[bytes] = []
        self.formats: list[tuple[str, int]] = []
        self.ended = asyncio.Event()
        self.left = asyncio.Event()

    def talk_of(self, code: str) -> VoiceView | None:
        return self.talks.get(code)

    async def begin_talk(self, code: str, by: str) -> VoiceView:
        if code in self.talks:
            raise Conflict("talk_busy", by=self.talks[code].by)
        made = voice_view("7", kind=VoiceKind.TALK, by=by, length_s=None)
        self.talks[code] = self.made["7"] = made
        return made

    async def end_talk(self, code: str) -> None:
        self.talks.pop(code, None)

    @asynccontextmanager
    async def microphone(
        self, voice_id: str, by: str, form: str, rate: int
    ) -> AsyncIterator[SimpleNamespace]:
        if voice_id not in self.made or self.made[voice_id].by != by:
            raise NotFound("broadcast", voice_id)
        self.formats.append((form, rate))
        fake = _FakeMicrophone(self, voice_id)
        try:
            yield fake  # type: ignore[misc]
        finally:
            self.left.set()

    async def order(self, order: BroadcastOrder, by: str) -> VoiceView:
        if not (order.announcement or order.text or order.is_live):
            raise Invalid("source", "one_source")
        self.orders.append(order)
        made = voice_view(str(len(self.made) + 1), by=by, name=order.name)
        if order.is_live:
            made = replace(made, kind=VoiceKind.LIVE, length_s=None)
        self.made[made.id] = made
        return made

    def broadcasts(self) -> tuple[VoiceView, ...]:
        return tuple(self.made.values())

    def broadcast(self, voice_id: str) -> VoiceView:
        if voice_id not in self.made:
            raise NotFound("broadcast", voice_id)
        return self.made[voice_id]

    async def stop(self, voice_id: str) -> VoiceView:
        stopped = replace(self.broadcast(voice_id), state=VoiceState.STOPPED, ended_at=NOON)
        self.made[voice_id] = stopped
        return stopped

    async def announcements(self) -> tuple[Announcement, ...]:
        return tuple(self.sounds.values())

    async def add_announcement(self, name: str, data: bytes, by: str) -> Announcement:
        if data == b"bad":
            raise Invalid("file", "not_a_sound")
        self.uploads.append(data)
        self.sounds[SOUND_ID] = Announcement(SOUND_ID, name, 2.5, by, NOON)
        return self.sounds[SOUND_ID]

    async def add_spoken(self, name: str, text: str, by: str) -> Announcement:
        return await self.add_announcement(name, text.encode(), by)

    async def announcement_sound(self, announcement_id: str) -> bytes:
        if announcement_id not in self.sounds:
            raise NotFound("announcement", announcement_id)
        return b"RIFF"

    async def delete_announcement(self, announcement_id: str) -> None:
        if self.sounds.pop(announcement_id, None) is None:
            raise NotFound("announcement", announcement_id)

    def timetable(self) -> tuple[TimetableEntry, ...]:
        return tuple(self.entries.values())

    async def put_entry(self, entry: TimetableEntry) -> TimetableEntry:
        if entry.id and entry.id not in self.entries:
            raise NotFound("timetable_entry", entry.id)
        kept = replace(entry, id=entry.id or ENTRY_ID)
        self.entries[kept.id] = kept
        return kept

    async def delete_entry(self, entry_id: str) -> None:
        if self.entries.pop(entry_id, None) is None:
            raise NotFound("timetable_entry", entry_id)


class _FakeMicrophone:
    def __init__(self, voice: FakeVoice, voice_id: str) -> None:
        self._voice = voice
        self._id = voice_id

    @property
    def view(self) -> VoiceView:
        state = VoiceState.DONE if self._voice.ended.is_set() else VoiceState.SPEAKING
        return replace(self._voice.made[self._id], state=state)

    @property
    def is_over(self) -> bool:
        return self._voice.ended.is_set()

    def push(self, data: bytes) -> None:
        self._voice.heard.append(data)

    async def until_over(self) -> None:
        await self._voice.ended.wait()

"""Talks, broadcasts, library and timetable over devices that the test plays."""

import asyncio
import dataclasses
import shutil
from collections.abc import AsyncIterator
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from channel_registry.queries.channels import get_channel
from sip.gb28181.quirks import Quirk, QuirkRow, Quirks
from sip.server import BroadcastFault
from stream_relay.voice.decode import build_wav, decode_file
from stream_relay.voice.ear import decode
from tests.stream_relay.voice.tones import melody, sine
from tests.vms.bench import CHANNEL, DEVICE, OTHER_CHANNEL, T0, HandClock, eventually
from tests.vms.services.capability_ear import CapabilityEar
from tests.vms.services.voice.stage import FakeSignalling
from vms.config_sections import UsersSection
from vms.errors import Conflict, Invalid, NotFound, NotReady
from vms.records.voice import (
    BroadcastOrder,
    TargetState,
    TimetableEntry,
    VoiceReason,
    VoiceState,
    VoiceTargets,
    VoiceView,
)
from vms.secrets import Secrets
from vms.services.passwords import PasswordHashes
from vms.services.store import Store
from vms.services.users import UserService
from vms.services.voice import VoiceService
from vms.services.voice.speech import speak
from vms.services.voice.timetable import trigger_of
from vms.storage.device_records import Verdict
from vms.storage.queries.broadcasts import list_broadcasts

BOTH = VoiceTargets(channels=(CHANNEL, OTHER_CHANNEL))
ONE = VoiceTargets(channels=(CHANNEL,))
SLOW_VOICE = QuirkRow("", "", "", "", Quirk.VOICE_PACKET_MS, "60", "this test")
SHANGHAI = ZoneInfo("Asia/Shanghai")
pytestmark = pytest.mark.usefixtures("mine")


@pytest.fixture
def signalling() -> FakeSignalling:
    return FakeSignalling()


@pytest.fixture
def users(store: Store, secrets: Secrets, clock: HandClock) -> UserService:
    return UserService(store, secrets, PasswordHashes(), UsersSection(), clock)


@pytest.fixture
async def voice(
    signalling: FakeSignalling,
    store: Store,
    users: UserService,
    data: Path,
    clock: HandClock,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[VoiceService]:
    monkeypatch.setattr("vms.services.voice.programme.TAIL_S", 0.0)
    monkeypatch.setattr("vms.services.voice.programme.GATHER_S", 0.2)
    service = VoiceService(
        signalling, signalling.make_sender, store, users, data,
        advertised="", zone=SHANGHAI, clock=clock,
        quirks=lambda device_id: Quirks([SLOW_VOICE] if device_id == DEVICE else []),
    )  # fmt: skip
    await service.begin()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(service.run())
        await asyncio.sleep(0)
        yield service
        task.cancel()


async def kept(voice: VoiceService, seconds: float = 0.3) -> str:
    sound = build_wav(np.concatenate([sine(440, seconds / 2), sine(880, seconds / 2)]))
    return (await voice.add_announcement("班前广播", sound, "admin")).id


async def over(voice: VoiceService, voice_id: str) -> VoiceView:
    async with asyncio.timeout(60):
        while not (view := voice.broadcast(voice_id)).state.is_over:
            await voice.next_change(voice_id)
    return view


async def in_state(voice: VoiceService, voice_id: str, state: VoiceState) -> VoiceView:
    async with asyncio.timeout(60):
        while (view := voice.broadcast(voice_id)).state is not state:
            assert not view.state.is_over, view
            await voice.next_change(voice_id)
    return view


async def test_a_file_reaches_all_and_is_the_same_for_all(
    voice: VoiceService, signalling: FakeSignalling
) -> None:
    order = BroadcastOrder("交接班", BOTH, announcement=await kept(voice), times=2)
    made = await voice.order(order, "admin")
    done = await over(voice, made.id)
    assert done.state is VoiceState.DONE
    assert [(t.code, t.state) for t in done.targets] == [
        (CHANNEL, TargetState.DONE), (OTHER_CHANNEL, TargetState.DONE),
    ]  # fmt: skip
    first, second = signalling.senders
    assert (first.target.packet_ms, first.target.pes_bytes) == (60, 65400)
    assert first.sound == second.sound
    assert melody(decode(bytes(first.sound)), piece_s=0.05) == [440, 880, 440, 880]
    assert first.is_closed
    assert second.is_closed
    assert len(signalling.ended) == 2
    assert all(target.packets == done.targets[0].packets > 0 for target in done.targets)


async def test_each_target_tells_its_own_end(
    voice: VoiceService, signalling: FakeSignalling
) -> None:
    signalling.plans[OTHER_CHANNEL] = BroadcastFault.NO_INVITE
    voice.on_capability = ear = CapabilityEar()
    made = await voice.order(BroadcastOrder("a", BOTH, await kept(voice)), "admin")
    done = await over(voice, made.id)
    assert done.state is VoiceState.DONE
    assert [(t.state, t.reason) for t in done.targets] == [
        (TargetState.DONE, None), (TargetState.FAILED, VoiceReason.NO_INVITE),
    ]  # fmt: skip
    await eventually(lambda: len(ear.heard) == 2)
    assert ear.heard == [
        (DEVICE, "broadcast", Verdict.WORKS), (DEVICE, "broadcast", Verdict.SILENT),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (BroadcastFault.REFUSED, VoiceReason.REFUSED),
        (BroadcastFault.NO_ANSWER, VoiceReason.DEVICE_UNREACHABLE),
        (BroadcastFault.NO_INVITE, VoiceReason.NO_INVITE),
        (BroadcastFault.OFFLINE, VoiceReason.DEVICE_UNREACHABLE),
    ],
)
async def test_nobody_reached_is_a_failure_with_its_reason(
    voice: VoiceService, signalling: FakeSignalling, fault: BroadcastFault, reason: VoiceReason
) -> None:
    signalling.plans[CHANNEL] = fault
    made = await voice.order(BroadcastOrder("a", ONE, await kept(voice)), "admin")
    failed = await over(voice, made.id)
    assert (failed.state, failed.targets[0].reason) == (VoiceState.FAILED, reason)


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("offline", VoiceReason.DEVICE_OFFLINE),
        ("unreachable", VoiceReason.MEDIA_UNREACHABLE),
        ("no_ports", VoiceReason.PORTS_EXHAUSTED),
    ],
)
async def test_trouble_on_the_way_is_told(
    voice: VoiceService, signalling: FakeSignalling, trouble: str, reason: VoiceReason
) -> None:
    setattr(signalling, trouble, True)
    made = await voice.order(BroadcastOrder("a", ONE, await kept(voice)), "admin")
    failed = await over(voice, made.id)
    assert (failed.state, failed.targets[0].reason) == (VoiceState.FAILED, reason)
    assert all(sender.is_closed for sender in signalling.senders)


async def test_a_device_that_hangs_up_ends_its_part(
    voice: VoiceService, signalling: FakeSignalling
) -> None:
    made = await voice.order(BroadcastOrder("a", ONE, await kept(voice, 60)), "admin")
    await in_state(voice, made.id, VoiceState.SPEAKING)
    signalling.hang_up(CHANNEL)
    ended = await over(voice, made.id)
    assert (ended.state, ended.targets[0].reason) == (VoiceState.FAILED, VoiceReason.HUNG_UP)


async def test_a_broadcast_waits_for_its_targets(
    voice: VoiceService, signalling: FakeSignalling
) -> None:
    first = await voice.order(BroadcastOrder("a", BOTH, await kept(voice)), "admin")
    second = await voice.order(BroadcastOrder("b", ONE, await kept(voice)), "admin")
    assert voice.broadcast(second.id).state is VoiceState.WAITING
    assert (await over(voice, first.id)).state is VoiceState.DONE
    assert (await over(voice, second.id)).state is VoiceState.DONE
    assert [view.id for view in voice.broadcasts()] == [second.id, first.id]


async def test_the_more_urgent_interrupts_and_the_rest_comes_by_urgency(
    voice: VoiceService, signalling: FakeSignalling
) -> None:
    sound, short = await kept(voice, 60), await kept(voice)
    running = await voice.order(BroadcastOrder("long", ONE, sound, priority=5), "admin")
    low = await voice.order(BroadcastOrder("low", ONE, short, priority=3), "admin")
    high = await voice.order(BroadcastOrder("high", ONE, short, priority=9), "admin")
    assert (await over(voice, running.id)).state is VoiceState.INTERRUPTED
    await in_state(voice, high.id, VoiceState.SPEAKING)
    assert voice.broadcast(low.id).state is VoiceState.WAITING
    assert (await over(voice, high.id)).state is VoiceState.DONE
    assert (await over(voice, low.id)).state is VoiceState.DONE


async def test_stopped_while_waiting_calling_and_speaking(
    voice: VoiceService, signalling: FakeSignalling
) -> None:
    sound = await kept(voice, 60)
    speaking = await voice.order(BroadcastOrder("a", ONE, sound), "admin")
    await in_state(voice, speaking.id, VoiceState.SPEAKING)
    waiting = await voice.order(BroadcastOrder("b", ONE, sound), "admin")
    signalling.plans[OTHER_CHANNEL] = None
    only_other = VoiceTargets(channels=(OTHER_CHANNEL,))
    calling = await voice.order(BroadcastOrder("c", only_other, sound), "admin")
    for each in (waiting, calling, speaking):
        await voice.stop(each.id)
        assert (await over(voice, each.id)).state is VoiceState.STOPPED
        await voice.stop(each.id)
    assert all(sender.is_closed for sender in signalling.senders)


async def test_a_microphone_is_heard_until_it_is_closed(
    voice: VoiceService, signalling: FakeSignalling
) -> None:
    talk = await voice.begin_talk(CHANNEL, "operator")
    await in_state(voice, talk.id, VoiceState.SPEAKING)
    spoken = sine(440, 0.2, rate=16000)
    async with voice.microphone(talk.id, "operator", "s16", 16000) as microphone:
        for start in range(0, len(spoken), 320):
            microphone.push(spoken[start : start + 320].tobytes())
        await eventually(lambda: signalling.senders[0].packets > 12)
        assert microphone.view.state is VoiceState.SPEAKING
    assert (await over(voice, talk.id)).state is VoiceState.DONE
    assert melody(decode(bytes(signalling.senders[0].sound)), piece_s=0.05) == [440]
    assert voice.talk_of(CHANNEL) is None
    assert not voice.broadcasts(), "a talk is no broadcast"


async def test_one_talk_per_camera_and_the_second_is_told_who(
    voice: VoiceService, users: UserService
) -> None:
    talk = await voice.begin_talk(CHANNEL, "first")
    with pytest.raises(Conflict) as refused:
        await voice.begin_talk(CHANNEL, "second")
    assert (refused.value.code, refused.value.fields["by"]) == ("talk_busy", "first")
    with pytest.raises(NotFound):
        async with voice.microphone(talk.id, "second", "s16", 16000):
            pass
    other = await voice.begin_talk(OTHER_CHANNEL, "second")
    await voice.end_talk(CHANNEL)
    assert (await over(voice, talk.id)).state is VoiceState.STOPPED
    assert voice.talk_of(OTHER_CHANNEL) is not None
    await voice.end_talk(OTHER_CHANNEL)
    await over(voice, other.id)
    entries = (await users.audit_entries()).items
    assert {(entry.actor, entry.action, entry.target) for entry in entries} == {
        ("first", "talk", CHANNEL), ("second", "talk", OTHER_CHANNEL),
    }  # fmt: skip


async def test_a_talk_takes_a_camera_from_an_announcement_but_not_from_an_emergency(
    voice: VoiceService,
) -> None:
    sound = await kept(voice, 60)
    running = await voice.order(BroadcastOrder("a", ONE, sound, priority=5), "admin")
    await in_state(voice, running.id, VoiceState.SPEAKING)
    talk = await voice.begin_talk(CHANNEL, "operator")
    assert (await over(voice, running.id)).state is VoiceState.INTERRUPTED
    await in_state(voice, talk.id, VoiceState.SPEAKING)
    emergency = await voice.order(BroadcastOrder("e", ONE, sound, priority=9), "admin")
    assert (await over(voice, talk.id)).state is VoiceState.INTERRUPTED
    await in_state(voice, emergency.id, VoiceState.SPEAKING)
    with pytest.raises(Conflict) as refused:
        await voice.begin_talk(CHANNEL, "operator")
    assert refused.value.code == "voice_busy"
    await voice.stop(emergency.id)
    await over(voice, emergency.id)


async def test_a_microphone_that_never_comes_ends_the_talk(
    voice: VoiceService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vms.services.voice.service.FIRST_SOUND_S", 0.01)
    talk = await voice.begin_talk(CHANNEL, "operator")
    assert (await over(voice, talk.id)).state is VoiceState.STOPPED


async def test_a_second_microphone_and_a_senseless_rate_are_refused(voice: VoiceService) -> None:
    talk = await voice.begin_talk(CHANNEL, "operator")
    with pytest.raises(Invalid):
        async with voice.microphone(talk.id, "operator", "s16", 1):
            pass
    talk = await voice.begin_talk(OTHER_CHANNEL, "operator")
    async with voice.microphone(talk.id, "operator", "s16", 16000):
        with pytest.raises(Conflict):
            async with voice.microphone(talk.id, "operator", "s16", 16000):
                pass


async def test_groups_mean_their_members_and_a_device_itself(
    voice: VoiceService, signalling: FakeSignalling, store: Store
) -> None:
    sound = await kept(voice)
    made = await voice.order(BroadcastOrder("d", VoiceTargets(devices=(DEVICE,)), sound), "admin")
    assert [target.code for target in made.targets] == [DEVICE]
    await over(voice, made.id)
    category = (await store.run(get_channel, CHANNEL)).category or "none"
    group = VoiceTargets(channels=(CHANNEL,), categories=(category,))
    made = await voice.order(BroadcastOrder("g", group, sound), "admin")
    codes = [target.code for target in made.targets]
    assert codes[0] == CHANNEL
    assert len(set(codes)) == len(codes)
    await over(voice, made.id)
    nobody = (VoiceTargets(), VoiceTargets(organisations=("99",)), VoiceTargets(categories=("x",)))
    for targets in nobody:
        with pytest.raises(Invalid):
            await voice.order(BroadcastOrder("x", targets, sound), "admin")
    with pytest.raises(NotFound):
        await voice.order(BroadcastOrder("x", VoiceTargets(channels=("9" * 20,)), sound), "admin")


@pytest.mark.parametrize("kinds", [{}, {"text": "a", "is_live": True}, {"announcement": "x" * 32}])
async def test_an_order_without_a_sound_is_refused(
    voice: VoiceService, kinds: dict[str, object]
) -> None:
    with pytest.raises((Invalid, NotFound)):
        await voice.order(BroadcastOrder("a", ONE, **kinds), "admin")  # type: ignore[arg-type]


async def test_a_text_is_spoken(voice: VoiceService, signalling: FakeSignalling) -> None:
    made = await voice.order(BroadcastOrder("t", ONE, text="撤离"), "admin")
    assert made.length_s is not None
    assert made.length_s > 0.3
    assert (await over(voice, made.id)).state is VoiceState.DONE
    assert np.abs(decode(bytes(signalling.senders[0].sound)).astype(int)).max() > 2000


async def test_a_missing_engine_says_what_to_install() -> None:
    with pytest.raises(NotReady) as missing:
        await speak("hello", "no-such-engine-at-all")
    assert missing.value.code == "speech_engine_missing"
    assert missing.value.fields["package"] == "espeak-ng"


async def test_an_engine_that_fails_is_told() -> None:
    with pytest.raises(NotReady) as failed:
        await speak("hello", shutil.which("true") or "true")
    assert failed.value.code == "speech_engine_failed"


@pytest.mark.parametrize("text", ["", "  \n ", "长" * 1001])
async def test_texts_have_a_length(text: str) -> None:
    with pytest.raises(Invalid):
        await speak(text)


async def test_the_library_keeps_tells_and_forgets(voice: VoiceService, data: Path) -> None:
    first = await kept(voice)
    [found] = await voice.announcements()
    assert (found.id, found.name, found.by, found.created_at) == (first, "班前广播", "admin", T0)
    assert melody(decode_file(await voice.announcement_sound(first)), piece_s=0.05) == [440, 880]
    (data / "voice" / "announcements" / "broken.json").write_text("{")  # noqa: ASYNC240
    assert [each.id for each in await voice.announcements()] == [first]
    await voice.delete_announcement(first)
    assert await voice.announcements() == ()
    for bad in (first, "../../secrets", ""):
        with pytest.raises(NotFound):
            await voice.announcement_sound(bad)
    with pytest.raises(Invalid) as refused:
        await voice.add_announcement("x", b"no sound", "admin")
    assert refused.value.reason == "not_a_sound"


def entry(announcement: str, **changes: object) -> TimetableEntry:
    order = BroadcastOrder("早班", ONE, announcement)
    made = TimetableEntry("", order, time(7, 45), (1, 5), True, "admin")
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


async def test_the_timetable_outlives_a_restart(
    voice: VoiceService, signalling: FakeSignalling, store: Store, users: UserService,
    data: Path, clock: HandClock,
) -> None:  # fmt: skip
    sound = await kept(voice)
    made = await voice.put_entry(entry(sound))
    again = VoiceService(
        signalling, signalling.make_sender, store, users, data,
        advertised="", zone=SHANGHAI, clock=clock,
    )  # fmt: skip
    await again.begin()
    assert again.timetable() == voice.timetable() == (made,)
    with pytest.raises(Conflict) as used:
        await voice.delete_announcement(sound)
    assert used.value.code == "announcement_in_use"
    changed = await voice.put_entry(dataclasses.replace(made, enabled=False))
    assert voice.timetable() == (changed,)
    await voice.delete_entry(made.id)
    assert voice.timetable() == ()
    with pytest.raises(NotFound):
        await voice.delete_entry(made.id)


async def test_a_due_entry_is_broadcast_and_its_end_noted(
    voice: VoiceService, signalling: FakeSignalling
) -> None:
    made = await voice.put_entry(entry(await kept(voice)))
    await voice._timetable.note_due(made.id)
    await eventually(lambda: voice.timetable()[0].last_result)
    noted = voice.timetable()[0]
    assert noted.last_at == T0
    assert (await over(voice, noted.last_result)).state is VoiceState.DONE


async def test_an_entry_whose_sound_is_gone_notes_why(voice: VoiceService, data: Path) -> None:
    made = await voice.put_entry(entry(sound := await kept(voice)))
    voice._library._path(sound, "wav").unlink()
    await voice._timetable.note_due(made.id)
    await eventually(lambda: voice.timetable()[0].last_result)
    assert voice.timetable()[0].last_result == "announcement_not_found"


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-07-03T07:44:00", "2026-07-03T07:45:00"),
        ("2026-07-03T07:46:00", "2026-07-06T07:45:00"),
    ],
)
def test_days_and_times_are_local(now: str, due: str) -> None:
    trigger = trigger_of(entry("x"), SHANGHAI)
    moment = datetime.fromisoformat(now).replace(tzinfo=SHANGHAI)
    assert trigger.get_next_fire_time(None, moment + timedelta(seconds=1)) == (
        datetime.fromisoformat(due).replace(tzinfo=SHANGHAI)
    )


async def test_broadcasts_outlive_a_restart_and_numbers_go_on(
    voice: VoiceService, signalling: FakeSignalling, store: Store, users: UserService,
    data: Path, clock: HandClock,
) -> None:  # fmt: skip
    signalling.plans[OTHER_CHANNEL] = BroadcastFault.NO_INVITE
    made = await voice.order(BroadcastOrder("早班", BOTH, await kept(voice)), "admin")
    done = await over(voice, made.id)
    await eventually(lambda: store.run(list_broadcasts, 10))
    again = VoiceService(
        signalling, signalling.make_sender, store, users, data,
        advertised="", zone=SHANGHAI, clock=clock,
    )  # fmt: skip
    await again.begin()
    assert again.broadcasts() == (done,)
    assert again.broadcast(made.id) == done
    assert await again.stop(made.id) == done
    assert await again.next_change(made.id) == done
    async with asyncio.TaskGroup() as group:
        task = group.create_task(again.run())
        await asyncio.sleep(0)
        second = await again.order(BroadcastOrder("中班", ONE, is_live=True), "admin")
        assert int(second.id) == int(made.id) + 1
        await again.stop(second.id)
        await over(again, second.id)
        task.cancel()
    clock.turn(10 * 86_400)
    assert await again.prune(5) == 2
    assert await store.run(list_broadcasts, 10) == ()


async def test_a_broadcast_that_never_began_and_a_talk(voice: VoiceService, store: Store) -> None:
    live = await voice.order(BroadcastOrder("现场", BOTH, is_live=True), "admin")
    waiting = await voice.order(BroadcastOrder("等", BOTH, await kept(voice)), "admin")
    assert voice.broadcast(waiting.id).state is VoiceState.WAITING
    stopped = await voice.stop(waiting.id)
    (record,) = await store.run(list_broadcasts, 10)
    assert (str(record.number), record.ended_at) == (waiting.id, stopped.ended_at)
    await voice.stop(live.id)
    await over(voice, live.id)
    talk = await voice.begin_talk(CHANNEL, "admin")
    await voice.end_talk(CHANNEL)
    await over(voice, talk.id)
    await eventually(lambda: not voice.talk_of(CHANNEL))
    kept_ids = {str(each.number) for each in await store.run(list_broadcasts, 10)}
    assert talk.id not in kept_ids

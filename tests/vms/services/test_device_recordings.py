"""What devices have recorded: asked for, remembered, with progress and plain reasons."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from sip.gb28181.question import QueryFailed
from sip.gb28181.record_info import RecordItem
from sip.server import PeerUnreachable
from tests.vms.bench import CHANNEL, DEVICE, HandClock, eventually
from tests.vms.services.live.planes import FakeRoutes
from tests.vms.services.recorder_stage import HOUR, NOON, FakeRecorder
from vms.config_sections import PlaybackSection
from vms.errors import Invalid, NotFound
from vms.records import SearchState
from vms.services.device_recordings import DeviceRecordingService

WAIT_S = 60.0


def item(minute: int) -> RecordItem:
    start = NOON + timedelta(minutes=minute)
    # Devices may name themselves in an item.
    return RecordItem(DEVICE, start, start + timedelta(minutes=10), "a", record_type="time")


@pytest.fixture
def device() -> FakeRecorder:
    return FakeRecorder(packets=[[item(10)], [item(0)]])


@pytest.fixture
async def service(device: FakeRecorder, clock: HandClock) -> AsyncIterator[DeviceRecordingService]:
    made = DeviceRecordingService(device, FakeRoutes(), PlaybackSection(), clock)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(made.run())
        await asyncio.sleep(0)
        yield made
        running.cancel()


async def test_an_answer_in_pieces_is_one_sorted_list(
    service: DeviceRecordingService, device: FakeRecorder
) -> None:
    device.answering.set()
    found = await service.search(CHANNEL, NOON, NOON + HOUR, wait_s=WAIT_S)
    assert (found.state, found.expected) == (SearchState.COMPLETE, 2)
    assert [each.started_at for each in found.items] == [NOON, NOON + HOUR / 6]
    assert {each.channel for each in found.items} == {CHANNEL}
    (question,) = device.questions
    assert ("Type", "all") in question.fields


async def test_progress_is_shown_while_messages_come(
    service: DeviceRecordingService, device: FakeRecorder
) -> None:
    async def first() -> bool:
        return len((await service.search(CHANNEL, NOON, NOON + HOUR)).items) == 1

    await eventually(first)
    found = await service.search(CHANNEL, NOON, NOON + HOUR)
    assert (found.state, found.expected) == (SearchState.SEARCHING, 2)
    device.answering.set()
    found = await service.search(CHANNEL, NOON, NOON + HOUR, wait_s=WAIT_S)
    assert found.state is SearchState.COMPLETE
    assert len(device.questions) == 1


async def test_an_answer_is_remembered_until_somebody_asks_anew(
    service: DeviceRecordingService, device: FakeRecorder
) -> None:
    device.answering.set()
    for _ in range(3):
        await service.search(CHANNEL, NOON, NOON + HOUR, wait_s=WAIT_S)
    assert len(device.questions) == 1
    await service.search(CHANNEL, NOON, NOON + HOUR, wait_s=WAIT_S, anew=True)
    assert len(device.questions) == 2


async def test_nothing_recorded_is_an_empty_list(
    service: DeviceRecordingService, device: FakeRecorder
) -> None:
    device.packets = []
    found = await service.search(CHANNEL, wait_s=WAIT_S)
    assert (found.state, found.items) == (SearchState.COMPLETE, ())
    assert found.ended_at - found.started_at == timedelta(days=1)


@pytest.mark.parametrize(
    ("failure", "is_online", "reason"),
    [
        (PeerUnreachable("no answer"), True, "search_unanswered"),
        (QueryFailed("the device sent no answer"), True, "search_unanswered"),
        (QueryFailed("refused with 403"), True, "search_refused"),
        (PeerUnreachable("gone"), False, "device_offline"),
    ],
)
async def test_no_answer_is_a_reason_in_plain_words(
    service: DeviceRecordingService,
    device: FakeRecorder,
    failure: Exception,
    is_online: bool,
    reason: str,
) -> None:
    device.silence = failure
    if not is_online:
        device.registered.clear()
    found = await service.search(CHANNEL, NOON, NOON + HOUR, wait_s=WAIT_S)
    assert (found.state, found.reason) == (SearchState.FAILED, reason)
    assert len(device.questions) == int(is_online)


async def test_senseless_windows_and_unknown_channels_are_refused(
    service: DeviceRecordingService,
) -> None:
    for start, end in ((NOON, NOON), (NOON - timedelta(days=40), NOON)):
        with pytest.raises(Invalid):
            await service.search(CHANNEL, start, end)
    with pytest.raises(NotFound):
        await service.search("14040000001320000099", NOON, NOON + HOUR)

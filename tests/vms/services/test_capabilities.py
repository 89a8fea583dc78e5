import asyncio
from typing import Any

import pytest
from peewee import Database

from channel_registry.models import Device as DeviceRow
from sip.errors import SipError
from sip.gb28181 import control, device_config, presets
from sip.gb28181.question import DeviceRefused, NoAnswer, Question
from sip.gb28181.quirks import DeviceHints, Quirk, QuirkRow, Quirks, QuirkTable
from sip.server import PeerUnreachable
from tests.vms.bench import CHANNEL, DEVICE, HandClock, eventually
from vms.errors import Conflict, NotFound, NotReady
from vms.records import Verdict
from vms.services.capabilities import CapabilityService
from vms.services.store import Store

UNKNOWN = "34020000001110009999"


class Device:
    """Answers what it is told to; hears every question."""

    def __init__(self) -> None:
        self.errors: dict[str, SipError] = {}
        self.asked: list[Question[Any]] = []
        self.is_there = True
        self.gate = asyncio.Event()
        self.gate.set()
        self.service: CapabilityService | None = None
        self.restarts = False

    def is_registered(self, device_id: str) -> bool:
        return self.is_there

    async def ask(self, device_id: str, question: Question[Any], timeout_s: float | None = None):
        await self.gate.wait()
        self.asked.append(question)
        error = self.errors.get(question.command)
        assert self.service is not None
        self.service.heard(device_id, question, error)
        if error is not None:
            raise error

    def find(self, device_id: str, user_agent: str = "") -> Quirks:
        row = QuirkRow("", "", "", "", Quirk.CONFIG_RESTARTS, "yes", "seen")
        return QuirkTable([row] if self.restarts else []).find(DeviceHints())


def speak(database: Database, gb_version: str) -> None:
    DeviceRow.update(gb_version=gb_version).where(DeviceRow.id == DEVICE).execute(database)


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
async def service(mine: Store, clock: HandClock, device: Device):
    device.service = CapabilityService(device, device, mine, clock)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(device.service.run())
        yield device.service
        running.cancel()


async def verdicts(service: CapabilityService) -> dict[str, Verdict]:
    return {record.name: record.verdict for record in await service.of_device(DEVICE)}


async def test_answers_refusals_and_silence_are_told_apart(service: CapabilityService) -> None:
    service.heard(DEVICE, presets.ask_presets(CHANNEL), None)
    service.heard(DEVICE, control.stop(CHANNEL), None)
    service.heard(DEVICE, control.guard(is_on=True), DeviceRefused("the device answered ERROR"))
    service.heard(DEVICE, device_config.ask_config(["OSDConfig"]), NoAnswer("no answer"))
    service.heard(DEVICE, control.reboot(), PeerUnreachable("not there"))
    assert await verdicts(service) == {
        "presets": Verdict.WORKS,
        "ptz": Verdict.TAKEN,
        "guard": Verdict.REFUSED,
        "config.OSDConfig": Verdict.SILENT,
    }


async def test_the_newest_counts_and_outlives_a_restart(
    mine: Store, clock: HandClock, device: Device
) -> None:
    first = CapabilityService(device, device, mine, clock)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(first.run())
        await asyncio.sleep(0)
        first.heard(DEVICE, control.guard(is_on=True), DeviceRefused("no"))
        first.heard(DEVICE, control.guard(is_on=True), None)
        running.cancel()
    second = CapabilityService(device, device, mine, clock)
    assert await verdicts(second) == {"guard": Verdict.WORKS}


async def test_a_test_puts_every_question_that_changes_nothing(
    mine: Store, service: CapabilityService, device: Device
) -> None:
    await mine.run(speak, "3.0")
    device.errors = {"SDCardStatus": DeviceRefused("no card")}
    test = await service.begin_test(DEVICE)
    await eventually(lambda: service.test_of(DEVICE) is None)
    assert (test.done, test.total) == (len(device.asked), len(device.asked))
    assert {question.root.value for question in device.asked} == {"Query"}
    found = await verdicts(service)
    assert found["sd_card"] is Verdict.REFUSED
    assert found["config.OSDConfig"] is found["recordings"] is Verdict.WORKS
    assert "snapshot" not in found


async def test_an_older_device_is_not_asked_what_only_2022_knows(
    mine: Store, service: CapabilityService, device: Device
) -> None:
    await mine.run(speak, "2.0")
    await service.begin_test(DEVICE)
    await eventually(lambda: service.test_of(DEVICE) is None)
    assert {"PresetQuery", "RecordInfo"} <= {question.command for question in device.asked}
    assert "PTZPosition" not in {question.command for question in device.asked}


async def test_what_makes_a_device_restart_is_not_tried(
    service: CapabilityService, device: Device
) -> None:
    device.restarts = True
    await service.begin_test(DEVICE)
    await eventually(lambda: service.test_of(DEVICE) is None)
    assert all("BasicParam" not in str(question.fields) for question in device.asked)


async def test_a_device_is_tested_once_at_a_time_and_only_when_it_is_there(
    service: CapabilityService, device: Device
) -> None:
    device.gate.clear()
    await service.begin_test(DEVICE)
    with pytest.raises(Conflict) as caught:
        await service.begin_test(DEVICE)
    assert caught.value.code == "test_runs"
    device.is_there = False
    with pytest.raises(NotReady):
        await service.begin_test(DEVICE)
    with pytest.raises(NotFound):
        await service.begin_test(UNKNOWN)
    device.gate.set()

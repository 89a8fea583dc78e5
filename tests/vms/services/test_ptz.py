"""Turning cameras: leases, stops that are insisted on, holders; the device is played here."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from channel_registry.queries.presence import save_registration
from sip.gb28181 import control, ptz
from sip.gb28181 import presets as preset_answers
from sip.gb28181.manscdp import parse_envelope
from sip.gb28181.question import NoAnswer, QueryFailed, Question
from sip.server import PeerUnreachable
from tests.vms.bench import (
    CHANNEL,
    DEVICE,
    OTHER_CHANNEL,
    T0,
    HandClock,
    binding,
    eventually,
)
from vms.bus import Bus
from vms.errors import Conflict, Invalid, NotReady
from vms.events import PtzHolderChanged
from vms.records import HomePosition, Identity, PresetView, Role, Steering
from vms.services.device_desk import DeviceDesk
from vms.services.ptz import STOPS, PtzService
from vms.services.ptz_holds import HOLD_S
from vms.services.ptz_memory import PtzMemoryService
from vms.services.store import Store

LONG_S, SHORT_S = 3600.0, 0.05
RIGHT = Steering(pan=0.5)
STOP = Steering()


def person(name: str = "li", role: Role = Role.OPERATOR) -> Identity:
    return Identity(1, name, role, "s", must_change_password=False, expires_at=T0)


LI, WANG, ADMIN = person(), person("wang"), person("admin", Role.ADMIN)


@dataclass
class FakeDevice:
    """Notes what it is asked; answers, refuses or waits as it is told."""

    asked: list[Question] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    answers: dict[str, object] = field(default_factory=dict)
    is_here: bool = True
    gates: list[asyncio.Event] = field(default_factory=list)

    def is_registered(self, device_id: str) -> bool:
        return self.is_here

    async def ask(self, device_id: str, question: Question, timeout_s: float | None = None):
        self.asked.append(question)
        if self.gates:
            await self.gates.pop(0).wait()
        if self.failures:
            raise self.failures.pop(0)
        answer = self.answers.get(question.command)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def commands(self) -> list[ptz.PtzCommand]:
        return [
            ptz.decode(dict(q.fields)["PTZCmd"]) for q in self.asked if "PTZCmd" in dict(q.fields)
        ]

    @property
    def stops(self) -> int:
        return self.commands.count(ptz.STOP)


@dataclass
class Desk:
    device: FakeDevice
    service: PtzService
    memory: PtzMemoryService


@pytest.fixture
def device() -> FakeDevice:
    return FakeDevice()


@pytest.fixture
def lease_s() -> float:
    return LONG_S


@pytest.fixture
async def desk(
    mine: Store, clock: HandClock, bus: Bus, device: FakeDevice, lease_s: float
) -> AsyncIterator[Desk]:
    door = DeviceDesk(device, mine)
    service = PtzService(door, clock, bus, lease_s)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(service.run())
        await asyncio.sleep(0)
        yield Desk(device, service, PtzMemoryService(service, door, mine))
        running.cancel()


async def test_a_movement_is_sent_once_and_renewals_are_not(desk: Desk) -> None:
    first = await desk.service.steer(LI, CHANNEL, RIGHT)
    again = await desk.service.steer(LI, CHANNEL, RIGHT)
    assert (first.began, again.began) == (True, False)
    assert first.is_moving and first.holder == "li"
    assert desk.device.commands == [ptz.Move(pan=1, pan_speed=128)]


async def test_another_direction_is_sent_at_once(desk: Desk) -> None:
    await desk.service.steer(LI, CHANNEL, RIGHT)
    status = await desk.service.steer(LI, CHANNEL, Steering(tilt=-1, zoom=0.01))
    assert not status.began
    assert desk.device.commands[-1] == ptz.Move(0, -1, 1, 0, 255, 1)


async def test_letting_go_stops(desk: Desk) -> None:
    await desk.service.steer(LI, CHANNEL, RIGHT)
    status = await desk.service.steer(LI, CHANNEL, STOP)
    assert not status.is_moving
    assert desk.device.commands == [ptz.Move(pan=1, pan_speed=128), ptz.STOP]


async def test_a_stop_is_sent_even_when_we_know_of_no_movement(desk: Desk) -> None:
    await desk.service.steer(LI, CHANNEL, STOP)
    assert desk.device.commands == [ptz.STOP]


async def test_lens_and_head_are_stopped_apart(desk: Desk) -> None:
    await desk.service.steer(LI, CHANNEL, Steering(focus=0.5))
    await desk.service.steer(LI, CHANNEL, STOP)
    assert desk.device.commands == [ptz.Lens(focus=1, focus_speed=128), ptz.STOP, ptz.STOP_LENS]


@pytest.mark.parametrize("lease_s", [SHORT_S])
async def test_without_renewal_the_head_is_stopped(desk: Desk, device: FakeDevice) -> None:
    await desk.service.steer(LI, CHANNEL, RIGHT)
    await eventually(lambda: device.stops == 1)
    assert not (await desk.service.status(CHANNEL)).is_moving


@pytest.mark.parametrize("lease_s", [SHORT_S])
async def test_an_unanswered_stop_is_repeated_until_it_is_taken(
    desk: Desk, device: FakeDevice
) -> None:
    await desk.service.steer(LI, CHANNEL, RIGHT)
    device.failures = [PeerUnreachable("no answer"), PeerUnreachable("no answer")]
    await eventually(lambda: device.stops == 3)
    assert not device.failures


@pytest.mark.parametrize("lease_s", [SHORT_S])
async def test_a_device_that_never_answers_is_given_up(desk: Desk, device: FakeDevice) -> None:
    await desk.service.steer(LI, CHANNEL, RIGHT)
    device.failures = [PeerUnreachable("no answer")] * 99
    await eventually(lambda: len(device.failures) == 99 - STOPS)
    await desk.service.status(CHANNEL)
    assert device.stops == STOPS


async def test_after_a_late_command_the_stop_is_sent_again(desk: Desk, device: FakeDevice) -> None:
    gate = asyncio.Event()
    device.gates = [gate]
    async with asyncio.TaskGroup() as group:
        group.create_task(desk.service.steer(LI, CHANNEL, RIGHT))
        await eventually(lambda: len(device.commands) == 1)
        stop = group.create_task(desk.service.steer(LI, CHANNEL, STOP))
        await eventually(lambda: device.stops == 1)
        gate.set()
        await stop
    assert device.stops == 2


async def test_everything_stops_when_the_platform_does(
    mine: Store, clock: HandClock, device: FakeDevice
) -> None:
    service = PtzService(DeviceDesk(device, mine), clock, Bus(), LONG_S)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(service.run())
        await asyncio.sleep(0)
        await service.steer(LI, CHANNEL, RIGHT)
        await service.steer(LI, OTHER_CHANNEL, RIGHT)
        running.cancel()
    assert device.stops == 2
    with pytest.raises(NotReady):
        await service.steer(LI, CHANNEL, RIGHT)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PeerUnreachable("no answer"), "device_unreachable"),
        (QueryFailed("refused with 400"), "device_refused"),
        (NoAnswer("no answer"), "device_silent"),
    ],
)
async def test_a_refused_beginning_is_told_and_no_movement(
    desk: Desk, device: FakeDevice, error: Exception, code: str
) -> None:
    device.failures = [error]
    with pytest.raises((NotReady, Conflict)) as caught:
        await desk.service.steer(LI, CHANNEL, RIGHT)
    assert caught.value.code == code
    await eventually(lambda: device.stops == 1)


async def test_an_offline_device_is_not_asked(desk: Desk, device: FakeDevice) -> None:
    device.is_here = False
    with pytest.raises(NotReady) as caught:
        await desk.service.steer(LI, CHANNEL, RIGHT)
    assert caught.value.code == "device_offline" and not device.asked


async def test_too_fast_is_refused(desk: Desk) -> None:
    with pytest.raises(Invalid):
        await desk.service.steer(LI, CHANNEL, Steering(pan=2.0))


# Who holds the camera


async def test_another_operator_is_told_who_holds_it(desk: Desk, clock: HandClock) -> None:
    await desk.service.steer(LI, CHANNEL, RIGHT)
    with pytest.raises(Conflict) as caught:
        await desk.service.steer(WANG, CHANNEL, RIGHT)
    assert (caught.value.code, caught.value.fields["holder"]) == ("ptz_held", "li")
    await desk.service.steer(LI, CHANNEL, STOP)
    clock.turn(11)
    assert (await desk.service.status(CHANNEL)).holder == ""
    assert (await desk.service.steer(WANG, CHANNEL, RIGHT)).holder == "wang"


async def test_who_holds_it_is_told_to_everybody(desk: Desk, clock: HandClock, bus: Bus) -> None:
    told: list[tuple[str, bool]] = []

    async def next_holder() -> tuple[str, bool]:
        async with asyncio.timeout(60):
            event = await news.next()
        assert isinstance(event, PtzHolderChanged)
        assert event.status.code == CHANNEL
        return event.status.holder, event.status.is_locked

    with bus.subscribe(PtzHolderChanged) as news:
        await desk.service.steer(LI, CHANNEL, RIGHT)
        await desk.service.steer(LI, CHANNEL, STOP)
        await desk.service.lock(LI, CHANNEL, 600)
        await desk.service.release(LI, CHANNEL)
        await desk.service.steer(LI, CHANNEL, STOP)
        told = [await next_holder() for _ in range(4)]
        assert told == [("li", False), ("li", True), ("", False), ("li", False)]
        clock.turn(HOLD_S + 1)
        assert await next_holder() == ("", False), "it is told that a hold has run out"
        assert len(news) == 0


async def test_a_higher_role_takes_it_over(desk: Desk) -> None:
    await desk.service.steer(LI, CHANNEL, RIGHT)
    assert (await desk.service.steer(ADMIN, CHANNEL, RIGHT)).holder == "admin"
    with pytest.raises(Conflict):
        await desk.service.steer(LI, CHANNEL, RIGHT)


async def test_a_lock_lasts_and_can_be_given_back(desk: Desk, clock: HandClock) -> None:
    locked = await desk.service.lock(LI, CHANNEL, 600)
    assert locked.is_locked and locked.held_until == clock.wall() + timedelta(seconds=600)
    clock.turn(100)
    assert (await desk.service.steer(LI, CHANNEL, STOP)).is_locked
    with pytest.raises(Conflict):
        await desk.service.release(WANG, CHANNEL)
    assert (await desk.service.release(LI, CHANNEL)).holder == ""
    assert (await desk.service.lock(WANG, CHANNEL, 1)).holder == "wang"


# What a head remembers


async def test_presets_keep_the_names_given_here(desk: Desk, device: FakeDevice) -> None:
    saved = await desk.memory.save_preset(LI, CHANNEL, 3, "井口")
    assert saved == PresetView(3, "井口")
    assert device.commands == [ptz.Preset(ptz.PresetAction.SET, 3)]
    named = preset_answers.NamedPreset
    device.answers["PresetQuery"] = (named(1, "Gate"), named(3, "Preset 3"))
    assert await desk.memory.presets(CHANNEL) == (PresetView(1, "Gate"), PresetView(3, "井口"))
    await desk.memory.delete_preset(LI, CHANNEL, 3)
    found = await desk.memory.presets(CHANNEL)
    assert found == (PresetView(1, "Gate"), PresetView(3, "Preset 3"))


async def test_a_device_that_does_not_tell_its_presets_has_ours(
    desk: Desk, device: FakeDevice
) -> None:
    await desk.memory.save_preset(LI, CHANNEL, 3, "井口")
    device.answers["PresetQuery"] = NoAnswer("no answer")
    assert await desk.memory.presets(CHANNEL) == (PresetView(3, "井口"),)


async def test_a_cruise_is_written_as_the_standard_wants_it(desk: Desk, device: FakeDevice) -> None:
    await desk.memory.save_cruise(LI, CHANNEL, 2, name="场", stops=[1, 4], stay_s=15, speed=5)
    await desk.memory.start_cruise(LI, CHANNEL, 2)
    action = ptz.CruiseAction
    assert device.commands == [
        ptz.Cruise(action.DELETE, 2, 0),
        ptz.Cruise(action.ADD, 2, 1),
        ptz.Cruise(action.ADD, 2, 4),
        ptz.Cruise(action.DWELL, 2, 15),
        ptz.Cruise(action.SPEED, 2, 5),
        ptz.Cruise(action.START, 2),
    ]


async def test_a_home_needs_a_preset(desk: Desk) -> None:
    with pytest.raises(Conflict):
        await desk.memory.set_home(LI, CHANNEL, HomePosition(True, 60))
    await desk.memory.set_home(LI, CHANNEL, HomePosition(True, 60, 1))


async def test_an_old_device_is_not_sent_what_it_cannot_know(
    desk: Desk, device: FakeDevice, mine: Store
) -> None:
    await mine.run(_become_old)
    for call in (
        desk.memory.position(CHANNEL),
        desk.memory.cruises(CHANNEL),
        desk.memory.go(LI, CHANNEL, pan=1.0),
        desk.memory.home(CHANNEL),
        desk.memory.track(LI, CHANNEL, "Auto"),
    ):
        with pytest.raises(Conflict) as caught:
            await call
        assert caught.value.code == "edition_too_old"
        assert caught.value.fields["gb_version"] == "2.0"
    assert not device.asked


def _become_old(database) -> None:
    save_registration(database, replace(binding(), gb_version="2.0"), at=T0, cause="test")


def test_a_question_is_built_for_the_channel() -> None:
    envelope = parse_envelope(control.stop(CHANNEL).build(DEVICE, 1, "GB2312"))
    assert envelope.device_id == CHANNEL

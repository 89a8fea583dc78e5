"""What the quirk table says is done where it matters; signalling's part is in tests/conformance."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from sip import events as sip
from sip.events import CatalogItem
from sip.gb28181 import device_config
from sip.gb28181.control import HomePosition
from sip.gb28181.question import NoAnswer, Question
from sip.gb28181.quirks import DeviceQuirks, Quirk, QuirkRow, Quirks
from sip.gb28181.record_info import RecordItem
from sip.gb28181.voice import read_voice_offer
from stream_relay.formats import parse_packet
from stream_relay.voice.packets import VoicePacketizer
from tests.vms.bench import CHANNEL, DEVICE, T0, HandClock, binding, eventually
from tests.vms.services.live.planes import FakeRoutes
from tests.vms.services.recorder_stage import HOUR, NOON, FakeRecorder
from tests.vms.services.registrar import FakeRegistrar
from tests.vms.services.test_ptz import LI, FakeDevice
from tests.vms.services.test_registration import office
from tests.vms.services.test_subscriptions import FakeSubscriptions
from vms.bus import Bus
from vms.config_sections import PlaybackSection, SipSection, SubscriptionsSection, Transport
from vms.errors import Conflict
from vms.events import CatalogMerged, ChannelStatusChanged, DeviceStatusChanged
from vms.records import SearchState, SubscriptionTopic
from vms.services.catalogs import CatalogService
from vms.services.device_config import DeviceConfigService
from vms.services.device_desk import DeviceDesk
from vms.services.device_recordings import DeviceRecordingService
from vms.services.live.routes import RegistryRoutes
from vms.services.presence import device_came
from vms.services.presence_news import PresenceNews
from vms.services.ptz import PtzService
from vms.services.ptz_memory import PtzMemoryService
from vms.services.quirks import QuirkService
from vms.services.store import Store
from vms.services.subscriptions import SubscriptionService
from vms.storage.records import SpanCause

__all__ = ["office"]


def with_quirk(quirk: Quirk, value: str) -> DeviceQuirks:
    """Every device has this one."""
    found = Quirks([QuirkRow("", "", "", "", quirk, value, "this test")])
    return lambda device_id: found


# Which transport first


async def test_the_table_s_transport_is_tried_until_a_picture_proves_another(
    mine: Store, clock: HandClock, bus: Bus
) -> None:
    quirks = with_quirk(Quirk.MEDIA_TRANSPORT, "tcp-active")
    routes = RegistryRoutes(mine, bus, clock, "10.1.2.3", quirks)
    assert (await routes.find(CHANNEL)).transport is Transport.TCP_ACTIVE
    await routes.prove(CHANNEL, DEVICE, Transport.TCP_PASSIVE)
    assert (await routes.find(CHANNEL)).transport is Transport.TCP_PASSIVE


async def test_without_a_row_the_device_s_own_setting_counts(
    mine: Store, clock: HandClock, bus: Bus
) -> None:
    assert (await RegistryRoutes(mine, bus, clock, "").find(CHANNEL)).transport is Transport.UDP


# Recordings


@pytest.fixture
async def recorder() -> FakeRecorder:
    item = RecordItem(DEVICE, NOON, NOON + HOUR, "a", record_type="time")
    found = FakeRecorder(packets=[[item]])
    found.answering.set()
    return found


@pytest.fixture
async def searches(
    recorder: FakeRecorder, clock: HandClock
) -> AsyncIterator[DeviceRecordingService]:
    made = DeviceRecordingService(
        recorder, FakeRoutes(), PlaybackSection(), clock, with_quirk(Quirk.RECORD_SPAN_H, "12")
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(made.run())
        await asyncio.sleep(0)
        yield made
        running.cancel()


async def test_a_long_search_is_many_questions_and_one_answer(
    searches: DeviceRecordingService, recorder: FakeRecorder
) -> None:
    found = await searches.search(CHANNEL, NOON, NOON + timedelta(hours=30), wait_s=60)
    spans = [
        (fields["StartTime"], fields["EndTime"]) for fields in map(_fields, recorder.questions)
    ]
    assert spans == [
        ("2026-07-01T12:00:00", "2026-07-02T00:00:00"),
        ("2026-07-02T00:00:00", "2026-07-02T12:00:00"),
        ("2026-07-02T12:00:00", "2026-07-02T18:00:00"),
    ]
    # The same recording in three answers is one.
    assert (found.state, found.expected, len(found.items)) == (SearchState.COMPLETE, 1, 1)


async def test_a_search_that_breaks_off_keeps_what_came(
    searches: DeviceRecordingService, recorder: FakeRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = recorder.ask

    async def once(device_id: str, question: Question, timeout_s: float | None = None) -> object:
        found = await answer(device_id, question, timeout_s)
        recorder.silence = NoAnswer("no Response in time")
        return found

    monkeypatch.setattr(recorder, "ask", once)
    found = await searches.search(CHANNEL, NOON, NOON + timedelta(hours=30), wait_s=60)
    assert (found.state, len(found.items)) == (SearchState.PARTIAL, 1)


def _fields(question: Question) -> dict[str, object]:
    return dict(question.fields)


# Configuration


def configs_of(mine: Store, device: FakeDevice, quirks: DeviceQuirks) -> DeviceConfigService:
    basic = device_config.BasicParam(name="箱")
    device.answers["ConfigDownload"] = device_config.ConfigAnswer({"BasicParam": basic})
    return DeviceConfigService(DeviceDesk(device, mine), quirks)


async def test_a_device_that_would_restart_is_asked_only_by_force(mine: Store) -> None:
    device = FakeDevice()
    configs = configs_of(mine, device, with_quirk(Quirk.CONFIG_RESTARTS, "yes"))
    for attempt in (
        configs.read_device(DEVICE, ["BasicParam"]),
        configs.write_device(DEVICE, "BasicParam", {"name": "新"}),
        configs.write_channel(CHANNEL, "BasicParam", {"name": "新"}),
    ):
        with pytest.raises(Conflict) as caught:
            await attempt
        assert caught.value.code == "config_restarts"
    everything = await configs.read_device(DEVICE)
    assert (everything.missing, everything.restarting) == ((), ("BasicParam",))
    assert device.asked == []
    await configs.write_device(DEVICE, "BasicParam", {"name": "新"}, forced=True)
    assert len(device.asked) == 2


@pytest.mark.parametrize(("value", "target"), [("device", ""), ("channel", CHANNEL)])
async def test_basic_param_names_whom_the_table_says(mine: Store, value: str, target: str) -> None:
    device = FakeDevice()
    configs = configs_of(mine, device, with_quirk(Quirk.CONFIG_TARGET, value))
    await configs.read_device(DEVICE, ["BasicParam"])
    await configs.write_channel(CHANNEL, "BasicParam", {"name": "新"})
    assert {question.target_id for question in device.asked} == {target}


# Alarms and states


@pytest.mark.parametrize(("needs", "wanted"), [("yes", True), ("no", True), ("yes", False)])
async def test_a_device_is_armed_when_alarms_are_wanted_and_need_it(
    mine: Store, clock: HandClock, bus: Bus, needs: str, wanted: bool
) -> None:
    orders: list[tuple[str, object]] = []

    async def order(device_id: str, question: Question[None]) -> None:
        orders.append((device_id, _fields(question)["GuardCmd"]))

    catalogs = CatalogService(FakeRegistrar(), mine, PresenceNews(bus, clock), SipSection(), clock)
    fake = FakeSubscriptions()
    service = SubscriptionService(
        fake, mine, catalogs, SubscriptionsSection(alarm=wanted), bus, clock,
        quirks=with_quirk(Quirk.ALARM_NEEDS_GUARD, needs), order=order,
    )  # fmt: skip
    async with asyncio.TaskGroup() as group:
        running = group.create_task(service.run())
        await asyncio.sleep(0)
        bus.publish(
            DeviceStatusChanged(
                at=T0, device_id=DEVICE, online=True, registered=True, cause="registered"
            )
        )
        await eventually(lambda: fake.wanted)
        running.cancel()
    assert orders == ([(DEVICE, "SetGuard")] if needs == "yes" and wanted else [])
    await service.wish(DEVICE, SubscriptionTopic.ALARM, wanted=True)
    assert bool(orders) is (needs == "yes")


async def test_states_of_a_catalogue_that_are_worth_nothing_change_nothing(office) -> None:
    office.service._quirks = with_quirk(Quirk.CATALOG_STATES, "ignored")
    off = CatalogItem(device_id=CHANNEL, event="OFF")
    new = CatalogItem(device_id="14040000001320000009", name="风井口", event="ADD")
    office.registrar.say(sip.CatalogReceived(DEVICE, (off, new), 2, False, True, T0))
    told: list[object] = []
    async with asyncio.timeout(60):
        while not told or not isinstance(told[-1], CatalogMerged):
            told.append(await office.news.next())
    assert told[-1].added == 1
    assert not any(isinstance(e, ChannelStatusChanged) and e.code == CHANNEL for e in told)


# Home


@pytest.mark.parametrize(
    ("value", "taken", "is_told"),
    [("ignored", 7, True), ("ignored", 3, False), ("heeded", 7, False)],
)
async def test_a_home_with_another_preset_is_told(
    mine: Store, clock: HandClock, value: str, taken: int, is_told: bool
) -> None:
    device = FakeDevice(answers={"HomePositionQuery": HomePosition(True, 60, taken)})
    desk = DeviceDesk(device, mine)
    ptz = PtzService(desk, clock, Bus(), 3600)
    memory = PtzMemoryService(ptz, desk, mine, with_quirk(Quirk.HOME_PRESET, value))
    if not is_told:
        await memory.set_home(LI, CHANNEL, HomePosition(True, 60, 3))
        return
    with pytest.raises(Conflict) as caught:
        await memory.set_home(LI, CHANNEL, HomePosition(True, 60, 3))
    assert (caught.value.code, caught.value.fields["preset"]) == ("home_preset_ignored", 7)


# Voice

OFFER = (
    b"v=0\r\ns=Play\r\nc=IN IP4 10.0.0.1\r\n"
    b"m=audio 5000 TCP/RTP/AVP 8 96\r\na=rtpmap:96 PS/90000\r\na=setup:passive\r\n"
    b"m=audio 6000 RTP/AVP 8 96\r\na=rtpmap:96 PS/90000\r\n"
)


def test_where_a_device_leaves_the_choice_the_table_chooses() -> None:
    plain = read_voice_offer(OFFER, "10.0.0.1")
    assert (plain.transport, plain.port, plain.payload_type) == ("udp", 6000, 8)
    other = read_voice_offer(OFFER, "10.0.0.1", prefers_tcp=True, prefers_ps=True)
    assert (other.transport, other.port, other.payload_type) == ("tcp-passive", 5000, 96)
    assert other.is_program_stream


def test_a_pes_of_voice_is_as_short_as_the_table_says() -> None:
    maker = VoicePacketizer(7, packet_ms=180, is_program_stream=True, pes_bytes=500)
    packets = [parse_packet(p).payload for _ in range(9) for p in maker.push(b"\xd5" * 160)]
    sizes = [int.from_bytes(p[p.index(b"\0\0\1\xc0") + 4 :][:2], "big") + 6 for p in packets]
    assert sizes and max(sizes) <= 500


# Whose device it is


async def test_a_user_agent_of_before_the_start_is_known(mine: Store, tmp_path) -> None:
    agent = replace(binding(), user_agent="Embedded HIKVISION")
    await mine.run(device_came, agent, T0, SpanCause.REGISTERED)
    quirks = QuirkService(mine, tmp_path)
    await quirks.begin()
    assert quirks.find(DEVICE).text(Quirk.HOME_PRESET) == "ignored"


async def test_a_user_agent_that_signalling_names_is_remembered(mine: Store, tmp_path) -> None:
    quirks = QuirkService(mine, tmp_path)
    assert quirks.find(DEVICE).text(Quirk.HOME_PRESET) == "heeded"
    quirks.find(DEVICE, "HIKVISION")
    assert quirks.find(DEVICE).text(Quirk.HOME_PRESET) == "ignored"

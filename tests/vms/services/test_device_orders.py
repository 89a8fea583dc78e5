"""Commands, configuration and pictures; the device is played here."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from channel_registry.queries.presence import save_registration
from sip.events import SnapshotsUploaded, UpgradeEnded
from sip.gb28181 import device_config as config
from sip.gb28181.config_fields import Tree
from sip.gb28181.question import NoAnswer, QueryFailed
from tests.vms.bench import CHANNEL, DEVICE, OTHER_CHANNEL, T0, HandClock, binding
from tests.vms.services.capability_ear import CapabilityEar
from tests.vms.services.test_ptz import FakeDevice
from vms.errors import Conflict, Invalid, NotFound, NotReady
from vms.records import OrderState
from vms.services.device_config import DeviceConfigService
from vms.services.device_control import DeviceControlService
from vms.services.device_desk import DeviceDesk
from vms.services.snapshots import LARGEST_PICTURE, MARGIN_S, SnapshotService
from vms.services.store import Store
from vms.storage.device_records import Verdict

JPEG = b"\xff\xd8\xff\xe0picture\xff\xd9"
BASE = "http://10.1.2.3:8080"


@pytest.fixture
def device() -> FakeDevice:
    return FakeDevice()


@pytest.fixture
def desk(mine: Store, device: FakeDevice) -> DeviceDesk:
    return DeviceDesk(device, mine)


@pytest.fixture
def control(desk: DeviceDesk, clock: HandClock) -> DeviceControlService:
    return DeviceControlService(desk, clock)


@pytest.fixture
def configs(desk: DeviceDesk) -> DeviceConfigService:
    return DeviceConfigService(desk)


@pytest.fixture
def snapshots(desk: DeviceDesk, data: Path, clock: HandClock) -> SnapshotService:
    return SnapshotService(desk, data, lambda: BASE, clock)


def fields(device: FakeDevice) -> dict[str, object]:
    return dict(device.asked[-1].fields)


async def become_old(store: Store) -> None:
    old = replace(binding(), gb_version="2.0")
    await store.run(lambda db: save_registration(db, old, at=T0, cause="test"))


# Commands


async def test_each_command_is_sent_to_whom_it_concerns(
    control: DeviceControlService, device: FakeDevice
) -> None:
    await control.record(CHANNEL, on=True)
    assert (device.asked[-1].target_id, fields(device)["RecordCmd"]) == (CHANNEL, "Record")
    await control.guard(DEVICE, on=False)
    assert (device.asked[-1].target_id, fields(device)["GuardCmd"]) == ("", "ResetGuard")
    await control.reset_alarm(DEVICE, method="5")
    assert fields(device)["Info"] == [("AlarmMethod", "5")]
    await control.request_key_frame(CHANNEL)
    assert set(fields(device)) == {"IFameCmd", "IFrameCmd"}
    await control.reboot(DEVICE)
    assert fields(device)["TeleBoot"] == "Boot"
    await control.format_card(DEVICE, 1)
    assert fields(device)["FormatSDCard"] == "1"


async def test_unknown_things_are_not_found(control: DeviceControlService) -> None:
    with pytest.raises(NotFound):
        await control.record("14040000001320000099", on=True)
    with pytest.raises(NotFound):
        await control.reboot("14040000001180000099")


async def test_cards_need_the_newer_edition(
    control: DeviceControlService, device: FakeDevice, mine: Store
) -> None:
    device.answers["SDCardStatus"] = ()
    assert await control.cards(DEVICE) == ()
    await become_old(mine)
    with pytest.raises(Conflict) as caught:
        await control.cards(DEVICE)
    assert caught.value.code == "edition_too_old"


@pytest.mark.parametrize(
    ("is_ok", "state", "reason"), [(True, OrderState.DONE, ""), (False, OrderState.FAILED, "02")]
)
async def test_an_upgrade_is_followed_to_its_end(
    control: DeviceControlService, is_ok: bool, state: OrderState, reason: str
) -> None:
    assert await control.upgrade_of(DEVICE) is None
    ordered = await control.upgrade(DEVICE, firmware="V2", url="http://10.1.2.3/fw")
    assert ordered.state is OrderState.RUNNING
    with pytest.raises(Conflict) as caught:
        await control.upgrade(DEVICE, firmware="V3", url="http://10.1.2.3/fw")
    assert caught.value.code == "upgrade_running"
    control.on_capability = ear = CapabilityEar()
    control.upgrade_ended(UpgradeEnded(DEVICE, "another", True, "V9", "", T0))
    assert ear.heard == []
    assert await control.upgrade_of(DEVICE) == ordered
    control.upgrade_ended(UpgradeEnded(DEVICE, ordered.session_id, is_ok, "V2", reason, T0))
    assert ear.heard == [(DEVICE, "upgrade", Verdict.WORKS if is_ok else Verdict.REFUSED)]
    ended = await control.upgrade_of(DEVICE)
    assert ended is not None
    assert (ended.state, ended.reason, ended.ended_at) == (state, reason, T0)


async def test_a_refused_upgrade_leaves_none_running(
    control: DeviceControlService, device: FakeDevice
) -> None:
    device.failures = [QueryFailed("the device answered ERROR")]
    with pytest.raises(Conflict):
        await control.upgrade(DEVICE, firmware="V2", url="http://10.1.2.3/fw")
    assert (await control.upgrade(DEVICE, firmware="V2", url="http://x/fw")).firmware == "V2"


# Configuration


async def test_types_are_asked_one_after_another_and_silence_is_listed(
    configs: DeviceConfigService, device: FakeDevice
) -> None:
    mirror = config.ConfigAnswer({"FrameMirror": config.FrameMirror(mode=1)})
    device.answers["ConfigDownload"] = mirror
    reading = await configs.read_channel(CHANNEL)
    assert [view.type for view in reading.configs] == ["FrameMirror"]
    assert reading.configs[0].values == {"mode": 1, "rest": []}
    assert [field.name for field in reading.configs[0].fields] == ["mode"]
    assert len(reading.missing) == len(config.CONFIG_TYPES) - 2
    assert len(device.asked) == len(config.CONFIG_TYPES) - 1


async def test_a_type_that_was_named_must_come(
    configs: DeviceConfigService, device: FakeDevice
) -> None:
    device.answers["ConfigDownload"] = NoAnswer("no answer")
    with pytest.raises(NotReady):
        await configs.read_channel(CHANNEL, ["OSDConfig"])


async def test_an_old_device_is_asked_for_what_it_has(
    configs: DeviceConfigService, device: FakeDevice, mine: Store
) -> None:
    await become_old(mine)
    device.answers["ConfigDownload"] = NoAnswer("no answer")
    reading = await configs.read_channel(CHANNEL)
    asked = {dict(question.fields)["ConfigType"] for question in device.asked}
    assert asked == set(config.TYPES_2016) - {"BasicParam"}
    assert "OSDConfig" in reading.missing
    device.asked.clear()
    with pytest.raises(NotReady):
        await configs.read_channel(CHANNEL, ["OSDConfig"], forced=True)
    assert dict(device.asked[-1].fields)["ConfigType"] == "OSDConfig", "it was told to try"


async def test_what_was_written_is_read_back(
    configs: DeviceConfigService, device: FakeDevice
) -> None:
    device.answers["ConfigDownload"] = config.ConfigAnswer({"BasicParam": config.BasicParam()})
    await configs.write_device(DEVICE, "BasicParam", {"name": "箱", "heartbeat_count": 3})
    write, read = device.asked
    assert dict(write.fields)["BasicParam"] == [("Name", "箱"), ("HeartBeatCount", "3")]
    assert read.command == "ConfigDownload"


async def test_an_unknown_type_is_written_as_a_tree(
    configs: DeviceConfigService, device: FakeDevice
) -> None:
    tree = Tree("WhiteLight", "", (Tree("Level", "3"),))
    device.answers["ConfigDownload"] = config.ConfigAnswer({"WhiteLight": tree})
    plain = {"rest": [{"name": "WhiteLight", "children": [{"name": "Level", "text": "3"}]}]}
    written = await configs.write_channel(CHANNEL, "WhiteLight", plain)
    assert dict(device.asked[0].fields)["WhiteLight"] == [("Level", "3")]
    assert written.fields == ()
    for wrong in ({}, {"rest": [{"name": "Other"}]}, {"rest": [1]}):
        with pytest.raises(Invalid):
            await configs.write_channel(CHANNEL, "WhiteLight", wrong)


async def test_wrong_values_and_our_own_types_are_refused(configs: DeviceConfigService) -> None:
    with pytest.raises(Invalid) as caught:
        await configs.write_channel(CHANNEL, "FrameMirror", {"mode": 9})
    assert (caught.value.field, caught.value.reason) == ("mode", "out_of_range")
    with pytest.raises(NotFound):
        await configs.write_channel(CHANNEL, "SnapShotConfig", {"count": 1})


# Pictures


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def token(device: FakeDevice) -> str:
    values = dict(dict(device.asked[-1].fields)["SnapShotConfig"])
    assert values["UploadURL"].startswith(f"{BASE}/api/v1/snapshot-uploads/")
    return values["UploadURL"].rpartition("/")[2]


async def test_pictures_are_ordered_taken_in_and_listed(
    snapshots: SnapshotService, device: FakeDevice, data: Path
) -> None:
    order = await snapshots.order(CHANNEL, count=2)
    assert (order.state, len(order.session_id)) == (OrderState.RUNNING, 32)
    for _ in range(2):
        await snapshots.receive(token(device), pieces(JPEG[:4], JPEG[4:]))
    with pytest.raises(Conflict):
        await snapshots.receive(token(device), pieces(JPEG))
    done = await snapshots.order_of(CHANNEL, order.session_id)
    assert (done.state, len(done.received)) == (OrderState.DONE, 2)
    listed = await snapshots.pictures(CHANNEL)
    assert {view.name for view in listed} == set(done.received)
    assert listed[0].taken_at == T0
    path = await snapshots.picture_path(done.received[0])
    assert path.read_bytes() == JPEG and path.is_relative_to(data / "snapshots")
    assert await snapshots.pictures(OTHER_CHANNEL) == ()
    assert await snapshots.prune(1) == 0


async def test_fewer_pictures_than_ordered_are_what_there_is(
    snapshots: SnapshotService, device: FakeDevice
) -> None:
    snapshots.on_capability = ear = CapabilityEar()
    order = await snapshots.order(CHANNEL, count=3)
    assert ear.heard == []
    await snapshots.receive(token(device), pieces(JPEG))
    assert ear.heard == [(DEVICE, "snapshot", Verdict.WORKS)]
    finished = SnapshotsUploaded(DEVICE, CHANNEL, order.session_id, (), T0)
    snapshots.finished(replace(finished, session_id="another"))
    assert (await snapshots.order_of(CHANNEL, order.session_id)).state is OrderState.RUNNING
    snapshots.finished(finished)
    assert (await snapshots.order_of(CHANNEL, order.session_id)).state is OrderState.DONE


async def test_none_at_all_is_a_failure(snapshots: SnapshotService, clock: HandClock) -> None:
    order = await snapshots.order(CHANNEL)
    clock.turn(MARGIN_S + 2)
    assert (await snapshots.order_of(CHANNEL, order.session_id)).state is OrderState.FAILED


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ((b"<html>",), "not_jpeg"),
        ((b"\xff\xd8\xff half a picture",), "not_jpeg"),
        ((b"\xff\xd8\xff", bytes(LARGEST_PICTURE)), "too_long"),
        ((), "not_jpeg"),
    ],
)
async def test_what_is_no_picture_is_not_kept_and_may_be_sent_again(
    snapshots: SnapshotService, device: FakeDevice, parts: tuple[bytes, ...], reason: str
) -> None:
    await snapshots.order(CHANNEL)
    with pytest.raises(Invalid) as caught:
        await snapshots.receive(token(device), pieces(*parts))
    assert caught.value.reason == reason
    assert await snapshots.pictures(CHANNEL) == ()
    await snapshots.receive(token(device), pieces(JPEG))


async def test_an_address_is_good_for_a_while_only(
    snapshots: SnapshotService, device: FakeDevice, clock: HandClock
) -> None:
    await snapshots.order(CHANNEL)
    clock.turn(MARGIN_S + 2)
    for wrong in (token(device), "x" * 43):
        with pytest.raises(NotFound):
            await snapshots.receive(wrong, pieces(JPEG))


@pytest.mark.parametrize("name", ["", "../vms.key", f"{CHANNEL}-20260701T080000000000-x.jpg"])
async def test_only_names_made_here_are_looked_up(snapshots: SnapshotService, name: str) -> None:
    with pytest.raises(NotFound):
        await snapshots.picture_path(name)


async def test_an_order_that_the_device_refuses_leaves_no_address(
    snapshots: SnapshotService, device: FakeDevice
) -> None:
    device.failures = [QueryFailed("ERROR")]
    with pytest.raises(Conflict):
        await snapshots.order(CHANNEL)
    with pytest.raises(NotFound):
        await snapshots.receive(token(device), pieces(JPEG))
    await asyncio.sleep(0)


async def test_old_pictures_go(
    snapshots: SnapshotService, device: FakeDevice, clock: HandClock
) -> None:
    await snapshots.order(CHANNEL)
    await snapshots.receive(token(device), pieces(JPEG))
    clock.turn(3 * 86_400)
    assert await snapshots.prune(1) == 1
    assert await snapshots.pictures(CHANNEL) == ()

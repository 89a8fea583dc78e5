"""Commands to devices: recording, key frames, guard, alarms, restart, cards, firmware."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from vms.records import OrderState, UpgradeView
from web.api.wire import Body, GbCode, ListOf, Text, Wire
from web.call import Call
from web.route import Permission, Resource

resource = Resource("device-control", "Device control (设备控制): what a device is told to do.")
PROBLEMS = ("device_offline", "device_unreachable", "device_refused", "device_silent")
CHANNEL_PROBLEMS = ("channel_not_found", *PROBLEMS)
DEVICE_PROBLEMS = ("device_not_found", *PROBLEMS)
OptionalCode = Annotated[str, Field(pattern=r"^([0-9]{20})?$")]


class Switch(Body):
    """On or off."""

    on: bool


class Guard(Switch):
    """Armed or not."""

    target: OptionalCode = ""
    """An alarm input; empty: the whole device."""


class AlarmReset(Body):
    """Which alarms; everything empty: all of the device."""

    target: OptionalCode = ""
    method: str = Field("", pattern=r"^[0-9/]{0,16}$")
    """1 telephone, 2 device, 3 SMS, 4 GPS, 5 video, 6 fault, 7 other."""
    alarm_type: str = Field("", pattern=r"^[0-9/]{0,32}$")


class Card(Wire):
    """A storage card of a device."""

    number: int
    name: Text
    status: Text
    """ok, formatting, unformatted, idle, error."""
    format_percent: int | None
    capacity_mb: int | None
    free_mb: int | None


class CardList(ListOf[Card]):
    """All cards of a device."""


class Firmware(Body):
    """What to install, and where the device fetches it."""

    firmware: str = Field(min_length=1, max_length=64, pattern=r"^[\x20-\x7e]+$")
    url: str = Field(max_length=512, pattern=r"^https?://[^\s/]+/\S*$")
    manufacturer: str = Field("", max_length=64, pattern=r"^[^\x00-\x1f]*$")
    """Empty: as the device says itself."""


class Upgrade(Wire):
    """How far an upgrade is."""

    device_id: str
    session_id: str
    firmware: str
    state: OrderState
    ordered_at: datetime
    ended_at: datetime | None
    reason: Text
    """01 download timed out, 02 package broken, 03 system error, 99 other."""


class LastUpgrade(Wire):
    """The last upgrade of a device."""

    upgrade: Upgrade | None
    """Null where none was ordered since the platform started."""


def build_upgrade(view: UpgradeView) -> Upgrade:
    """The JSON form."""
    return Upgrade.model_validate(view)


@resource.route(
    "PUT",
    "/channels/{code}/device-recording",
    summary="Record on the device",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=CHANNEL_PROBLEMS,
)
async def switch_device_recording(call: Call, code: GbCode, body: Switch) -> None:
    """Start or stop recording on the device's own disk or card."""
    await call.services.device_control.record(code, on=body.on)


@resource.route(
    "POST",
    "/channels/{code}/key-frame",
    summary="Ask for a key frame",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=CHANNEL_PROBLEMS,
)
async def request_key_frame(call: Call, code: GbCode) -> None:
    """Let the next picture be one that decoding can start with."""
    await call.services.device_control.request_key_frame(code)


@resource.route(
    "PUT",
    "/devices/{device_id}/guard",
    summary="Arm or disarm a device",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=DEVICE_PROBLEMS,
)
async def switch_guard(call: Call, device_id: GbCode, body: Guard) -> None:
    """Let it raise alarms or not (布防, 撤防)."""
    await call.services.device_control.guard(device_id, on=body.on, target=body.target)


@resource.route(
    "POST",
    "/devices/{device_id}/alarm-reset",
    summary="Reset alarms of a device",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=DEVICE_PROBLEMS,
)
async def reset_device_alarm(call: Call, device_id: GbCode, body: AlarmReset) -> None:
    """End the alarm state on the device; alarms of the platform stay."""
    await call.services.device_control.reset_alarm(device_id, **body.model_dump())


@resource.route(
    "POST",
    "/devices/{device_id}/reboot",
    summary="Restart a device",
    permission=Permission.ADMINISTER,
    status=HTTPStatus.NO_CONTENT,
    problems=DEVICE_PROBLEMS,
)
async def reboot_device(call: Call, device_id: GbCode) -> None:
    """Restart it; all of its pictures are away for a minute or two."""
    await call.services.device_control.reboot(device_id)


@resource.route(
    "GET",
    "/devices/{device_id}/cards",
    summary="List storage cards",
    permission=Permission.WATCH,
    problems=(*DEVICE_PROBLEMS, "edition_too_old"),
)
async def list_cards(call: Call, device_id: GbCode) -> CardList:
    """Ask the device (2022)."""
    found = await call.services.device_control.cards(device_id)
    return CardList(items=[Card.model_validate(each) for each in found])


@resource.route(
    "POST",
    "/devices/{device_id}/cards/{number}/format",
    summary="Format a storage card",
    permission=Permission.ADMINISTER,
    status=HTTPStatus.NO_CONTENT,
    problems=(*DEVICE_PROBLEMS, "edition_too_old"),
)
async def format_card(
    call: Call, device_id: GbCode, number: Annotated[int, Field(ge=0, le=64)]
) -> None:
    """Delete everything on a card; 0 is all of them (2022)."""
    await call.services.device_control.format_card(device_id, number)


@resource.route(
    "POST",
    "/devices/{device_id}/upgrade",
    summary="Upgrade a device's firmware",
    permission=Permission.ADMINISTER,
    problems=(*DEVICE_PROBLEMS, "edition_too_old", "upgrade_running"),
)
async def upgrade_device(call: Call, device_id: GbCode, body: Firmware) -> Upgrade:
    """Let it fetch and install a firmware; it restarts and tells the result (2022)."""
    return build_upgrade(await call.services.device_control.upgrade(device_id, **body.model_dump()))


@resource.route(
    "GET",
    "/devices/{device_id}/upgrade",
    summary="Show the last upgrade",
    permission=Permission.WATCH,
    problems=("device_not_found",),
)
async def show_upgrade(call: Call, device_id: GbCode) -> LastUpgrade:
    """Tell how the last upgrade went since the platform started."""
    found = await call.services.device_control.upgrade_of(device_id)
    return LastUpgrade(upgrade=build_upgrade(found) if found is not None else None)

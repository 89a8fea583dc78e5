"""Devices: what registers here, with which password, and what it told about itself."""

from datetime import datetime
from http import HTTPStatus

from pydantic import Field

from vms.records import DeviceView
from web.api.wire import Body, GbCode, Name, PageOf, PageQuery, Search, Text, Wire
from web.call import Call
from web.route import Permission, Resource

resource = Resource("devices", "Devices (设备) that register at this platform.")


class Device(Wire):
    """A registered peer: a camera, a recorder or a mine box."""

    id: str
    name: str
    password_set: bool
    manufacturer: Text
    model: Text
    firmware: Text
    user_agent: Text
    gb_version: Text
    """Edition of GB/T 28181 that it announced (X-GB-Ver)."""
    transport: Text
    """Of its registration: udp or tcp."""
    address: Text
    """host:port that its packets come from."""
    media_transport: str
    """How it is asked to send media: udp, tcp-passive or tcp-active."""
    registered: bool
    registered_at: datetime | None
    expires_at: datetime | None
    last_seen_at: datetime | None
    online: bool
    """Registered and heard of within its keepalive limit."""
    online_since: datetime | None
    offline_since: datetime | None
    cause: Text
    """Why it came on or went off last."""
    channel_count: int
    catalog_at: datetime | None
    """When a catalogue of it was merged last."""
    catalog_complete: bool
    clock_offset_s: float | None
    """How many seconds its clock is fast (negative: slow), null when it is right or not known."""


class DevicePage(PageOf[Device]):
    """One page of devices."""


class DeviceQuery(PageQuery):
    """Which devices."""

    q: Search = ""
    """Part of the name or of the id."""
    online: bool | None = None


class DeviceDraft(Body):
    """A device that may register from now on."""

    id: GbCode
    name: Name | None = None
    password: str | None = Field(None, min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")
    """Printable ASCII, since it is typed into cameras; without it one is generated."""


class DeviceChange(Body):
    """What people may change."""

    name: Name


class PasswordDraft(Body):
    """A new registration password."""

    password: str | None = Field(None, min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")
    """Without it one is generated."""


class NewPassword(Wire):
    """The password to type into the device; it is shown this once."""

    password: str


class DeviceAdded(NewPassword):
    """The new device and its password."""

    device: Device


def build_device(device: DeviceView) -> Device:
    """The JSON form of a device."""
    return Device.model_validate(device)


@resource.route("GET", "/devices", summary="List devices", permission=Permission.WATCH)
async def list_devices(call: Call, query: DeviceQuery) -> DevicePage:
    """Page through the devices, by name."""
    page = await call.services.directory.devices(**query.model_dump())
    return DevicePage.model_validate(page)


@resource.route(
    "POST",
    "/devices",
    summary="Let a device in",
    permission=Permission.ADMINISTER,
    status=HTTPStatus.CREATED,
    problems=("device_exists", "invalid"),
)
async def add_device(call: Call, body: DeviceDraft) -> DeviceAdded:
    """Allow a device to register; the answer is the only place that ever shows its password."""
    device, password = await call.services.directory.add_device(
        body.id, name=body.name or "", password=body.password or ""
    )
    return DeviceAdded(device=build_device(device), password=password)


@resource.route(
    "GET",
    "/devices/{device_id}",
    summary="Show a device",
    permission=Permission.WATCH,
    problems=("device_not_found",),
)
async def show_device(call: Call, device_id: GbCode) -> Device:
    """Tell what is known about one device."""
    return build_device(await call.services.directory.device(device_id))


@resource.route(
    "PATCH",
    "/devices/{device_id}",
    summary="Rename a device",
    permission=Permission.ADMINISTER,
    problems=("device_not_found",),
)
async def change_device(call: Call, device_id: GbCode, body: DeviceChange) -> Device:
    """Give a device the name that people know it by."""
    return build_device(await call.services.directory.rename_device(device_id, body.name))


@resource.route(
    "DELETE",
    "/devices/{device_id}",
    summary="Remove a device",
    permission=Permission.ADMINISTER,
    status=HTTPStatus.NO_CONTENT,
    problems=("device_not_found",),
)
async def delete_device(call: Call, device_id: GbCode) -> None:
    """Remove a device with its channels; its recordings stay. It may not register again."""
    await call.services.directory.delete_device(device_id)


@resource.route(
    "POST",
    "/devices/{device_id}/catalog",
    summary="Ask a device for its catalogue",
    permission=Permission.OPERATE,
    status=HTTPStatus.ACCEPTED,
    problems=("device_not_found", "device_offline"),
)
async def refresh_catalog(call: Call, device_id: GbCode) -> Device:
    """Begin a catalogue query (目录查询); its outcome comes as the event `catalog_merged`."""
    await call.services.directory.refresh_catalog(device_id)
    return build_device(await call.services.directory.device(device_id))


@resource.route(
    "POST",
    "/devices/{device_id}/password",
    summary="Set a device's password",
    permission=Permission.ADMINISTER,
    problems=("device_not_found",),
)
async def reset_password(call: Call, device_id: GbCode, body: PasswordDraft) -> NewPassword:
    """Replace the registration password; the device must be given the new one."""
    password = await call.services.directory.reset_password(device_id, body.password or "")
    return NewPassword(password=password)

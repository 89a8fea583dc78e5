"""Configuration of devices and channels (设备配置): read, change, write back."""

from typing import Annotated, Any

from pydantic import Field

from vms.records import ConfigReading
from web.api.wire import Body, GbCode, Wire
from web.call import Call
from web.route import Permission, Resource

resource = Resource("device-config", "Device configuration (设备配置): OSD, masks, heartbeat ….")
PROBLEMS = ("device_offline", "device_unreachable", "device_refused", "device_silent")
RESTARTS = "config_restarts"
WRITE_PROBLEMS = ("config_type_not_found", "edition_too_old", "invalid", RESTARTS, *PROBLEMS)
ConfigType = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]{0,63}$")]


class ConfigField(Wire):
    """One value, for a form."""

    name: str
    kind: str
    """text, number, decimal, flag, group or list."""
    least: float
    most: float
    """Of a text or a list: how long it may be."""
    fields: list["ConfigField"]
    """Of a group, and of each item of a list."""


class Config(Wire):
    """One configuration."""

    type: str
    """ConfigType of GB/T 28181, e.g. OSDConfig."""
    values: dict[str, Any]
    """Null where the device does not say; `rest` holds elements that we do not know."""
    fields: list[ConfigField]


class Configs(Wire):
    """What could be read."""

    configs: list[Config]
    missing: list[str]
    """Types that the device did not tell."""
    restarting: list[str]
    """Types that it was not asked for, because it would restart; `force` asks nevertheless."""


class ConfigQuery(Body):
    """Which types."""

    types: str = Field("", max_length=512, pattern=r"^[A-Za-z0-9,]*$")
    """Joined by commas; empty: all that the edition has."""
    force: bool = False
    """Ask although the quirk table says that the device restarts by it, or is too old for it."""


class ConfigValues(Body):
    """What to write; null is left alone."""

    values: dict[str, Any]
    force: bool = False
    """Write although the quirk table says that the device restarts by it, or is too old for it."""


def build_configs(reading: ConfigReading) -> Configs:
    """The JSON form."""
    return Configs.model_validate(reading)


def _types(query: ConfigQuery) -> list[str]:
    return [name for name in query.types.split(",") if name]


@resource.route(
    "GET",
    "/channels/{code}/config",
    summary="Read the configuration of a channel",
    permission=Permission.OPERATE,
    problems=("channel_not_found", "edition_too_old", RESTARTS, *PROBLEMS),
)
async def read_channel_config(call: Call, code: GbCode, query: ConfigQuery) -> Configs:
    """Ask the device, one type after another."""
    return build_configs(
        await call.services.device_config.read_channel(code, _types(query), forced=query.force)
    )


@resource.route(
    "PUT",
    "/channels/{code}/config/{name}",
    summary="Write a configuration of a channel",
    permission=Permission.ADMINISTER,
    problems=(
        "channel_not_found",
        "config_type_not_found",
        "edition_too_old",
        "invalid",
        RESTARTS,
        *PROBLEMS,
    ),
)
async def write_channel_config(
    call: Call, code: GbCode, name: ConfigType, body: ConfigValues
) -> Config:
    """Write it into the device and answer what it has then."""
    written = await call.services.device_config.write_channel(
        code, name, body.values, forced=body.force
    )
    return Config.model_validate(written)


@resource.route(
    "GET",
    "/devices/{device_id}/config",
    summary="Read the configuration of a device",
    permission=Permission.OPERATE,
    problems=("device_not_found", "edition_too_old", RESTARTS, *PROBLEMS),
)
async def read_device_config(call: Call, device_id: GbCode, query: ConfigQuery) -> Configs:
    """Ask the device for what concerns it as a whole."""
    return build_configs(
        await call.services.device_config.read_device(device_id, _types(query), forced=query.force)
    )


@resource.route(
    "PUT",
    "/devices/{device_id}/config/{name}",
    summary="Write a configuration of a device",
    permission=Permission.ADMINISTER,
    problems=("device_not_found", *WRITE_PROBLEMS),
)
async def write_device_config(
    call: Call, device_id: GbCode, name: ConfigType, body: ConfigValues
) -> Config:
    """Write it into the device and answer what it has then."""
    written = await call.services.device_config.write_device(
        device_id, name, body.values, forced=body.force
    )
    return Config.model_validate(written)

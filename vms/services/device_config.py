"""Configuration of devices and channels: read, changed by people, written back."""

from collections.abc import Iterable, Mapping

from sip.gb28181 import device_config as config
from sip.gb28181.config_fields import (
    BadConfig,
    Block,
    Kind,
    Tree,
    from_plain,
    specs,
    to_plain,
    tree_from_plain,
    tree_to_plain,
)
from sip.gb28181.quirks import DeviceQuirks, Quirk, none_known
from vms.errors import Conflict, Invalid, NotFound, VmsError
from vms.records import ConfigField, ConfigReading, ConfigView
from vms.services.device_desk import DeviceDesk

ONE_AT_A_TIME = 1
CONFIG_S = 5.0
"""Longest wait for one type; a device that does not know it often says nothing."""
HANDLED_ELSEWHERE = frozenset({"SnapShotConfig"})
"""Written by the snapshot service: its address and session are ours."""
BASIC = "BasicParam"
"""What it asks for, some devices answer under one code only, and some restart (quirk 25)."""
RESTARTS = "config_restarts"
"""The code of what is not asked without a person's word."""


class DeviceConfigService:
    """Reads and writes configurations of a device (empty `channel`) or of one of its channels.

    Errors: NotFound(channel | device | config_type), Conflict(edition_too_old),
    Conflict(device_refused), Conflict(config_restarts) unless `forced`, NotReady, Invalid that
    names the field.
    """

    def __init__(self, desk: DeviceDesk, quirks: DeviceQuirks = none_known) -> None:
        self._desk = desk
        self._quirks = quirks

    async def read_channel(
        self, code: str, types: Iterable[str] = (), *, forced: bool = False
    ) -> ConfigReading:
        """What a channel tells of itself; without types, all that its edition has."""
        channel = await self._desk.channel(code)
        wanted = tuple(types) or tuple(
            name for name in config.CONFIG_TYPES if name not in config.DEVICE_TYPES
        )
        return await self._read(
            channel.device_id, code, wanted, is_given=bool(types), forced=forced
        )

    async def read_device(
        self, device_id: str, types: Iterable[str] = (), *, forced: bool = False
    ) -> ConfigReading:
        """The same for a device as a whole."""
        wanted = tuple(types) or tuple(config.DEVICE_TYPES)
        return await self._read(device_id, "", wanted, is_given=bool(types), forced=forced)

    async def write_channel(
        self, code: str, type_name: str, values: Mapping[str, object], *, forced: bool = False
    ) -> ConfigView:
        """Change a configuration of a channel, and read it back."""
        channel = await self._desk.channel(code)
        return await self._write(channel.device_id, code, type_name, values, forced=forced)

    async def write_device(
        self, device_id: str, type_name: str, values: Mapping[str, object], *, forced: bool = False
    ) -> ConfigView:
        """The same for a device."""
        return await self._write(device_id, "", type_name, values, forced=forced)

    # Inside

    async def _read(
        self, device_id: str, target: str, types: tuple[str, ...], *, is_given: bool, forced: bool
    ) -> ConfigReading:
        """Ask for one type after another: many devices answer only the first of several."""
        found: list[ConfigView] = []
        missing: list[str] = []
        restarting: list[str] = []
        for name in types:
            try:
                self._check_restart(device_id, name, forced)
                await self._desk.check(device_id, name, forced=forced)
                found.append(await self._read_one(device_id, target, name))
            except (NotFound, Conflict, VmsError) as error:
                if is_given or error.code in ("device_offline", "device_not_found"):
                    raise
                (restarting if error.code == RESTARTS else missing).append(name)
        return ConfigReading(tuple(found), tuple(missing), tuple(restarting))

    async def _read_one(self, device_id: str, target: str, name: str) -> ConfigView:
        question = config.ask_config([name], await self._target(device_id, target, name))
        answer = await self._desk.ask(device_id, question, CONFIG_S)
        found = answer.configs.get(name)
        if found is None:
            raise Conflict("device_refused", detail=f"no {name} in the answer")
        return view_of(name, found)

    async def _write(
        self,
        device_id: str,
        target: str,
        name: str,
        values: Mapping[str, object],
        *,
        forced: bool,
    ) -> ConfigView:
        if name in HANDLED_ELSEWHERE:
            raise NotFound("config_type", name)
        self._check_restart(device_id, name, forced)
        await self._desk.check(device_id, name, forced=forced)
        block = _block(name, values)
        named = await self._target(device_id, target, name)
        await self._desk.ask(device_id, config.set_config({name: block}, named))
        return await self._read_one(device_id, target, name)

    def _check_restart(self, device_id: str, name: str, forced: bool) -> None:
        """A person decides whether a device that restarts because of it is worth it."""
        if name == BASIC and not forced and self._quirks(device_id).is_set(Quirk.CONFIG_RESTARTS):
            raise Conflict(RESTARTS, command=name)

    async def _target(self, device_id: str, target: str, name: str) -> str:
        """Whose code to name; "" is the device's own."""
        if name != BASIC:
            return target
        if self._quirks(device_id).text(Quirk.CONFIG_TARGET) == "device":
            return ""
        return target or await self._desk.first_channel(device_id)


def view_of(name: str, found: config.Config) -> ConfigView:
    """A configuration for people."""
    if isinstance(found, Tree):
        return ConfigView(name, {"rest": [tree_to_plain(found)]}, ())
    return ConfigView(name, to_plain(found), fields_of(type(found)))


def fields_of(cls: type[Block]) -> tuple[ConfigField, ...]:
    """What a form needs to know of a type."""
    return tuple(
        ConfigField(
            name,
            spec.kind.value,
            spec.least,
            spec.most,
            fields_of(spec.inner) if spec.inner is not None else (),
        )
        for name, spec in specs(cls)
        if spec.kind is not Kind.REST
    )


def _block(name: str, values: Mapping[str, object]) -> config.Config:
    cls = config.CONFIG_TYPES.get(name)
    try:
        if cls is not None:
            return from_plain(cls, values)
        rest = values.get("rest")
        if not isinstance(rest, list) or len(rest) != 1:
            raise BadConfig("rest", "not_a_list")
        tree = tree_from_plain(rest[0], "rest.0")
        if tree.name != name:
            raise BadConfig("rest.0.name", "bad_name")
    except BadConfig as error:
        raise Invalid(error.field, error.reason, str(error)) from error
    return tree

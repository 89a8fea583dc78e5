"""What a head remembers: presets with names of ours, cruises, scans, home, and where it looks."""

import logging
from collections.abc import Iterable

from peewee import Database

from channel_registry.queries.presets import forget_preset, name_preset, preset_names
from sip.gb28181 import control, presets, ptz, ptz_queries
from sip.gb28181.quirks import DeviceQuirks, Quirk, none_known
from vms.errors import Conflict, NotReady
from vms.records import (
    CruiseRoute,
    CruiseTrack,
    Frame,
    HomePosition,
    Identity,
    PresetView,
    PtzPosition,
)
from vms.services.device_desk import DeviceDesk
from vms.services.ptz import PtzService
from vms.services.store import Store

logger = logging.getLogger(__name__)


class PtzMemoryService:
    """Presets and all else that a head keeps or goes to by itself.

    Errors of every method: NotFound(channel), Conflict(ptz_missing), Conflict(ptz_held),
    Conflict(edition_too_old), Conflict(device_refused), NotReady.
    """

    def __init__(
        self,
        ptz_service: PtzService,
        desk: DeviceDesk,
        store: Store,
        quirks: DeviceQuirks = none_known,
    ) -> None:
        self._quirks = quirks
        self._ptz = ptz_service
        self._desk = desk
        self._store = store

    # Presets

    async def presets(self, code: str) -> tuple[PresetView, ...]:
        """What the device has, under the names given here; a device that does not tell: ours."""
        channel = await self._ptz.turnable(code)
        names = await self._store.run(preset_names, code)
        try:
            found = await self._desk.ask(channel.device_id, presets.ask_presets(code))
        except NotReady as error:
            if error.code != "device_silent":
                raise
            return tuple(PresetView(number, name) for number, name in sorted(names.items()))
        return tuple(PresetView(each.number, names.get(each.number) or each.name) for each in found)

    async def save_preset(self, who: Identity, code: str, number: int, name: str) -> PresetView:
        """Keep where the head looks now."""
        command = ptz.Preset(ptz.PresetAction.SET, number)
        await self._ptz.order(who, code, control.send_ptz(code, command, preset_name=name))
        await self._store.run(name_preset, code, number, name)
        return PresetView(number, name)

    async def call_preset(self, who: Identity, code: str, number: int) -> None:
        """Turn to a preset."""
        command = ptz.Preset(ptz.PresetAction.CALL, number)
        await self._ptz.order(who, code, control.send_ptz(code, command))

    async def delete_preset(self, who: Identity, code: str, number: int) -> None:
        """Forget a preset, in the device and here."""
        command = ptz.Preset(ptz.PresetAction.DELETE, number)
        await self._ptz.order(who, code, control.send_ptz(code, command))
        await self._store.run(_forget, code, number)

    # Cruises and scans

    async def cruises(self, code: str) -> tuple[CruiseTrack, ...]:
        """The cruises of a head (2022)."""
        channel = await self._ptz.turnable(code)
        await self._desk.check(channel.device_id, ptz_queries.CRUISES)
        return await self._desk.ask(channel.device_id, ptz_queries.ask_cruises(code))

    async def cruise(self, code: str, number: int) -> CruiseRoute:
        """One cruise with its stops (2022)."""
        channel = await self._ptz.turnable(code)
        await self._desk.check(channel.device_id, ptz_queries.CRUISE)
        return await self._desk.ask(channel.device_id, ptz_queries.ask_cruise(code, number))

    async def save_cruise(
        self,
        who: Identity,
        code: str,
        number: int,
        *,
        name: str,
        stops: Iterable[int],
        stay_s: int,
        speed: int,
    ) -> None:
        """Put a cruise over these presets in the place of the one with this number."""
        delete, add = ptz.CruiseAction.DELETE, ptz.CruiseAction.ADD
        commands = [ptz.Cruise(delete, number, 0)]
        commands += [ptz.Cruise(add, number, preset) for preset in stops]
        commands.append(ptz.Cruise(ptz.CruiseAction.DWELL, number, stay_s))
        commands.append(ptz.Cruise(ptz.CruiseAction.SPEED, number, speed))
        for command in commands:
            named = name if command.action is add else ""
            await self._ptz.order(who, code, control.send_ptz(code, command, cruise_name=named))

    async def start_cruise(self, who: Identity, code: str, number: int) -> None:
        """Begin a cruise; any stop ends it."""
        command = ptz.Cruise(ptz.CruiseAction.START, number)
        await self._ptz.order(who, code, control.send_ptz(code, command))

    async def delete_cruise(self, who: Identity, code: str, number: int) -> None:
        """Take a cruise out of the device."""
        command = ptz.Cruise(ptz.CruiseAction.DELETE, number, 0)
        await self._ptz.order(who, code, control.send_ptz(code, command))

    async def scan(
        self, who: Identity, code: str, number: int, action: str, speed: int = 0
    ) -> None:
        """Start a scan, set its `left` or `right` edge where the head looks, or its speed."""
        actions = {
            "start": ptz.ScanAction.START,
            "left": ptz.ScanAction.LEFT_EDGE,
            "right": ptz.ScanAction.RIGHT_EDGE,
            "speed": ptz.ScanAction.SPEED,
        }
        command = ptz.Scan(actions[action], number, speed)
        await self._ptz.order(who, code, control.send_ptz(code, command))

    # Where to

    async def switch(self, who: Identity, code: str, number: int, *, on: bool) -> None:
        """Wiper (1), lamp or heater."""
        await self._ptz.order(who, code, control.send_ptz(code, ptz.Auxiliary(number, on)))

    async def home(self, code: str) -> HomePosition:
        """The home position (2022)."""
        channel = await self._ptz.turnable(code)
        await self._desk.check(channel.device_id, ptz_queries.HOME)
        return await self._desk.ask(channel.device_id, ptz_queries.ask_home(code))

    async def set_home(self, who: Identity, code: str, home: HomePosition) -> None:
        """Set or switch off the home position.

        Conflict(home_preset_ignored) where it is on, with another preset than the one named: told
        of the devices that the quirk table suspects, as far as they answer.
        """
        if home.is_enabled and not home.preset:
            raise Conflict("home_needs_preset")
        await self._ptz.order(who, code, control.set_home(code, home))
        if home.is_enabled:
            await self._check_home(code, home)

    async def _check_home(self, code: str, home: HomePosition) -> None:
        channel = await self._desk.channel(code)
        if self._quirks(channel.device_id).text(Quirk.HOME_PRESET) == "heeded":
            return
        try:
            taken = await self.home(code)
        except (Conflict, NotReady) as error:
            logger.info(
                "a home position could not be looked at",
                extra={"channel": code, "reason": error.code},
            )
            return
        if taken.preset not in (None, home.preset):
            raise Conflict("home_preset_ignored", preset=taken.preset)

    async def zoom_to(self, who: Identity, code: str, frame: Frame, *, is_in: bool) -> None:
        """Let a rectangle of the picture fill it, or the picture shrink into it."""
        await self._ptz.order(who, code, control.drag_zoom(code, frame, is_in=is_in))

    async def position(self, code: str) -> PtzPosition:
        """Where a head looks (2022)."""
        return await self._ptz.position(code, ptz_queries.ask_position(code))

    async def go(
        self,
        who: Identity,
        code: str,
        *,
        pan: float | None = None,
        tilt: float | None = None,
        zoom: float | None = None,
    ) -> None:
        """Turn to angles in degrees and a zoom (2022)."""
        channel = await self._ptz.turnable(code)
        await self._desk.check(channel.device_id, "PTZPreciseCtrl")
        question = control.move_precisely(code, pan=pan, tilt=tilt, zoom=zoom)
        await self._ptz.order(who, code, question)

    async def track(
        self, who: Identity, code: str, mode: str, *, panorama: str = "", area: Frame | None = None
    ) -> None:
        """Follow a target: `Auto`, `Manual` within an area, or `Stop` (2022)."""
        channel = await self._ptz.turnable(code)
        await self._desk.check(channel.device_id, "TargetTrack")
        question = control.track_target(code, mode, panorama_id=panorama, area=area)
        await self._ptz.order(who, code, question)


def _forget(database: Database, code: str, number: int) -> None:
    forget_preset(database, code, number)

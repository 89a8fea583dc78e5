"""Commands to devices besides turning: recording, guard, alarms, restart, cards, firmware."""

import logging
from dataclasses import replace

from sip.events import UpgradeEnded
from sip.gb28181 import control, sd_card
from vms.clock import Clock
from vms.errors import Conflict
from vms.ids import new_name
from vms.records import OrderState, StorageCard, UpgradeView
from vms.services.capability_notes import NoteCapability, ignore_note
from vms.services.device_desk import DeviceDesk
from vms.storage.device_records import Verdict

logger = logging.getLogger(__name__)


class DeviceControlService:
    """One method for each command.

    Errors of every method: NotFound(channel | device), Conflict(edition_too_old),
    Conflict(device_refused), NotReady.
    """

    def __init__(self, desk: DeviceDesk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock
        self._upgrades: dict[str, UpgradeView] = {}
        self.on_capability: NoteCapability = ignore_note
        """Hears how upgrades end."""

    async def record(self, code: str, *, on: bool) -> None:
        """Start or stop recording on the device."""
        channel = await self._desk.channel(code)
        await self._desk.ask(channel.device_id, control.record(code, is_on=on))

    async def request_key_frame(self, code: str) -> None:
        """Let the next picture be a key frame."""
        channel = await self._desk.channel(code)
        await self._desk.ask(channel.device_id, control.request_key_frame(code))

    async def guard(self, device_id: str, *, on: bool, target: str = "") -> None:
        """Arm or disarm a device, or one alarm input of it."""
        await self._desk.device(device_id)
        await self._desk.ask(device_id, control.guard(target, is_on=on))

    async def reset_alarm(
        self, device_id: str, *, target: str = "", method: str = "", alarm_type: str = ""
    ) -> None:
        """Reset the alarms of a device, or those of a method and type."""
        await self._desk.device(device_id)
        question = control.reset_alarm(target, method=method, alarm_type=alarm_type)
        await self._desk.ask(device_id, question)

    async def reboot(self, device_id: str) -> None:
        """Restart a device; it goes off and registers again."""
        await self._desk.device(device_id)
        await self._desk.ask(device_id, control.reboot())

    async def cards(self, device_id: str) -> tuple[StorageCard, ...]:
        """The storage cards of a device (2022)."""
        await self._desk.check(device_id, sd_card.COMMAND)
        return await self._desk.ask(device_id, sd_card.ask_cards())

    async def format_card(self, device_id: str, number: int) -> None:
        """Format a card; 0 is all (2022)."""
        await self._desk.check(device_id, "FormatSDCard")
        await self._desk.ask(device_id, control.format_card(number))

    # Firmware

    async def upgrade(
        self, device_id: str, *, firmware: str, url: str, manufacturer: str = ""
    ) -> UpgradeView:
        """Have a device install a firmware (2022); raises Conflict(upgrade_running) as well."""
        await self._desk.check(device_id, "DeviceUpgrade")
        running = self._upgrades.get(device_id)
        if running is not None and running.state is OrderState.RUNNING:
            raise Conflict("upgrade_running", session=running.session_id)
        device = await self._desk.device(device_id)
        session_id = new_name()
        maker = manufacturer or device.manufacturer
        view = UpgradeView(device_id, session_id, firmware, OrderState.RUNNING, self._clock.wall())
        self._upgrades[device_id] = view
        try:
            await self._desk.ask(device_id, control.upgrade(firmware, url, maker, session_id))
        except BaseException:
            self._upgrades.pop(device_id, None)
            raise
        return view

    async def upgrade_of(self, device_id: str) -> UpgradeView | None:
        """The last upgrade since the platform started; None: none was ordered.

        Raises NotFound(device).
        """
        await self._desk.device(device_id)
        return self._upgrades.get(device_id)

    def upgrade_ended(self, event: UpgradeEnded) -> None:
        """A device says how it went."""
        view = self._upgrades.get(event.device_id)
        facts = {"device": event.device_id, "session": event.session_id, "reason": event.reason}
        if view is None or view.session_id != event.session_id:
            logger.warning("upgrade that nobody ordered", extra=facts)
            return
        verdict = Verdict.WORKS if event.is_ok else Verdict.REFUSED
        self.on_capability(event.device_id, "upgrade", verdict, event.reason)
        logger.info("upgrade ended", extra=facts | {"firmware": event.firmware})
        self._upgrades[event.device_id] = replace(
            view,
            state=OrderState.DONE if event.is_ok else OrderState.FAILED,
            ended_at=event.at,
            reason=event.reason,
        )

"""What is said back to devices about alarms: reset (复位), query (GB/T 28181 9.4)."""

from typing import Protocol, TypeVar

from sip.gb28181.alarm import AlarmWish, ask_alarms
from sip.gb28181.control import reset_alarm
from sip.server import PeerUnreachable, QueryFailed, Question
from vms.errors import Conflict, NotReady
from vms.records import Alarm
from vms.services.alarms import DEVICE_ALARM, AlarmService

AnswerT = TypeVar("AnswerT")


class Devices(Protocol):
    """The part of `sip.server.SipServer` that asks devices."""

    def is_registered(self, device_id: str) -> bool:
        """Whether the device can be reached now."""

    async def ask(
        self, device_id: str, question: Question[AnswerT], timeout_s: float | None = None
    ) -> AnswerT:
        """Raises SipError."""


class AlarmCommands:
    """Commands to devices about their alarms."""

    def __init__(self, devices: Devices, alarms: AlarmService) -> None:
        self._devices = devices
        self._alarms = alarms

    async def reset(self, alarm_id: int) -> Alarm:
        """Reset an alarm at its device, which may then send the next one.

        Raises NotFound(alarm), Conflict(not_a_device_alarm), NotReady(device_offline),
        NotReady(device_unreachable), Conflict(device_refused).
        """
        alarm = await self._alarms.alarm(alarm_id)
        if alarm.kind != DEVICE_ALARM:
            raise Conflict("not_a_device_alarm")
        detail = {name: str(alarm.detail.get(name) or "") for name in ("device", "method", "type")}
        question = reset_alarm(alarm.channel, method=detail["method"], alarm_type=detail["type"])
        await self._ask(detail["device"] or alarm.channel, question)
        return await self._alarms.alarm(alarm_id)

    async def query(self, device_id: str, methods: tuple[str, ...] = ()) -> None:
        """Have a device report the alarms it has; they come as alarms. Raises NotReady."""
        await self._ask(device_id, ask_alarms(AlarmWish(methods=methods)))

    async def _ask(self, device_id: str, question: Question[None]) -> None:
        if not self._devices.is_registered(device_id):
            raise NotReady(code="device_offline")
        try:
            await self._devices.ask(device_id, question)
        except QueryFailed as error:
            raise Conflict("device_refused", str(error)) from error
        except PeerUnreachable as error:
            raise NotReady(str(error), code="device_unreachable") from error

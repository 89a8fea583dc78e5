"""The stream doctor in memory."""

from dataclasses import replace

from tests.web.records import CHANNEL, DEVICE, NOON, OTHER
from vms.errors import NotFound
from vms.records import (
    Cause,
    Diagnosis,
    Grade,
    Mark,
    Rung,
    Step,
    TransportMemory,
    Try,
)

FOUND = Diagnosis(
    channel=CHANNEL,
    cause=Cause.NO_PACKETS,
    grade=Grade.FAILED,
    at=NOON,
    transport="udp",
    device_id=DEVICE,
    ladder=(
        Step(Rung.DEVICE, Mark.OK, (("device", DEVICE),)),
        Step(Rung.PACKETS, Mark.FAILED, (("packets", "0"),)),
        Step(Rung.CODEC, Mark.UNKNOWN),
    ),
    tried=(Try("udp", NOON, Cause.NO_PACKETS), Try("tcp-passive", NOON, Cause.SIP_TRANSPORT)),
    is_running=False,
)


class FakeDoctor:
    def __init__(self) -> None:
        self.known = {CHANNEL, OTHER}
        self.memories = {DEVICE: TransportMemory(DEVICE, "tcp-passive", NOON, CHANNEL)}
        self.examined: list[str] = []

    async def diagnosis(self, code: str) -> Diagnosis:
        if code not in self.known:
            raise NotFound("channel", code)
        return replace(FOUND, channel=code)

    async def examine(self, code: str) -> Diagnosis:
        found = await self.diagnosis(code)
        self.examined.append(code)
        return replace(found, cause=Cause.EXAMINING, grade=Grade.OPEN, is_running=True)

    async def memory(self, device_id: str) -> TransportMemory | None:
        if device_id != DEVICE:
            raise NotFound("device", device_id)
        return self.memories.get(device_id)

    async def forget(self, device_id: str) -> None:
        await self.memory(device_id)
        self.memories.pop(device_id, None)

from tests.web.records import DEVICE, NOON
from vms.errors import Conflict, NotFound
from vms.records import CapabilityView, Verdict
from vms.services.capabilities import Test


class FakeCapabilities:
    def __init__(self) -> None:
        self.tests: dict[str, Test] = {}

    async def of_device(self, device_id: str) -> tuple[CapabilityView, ...]:
        if device_id != DEVICE:
            raise NotFound("device", device_id)
        return (CapabilityView(DEVICE, "ptz", Verdict.TAKEN, NOON),)

    def test_of(self, device_id: str) -> Test | None:
        return self.tests.get(device_id)

    async def begin_test(self, device_id: str) -> Test:
        await self.of_device(device_id)
        if device_id in self.tests:
            raise Conflict("test_runs")
        self.tests[device_id] = Test(20, 3)
        return self.tests[device_id]

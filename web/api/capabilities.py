"""Capabilities: what a device was seen to be able to do, and a test of what it can."""

from datetime import datetime
from http import HTTPStatus

from vms.records import Verdict
from web.api.wire import GbCode, Text, Wire
from web.call import Call
from web.route import Permission, Resource

resource = Resource(
    "capabilities", "Capabilities (能力): what was tried on a device, when, and what came of it."
)


class Capability(Wire):
    """One ability of a device."""

    name: str
    """Stable: `ptz`, `presets`, `config.OSDConfig` ..."""
    verdict: Verdict
    at: datetime
    """When it was last tried."""
    detail: Text
    """What the device said when it refused."""


class Test(Wire):
    """How far a running test is."""

    total: int
    """Questions; 0 until they are chosen."""
    done: int


class CapabilityMatrix(Wire):
    """Everything known of one device."""

    items: list[Capability]
    test: Test | None
    """The test that runs now."""


async def _matrix(call: Call, device_id: str) -> CapabilityMatrix:
    service = call.services.capabilities
    found = await service.of_device(device_id)
    test = service.test_of(device_id)
    return CapabilityMatrix(
        items=[Capability.model_validate(record) for record in found],
        test=Test.model_validate(test) if test is not None else None,
    )


@resource.route(
    "GET",
    "/devices/{device_id}/capabilities",
    summary="Show what a device can do",
    permission=Permission.WATCH,
    problems=("device_not_found",),
)
async def show_capabilities(call: Call, device_id: GbCode) -> CapabilityMatrix:
    """Show what was tried on a device; what is not listed was never tried."""
    return await _matrix(call, device_id)


@resource.route(
    "POST",
    "/devices/{device_id}/capabilities/test",
    summary="Test what a device can do",
    permission=Permission.OPERATE,
    status=HTTPStatus.ACCEPTED,
    problems=("device_not_found", "device_offline", "test_runs"),
)
async def test_capabilities(call: Call, device_id: GbCode) -> CapabilityMatrix:
    """Put every question to a device that changes nothing there; takes up to a few minutes."""
    await call.services.capabilities.begin_test(device_id)
    return await _matrix(call, device_id)

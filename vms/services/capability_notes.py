"""How a service tells what a device can do, after it has used it."""

from collections.abc import Callable

from vms.config_values import Transport
from vms.errors import LiveFailed
from vms.records import LiveReason, LiveStep
from vms.storage.device_records import Verdict

NoteCapability = Callable[[str, str, Verdict, str], None]
"""Called with device, ability, verdict and detail; `CapabilityService.note`."""

REFUSING = frozenset(
    {LiveReason.TRANSPORT_REFUSED, LiveReason.INVITE_REFUSED, LiveReason.BAD_ANSWER}
)


def ignore_note(device_id: str, name: str, verdict: Verdict, detail: str) -> None:
    """Nobody wants to know."""


def live_capability(transport: Transport) -> str:
    """The line of a way of live media."""
    return "live_" + transport.value.replace("-", "_")


def refusal_of(failure: LiveFailed, *, of_transport: bool) -> bool:
    """Whether a failed picture says that the device cannot do it; busy or away says nothing.

    With `of_transport` only what concerns the way of media counts.
    """
    if failure.step is not LiveStep.INVITE:
        return False
    if of_transport:
        return failure.reason is LiveReason.TRANSPORT_REFUSED
    return failure.reason in REFUSING

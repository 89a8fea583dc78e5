"""What a simulated device does on a MANSCDP message: one handler for each root and CmdType.

A handler takes the envelope and returns the bodies to send back, in order. Each subject has a
module of its own that offers `handlers(state)`; `device.py` joins them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from sip.errors import MalformedMessage
from sip.gb28181 import catalog, query
from sip.gb28181.manscdp import Envelope, Root, parse_envelope
from sip.message import Request
from sip.simulator.directory import catalog_packets, damage, device_info, device_status
from sip.simulator.profile import DeviceProfile, Faults, SimulatorEvent

Handler = Callable[[Envelope], Iterable[bytes]]
Handlers = Mapping[tuple[Root, str], Handler]


@dataclass(slots=True, eq=False)
class DeviceState:
    """What the handlers of one device share; a subject adds what it must remember."""

    profile: DeviceProfile
    """As it is now: channels come and go."""
    faults: Faults
    emit: Callable[[SimulatorEvent], None]
    """Tells the shell, which may act on it."""
    now: float = 0.0
    """When the message being handled came, monotonic seconds."""
    guarded: set[str] = field(default_factory=set)
    """Armed devices and alarm inputs."""
    recording: set[str] = field(default_factory=set)
    """Channels that record on the device."""


def directory_handlers(state: DeviceState) -> Handlers:
    """Catalog, DeviceInfo and DeviceStatus."""

    def answer_catalog(envelope: Envelope) -> Iterable[bytes]:
        return catalog_packets(state.profile, state.faults, envelope.device_id, envelope.sn)

    def answer_info(envelope: Envelope) -> Iterable[bytes]:
        info = device_info(state.profile)
        body = query.build_device_info(info, envelope.sn, charset=state.profile.charset)
        yield damage(body, state.faults)

    def answer_status(envelope: Envelope) -> Iterable[bytes]:
        status = device_status(state.profile)
        duty = tuple(
            (code, "ONDUTY" if {code, state.profile.device_id} & state.guarded else word)
            for code, word in status.duty
        )
        status = replace(status, is_recording=bool(state.recording), duty=duty)
        yield query.build_device_status(status, envelope.sn, charset=state.profile.charset)

    return {
        (Root.QUERY, catalog.COMMAND): answer_catalog,
        (Root.QUERY, query.DEVICE_INFO): answer_info,
        (Root.QUERY, query.DEVICE_STATUS): answer_status,
    }


def read_message(request: Request) -> tuple[int, Envelope | None]:
    """Return the status that a MESSAGE deserves, and what it says where it can be read."""
    try:
        return 200, parse_envelope(request.body)
    except MalformedMessage as error:
        return error.status, None

"""What a simulated device does on a MANSCDP message: one handler for each root and CmdType.

A handler takes the envelope and returns the bodies to send back, in order. Each subject has a
module of its own that offers `handlers(state)`; `device.py` joins them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sip.gb28181 import catalog, control, query
from sip.gb28181.manscdp import Envelope, Root
from sip.simulator.directory import catalog_packets, damage, device_info, device_status
from sip.simulator.profile import CommandReceived, DeviceProfile, Faults, SimulatorEvent

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
        yield query.build_device_status(status, envelope.sn, charset=state.profile.charset)

    return {
        (Root.QUERY, catalog.COMMAND): answer_catalog,
        (Root.QUERY, query.DEVICE_INFO): answer_info,
        (Root.QUERY, query.DEVICE_STATUS): answer_status,
    }


def control_handlers(state: DeviceState) -> Handlers:
    """DeviceControl: every command is told to the shell, some are answered (2022 A.2.6.1)."""

    def obey(envelope: Envelope) -> Iterable[bytes]:
        command = control.parse_control(envelope)
        if not command.command:
            return
        state.emit(CommandReceived(command.device_id, command.command, command.value))
        if command.command in control.ANSWERED:
            yield control.build_control_response(
                command.device_id, command.sn, charset=state.profile.charset
            )

    return {(Root.CONTROL, control.COMMAND): obey}

"""Commands of upper platforms to our cameras: permitted, translated, passed on, audited.

A command that the standard answers gets its Result; what may not be, or is about what we do not
share, is counted and written into the audit log (GB/T 28181-2022 9.3, A.2.3). Heads are steered
through the service that people use, so that priorities and holds are the same for all.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from channel_registry.records import ChannelRecord
from channel_registry.upper_records import UpperRight
from sip.gb28181 import control, ptz
from sip.gb28181.edition import speaks_2022
from sip.gb28181.manscdp import Envelope, Root, build_envelope
from sip.gb28181.question import Question, ask_once, order, read_result
from vms.errors import VmsError
from vms.records import Identity, PtzStatus, Steering
from vms.services.cascade.passage import inner_fields, refusal
from vms.services.cascade.ports import UplinkControl
from vms.services.cascade.scorecard import ScoreBook
from vms.services.cascade.upper import Upper
from vms.services.device_desk import DeviceDesk

logger = logging.getLogger(__name__)

LEASE_S = 60.0
"""How long an upper platform's movement lasts without another word from it: it says once go and
once stop, and a stop that is lost must not leave a head turning for ever."""

PTZ_COMMANDS = frozenset(
    {"PTZCmd", "DragZoomIn", "DragZoomOut", "HomePosition", "PTZPreciseCtrl", "TargetTrack"}
)
NEVER = frozenset({"DeviceUpgrade", "FormatSDCard", "SnapShotConfig"})
"""What destroys, or makes a device call an address that another platform names."""
KEY_FRAMES = frozenset({"IFameCmd", "IFrameCmd"})
UNANSWERED = frozenset({*control.UNANSWERED})

Audit = Callable[[str, str, str, str], Awaitable[None]]
"""Notes actor, action, target and result."""


class Heads(Protocol):
    """The part of `PtzService` that steers."""

    async def steer(
        self, who: Identity, code: str, steering: Steering, *, lease_s: float | None = None
    ) -> PtzStatus:
        """Turn; raises VmsError."""

    async def order(self, who: Identity, code: str, question: Question[None]) -> None:
        """Send another command to a head; raises VmsError."""


class ControlDesk:
    """Carries out what an upper platform may."""

    def __init__(
        self,
        uplinks: UplinkControl,
        devices: DeviceDesk,
        heads: Heads,
        score: ScoreBook,
        audit: Audit,
    ) -> None:
        self._uplinks = uplinks
        self._devices = devices
        self._heads = heads
        self._score = score
        self._audit = audit
        self._moving: dict[str, dict[str, Upper]] = {}
        """Platform -> heads that it set in motion."""

    async def take(self, upper: Upper, envelope: Envelope) -> None:
        """Carry out a DeviceControl or DeviceConfig; raises SipError where no answer gets out."""
        name, is_answered = _command(envelope)
        channel = upper.channel(envelope.device_id)
        if not name or envelope.command not in ("DeviceControl", "DeviceConfig"):
            await self._end(upper, envelope, name, "unknown", is_answered=True)
        elif channel is None and envelope.device_id != upper.platform.own_id:
            # Nothing is said about what is not shared.
            await self._end(upper, envelope, name, "not_shared", is_answered=False)
        elif channel is None or name in NEVER or not upper.may(_right(name)):
            await self._end(upper, envelope, name, "not_permitted", is_answered=is_answered)
        else:
            result = await self._carry_out(upper, channel, envelope, name)
            await self._end(upper, envelope, name, result, is_answered=is_answered)

    async def release(self, platform_id: str) -> None:
        """The line to a platform is gone: stop what it moved."""
        for code, upper in self._moving.pop(platform_id, {}).items():
            try:
                await self._heads.steer(upper.identity, code, Steering())
            except VmsError as error:
                logger.info("not stopped", extra={"channel": code, "reason": error.code})

    # Inside

    async def _carry_out(
        self, upper: Upper, channel: ChannelRecord, envelope: Envelope, name: str
    ) -> str:
        try:
            if name == "PTZCmd":
                await self._steer(upper, channel, envelope)
            elif name in KEY_FRAMES:
                question = control.request_key_frame(channel.code)
                await self._devices.ask(channel.device_id, question)
            else:
                await self._pass(upper, channel, envelope, name)
        except VmsError as error:
            return error.code
        except ptz.BadPtzCommand:
            return "bad_request"
        return "ok"

    async def _steer(self, upper: Upper, channel: ChannelRecord, envelope: Envelope) -> None:
        command = ptz.decode(envelope.body.value("PTZCmd"))
        who, code = upper.identity, channel.code
        if not isinstance(command, ptz.Move | ptz.Lens):
            names = envelope.body.child("PTZCmdParams")
            question = control.send_ptz(
                code,
                command,
                preset_name=names.value("PresetName") if names is not None else "",
                cruise_name=names.value("CruiseTrackName") if names is not None else "",
            )
            await self._heads.order(who, code, question)
            return
        steering = _steering(command)
        moving = self._moving.setdefault(upper.id, {})
        if steering.is_stop:
            moving.pop(code, None)
        else:
            moving[code] = upper
        await self._heads.steer(who, code, steering, lease_s=LEASE_S)

    async def _pass(
        self, upper: Upper, channel: ChannelRecord, envelope: Envelope, name: str
    ) -> None:
        """Send it on under our code, in the form that the device's edition has."""
        elements = [name]
        if envelope.command == "DeviceConfig":
            elements = [field[0].partition(" ")[0] for field in inner_fields(envelope.body, str)]
        await self._devices.check(channel.device_id, *elements)
        device = await self._devices.device(channel.device_id)
        fields = inner_fields(
            envelope.body,
            lambda code: found.code if (found := upper.channel(code)) is not None else code,
            is_2022=speaks_2022(device.gb_version),
        )
        make = order if name in control.UNANSWERED else None
        question: Question[None]
        if make is not None:
            question = order(envelope.command, target_id=channel.code, fields=tuple(fields))
        else:
            question = ask_once(
                envelope.command,
                read_result,
                root=Root.CONTROL,
                target_id=channel.code,
                fields=tuple(fields),
            )
        if name in PTZ_COMMANDS:
            await self._heads.order(upper.identity, channel.code, question)
        else:
            await self._devices.ask(channel.device_id, question)

    async def _end(
        self, upper: Upper, envelope: Envelope, name: str, result: str, *, is_answered: bool
    ) -> None:
        """Count, note, answer where the standard has an answer."""
        self._score.count(upper.id, "control" if result == "ok" else f"control.{result}"[:64])
        is_stop = name == "PTZCmd" and result == "ok" and _is_stop(envelope)
        if not is_stop:  # a stop is the end of what the log has already
            action = f"upper.{name or envelope.command}"
            await self._audit(f"upper {upper.id}", action, envelope.device_id, result)
        if not is_answered:
            return
        if result == "ok":
            body = build_envelope(
                Root.RESPONSE,
                envelope.command,
                envelope.sn,
                envelope.device_id,
                [("Result", "OK")],
                charset=upper.charset,
            )
        else:
            body = refusal(envelope, upper.charset)
        await self._uplinks.send(upper.id, body)


def _command(envelope: Envelope) -> tuple[str, bool]:
    """The element that says what to do, and whether the standard answers it."""
    if envelope.command == "DeviceConfig":
        names = [field[0].partition(" ")[0] for field in inner_fields(envelope.body, str)]
        name = next((n for n in names if n == "SnapShotConfig"), names[0] if names else "")
        return name, True
    name = control.parse_control(envelope).command
    return name, name not in control.UNANSWERED


def _right(name: str) -> UpperRight:
    return UpperRight.PTZ if name in PTZ_COMMANDS else UpperRight.CONTROL


def _is_stop(envelope: Envelope) -> bool:
    try:
        command = ptz.decode(envelope.body.value("PTZCmd"))
    except ptz.BadPtzCommand:
        return False
    return isinstance(command, ptz.Move | ptz.Lens) and _steering(command).is_stop


def _steering(command: ptz.Move | ptz.Lens) -> Steering:
    """The command as people's steering; a speed of 0 with a direction is the slowest there is."""
    if isinstance(command, ptz.Lens):
        return Steering(
            focus=command.focus * max(command.focus_speed, 1) / ptz.FASTEST,
            iris=command.iris * max(command.iris_speed, 1) / ptz.FASTEST,
        )
    return Steering(
        pan=command.pan * max(command.pan_speed, 1) / ptz.FASTEST,
        tilt=command.tilt * max(command.tilt_speed, 1) / ptz.FASTEST,
        zoom=command.zoom * max(command.zoom_speed, 1) / ptz.FASTEST_ZOOM,
    )

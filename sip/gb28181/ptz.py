"""PTZCmd: eight bytes that move a head, drive a lens, and work presets, cruises and scans (A.3).

Bytes to commands and back, the same in both editions. Knows nothing of XML.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum

from sip.errors import MalformedMessage

LENGTH = 8
FIRST_BYTE = 0xA5
COMBINATION = 0x0F
"""Version 0 and the check of it: (A + 5 + 0) mod 16 (A.3.1)."""
DEFAULT_ADDRESS = 1
"""What servers send; the address is not used, DeviceID names the target."""
HIGHEST_ADDRESS = 0xFFF
FASTEST = 0xFF
FASTEST_ZOOM = 0xF
HIGHEST_PRESET = 255
"""Presets are 1 to 255; 0 is reserved."""
HIGHEST_GROUP = 255
LONGEST_DWELL_S = 0xFFF
HIGHEST_SPEED = 0xFFF
"""Of cruises and scans: twelve bits."""
WIPER = 1
"""The only auxiliary switch whose number the standard gives."""

_RIGHT, _LEFT, _DOWN, _UP, _ZOOM_IN, _ZOOM_OUT = (1 << bit for bit in range(6))
_FAR, _NEAR, _OPEN, _CLOSE = (1 << bit for bit in range(4))
_LENS = 0x40


class BadPtzCommand(MalformedMessage):
    """No command: wrong length, checksum, instruction or number."""


@dataclass(frozen=True, slots=True)
class Move:
    """Turn and zoom until the next command; all zero stops, cruise and scan as well (A.3.2).

    `pan` 1 right, -1 left; `tilt` 1 up, -1 down; `zoom` 1 in, -1 out; directions are those of the
    picture. Speeds are 0 to 255, that of the zoom 0 to 15.
    """

    pan: int = 0
    tilt: int = 0
    zoom: int = 0
    pan_speed: int = 0
    tilt_speed: int = 0
    zoom_speed: int = 0

    @property
    def is_stop(self) -> bool:
        """Whether nothing is to move."""
        return not (self.pan or self.tilt or self.zoom)


STOP = Move()


@dataclass(frozen=True, slots=True)
class Lens:
    """Focus and iris until the next command; all zero stops (A.3.3).

    `focus` 1 far, -1 near; `iris` 1 open, -1 close. Speeds are 0 to 255.
    """

    focus: int = 0
    iris: int = 0
    focus_speed: int = 0
    iris_speed: int = 0


STOP_LENS = Lens()


class PresetAction(IntEnum):
    """What to do with a preset; the values are the instruction (A.3.4)."""

    SET = 0x81
    CALL = 0x82
    DELETE = 0x83


@dataclass(frozen=True, slots=True)
class Preset:
    """Set, call or delete the position of a number, 1 to 255."""

    action: PresetAction
    number: int


class CruiseAction(IntEnum):
    """What to do with a cruise; the values are the instruction (A.3.5)."""

    ADD = 0x84
    """`value` is the preset to append."""
    DELETE = 0x85
    """`value` is the preset to take out; 0 the whole cruise."""
    SPEED = 0x86
    DWELL = 0x87
    """`value` is how long it stays at each point, in s."""
    START = 0x88
    """`value` is 0; any stop of `Move` ends it."""


@dataclass(frozen=True, slots=True)
class Cruise:
    """One step of making or starting the cruise of a group, 0 to 255."""

    action: CruiseAction
    group: int
    value: int = 0


class ScanAction(Enum):
    """What to do with an automatic scan (A.3.6): instruction and byte 6."""

    START = (0x89, 0)
    LEFT_EDGE = (0x89, 1)
    RIGHT_EDGE = (0x89, 2)
    SPEED = (0x8A, None)


@dataclass(frozen=True, slots=True)
class Scan:
    """Start the scan of a group, or set where it turns or how fast it is; `value` is the speed."""

    action: ScanAction
    group: int
    value: int = 0


@dataclass(frozen=True, slots=True)
class Auxiliary:
    """Switch a wiper (number 1), lamp or heater on or off (A.3.7)."""

    number: int
    is_on: bool


PtzCommand = Move | Lens | Preset | Cruise | Scan | Auxiliary


def encode(command: PtzCommand, address: int = DEFAULT_ADDRESS) -> str:
    """Write a command as 16 upper case hex characters; raises BadPtzCommand for wrong numbers."""
    _check(address, HIGHEST_ADDRESS, "address")
    instruction, first, second, third = _pack(command)
    head = [FIRST_BYTE, COMBINATION, address & 0xFF, instruction, first, second]
    head.append(third << 4 | address >> 8)
    return bytes([*head, sum(head) & 0xFF]).hex().upper()


def decode(text: str) -> PtzCommand:
    """Read a command; raises BadPtzCommand. Any address will do (A.3.1)."""
    try:
        data = bytes.fromhex(text.strip())
    except ValueError as error:
        raise BadPtzCommand("PTZCmd is no hex", text[:64]) from error
    if len(data) != LENGTH:
        raise BadPtzCommand("PTZCmd has another length", text[:64])
    if data[0] != FIRST_BYTE or sum(data[:7]) & 0xFF != data[7]:
        raise BadPtzCommand("PTZCmd with a wrong checksum", text)
    instruction, first, second, third = data[3], data[4], data[5], data[6] >> 4
    if instruction < _LENS:
        return _read_move(instruction, first, second, third)
    if instruction < _LENS + 0x10:
        focus = _axis(instruction, _FAR, _NEAR)
        iris = _axis(instruction, _OPEN, _CLOSE)
        return Lens(focus, iris, first if focus else 0, second if iris else 0)
    return _read_order(instruction, first, second, third)


def _pack(command: PtzCommand) -> tuple[int, int, int, int]:
    """Instruction, bytes 5 and 6, high half of byte 7."""
    match command:
        case Move():
            return _pack_move(command)
        case Lens():
            _check(command.focus_speed, FASTEST, "focus speed")
            _check(command.iris_speed, FASTEST, "iris speed")
            bits = _bits(command.focus, _FAR, _NEAR) | _bits(command.iris, _OPEN, _CLOSE)
            return _LENS | bits, command.focus_speed, command.iris_speed, 0
        case Preset():
            _check(command.number, HIGHEST_PRESET, "preset", least=1)
            return command.action.value, 0, command.number, 0
        case Cruise():
            return _pack_cruise(command)
        case Scan():
            _check(command.group, HIGHEST_GROUP, "scan")
            instruction, edge = command.action.value
            if edge is not None:
                return instruction, command.group, edge, 0
            _check(command.value, HIGHEST_SPEED, "scan speed")
            return instruction, command.group, command.value & 0xFF, command.value >> 8
        case Auxiliary():
            _check(command.number, 0xFF, "switch")
            return 0x8C if command.is_on else 0x8D, command.number, 0, 0


def _pack_move(move: Move) -> tuple[int, int, int, int]:
    _check(move.pan_speed, FASTEST, "pan speed")
    _check(move.tilt_speed, FASTEST, "tilt speed")
    _check(move.zoom_speed, FASTEST_ZOOM, "zoom speed")
    bits = (
        _bits(move.pan, _RIGHT, _LEFT)
        | _bits(move.tilt, _UP, _DOWN)
        | _bits(move.zoom, _ZOOM_IN, _ZOOM_OUT)
    )
    return bits, move.pan_speed, move.tilt_speed, move.zoom_speed


def _pack_cruise(cruise: Cruise) -> tuple[int, int, int, int]:
    _check(cruise.group, HIGHEST_GROUP, "cruise")
    match cruise.action:
        case CruiseAction.ADD:
            _check(cruise.value, HIGHEST_PRESET, "preset", least=1)
        case CruiseAction.DELETE:
            _check(cruise.value, HIGHEST_PRESET, "preset")
        case CruiseAction.START:
            return cruise.action.value, cruise.group, 0, 0
        case _:
            _check(cruise.value, HIGHEST_SPEED, "cruise speed or dwell")
    return cruise.action.value, cruise.group, cruise.value & 0xFF, cruise.value >> 8


def _read_move(bits: int, first: int, second: int, third: int) -> Move:
    pan, tilt = _axis(bits, _RIGHT, _LEFT), _axis(bits, _UP, _DOWN)
    zoom = _axis(bits, _ZOOM_IN, _ZOOM_OUT)
    return Move(pan, tilt, zoom, first if pan else 0, second if tilt else 0, third if zoom else 0)


def _read_order(instruction: int, first: int, second: int, third: int) -> PtzCommand:
    number = second | third << 8
    match instruction:
        case 0x81 | 0x82 | 0x83:
            if not second:
                raise BadPtzCommand("preset 0 is reserved", bytes([instruction, first, second]))
            return Preset(PresetAction(instruction), second)
        case 0x84 if not second:
            raise BadPtzCommand("preset 0 is reserved", bytes([instruction, first, second]))
        case 0x84 | 0x85:
            return Cruise(CruiseAction(instruction), first, second)
        case 0x86 | 0x87:
            return Cruise(CruiseAction(instruction), first, number)
        case 0x88:
            return Cruise(CruiseAction.START, first)
        case 0x89 if second <= 2:
            return Scan(ScanAction((instruction, second)), first)
        case 0x8A:
            return Scan(ScanAction.SPEED, first, number)
        case 0x8C | 0x8D:
            return Auxiliary(first, instruction == 0x8C)
        case _:
            raise BadPtzCommand("unknown PTZ instruction", bytes([instruction, first, second]))


def _bits(direction: int, ahead: int, back: int) -> int:
    return ahead if direction > 0 else back if direction < 0 else 0


def _axis(bits: int, ahead: int, back: int) -> int:
    """Read one axis; both directions at once are none (A.3.2 forbids them)."""
    return bool(bits & ahead) - bool(bits & back)


def _check(value: int, most: int, name: str, least: int = 0) -> None:
    if not least <= value <= most:
        raise BadPtzCommand(f"{name} must lie within {least} to {most}", str(value))

"""What pretend devices are told to do while they run: one command a line, from a file or typed.

    off|on|vlost|defect CODE        a channel goes off, comes on, loses its picture, breaks
    add CODE NAME                   a channel that was not there, or another name
    del CODE                        a channel is taken away
    alarm CODE METHOD [TYPE [EVENT]]  an alarm of GB/T 28181 A.2.5, e.g. `alarm 1404…01 5 6 1`
    move CODE LONGITUDE LATITUDE    something is somewhere else
    wait SECONDS                    of a file: before the next line

What stands behind # is left out.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sip.events import Position
from sip.gb28181.alarm import Alarm
from sip.simulator.profile import SimulatedChannel
from vms.errors import ConfigError
from vms.simulation.box import SimulatedBox

logger = logging.getLogger(__name__)

OPTION = "--script"
EXAMPLE = "off 14042100411322000001"
EVENTS = ("off", "on", "vlost", "defect")
WORDS = {
    **dict.fromkeys(EVENTS, (1, 1)),
    "add": (2, 99),
    "del": (1, 1),
    "alarm": (2, 4),
    "move": (3, 3),
    "wait": (1, 1),
}
"""Fewest and most arguments of each command."""


@dataclass(frozen=True, slots=True)
class Command:
    """One line."""

    word: str
    code: str = ""
    arguments: tuple[str, ...] = ()
    seconds: float = 0.0
    place: tuple[float, float] = (0.0, 0.0)
    """Longitude and latitude."""


def parse_command(line: str) -> Command | None:
    """Read a line; None for an empty one. Raises ConfigError that says what would do."""
    parts = line.partition("#")[0].split()
    if not parts:
        return None
    word, arguments = parts[0].lower(), tuple(parts[1:])
    if word not in WORDS:
        raise ConfigError(OPTION, f"unknown command {word!r}; known: {', '.join(WORDS)}", EXAMPLE)
    fewest, most = WORDS[word]
    if not fewest <= len(arguments) <= most:
        raise ConfigError(OPTION, f"{line.strip()!r}: {fewest} to {most} arguments", EXAMPLE)
    if word == "wait":
        return Command(word, seconds=_number(line, arguments[0]))
    code, rest = arguments[0], arguments[1:]
    if not (len(code) == 20 and code.isdecimal() and code.isascii()):
        raise ConfigError(OPTION, f"{line.strip()!r}: a code has 20 digits", EXAMPLE)
    if word == "move":
        return Command(word, code, place=(_number(line, rest[0]), _number(line, rest[1])))
    return Command(word, code, rest)


def _number(line: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise ConfigError(OPTION, f"{line.strip()!r}: {text!r} is no number", EXAMPLE) from error
    if not abs(value) <= 1e6:
        raise ConfigError(OPTION, f"{line.strip()!r}: {text!r} is no usable number", EXAMPLE)
    return value


def read_script(path: Path) -> tuple[Command, ...]:
    """All commands of a file; raises ConfigError with the number of the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(OPTION, str(error), "--script changes.txt") from error
    found = []
    for number, line in enumerate(lines, 1):
        try:
            command = parse_command(line)
        except ConfigError as error:
            raise ConfigError(OPTION, f"line {number}: {error.reason}", EXAMPLE) from error
        if command is not None:
            found.append(command)
    return tuple(found)


async def follow_script(commands: tuple[Command, ...], boxes: Mapping[str, SimulatedBox]) -> None:
    """Carry out a file's commands, each when its time has come."""
    for command in commands:
        if command.word == "wait":
            await asyncio.sleep(command.seconds)
        else:
            carry_out(command, boxes)


async def follow_typing(boxes: Mapping[str, SimulatedBox]) -> None:
    """Carry out what is typed until the end of the input; a wrong line is told and left out."""
    async for line in typed_lines():
        try:
            command = parse_command(line)
        except ConfigError as error:
            logger.warning("command not understood", extra={"reason": error.reason})
            continue
        if command is not None and command.word == "wait":
            await asyncio.sleep(command.seconds)
        elif command is not None:
            carry_out(command, boxes)


async def typed_lines() -> AsyncIterator[str]:
    """Yield what is typed until the end of the input."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        while line := await reader.readline():
            yield line.decode("utf-8", "replace")
    finally:
        transport.close()


def carry_out(command: Command, boxes: Mapping[str, SimulatedBox]) -> None:
    """Have the device do it that the code belongs to; tells when there is none."""
    box = _owner(command, boxes)
    facts = {"command": command.word, "channel": command.code}
    if box is None:
        logger.warning("no pretend device has this channel", extra=facts)
        return
    if not _obey(box, command):
        logger.warning("pretend device does not report it again before its reset", extra=facts)
    else:
        logger.info("pretend device obeys", extra=facts)
    box.flush()


def _owner(command: Command, boxes: Mapping[str, SimulatedBox]) -> SimulatedBox | None:
    for box in boxes.values():
        if box.device.reports.has(command.code) or command.code == box.device.profile.device_id:
            return box
    if command.word != "add":
        return None
    near = [box for box in boxes.values() if box.device.profile.device_id[:8] == command.code[:8]]
    return next(iter(near or boxes.values()), None)


def _obey(box: SimulatedBox, command: Command) -> bool:
    reports, now = box.device.reports, asyncio.get_running_loop().time()
    code, arguments = command.code, command.arguments
    if command.word in EVENTS:
        reports.turn(code, command.word.upper(), now)
    elif command.word == "add":
        reports.add(SimulatedChannel(code, " ".join(arguments)), now)
    elif command.word == "del":
        reports.remove(code, now)
    elif command.word == "move":
        reports.move(Position(code, *command.place), now)
    else:
        method, alarm_type, event_type = (*arguments, "", "")[:3]
        alarm = Alarm(code, 0, 1, method, "", "", alarm_type, event_type)
        return reports.alarm(alarm, now)
    return True

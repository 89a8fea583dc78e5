"""What a pretend upper platform is told to do: one order a line, from a file or typed.

    catalog                          ask for the catalog and show it as a tree
    subscribe catalog|alarm|position [off]
    live CODE [sub]                  ask for live pictures
    playback CODE FROM TO [SPEED]    ask for a recording; times: 2026-05-01T10:00:00, now, -30m
    download CODE FROM TO [SPEED]
    pause, play, seek SECONDS, speed X    control the playback asked for last
    ptz CODE left|right|up|down|in|out|stop [SPEED]    SPEED 1 to 255
    records CODE FROM TO             ask what is recorded
    info, status                     ask what the lower platform is, and how it is
    stop [CODE]                      end what is received, of one channel or all
    wait SECONDS|registered|media|end    of a file: before the next line
    quit

What stands behind # is left out.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sip.gb28181.ptz import FASTEST, FASTEST_ZOOM, Move
from sip.gb28181.record_info import parse_time
from sip.gb28181.subscription import Topic
from vms.errors import ConfigError

OPTION = "--script"
EXAMPLE = "live 14042100411322000001"
WORDS = {
    "catalog": (0, 0),
    "subscribe": (1, 2),
    "live": (1, 2),
    "playback": (3, 4),
    "download": (3, 4),
    "pause": (0, 0),
    "play": (0, 0),
    "seek": (1, 1),
    "speed": (1, 1),
    "ptz": (2, 3),
    "records": (3, 3),
    "info": (0, 0),
    "status": (0, 0),
    "stop": (0, 1),
    "wait": (1, 1),
    "quit": (0, 0),
}
"""Fewest and most arguments of each order."""
TOPICS = {"catalog": Topic.CATALOG, "alarm": Topic.ALARM, "position": Topic.POSITION}
CONDITIONS = ("registered", "media", "end")
"""What can be waited for: the registration, the first packet of the call made last, no more calls.
"""
DIRECTIONS = {
    "left": Move(pan=-1),
    "right": Move(pan=1),
    "up": Move(tilt=1),
    "down": Move(tilt=-1),
    "in": Move(zoom=1),
    "out": Move(zoom=-1),
    "stop": Move(),
}
USUAL_SPEED = 128
LONGEST_LINE = 1024
_AGO = re.compile(r"-([0-9]{1,6})([smhd])")
_ANY = datetime(2026, 1, 1, tzinfo=UTC)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_CODED = frozenset({"live", "playback", "download", "ptz", "records"})


@dataclass(frozen=True, slots=True)
class Order:
    """One line."""

    word: str
    code: str = ""
    """20 digits; empty where the order needs none."""
    option: str = ""
    """A topic, `sub`, a direction, or what is waited for."""
    is_off: bool = False
    """Of a subscription: end it."""
    start: str = ""
    end: str = ""
    """Times as written; `moment` makes them real when the order is carried out."""
    number: float = 0.0
    """Seconds, a speed or a factor; 0 where none was given."""


def parse_order(line: str) -> Order | None:
    """Read a line; None for an empty one. Raises ConfigError that says what would do."""
    if len(line) > LONGEST_LINE:
        raise _error(line, f"at most {LONGEST_LINE} characters")
    parts = line.partition("#")[0].split()
    if not parts:
        return None
    word, arguments = parts[0].lower(), parts[1:]
    if word not in WORDS:
        raise ConfigError(OPTION, f"unknown order {word!r}; known: {', '.join(WORDS)}", EXAMPLE)
    fewest, most = WORDS[word]
    if not fewest <= len(arguments) <= most:
        raise _error(line, f"{fewest} to {most} arguments")
    code = ""
    if word in _CODED or (word == "stop" and arguments):
        code, *arguments = arguments
        if not (len(code) == 20 and code.isdecimal() and code.isascii()):
            raise _error(line, "a code has 20 digits")
    return _read(line, word, code, arguments)


def _read(line: str, word: str, code: str, arguments: list[str]) -> Order:
    match word:
        case "subscribe":
            if arguments[0] not in TOPICS or arguments[1:] not in ([], ["off"]):
                raise _error(line, f"one of {', '.join(TOPICS)}, then off or nothing")
            return Order(word, option=arguments[0], is_off=bool(arguments[1:]))
        case "playback" | "download" | "records":
            return _read_stretch(line, word, code, arguments)
        case "wait" if arguments[0] in CONDITIONS:
            return Order(word, option=arguments[0])
        case "live" | "ptz":
            return _read_choice(line, word, code, arguments)
        case _:
            return Order(word, code, number=_number(line, arguments, 0.0))


def _read_stretch(line: str, word: str, code: str, arguments: list[str]) -> Order:
    start, end, *rest = arguments
    for text in (start, end):
        if moment(text, _ANY) is None:
            raise _error(line, f"{text!r} is no time")
    return Order(word, code, start=start, end=end, number=_number(line, rest, 0.0))


def _read_choice(line: str, word: str, code: str, arguments: list[str]) -> Order:
    """A stream, or a direction with its speed."""
    if word == "live":
        if arguments not in ([], ["sub"]):
            raise _error(line, "sub or nothing behind the code")
        return Order(word, code, "".join(arguments))
    direction, *rest = arguments
    if direction not in DIRECTIONS:
        raise _error(line, f"one of {', '.join(DIRECTIONS)}")
    return Order(word, code, direction, number=_number(line, rest, USUAL_SPEED))


def read_orders(path: Path) -> tuple[Order, ...]:
    """All orders of a file; raises ConfigError with the number of the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(OPTION, str(error), "--script orders.txt") from error
    found = []
    for number, line in enumerate(lines, 1):
        try:
            order = parse_order(line)
        except ConfigError as error:
            raise ConfigError(OPTION, f"line {number}: {error.reason}", EXAMPLE) from error
        if order is not None:
            found.append(order)
    return tuple(found)


def moment(text: str, now: datetime) -> datetime | None:
    """The time that a text means: `now`, `-90s` before it, or a time of Beijing; None for none."""
    if text == "now":
        return now
    ago = _AGO.fullmatch(text)
    if ago is None:
        return parse_time(text)
    try:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    except OverflowError:
        return None


def move_of(order: Order) -> Move:
    """What a ptz order makes the head do."""
    move = DIRECTIONS[order.option]
    speed = max(1, min(round(order.number), FASTEST))
    zoom_speed = max(1, speed * FASTEST_ZOOM // FASTEST)
    return Move(
        move.pan,
        move.tilt,
        move.zoom,
        speed if move.pan else 0,
        speed if move.tilt else 0,
        zoom_speed if move.zoom else 0,
    )


def _number(line: str, arguments: list[str], usual: float) -> float:
    if not arguments:
        return usual
    try:
        value = float(arguments[0])
    except ValueError as error:
        raise _error(line, f"{arguments[0]!r} is no number") from error
    if not abs(value) <= 1e6:
        raise _error(line, f"{arguments[0]!r} is no usable number")
    return value


def _error(line: str, wanted: str) -> ConfigError:
    return ConfigError(OPTION, f"{line.strip()[:80]!r}: {wanted}", EXAMPLE)

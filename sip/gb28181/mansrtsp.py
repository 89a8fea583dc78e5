"""MANSRTSP: the bodies of INFO that control a playback (GB/T 28181-2022 annex B, 2016 annex B).

Writers send what annex B prints; the parser takes both start-line forms of the editions and any
order of headers. Which variant a device wants is tried out by `sip.roles.playback`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from sip.errors import MalformedMessage

CONTENT_TYPE = "Application/MANSRTSP"
LONGEST_BYTES = 4096
MOST_LINES = 32
CLOCK_LENGTH = 32
SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""What every device must be able to do (annex B)."""
MOST_SCALE = 256.0

ValueT = TypeVar("ValueT")

_REQUEST = re.compile(r"(PLAY|PAUSE|TEARDOWN)\s+(?:MANS)?RTSP/1\.0", re.IGNORECASE)
_REPLY = re.compile(r"(?:MANS)?RTSP/1\.0\s+([1-5][0-9]{2})(?:\s+(.*))?", re.IGNORECASE)
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{0,6})?")
_CLOCK = re.compile(r"[0-9]{8}T[0-9]{6}(?:\.[0-9]{1,6})?Z")


class MalformedMansrtsp(MalformedMessage):
    """The body is no MANSRTSP message (400)."""


class Method(StrEnum):
    """What may be asked of a playback."""

    PLAY = "PLAY"
    PAUSE = "PAUSE"
    TEARDOWN = "TEARDOWN"


class Dialect(StrEnum):
    """How a device wants to be spoken to (quirk 49); the first is the standard."""

    STANDARD = "standard"
    MANSRTSP = "mansrtsp"
    """Start line `PLAY MANSRTSP/1.0`, as the samples of 2016 print it."""
    RANGE_AND_SCALE = "range_and_scale"
    """A change of speed names the place to go on from as well."""


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch of a recording."""

    start_s: float | None = None
    """Seconds from the start of what was asked for (npt); None is `now`."""
    end_s: float | None = None
    """Lower than the start in reverse; None: to the end."""
    clock: tuple[str, str] | None = None
    """Absolute times instead, as `20240501T020000Z`; the second may be empty."""

    def __str__(self) -> str:
        if self.clock is not None:
            return f"clock={self.clock[0]}-{self.clock[1]}"
        start = "now" if self.start_s is None else _number(self.start_s)
        return f"npt={start}-" + ("" if self.end_s is None else _number(self.end_s))


@dataclass(frozen=True, slots=True)
class PlaybackCommand:
    """One command; `resume`, `seek`, `set_speed` and the others below make the usual ones."""

    method: Method
    scale: float | None = None
    range: Range | None = None


@dataclass(frozen=True, slots=True)
class PlaybackReply:
    """What the device says to a command; a bare 200 of SIP is `PlaybackReply()`."""

    status: int = 200
    reason: str = "OK"
    cseq: int | None = None
    scale: float | None = None
    range: Range | None = None
    rtp_time: int | None = None
    """RTP time stamp of the first packet after the command (2022)."""


def pause() -> PlaybackCommand:
    """Hold the picture."""
    return PlaybackCommand(Method.PAUSE)


def resume() -> PlaybackCommand:
    """Go on where it was held."""
    return PlaybackCommand(Method.PLAY, range=Range())


def seek(position_s: float) -> PlaybackCommand:
    """Go on from another place, in seconds from the start of what was asked for."""
    return PlaybackCommand(Method.PLAY, range=Range(max(position_s, 0.0)))


def set_speed(scale: float) -> PlaybackCommand:
    """Go on faster or slower; raises ValueError for 0."""
    if not 0 < abs(scale) <= MOST_SCALE:
        raise ValueError(f"not a speed: {scale}")
    return PlaybackCommand(Method.PLAY, scale=scale)


def reverse(from_s: float, scale: float = -1.0) -> PlaybackCommand:
    """Go backwards from a place to the start (2022 B.2.8)."""
    return PlaybackCommand(Method.PLAY, scale=-abs(scale), range=Range(from_s, 0.0))


def teardown() -> PlaybackCommand:
    """End the sending; a BYE follows in any case."""
    return PlaybackCommand(Method.TEARDOWN)


def in_dialect(command: PlaybackCommand, dialect: Dialect) -> PlaybackCommand:
    """The command as this dialect puts it."""
    bare_speed = command.scale is not None and command.range is None
    if dialect is Dialect.RANGE_AND_SCALE and bare_speed:
        return replace(command, range=Range())
    return command


def build_command(
    command: PlaybackCommand, cseq: int, dialect: Dialect = Dialect.STANDARD
) -> bytes:
    """Write the body of an INFO; it ends with an empty line, which some devices insist on."""
    command = in_dialect(command, dialect)
    version = "MANSRTSP/1.0" if dialect is Dialect.MANSRTSP else "RTSP/1.0"
    lines = [f"{command.method} {version}", f"CSeq: {cseq}"]
    if command.method is Method.PAUSE:
        lines.append("PauseTime: now")
    lines += _place(command.scale, command.range)
    return _join(lines)


def build_reply(reply: PlaybackReply) -> bytes:
    """Write the body of the answer to an INFO."""
    lines = [f"RTSP/1.0 {reply.status} {reply.reason}"]
    if reply.cseq is not None:
        lines.append(f"CSeq: {reply.cseq}")
    lines += _place(reply.scale, reply.range)
    if reply.rtp_time is not None:
        lines.append(f"RTP-Info: rtptime={reply.rtp_time}")
    return _join(lines)


def parse_command(data: bytes) -> tuple[PlaybackCommand, int]:
    """Read a command and its CSeq (0 when missing); raises MalformedMansrtsp."""
    start, headers = _split(data)
    found = _REQUEST.fullmatch(start)
    if found is None:
        raise MalformedMansrtsp("no MANSRTSP request", data)
    method = Method(found[1].upper())
    scale = _parse_scale(headers.get("scale"), data)
    place = _parse_range(headers.get("range"), data)
    return PlaybackCommand(method, scale, place), _parse_count(headers.get("cseq")) or 0


def parse_reply(data: bytes) -> PlaybackReply:
    """Read an answer; raises MalformedMansrtsp. Headers that make no sense count as absent."""
    start, headers = _split(data)
    found = _REPLY.fullmatch(start)
    if found is None:
        raise MalformedMansrtsp("no MANSRTSP reply", data)
    info = re.search(r"rtptime=([0-9]{1,10})(?![0-9])", headers.get("rtp-info", ""))
    return PlaybackReply(
        status=int(found[1]),
        reason=(found[2] or "").strip()[:64],
        cseq=_parse_count(headers.get("cseq")),
        scale=_lenient(_parse_scale, headers.get("scale"), data),
        range=_lenient(_parse_range, headers.get("range"), data),
        rtp_time=int(info[1]) if info is not None else None,
    )


def _place(scale: float | None, place: Range | None) -> list[str]:
    lines = [] if scale is None else [f"Scale: {_scale_text(scale)}"]
    return lines if place is None else [*lines, f"Range: {place}"]


def _scale_text(scale: float) -> str:
    """At least one decimal: some devices refuse `2` (quirk 49)."""
    return f"{scale:.1f}" if round(scale, 1) == scale else f"{scale:.6g}"


def _number(seconds: float) -> str:
    return f"{seconds:.3f}".rstrip("0").rstrip(".")


def _join(lines: list[str]) -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii", "replace")


def _split(data: bytes) -> tuple[str, dict[str, str]]:
    if len(data) > LONGEST_BYTES:
        raise MalformedMansrtsp("a MANSRTSP body of at most 4 KiB", data)
    lines = data.decode("ascii", "replace").replace("\x00", "").strip().splitlines()
    if not lines or len(lines) > MOST_LINES:
        raise MalformedMansrtsp("no MANSRTSP lines", data)
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return lines[0].strip(), headers


def _parse_count(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and text.isascii() and len(text) < 11 else None


def _parse_scale(text: str | None, data: bytes) -> float | None:
    if text is None:
        return None
    if re.fullmatch(r"[+-]?[0-9]{1,3}(?:\.[0-9]{0,6})?", text) and 0 < abs(float(text)):
        return max(-MOST_SCALE, min(float(text), MOST_SCALE))
    raise MalformedMansrtsp("a Scale that is a number", data)


def _parse_range(text: str | None, data: bytes) -> Range | None:
    if text is None:
        return None
    unit, _, rest = text.partition("=")
    first, dash, second = (part.strip() for part in rest.partition("-"))
    if unit.strip().lower() == "npt" and dash and first and len(rest) < 64:
        return Range(_seconds(first, data), _seconds(second, data))
    if unit.strip().lower() == "clock" and dash and _CLOCK.fullmatch(first):
        if not second or _CLOCK.fullmatch(second):
            return Range(clock=(first[:CLOCK_LENGTH], second[:CLOCK_LENGTH]))
    raise MalformedMansrtsp("a Range in npt or clock", data)


def _seconds(text: str, data: bytes) -> float | None:
    if text.lower() in ("now", ""):
        return None
    if _SECONDS.fullmatch(text):
        return float(text)
    raise MalformedMansrtsp("seconds in a Range", data)


def _lenient(
    read: Callable[[str | None, bytes], ValueT | None], text: str | None, data: bytes
) -> ValueT | None:
    try:
        return read(text, data)
    except MalformedMansrtsp:
        return None

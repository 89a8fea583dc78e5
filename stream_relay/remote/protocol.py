"""What controller and relay node say to each other, as JSON. Sans-IO.

Requests and answers are one object each; the event channel is one object a line. Both sides judge
what they read: a wrong type or a number out of bounds is a `RelayProtocolError`, never a surprise
further in.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from stream_relay.events import (
    EndReason,
    FirstPacket,
    SourceRejected,
    StreamEnded,
    StreamEvent,
    StreamResumed,
    StreamStalled,
)
from stream_relay.forwarder import FORMATS, Content, ForwarderStatistics
from stream_relay.receiver import Transport
from stream_relay.remote.facts import Facts, RelayProtocolError
from stream_relay.statistics import SourceCounters

VERSION = 1
PREFIX = "/relay/v1"
MAX_BODY_BYTES = 256 * 1024
MAX_LINE_BYTES = 256 * 1024
MAX_SSRC = 2**32 - 1


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """Node to controller: the session that holds all it opens."""

    session: str
    silence_s: float
    """Without a word from the controller for so long, all of it is closed."""
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class OpenReceiver:
    """Controller to node. The controller numbers what it opens, so that it can name it at once."""

    number: int
    stream_id: str
    transport: Transport
    ssrc: int
    ssrc_check: bool
    signalling_host: str | None


@dataclass(frozen=True, slots=True)
class OpenForward:
    """Controller to node: send the stream `source` on."""

    number: int
    source: int
    transport: Transport
    ssrc: int
    host: str
    port: int
    content: Content = "source"
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """Node to controller: where it listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Answered:
    """Controller to node: what the device's SDP says."""

    host: str
    port: int
    ssrc: int | None


@dataclass(frozen=True, slots=True)
class Alive:
    """Controller to node: it lives and wants these; whatever else it opened is closed.

    `newest` is the highest number it had given out: what is younger is not judged.
    """

    wanted: frozenset[int]
    newest: int


@dataclass(frozen=True, slots=True)
class Hello:
    """First on the event channel: what there is now."""

    numbers: frozenset[int]
    newest: int
    """The highest number opened so far: what is younger is missing here without being gone."""
    missed: int
    """Events that the node no longer had."""


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of a stream, in order."""

    sequence: int
    number: int
    event: StreamEvent


@dataclass(frozen=True, slots=True)
class Counted:
    """A stream's counters now."""

    number: int
    counters: SourceCounters


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A forwarder's counters now, and for the last time when it is over."""

    number: int
    statistics: ForwarderStatistics
    is_connected: bool
    is_over: bool


@dataclass(frozen=True, slots=True)
class Beat:
    """Nothing new; the node lives."""


@dataclass(frozen=True, slots=True)
class Over:
    """Last: the session is over at the node, which goes down or has not heard the controller."""


Message = Hello | Happened | Counted | Forwarded | Beat | Over
COUNTERS = tuple(
    each.name for each in fields(SourceCounters) if each.name not in ("ssrc", "source")
)


# Requests and answers.


def build(message: object) -> bytes:
    """A request or an answer as JSON."""
    facts = asdict(message)  # type: ignore[call-overload]  # every message is a dataclass
    return _json({name: _plain(value) for name, value in facts.items()})


def parse_session_opened(data: bytes) -> SessionOpened:
    """Raises `RelayProtocolError`, also for another version of the protocol."""
    facts = Facts(data)
    check_version(facts)
    return SessionOpened(facts.text("session", 64), facts.seconds("silence_s"))


def check_version(facts: Facts) -> None:
    """Raises `RelayProtocolError` when the other side is of another version."""
    if (theirs := facts.number("version")) != VERSION:
        raise RelayProtocolError(f"its protocol has version {theirs}, ours {VERSION}")


def parse_open_receiver(data: bytes) -> OpenReceiver:
    """Raises `RelayProtocolError`."""
    facts = Facts(data)
    return OpenReceiver(
        facts.number("number"),
        facts.text("stream_id", 100),
        facts.transport(),
        facts.number("ssrc", MAX_SSRC),
        facts.flag("ssrc_check"),
        facts.text("signalling_host") if facts.has("signalling_host") else None,
    )


def parse_open_forward(data: bytes) -> OpenForward:
    """Raises `RelayProtocolError`."""
    facts = Facts(data)
    return OpenForward(
        facts.number("number"),
        facts.number("source"),
        facts.transport(),
        facts.number("ssrc", MAX_SSRC),
        facts.text("host"),
        facts.number("port", 65_535),
        _content(facts.text("content") if facts.has("content") else "source"),
        facts.has("is_held") and facts.flag("is_held"),
    )


def _content(text: str) -> Content:
    """A controller of an earlier version names none."""
    found = next((name for name in FORMATS if name == text), None)
    if found is None:
        raise RelayProtocolError(f"no such content: {text[:32]}")
    return found


def parse_opened(data: bytes) -> Opened:
    """Raises `RelayProtocolError`."""
    facts = Facts(data)
    return Opened(facts.text("host"), facts.number("port", 65_535))


def parse_answered(data: bytes) -> Answered:
    """Raises `RelayProtocolError`."""
    facts = Facts(data)
    ssrc = facts.number("ssrc", MAX_SSRC) if facts.has("ssrc") else None
    return Answered(facts.text("host"), facts.number("port", 65_535), ssrc)


def parse_alive(data: bytes) -> Alive:
    """Raises `RelayProtocolError`."""
    facts = Facts(data)
    return Alive(facts.numbers("wanted"), facts.number("newest"))


# The event channel.


def build_line(message: Message) -> bytes:
    """One line of the event channel."""
    match message:
        case Hello():
            facts = {"is": "hello", "version": VERSION, **asdict(message)}
        case Happened():
            facts = _event_facts(message.event)
            facts.update(sequence=message.sequence, number=message.number)
        case Counted():
            facts = {"is": "counted", "number": message.number, **asdict(message.counters)}
        case Forwarded():
            facts = {"is": "forwarded", **asdict(message.statistics)}
            facts.update(number=message.number, is_over=message.is_over)
            facts.update(is_connected=message.is_connected)
        case Beat():
            facts = {"is": "beat"}
        case Over():
            facts = {"is": "over"}
    return _json({name: _plain(value) for name, value in facts.items()}) + b"\n"


def is_told(event: StreamEvent) -> bool:
    """Whether an event crosses the wire: tracks and key frames are found again in the media."""
    return isinstance(
        event, FirstPacket | StreamStalled | StreamResumed | StreamEnded | SourceRejected
    )


def parse_line(line: bytes) -> Message:
    """Raises `RelayProtocolError`. The stream ids of events are empty: the number says whose."""
    facts = Facts(line)
    kind = facts.text("is")
    if kind == "beat":
        return Beat()
    if kind == "over":
        return Over()
    if kind == "hello":
        check_version(facts)
        return Hello(facts.numbers("numbers"), facts.number("newest"), facts.number("missed"))
    number = facts.number("number")
    if kind == "counted":
        return Counted(number, _parse_counters(facts))
    if kind == "forwarded":
        counts = [facts.number(name) for name in ("packets", "bytes", "dropped")]
        is_connected, is_over = facts.flag("is_connected"), facts.flag("is_over")
        return Forwarded(number, ForwarderStatistics(*counts), is_connected, is_over)
    return Happened(facts.number("sequence"), number, _parse_event(kind, facts))


def _event_facts(event: StreamEvent) -> dict[str, Any]:
    name = next(name for name, kind in EVENTS.items() if isinstance(event, kind))
    facts = asdict(event)
    del facts["stream_id"]
    return {"is": name, **facts}


EVENTS: dict[str, type[StreamEvent]] = {
    "first_packet": FirstPacket,
    "stalled": StreamStalled,
    "resumed": StreamResumed,
    "ended": StreamEnded,
    "rejected": SourceRejected,
}


def _parse_event(kind: str, facts: Facts) -> StreamEvent:
    match kind:
        case "first_packet":
            return FirstPacket("", facts.peer("peer"), facts.number("ssrc", MAX_SSRC))
        case "stalled":
            return StreamStalled("", facts.seconds("silent_s"))
        case "resumed":
            return StreamResumed("", facts.seconds("silent_s"))
        case "rejected":
            return SourceRejected("", facts.peer("peer"), facts.number("count"))
        case "ended":
            try:
                return StreamEnded("", EndReason(facts.text("reason")))
            except ValueError as error:
                raise RelayProtocolError("reason: not a known end") from error
    raise RelayProtocolError(f"an unknown message {kind[:40]!r}")


def _parse_counters(facts: Facts) -> SourceCounters:
    counters = SourceCounters()
    for name in COUNTERS:
        setattr(counters, name, facts.number(name))
    if facts.has("ssrc"):
        counters.ssrc = facts.number("ssrc", MAX_SSRC)
    if facts.has("source"):
        counters.source = facts.peer("source")
    return counters


class LineReader:
    """Cuts the event channel into lines; raises `RelayProtocolError` for one without an end."""

    def __init__(self) -> None:
        self._rest = b""

    def receive(self, data: bytes) -> Iterator[bytes]:
        """The lines that are complete now."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise RelayProtocolError("a line without an end")
        return iter(lines)


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else value


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

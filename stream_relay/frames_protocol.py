"""The bytes between the relay and an analytics worker. Sans-IO.

Both directions: 4 bytes length (big-endian, of what follows), 1 byte kind, body. Relay and worker
are of one installation and start together, so there is a version to refuse, not to negotiate.
"""

import json
import struct
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.errors import RelayError

VERSION = 1
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_HEAD = struct.Struct("!IB")
_UNIT = struct.Struct("!BBBqqqI")
_CODECS = tuple(Codec)
_KINDS = tuple(Kind)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BROKEN = (
    *(ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError),
    *(RecursionError, struct.error),
)
"""What reading bytes that are no message may raise."""


class FrameProtocolError(RelayError):
    """The other side does not speak this protocol, or another version of it."""


class MessageKind(IntEnum):
    """First byte of every message."""

    SUBSCRIBE = 1
    TRACKS = 2
    UNIT = 3
    ENDED = 4


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Worker to relay, once: what it wants."""

    channel: str
    keys_only: bool
    max_fps: float
    """With `keys_only`: at most so many pictures a second; 0 for all."""


@dataclass(frozen=True, slots=True)
class Tracks:
    """Relay to worker, first and on every change: decoders are set up anew."""

    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class FrameUnit:
    """Relay to worker: one encoded picture."""

    unit: AccessUnit
    wall: datetime
    """When it arrived at the relay (UTC)."""
    dropped: int
    """Pictures this subscription has lost so far because the worker was slow."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Relay to worker, last: why nothing follows."""

    reason: str


Message = Subscribe | Tracks | FrameUnit | Ended


def build_message(message: Message) -> bytes:
    """The message with its length before it."""
    match message:
        case Subscribe():
            kind, body = MessageKind.SUBSCRIBE, _json({"version": VERSION, **asdict(message)})
        case Tracks():
            tracks = [_track_fields(track) for track in message.tracks]
            kind, body = MessageKind.TRACKS, _json(tracks)
        case FrameUnit():
            kind, body = MessageKind.UNIT, _unit_body(message)
        case Ended():
            kind, body = MessageKind.ENDED, _json(message.reason)
    return _HEAD.pack(len(body) + 1, kind) + body


class MessageReader:
    """Cuts a byte stream into messages; raises `FrameProtocolError`."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive(self, data: bytes) -> list[Message]:
        """All messages that are complete now."""
        self._buffer += data
        messages: list[Message] = []
        start = 0
        while len(self._buffer) - start >= _HEAD.size:
            length, kind = _HEAD.unpack_from(self._buffer, start)
            if not 1 <= length <= MAX_MESSAGE_BYTES:
                raise FrameProtocolError(f"a message of {length} bytes")
            end = start + 4 + length
            if len(self._buffer) < end:
                break
            messages.append(_parse(kind, bytes(self._buffer[start + _HEAD.size : end])))
            start = end
        del self._buffer[:start]
        return messages


def _parse(kind: int, body: bytes) -> Message:
    try:
        match kind:
            case MessageKind.UNIT:
                return _parse_unit(body)
            case MessageKind.TRACKS:
                return Tracks(tuple(_parse_track(fields) for fields in json.loads(body)))
            case MessageKind.ENDED:
                return Ended(str(json.loads(body)))
            case MessageKind.SUBSCRIBE:
                return _parse_subscribe(json.loads(body))
    except BROKEN as error:
        raise FrameProtocolError(f"a broken message of kind {kind}") from error
    raise FrameProtocolError(f"an unknown message kind {kind}")


def _parse_subscribe(fields: dict[str, Any]) -> Subscribe:
    if fields["version"] != VERSION:
        raise FrameProtocolError(f"version {fields['version']}, this is {VERSION}")
    return Subscribe(
        str(fields["channel"]), bool(fields["keys_only"]), max(float(fields["max_fps"]), 0.0)
    )


def _unit_body(message: FrameUnit) -> bytes:
    unit = message.unit
    head = _UNIT.pack(
        _KINDS.index(unit.track),
        _CODECS.index(unit.codec),
        unit.is_key,
        unit.pts_ticks,
        unit.dts_ticks,
        (message.wall - _EPOCH) // timedelta(microseconds=1),
        min(message.dropped, 0xFFFFFFFF),
    )
    return head + unit.data


def _parse_unit(body: bytes) -> FrameUnit:
    kind, codec, is_key, pts, dts, wall_us, dropped = _UNIT.unpack_from(body)
    unit = AccessUnit(_KINDS[kind], _CODECS[codec], pts, dts, bool(is_key), body[_UNIT.size :])
    return FrameUnit(unit, _EPOCH + timedelta(microseconds=wall_us), dropped)


def _track_fields(track: Track) -> dict[str, Any]:
    fields = asdict(track)
    fields["parameter_sets"] = [b64encode(item).decode() for item in track.parameter_sets]
    fields["audio_config"] = b64encode(track.audio_config).decode()
    return fields


def _parse_track(fields: dict[str, Any]) -> Track:
    fields["kind"] = Kind(fields["kind"])
    fields["codec"] = Codec(fields["codec"])
    fields["parameter_sets"] = tuple(b64decode(item) for item in fields["parameter_sets"])
    fields["audio_config"] = b64decode(fields["audio_config"])
    return Track(**fields)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()

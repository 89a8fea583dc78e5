"""SDP as GB/T 28181 writes it (RFC 4566 with y= and f=; annex F of 2016, annex G of 2022).

Owns the line parser, which accepts what devices send, and the writers, which send what the
standard prints. Never negotiates: which answer fits which offer is decided by the invitation role.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sip.errors import MalformedMessage

MediaTransport = Literal["udp", "tcp-passive", "tcp-active"]
"""Seen from the receiver of media: in `tcp-passive` it listens, in `tcp-active` it connects."""

StreamChoice = Literal["main", "sub"]
HistoryKind = Literal["Playback", "Download"]

LONGEST_BYTES = 16_384
"""A GB body has some 300 bytes; nobody needs more than fits two screens."""

MOST_LINES = 256
SSRC_LIMIT = 2**32
OFFERED_CODECS = {96: "PS/90000", 97: "MPEG4/90000", 98: "H264/90000", 99: "H265/90000"}

# The 2016 sample itself prints attributes without the line end between them.
_GLUED = re.compile(
    r"(?<=[^\s=])(?=a=(?:rtpmap:|fmtp:|setup:|connection:|recvonly|send(?:only|recv)))"
)
_DIGITS = re.compile(r"[0-9]{1,20}")
_STREAM_ATTRIBUTES = ("streamnumber", "stream", "streamprofile", "streammode")
"""2022 annex G, then Hikvision, Dahua and TP-LINK in this order (5.5 of the profile)."""
_MAIN_VALUES = frozenset({"", "0", "main"})
_HISTORY: dict[str, HistoryKind] = {"playback": "Playback", "download": "Download"}


class MalformedSdp(MalformedMessage):
    """The body is no session description we could act on (SIP 488)."""

    def __init__(self, expectation: str, data: bytes | str = b"") -> None:
        super().__init__(f"expected {expectation}", data, status_hint=488)


@dataclass(frozen=True, slots=True)
class History:
    """Which recording is wanted, and how: s=, u=, t= and a=downloadspeed of an offer."""

    kind: HistoryKind
    start: int
    stop: int
    """UNIX seconds."""
    record_type: int = 0
    """0 all, 1 manual, 2 alarm, 3 time (2022 annex G)."""
    download_speed: int = 0
    """Integer multiple; 0 leaves the line out, which means 1."""


@dataclass(frozen=True, slots=True)
class MediaOffer:
    """Where the platform wants to receive one channel's media."""

    host: str
    port: int
    transport: MediaTransport
    ssrc: int
    stream: StreamChoice = "main"
    history: History | None = None
    """None: live."""


@dataclass(frozen=True, slots=True)
class MediaAnswer:
    """What the device said about the media it is going to send."""

    host: str
    """From c=, or the signalling host where that is missing or 0.0.0.0. Never filter by it."""
    port: int
    transport: MediaTransport
    """As the answer says; some devices write RTP/AVP although TCP was agreed."""
    ssrc: int | None
    """From y=; None when missing or senseless: keep the offered one."""
    payloads: Mapping[int, str] = field(default_factory=dict)
    """Payload type to codec name, upper case, e.g. {96: "PS"}."""
    size_bytes: int | None = None
    """a=filesize of a download, where the device tells it."""
    stated_host: str = ""
    """What c= really says, also when it is nonsense; empty when it is missing."""


@dataclass(frozen=True, slots=True)
class MediaLine:
    """One m= line with what belongs to it."""

    kind: str
    port: int
    is_tcp: bool
    payload_types: tuple[int, ...]
    host: str | None
    setup: str | None
    """`active` or `passive`, seen from the writer of the description."""
    attributes: tuple[tuple[str, str], ...]

    @property
    def transport(self) -> MediaTransport:
        """How the writer, as receiver, wants its media; TCP without setup means that it listens."""
        if not self.is_tcp:
            return "udp"
        return "tcp-active" if self.setup == "active" else "tcp-passive"

    @property
    def stream(self) -> StreamChoice:
        """Which stream is asked for, in the form of 2022 or of the makers that have their own."""
        for name in _STREAM_ATTRIBUTES:
            value = self.attribute(name)
            if value is not None:
                return "main" if value.strip().lower() in _MAIN_VALUES else "sub"
        return "main"

    @property
    def payloads(self) -> dict[int, str]:
        """Payload type to codec name from the rtpmap lines, upper case, without the clock."""
        found: dict[int, str] = {}
        for name, value in self.attributes:
            number, _, codec = value.partition(" ")
            if name == "rtpmap" and number.isdecimal() and int(number[:4]) < 128:
                found[int(number[:4])] = codec.strip().partition("/")[0].upper()
        return found

    def attribute(self, name: str) -> str | None:
        """Return the value of the first such a= line."""
        return next((value for key, value in self.attributes if key == name), None)


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A parsed description; origin and name are kept only to be shown."""

    origin: str
    name: str
    uri: str
    start: int
    stop: int
    """UNIX seconds (GB/T 28181-2022 annex G), 0 0 for live."""
    media: tuple[MediaLine, ...]
    ssrc: int | None
    format: str

    @property
    def main_media(self) -> MediaLine:
        """The line that carries pictures: the first video line, else the first line."""
        return next((line for line in self.media if line.kind == "video"), self.media[0])

    @property
    def history(self) -> History | None:
        """The recording that an offer asks for; None for anything that is not history."""
        kind = _HISTORY.get(self.name.strip().lower())
        if kind is None:
            return None
        number = _count(self.uri.rpartition(":")[2])
        speed = _count(self.main_media.attribute("downloadspeed") or "")
        return History(kind, self.start, self.stop, number or 0, speed or 0)


@dataclass(slots=True)
class _Draft:
    """One m= line being read."""

    kind: str
    port: int
    is_tcp: bool
    payload_types: tuple[int, ...]
    host: str | None = None
    attributes: list[tuple[str, str]] = field(default_factory=list)

    def freeze(self, host: str | None, shared: list[tuple[str, str]]) -> MediaLine:
        attributes = (*self.attributes, *shared)
        setup = next((v.strip().lower() for k, v in attributes if k == "setup"), None)
        return MediaLine(
            self.kind, self.port, self.is_tcp, self.payload_types,
            self.host or host, setup, attributes,
        )  # fmt: skip


class _Reader:
    """Collects lines; an m= line opens a new draft, later c= and a= belong to it."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.host: str | None = None
        self.shared: list[tuple[str, str]] = []
        self.drafts: list[_Draft] = []

    def line(self, key: str, value: str) -> None:
        match key:
            case "m":
                self.drafts.append(_parse_media(value))
            case "c":
                self._connection(value)
            case "a":
                name, _, rest = value.partition(":")
                target = self.drafts[-1].attributes if self.drafts else self.shared
                target.append((name.strip().lower(), rest.strip()))
            case _:
                self.fields.setdefault(key, value)

    def _connection(self, value: str) -> None:
        host = value.split()[-1].partition("/")[0] if value.split() else None
        if self.drafts:
            self.drafts[-1].host = host
        else:
            self.host = host


def parse_sdp(data: bytes) -> SessionDescription:
    """Read a description; raise MalformedSdp when it has no usable m= line.

    Tolerated: LF line ends, a missing last line end, y= and f= anywhere, unknown lines, glued
    attributes, any o= and s=.
    """
    if len(data) > LONGEST_BYTES:
        raise MalformedSdp("an SDP body of at most 16 KiB", data)
    text = data.decode("utf-8", "replace").replace("\x00", "")
    lines = _GLUED.sub("\n", text).splitlines()
    if len(lines) > MOST_LINES:
        raise MalformedSdp("an SDP body of at most 256 lines", data)
    reader = _Reader()
    for line in lines:
        key, equals, value = line.strip().partition("=")
        if equals and len(key) == 1:
            reader.line(key, value.strip())
    if not reader.drafts:
        raise MalformedSdp("an m= line", data)
    fields = reader.fields
    start, stop = _parse_times(fields.get("t", ""))
    return SessionDescription(
        origin=fields.get("o", "").partition(" ")[0],
        name=fields.get("s", ""),
        uri=fields.get("u", ""),
        start=start,
        stop=stop,
        media=tuple(draft.freeze(reader.host, reader.shared) for draft in reader.drafts),
        ssrc=parse_ssrc(fields.get("y", "")),
        format=fields.get("f", ""),
    )


def parse_ssrc(text: str) -> int | None:
    """Read y=: decimal digits, leading zeros optional; None when it cannot be a 32-bit number."""
    digits = _DIGITS.fullmatch(text.strip())
    if digits is None:
        return None
    value = int(digits[0])
    return value if 0 < value < SSRC_LIMIT else None


def format_ssrc(ssrc: int) -> str:
    """Write y=: ten decimal digits (GB/T 28181-2022 annex G)."""
    return f"{ssrc:010d}"


def _parse_media(value: str) -> _Draft:
    parts = value.split()
    if len(parts) < 3:
        raise MalformedSdp("m=<kind> <port> <protocol> <types>", value)
    port = parts[1].partition("/")[0]
    if not _DIGITS.fullmatch(port) or int(port) > 65535:
        raise MalformedSdp("a media port below 65536", value)
    types = tuple(int(t) for t in parts[3:] if _DIGITS.fullmatch(t) and int(t) < 128)
    return _Draft(parts[0].lower(), int(port), "TCP" in parts[2].upper(), types)


def _parse_times(value: str) -> tuple[int, int]:
    numbers = [int(part) for part in value.split()[:2] if _DIGITS.fullmatch(part)]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)


def _count(text: str) -> int | None:
    """Read a number that some device wrote; None for anything else."""
    found = _DIGITS.fullmatch(text.strip())
    return int(found[0]) if found is not None and int(found[0]) < 2**53 else None


def build_offer(
    offer: MediaOffer,
    *,
    owner_id: str,
    name: str = "Play",
    channel_id: str = "",
    stream_attribute: str | None = None,
) -> bytes:
    """Write the platform's offer (GB/T 28181-2022 annex G; 5.6 of TCP roles).

    `stream_attribute` is the whole a= value that chooses main or sub stream for this maker;
    `channel_id` is written in u= of history, whose kind takes the place of `name`.
    """
    tcp = offer.transport != "udp"
    history = offer.history
    lines = [
        "v=0",
        f"o={owner_id} 0 0 IN {_address(offer.host)}",
        f"s={name if history is None else history.kind}",
        *([] if history is None else [f"u={channel_id}:{history.record_type}"]),
        f"c=IN {_address(offer.host)}",
        "t=0 0" if history is None else f"t={history.start} {history.stop}",
        f"m=video {offer.port} {'TCP/' if tcp else ''}RTP/AVP "
        + " ".join(str(number) for number in OFFERED_CODECS),
        "a=recvonly",
        *(f"a=rtpmap:{number} {codec}" for number, codec in OFFERED_CODECS.items()),
    ]
    if tcp:
        lines += [f"a=setup:{offer.transport.removeprefix('tcp-')}", "a=connection:new"]
    if stream_attribute:
        lines.append(f"a={stream_attribute}")
    if history is not None and history.download_speed:
        lines.append(f"a=downloadspeed:{history.download_speed}")
    lines.append(f"y={format_ssrc(offer.ssrc)}")
    return _join(lines)


def build_answer(
    answer: MediaAnswer,
    *,
    owner_id: str,
    name: str = "Play",
    media_format: str = "",
    times: tuple[int, int] = (0, 0),
    uri: str = "",
) -> bytes:
    """Write a sender's answer; `answer.transport` is the receiver's role, setup its mirror.

    `times` are those of t=, UNIX seconds, for history; an empty `uri` leaves u= out.
    """
    tcp = answer.transport != "udp"
    payloads = answer.payloads or {96: "PS"}
    types = " ".join(str(number) for number in payloads)
    lines = [
        "v=0",
        f"o={owner_id} 0 0 IN {_address(answer.host)}",
        f"s={name}",
        *([f"u={uri}"] if uri else []),
        f"c=IN {_address(answer.host)}",
        f"t={times[0]} {times[1]}",
        f"m=video {answer.port} {'TCP/' if tcp else ''}RTP/AVP {types}",
        "a=sendonly",
        *(f"a=rtpmap:{number} {codec}/90000" for number, codec in payloads.items()),
    ]
    if tcp:
        setup = "active" if answer.transport == "tcp-passive" else "passive"
        lines += [f"a=setup:{setup}", "a=connection:new"]
    if answer.size_bytes is not None:
        lines.append(f"a=filesize:{answer.size_bytes}")
    if answer.ssrc is not None:
        lines.append(f"y={format_ssrc(answer.ssrc)}")
    lines.append(f"f={media_format}")
    return _join(lines)


def _join(lines: list[str]) -> bytes:
    return ("\r\n".join(lines) + "\r\n").encode("utf-8")


def _address(host: str) -> str:
    return f"IP6 {host}" if ":" in host else f"IP4 {host}"

"""The head of a traced message, read as far as it can be: what a ladder writes on its arrows.

Never raises: a message that the parser refuses is the one that people want to look at.
"""

import re
from dataclasses import dataclass

from sip.gb28181.subject import parse_subject
from sip.message.fields import readable
from sip.message.headers import header_key

LONGEST = 256
"""Characters of a header that are read."""
LONGEST_NUMBER = 16

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_XML_READ = 4096
"""Octets of a body in which its command stands; a catalogue goes on for long behind it."""
_USER = re.compile(r"sips?:([^@;>\s:]{1,64})[@:]", re.I)
_COMMAND = re.compile(rb"<CmdType>\s*([A-Za-z0-9_]{1,64})")
_ROOT = re.compile(rb"<(Query|Control|Notify|Response)\b")
_TARGET = re.compile(rb"<DeviceID>\s*([0-9]{1,20})\s*<")
_ORDER = re.compile(
    rb"<(PTZCmd|PTZPreciseCtrl|TeleBoot|RecordCmd|GuardCmd|AlarmCmd|IFameCmd|IFrameCmd|DragZoomIn"
    rb"|DragZoomOut|HomePosition|DeviceUpgrade|FormatSDCard|TargetTrack|SnapShotConfig|BasicParam)\b"
)
_SESSION = re.compile(rb"(?:\A|\n)s=([A-Za-z]{1,16})")
_RTSP = re.compile(rb"\s*(PLAY|PAUSE|TEARDOWN)\b")
_CODE = re.compile(r"[0-9]{20}")
_CONTACT_EXPIRES = re.compile(r";\s*expires\s*=\s*\"?([0-9]{1,10})", re.I)
_WANTED = frozenset(
    {
        "from",
        "to",
        "call-id",
        "cseq",
        "subject",
        "expires",
        "contact",
        "authorization",
        "proxy-authorization",
    }
)


@dataclass(slots=True)
class Reading:
    """What a message says of itself; empty where it does not, or not readably."""

    method: str = ""
    """Of a response that of its CSeq."""
    status: int = 0
    """0: a request."""
    reason: str = ""
    cseq: int = -1
    call_id: str = ""
    from_id: str = ""
    to_id: str = ""
    target: str = ""
    """User of the Request-URI."""
    kind: str = ""
    """Root of the MANSCDP body: Query, Control, Notify, Response."""
    command: str = ""
    """CmdType; of a DeviceControl its order, of an INFO the MANSRTSP method."""
    session: str = ""
    """s= of an INVITE's SDP: Play, Playback, Download, Talk."""
    about: str = ""
    """The channel or device it concerns: of Subject, body or Request-URI."""
    has_credentials: bool = False
    is_end: bool = False
    """REGISTER or SUBSCRIBE with Expires 0."""


def read(data: bytes) -> Reading:
    """Read what can be read."""
    end = _HEAD_END.search(data)
    head, body = (data, b"") if end is None else (data[: end.start()], data[end.end() :])
    lines = _text(head).splitlines() or [""]
    fields = _fields(lines[1:])
    number, _, method = fields.get("cseq", "").partition(" ")
    reading = Reading(
        call_id=fields.get("call-id", ""),
        from_id=_user(fields.get("from", "")),
        to_id=_user(fields.get("to", "")),
        has_credentials="authorization" in fields or "proxy-authorization" in fields,
    )
    if number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER:
        reading.cseq = int(number)
    first, _, rest = lines[0].strip().partition(" ")
    if first.upper().startswith("SIP/"):
        reading.method = method.strip().upper()[:LONGEST_NUMBER]
        status, _, reading.reason = rest.strip().partition(" ")
        if re.fullmatch("[1-9][0-9]{2}", status):
            reading.status = int(status)
        return reading
    reading.method = first
    reading.target = _user(rest)
    reading.is_end = first in ("REGISTER", "SUBSCRIBE") and _expires(fields) == "0"
    _read_body(reading, body[:_XML_READ])
    subject = parse_subject(fields.get("subject"))
    if subject is not None:
        reading.about = subject.sender_id
    elif not reading.about and first != "REGISTER" and _CODE.fullmatch(reading.target):
        reading.about = reading.target
    return reading


def _read_body(reading: Reading, body: bytes) -> None:
    if reading.method == "INVITE":
        reading.session = _first(_SESSION, body)
    elif reading.method == "INFO":
        reading.command = _first(_RTSP, body)
    else:
        reading.kind = _first(_ROOT, body)
        reading.command = _first(_COMMAND, body)
        reading.about = _first(_TARGET, body)
        if reading.command in ("DeviceControl", "DeviceConfig"):
            reading.command = _first(_ORDER, body) or reading.command


def _fields(lines: list[str]) -> dict[str, str]:
    """The first value of each header that a ladder needs."""
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        key = header_key(name.strip()[:LONGEST])
        if colon and key in _WANTED and key not in fields:
            fields[key] = value.strip()[:LONGEST]
    return fields


def _text(head: bytes) -> str:
    text = head.decode("utf-8", "surrogateescape")
    return "\n".join(readable(line) for line in text.splitlines())


def _user(value: str) -> str:
    found = _USER.search(value)
    return found[1] if found is not None else ""


def _expires(fields: dict[str, str]) -> str:
    of_contact = _CONTACT_EXPIRES.search(fields.get("contact", ""))
    return of_contact[1] if of_contact is not None else fields.get("expires", "")


def _first(pattern: re.Pattern[bytes], body: bytes) -> str:
    found = pattern.search(body)
    return found[1].decode("ascii", "replace") if found is not None else ""

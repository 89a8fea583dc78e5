"""Octets of one message into a Request or a Response (RFC 3261 §7, §25; RFC 4475).

Strict in what decides identity and extent of a message, lenient by named switches
(`Leniency`) in what cameras are known to get wrong. From, To, Call-ID, CSeq and Via are proven
here, so that reading them later cannot fail; everything else is read when asked for.
"""

import re

from sip.errors import MalformedMessage
from sip.message.fields import parse_cseq, parse_top_via, parse_vias
from sip.message.headers import COMPACT, Headers, header_key, known_key
from sip.message.model import Leniency, Message, Request, Response, parse_contacts
from sip.message.uri import SipUri, parse_uri

ALL_LENIENCIES = frozenset(Leniency)
"""What the platform allows by default: the field is full of such devices."""

LEGAL = frozenset(
    {
        Leniency.LEADING_CRLF,
        Leniency.CONTENT_LENGTH_MISSING,
        Leniency.COMPACT_NAME,
        Leniency.SPACE_BEFORE_COLON,
        Leniency.FOLDED_LINE,
        Leniency.JOINED_VALUES,
    }
)
"""Unusual, counted, but legal: allowed whatever the switches say."""

MAX_HEADERS = 512
"""Header lines of one message; RFC 4475 has 40, a device some 15."""

MAX_LINE_CHARS = 8192
"""Longest header line; the longest of RFC 4475 has some 400 characters."""

LENGTH_SLACK_BYTES = 8
"""By how much a Content-Length on UDP may be wrong: a few miscounted line ends."""

_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(r"[0-9]{3}")
_LENGTH = re.compile(r"[0-9]{1,10}")

_HOST = r"(?:[A-Za-z0-9\-.]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,4})?"
_PLAIN_URI = rf"sips?:(?:[A-Za-z0-9\-_.+]+@)?{_HOST}"
_PLAIN_URI_MATCH = re.compile(r"(sips?):([A-Za-z0-9\-_.+]+)@([A-Za-z0-9\-.]+)(?::([0-9]{1,4}))?")
_PLAIN_ADDRESS = re.compile(
    rf'(?:"[^"\\\x00-\x1f]*" ?)?<{_PLAIN_URI}(?:;transport=[a-zA-Z]+)?>(?:;tag=[A-Za-z0-9\-_.]+)?'
)
_PLAIN_CONTACT = re.compile(rf"<{_PLAIN_URI}(?:;transport=[a-zA-Z]+)?>(?:;expires=[0-9]+)?")

_SINGLE = ("from", "to", "call-id", "cseq", "max-forwards")
_PADDING = b"\r\n\t \x00"


def is_keepalive(data: bytes) -> bool:
    """Whether a datagram is nothing but line ends or NULs: a NAT ping, to be ignored."""
    return len(data) < 256 and not data.strip(_PADDING)


def parse_message(
    data: bytes, *, stream: bool = False, allowed: frozenset[Leniency] = ALL_LENIENCIES
) -> Request | Response:
    """Read one message.

    `stream` says that `data` was framed by its Content-Length (TCP), which must then be there and
    fit. Raises MalformedMessage, whose `head` holds the header lines as far as they were read.
    """
    return _Parser(stream, allowed).parse(data)


def _is_cut_document(body: bytes, length: int) -> bool:
    """Whether XML that is whole in its datagram would end before its last tag."""
    text = body.strip(_PADDING).removeprefix(b"\xef\xbb\xbf")
    is_document = text.startswith(b"<") and text.endswith(b">")
    return is_document and not body[:length].rstrip(_PADDING).endswith(b">")


class _Parser:
    """State of one call: which leniencies were needed."""

    __slots__ = ("_allowed", "_fields", "_seen", "_start", "_stream")

    def __init__(self, stream: bool, allowed: frozenset[Leniency]) -> None:
        self._stream = stream
        self._allowed = allowed
        self._seen: list[Leniency] = []
        self._fields: list[tuple[str, str, str]] = []
        self._start = ""

    def parse(self, data: bytes) -> Request | Response:
        try:
            return self._parse(data)
        except MalformedMessage as error:
            error.head = [(name, value) for _, name, value in self._fields]
            error.start_line = self._start
            if error.data and not error.offset:
                error.offset = max(data.find(error.data), 0)
            raise

    def _excuse(self, leniency: Leniency, data: bytes | str = b"", offset: int = 0) -> None:
        if leniency not in self._allowed and leniency not in LEGAL:
            raise MalformedMessage(f"not allowed: {leniency.value}", data, offset)
        if leniency not in self._seen:
            self._seen.append(leniency)

    def _parse(self, data: bytes) -> Request | Response:
        if data[:1] in (b"\r", b"\n", b"\0"):
            data = data.lstrip(b"\r\n\0")
            self._excuse(Leniency.LEADING_CRLF)
        lines, body = self._split(data)
        self._start = start = lines[0]
        self._read_fields(lines)
        headers = Headers.from_fields(self._fields)
        message: Request | Response
        if start[:4].upper() != "SIP/":
            method, uri = self._request_line(start)
            message = Request(method, uri, headers)
        else:
            status, reason = self._status_line(start)
            method, message = "", Response(status, reason, headers)
        self._check(message, headers, method)
        message.body = self._cut_body(headers, body)
        if self._seen:
            message.leniencies = tuple(self._seen)
        return message

    def _split(self, data: bytes) -> tuple[list[str], bytes]:
        """Return the head's lines and the octets behind it."""
        end = data.find(b"\r\n\r\n")
        body_at = end + 4
        if end < 0 or b"\n\n" in data[:end]:
            match = _HEAD_END.search(data)
            if match is None:
                raise MalformedMessage("no end of headers", data[-32:], max(len(data) - 32, 0))
            end, body_at = match.span()
        raw = data[:end]
        try:
            head = raw.decode()
        except UnicodeDecodeError as error:
            self._excuse(Leniency.RAW_BYTES, raw[error.start :], error.start)
            head = raw.decode("utf-8", "surrogateescape")
        lines = head.split("\r\n")
        if head.count("\n") != len(lines) - 1:
            self._excuse(Leniency.LF_ONLY, raw)
            lines = head.replace("\r\n", "\n").split("\n")
            head = "\r\n".join(lines)
        if head.count("\r") != len(lines) - 1:
            raise MalformedMessage("stray CR in the head", raw)
        if len(lines) > MAX_HEADERS:
            raise MalformedMessage("too many header lines", raw, status_hint=513)
        if "\n " in head or "\n\t" in head:
            lines = self._unfold(lines)
        if len(head) > MAX_LINE_CHARS and max(map(len, lines)) > MAX_LINE_CHARS:
            raise MalformedMessage("header line too long", raw, status_hint=513)
        return lines, data[body_at:]

    def _unfold(self, lines: list[str]) -> list[str]:
        if lines[0][:1] in (" ", "\t") or lines[1][:1] in (" ", "\t"):
            raise MalformedMessage("bad start line", lines[0])
        self._excuse(Leniency.FOLDED_LINE)
        unfolded: list[list[str]] = []
        for line in lines:
            if line[:1] in (" ", "\t"):
                unfolded[-1].append(line.strip(" \t"))
            else:
                unfolded.append([line])
        return [" ".join(pieces) for pieces in unfolded]

    def _read_fields(self, lines: list[str]) -> None:
        """Fill `_fields`, which keeps what was read where a line is broken: it may be answered."""
        fields = self._fields
        for place in range(1, len(lines)):
            name, colon, value = lines[place].partition(":")
            key = known_key(name)
            if key is None or key in COMPACT or len(name) == 1:
                key = self._unusual_name(name)
                name = name.rstrip(" \t")
            if not colon:
                raise MalformedMessage("header line without a colon", lines[place])
            fields.append((key, name, value.strip(" \t")))

    def _unusual_name(self, name: str) -> str:
        plain = name.rstrip(" \t")
        if plain != name:
            self._excuse(Leniency.SPACE_BEFORE_COLON, name)
        if not _TOKEN.fullmatch(plain):
            raise MalformedMessage("bad header name", name)
        if len(plain) == 1 and plain.lower() in COMPACT:
            self._excuse(Leniency.COMPACT_NAME, name)
        return header_key(plain)

    def _request_line(self, line: str) -> tuple[str, SipUri]:
        parts = line.split(" ")
        if len(parts) != 3 or not parts[0]:
            parts = line.split()
            if len(parts) != 3 or line[0] in " \t":
                raise MalformedMessage("bad start line", line)
            self._excuse(Leniency.START_LINE_SPACE, line)
        method, uri, version = parts
        if version.upper() != "SIP/2.0":
            supported = version[:4].upper() != "SIP/"
            raise MalformedMessage("bad version", line, status_hint=400 if supported else 505)
        if not _TOKEN.fullmatch(method):
            raise MalformedMessage("bad method", line)
        plain = _PLAIN_URI_MATCH.fullmatch(uri)
        if plain is not None:
            scheme, user, host, port = plain.groups()
            return method, SipUri(host, user, int(port) if port else None, {}, scheme)
        parsed = parse_uri(uri)
        if parsed.headers:
            # Refused and not ignored: they would become real headers further on (RFC 3261 §19.1.1).
            raise MalformedMessage("headers in the Request-URI", line)
        return method, parsed

    def _status_line(self, line: str) -> tuple[int, str]:
        version, _, rest = line.partition(" ")
        code, _, reason = rest.partition(" ")
        if version.upper() != "SIP/2.0":
            raise MalformedMessage("bad version", line)
        if not _STATUS.fullmatch(code) or not 100 <= int(code) <= 699:
            raise MalformedMessage("bad status code", line)
        return int(code), reason

    def _check(self, message: Message, headers: Headers, method: str) -> None:
        """Prove the headers that everything turns on."""
        for key in _SINGLE:
            count = len(headers.lines(key))
            if count != 1:
                self._check_count(key, count)
        self._check_cseq(headers, method)
        self._check_via(headers)
        call_id = headers.lines("call-id")[0]
        if not call_id or " " in call_id or "\t" in call_id:
            raise MalformedMessage("bad Call-ID", call_id)
        self._check_addresses(message, headers)
        forwards = headers.lines("max-forwards")
        if forwards and not _LENGTH.fullmatch(forwards[0]):
            raise MalformedMessage("bad Max-Forwards", forwards[0])

    def _check_count(self, key: str, count: int) -> None:
        if count > 1:
            raise MalformedMessage("header given twice", key)
        if key != "max-forwards":
            raise MalformedMessage("missing header", key)

    def _check_cseq(self, headers: Headers, method: str) -> None:
        cseq = headers.typed("cseq", parse_cseq)
        if method and cseq.method != method:
            if cseq.method.upper() != method.upper():
                raise MalformedMessage("CSeq names another method", str(cseq))
            self._excuse(Leniency.CSEQ_METHOD_CASE, str(cseq))
            headers.set("CSeq", f"{cseq.number} {method}")

    def _check_via(self, headers: Headers) -> None:
        lines = headers.lines("via")
        if not lines:
            raise MalformedMessage("missing header", "via")
        if len(lines) > 1 or "," in lines[0]:
            if "," in "".join(lines):
                self._excuse(Leniency.JOINED_VALUES)
            headers.typed_all("via", parse_vias)
        top = headers.typed("via", parse_top_via)
        if "branch" not in top.params:
            self._excuse(Leniency.BRANCH_MISSING, lines[0])
        elif not top.has_cookie:
            self._excuse(Leniency.BRANCH_WITHOUT_COOKIE, lines[0])

    def _check_addresses(self, message: Message, headers: Headers) -> None:
        sender = headers.lines("from")[0]
        if not (_PLAIN_ADDRESS.fullmatch(sender) and ";tag=" in sender) and not message.from_.tag:
            self._excuse(Leniency.FROM_TAG_MISSING, sender)
        if not _PLAIN_ADDRESS.fullmatch(headers.lines("to")[0]):
            _ = message.to
        contacts = headers.lines("contact")
        if contacts and (len(contacts) > 1 or not _PLAIN_CONTACT.fullmatch(contacts[0])):
            try:
                parse_contacts(contacts)
            except MalformedMessage as error:
                self._excuse(Leniency.CONTACT_UNREADABLE, error.data)

    def _cut_body(self, headers: Headers, body: bytes) -> bytes:
        declared = headers.lines("content-length")
        if not declared:
            if self._stream:
                raise MalformedMessage("missing header", "content-length")
            self._excuse(Leniency.CONTENT_LENGTH_MISSING)
            return body
        if not _LENGTH.fullmatch(declared[0]):
            raise MalformedMessage("bad Content-Length", declared[0])
        length = int(declared[0])
        if len(declared) > 1 and len(set(declared)) > 1:
            raise MalformedMessage("conflicting Content-Length", ", ".join(declared))
        if length == len(body):
            return body
        return self._reconcile(body, length, declared[0])

    def _reconcile(self, body: bytes, length: int, declared: str) -> bytes:
        """Decide over a body that is longer or shorter than declared."""
        if length > len(body):
            if self._stream or length - len(body) > LENGTH_SLACK_BYTES:
                raise MalformedMessage("Content-Length exceeds the message", declared)
            self._excuse(Leniency.CONTENT_LENGTH_LONG, declared)
            return body
        rest = body[length:]
        if length and len(rest) <= LENGTH_SLACK_BYTES and rest.strip(_PADDING) and not self._stream:
            self._excuse(Leniency.CONTENT_LENGTH_SHORT, declared)
            return body
        if not self._stream and _is_cut_document(body, length):
            self._excuse(Leniency.CONTENT_LENGTH_SHORT, declared)
            return body
        return body[:length]

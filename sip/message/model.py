"""Request and Response, and the typed reading of their headers."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sip.errors import MalformedMessage
from sip.message.fields import (
    CSeq,
    Via,
    parse_cseq,
    parse_number,
    parse_top_via,
    parse_vias,
    readable,
)
from sip.message.headers import Headers
from sip.message.uri import NameAddr, SipUri, parse_name_addr, parse_name_addrs


class Leniency(StrEnum):
    """What a peer did that a strict parser would refuse or that costs us the quick way.

    Each is a switch of `parse_message` and a counter of the transaction layer.
    """

    LEADING_CRLF = "leading-crlf"
    """Line ends before the start line; RFC 3261 §7.5 tells us to skip them."""
    LF_ONLY = "lf-only"
    """Lines end in LF alone."""
    CONTENT_LENGTH_LONG = "content-length-long"
    """Declares a few octets more than the datagram holds."""
    CONTENT_LENGTH_SHORT = "content-length-short"
    """Declares a few octets less: characters counted instead of bytes, or line ends."""
    CONTENT_LENGTH_MISSING = "content-length-missing"
    """No Content-Length on UDP: the body is the rest of the datagram (RFC 3261 §18.3)."""
    BRANCH_MISSING = "branch-missing"
    BRANCH_WITHOUT_COOKIE = "branch-without-cookie"
    RAW_BYTES = "raw-bytes"
    """Octets in the head that are no UTF-8, usually GBK."""
    COMPACT_NAME = "compact-name"
    """Legal, RFC 3261 §7.3.3."""
    SPACE_BEFORE_COLON = "space-before-colon"
    """Legal, HCOLON of RFC 3261 §25.1."""
    FOLDED_LINE = "folded-line"
    """Legal, RFC 3261 §7.3.1."""
    JOINED_VALUES = "joined-values"
    """Several Via values in one line; legal, RFC 3261 §7.3.1."""
    START_LINE_SPACE = "start-line-space"
    """More than one space in the start line or some behind it."""
    CSEQ_METHOD_CASE = "cseq-method-case"
    """`CSeq: 1 Register`, as the samples of GB/T 28181-2016 print it."""
    CONTACT_UNREADABLE = "contact-unreadable"
    """Taken as absent: answers and requests go to the packet's source anyway."""
    FROM_TAG_MISSING = "from-tag-missing"
    """As before RFC 3261 (RFC 4475 §3.4.1)."""


class Message(ABC):
    """What requests and responses share: typed access to the headers everything turns on.

    A message from `parse_message` has valid From, To, Call-ID, CSeq and Via, so reading them
    cannot fail; on a message put together by hand a missing one raises MalformedMessage.
    """

    __slots__ = ()
    headers: Headers
    body: bytes

    @property
    def via(self) -> Via:
        """The top Via."""
        return self.headers.typed("via", parse_top_via)

    @property
    def vias(self) -> tuple[Via, ...]:
        """All Via values, top first."""
        return self.headers.typed_all("via", parse_vias)

    @property
    def from_(self) -> NameAddr:
        """The From header."""
        return self.headers.typed("from", parse_name_addr)

    @property
    def to(self) -> NameAddr:
        """The To header."""
        return self.headers.typed("to", parse_name_addr)

    @property
    def cseq(self) -> CSeq:
        """Number and method."""
        return self.headers.typed("cseq", parse_cseq)

    @property
    def call_id(self) -> str:
        """The Call-ID, compared as bytes."""
        return self.headers.typed("call-id", str)

    @property
    def contacts(self) -> tuple[NameAddr, ...]:
        """All Contact values; empty without any, for `*` and for what cannot be read."""
        return self.headers.typed_all("contact", _read_contacts)

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact value."""
        contacts = self.contacts
        return contacts[0] if contacts else None

    @property
    def contact_is_wildcard(self) -> bool:
        """Whether Contact is `*`: all bindings, RFC 3261 §10.2.2."""
        return list(self.headers.lines("contact")) == ["*"]

    @property
    def expires(self) -> int | None:
        """Seconds of the Expires header; None where it is missing or no number."""
        value = self.headers.get("expires")
        return None if value is None else parse_number(value)

    @property
    def contact_expires(self) -> int | None:
        """Seconds of the first Contact's expires parameter, which precedes Expires (§10.2.1.1)."""
        contact = self.contact
        value = contact.params.get("expires") if contact else None
        return None if value is None else parse_number(value)

    @property
    def content_type(self) -> str | None:
        """Type and subtype in lower case without spaces and parameters."""
        value = self.headers.get("content-type")
        if value is None:
            return None
        return "".join(value.split(";", 1)[0].split()).lower()

    @property
    def routes(self) -> tuple[NameAddr, ...]:
        """All Route values; raises MalformedMessage where one is none."""
        return self.headers.typed_all("route", parse_name_addrs)

    @property
    def record_routes(self) -> tuple[NameAddr, ...]:
        """All Record-Route values; raises MalformedMessage where one is none."""
        return self.headers.typed_all("record-route", parse_name_addrs)

    @property
    def user_agent(self) -> str:
        """User-Agent of a request or Server of a response, fit to be shown; else empty."""
        return readable(self.headers.get("user-agent") or self.headers.get("server") or "")

    @abstractmethod
    def start_line(self) -> str:
        """Return the first line, without its end."""

    def to_bytes(self) -> bytes:
        """Write the message; Content-Length is always set from the body."""
        lines = [self.start_line()]
        lines += [
            f"{name}: {value}"
            for key, name, value in self.headers.fields
            if key != "content-length"
        ]
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + self.body


@dataclass(slots=True)
class Request(Message):
    """One request."""

    method: str
    uri: SipUri
    headers: Headers
    body: bytes = b""
    version: str = "SIP/2.0"
    leniencies: tuple[Leniency, ...] = field(default=(), compare=False)

    def start_line(self) -> str:
        """Return `METHOD uri SIP/2.0`."""
        return f"{self.method} {self.uri} {self.version}"


@dataclass(slots=True)
class Response(Message):
    """One response."""

    status: int
    reason: str
    headers: Headers
    body: bytes = b""
    version: str = "SIP/2.0"
    leniencies: tuple[Leniency, ...] = field(default=(), compare=False)

    @property
    def is_final(self) -> bool:
        """Whether no more responses of this transaction follow."""
        return self.status >= 200

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def start_line(self) -> str:
        """Return `SIP/2.0 status reason`."""
        return f"{self.version} {self.status} {self.reason}"


def parse_contacts(lines: Sequence[str]) -> tuple[NameAddr, ...]:
    """Read Contact; raises MalformedMessage."""
    if len(lines) == 1 and lines[0] == "*":
        return ()
    if "*" in lines:
        raise MalformedMessage("wildcard beside other contacts", "*")
    return parse_name_addrs(lines)


def _read_contacts(lines: Sequence[str]) -> tuple[NameAddr, ...]:
    try:
        return parse_contacts(lines)
    except MalformedMessage:
        return ()

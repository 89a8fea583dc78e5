"""Via, CSeq and the small numbers of a message head (RFC 3261 §20)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sip.errors import MalformedMessage
from sip.message.headers import split_values
from sip.message.uri import build_params, parse_host_port, parse_params

MAGIC_COOKIE = "z9hG4bK"
"""Start of a branch that is unique by RFC 3261 §8.1.1.7; older or careless peers lack it."""

CSEQ_LIMIT = 2**31
"""Numbers of requests stay below 2**31 (RFC 3261 §8.1.1.5); the parser admits up to 2**32 - 1."""

_TOKEN = r"[A-Za-z0-9\-.!%*_+`'~]+"  # a grammar rule of RFC 3261 §25.1
_SENT_PROTOCOL = re.compile(rf"SIP\s*/\s*2\.0\s*/\s*({_TOKEN})\s+(.+)", re.I | re.S)
_PLAIN_VIA = re.compile(
    r"SIP/2\.0/([A-Z]+) ([A-Za-z0-9.\-]+)(?::([0-9]{1,4}))?((?:;[a-z]+(?:=[A-Za-z0-9\-._]+)?)*)"
)
_UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CSEQ = re.compile(rf"([0-9]{{1,10}})[ \t]+({_TOKEN})")


@dataclass(frozen=True, slots=True)
class Via:
    """One hop of a message's way (RFC 3261 §20.42)."""

    transport: str
    """Upper case, as in the header: UDP, TCP, TLS or something newer."""
    host: str
    port: int | None = None
    params: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def branch(self) -> str | None:
        """The branch, None where a peer left it out."""
        return self.params.get("branch")

    @property
    def has_cookie(self) -> bool:
        """Whether the branch may be trusted to be unique (it is longer than the bare cookie)."""
        branch = self.params.get("branch") or ""
        return len(branch) > len(MAGIC_COOKIE) and branch.startswith(MAGIC_COOKIE)

    @property
    def sent_by(self) -> tuple[str, int | None]:
        """Host in lower case and port as written: part of a transaction's key (§17.2.3)."""
        return self.host.lower(), self.port

    def with_source(self, host: str, port: int) -> "Via":
        """Return the Via as an answer carries it: `received` always, `rport` where asked for.

        RFC 3261 §18.2.1, RFC 3581 §4.
        """
        params = {**self.params, "received": host}
        if "rport" in params:
            params["rport"] = str(port)
        return Via(self.transport, self.host, self.port, params)

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"SIP/2.0/{self.transport} {self.host}{port}{build_params(self.params)}"


class CSeq(NamedTuple):
    """Number and method of a request within its dialog."""

    number: int
    method: str

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


def parse_via(text: str) -> Via:
    """Read one Via value; raises MalformedMessage."""
    plain = _PLAIN_VIA.fullmatch(text)
    if plain is not None:
        transport, host, port, tail = plain.groups()
        params: dict[str, str | None] = {}
        if tail:
            for part in tail[1:].split(";"):
                name, has_value, value = part.partition("=")
                if name in params:
                    raise MalformedMessage("bad parameter", text)
                params[name] = value if has_value else None
        return Via(transport, host, int(port) if port else None, params)
    sent_by, *parts = split_values(text, ";")
    protocol = _SENT_PROTOCOL.fullmatch(sent_by)
    if protocol is None:
        raise MalformedMessage("bad Via", text)
    host, number = parse_host_port(protocol[2], text)
    return Via(protocol[1].upper(), host, number, parse_params(parts))


def parse_top_via(line: str) -> Via:
    """Read the first of the values on the first Via line."""
    return parse_via(split_values(line)[0] if "," in line else line)


def parse_vias(lines: Sequence[str]) -> tuple[Via, ...]:
    """Read all Via values, top first."""
    return tuple(parse_via(value) for line in lines for value in split_values(line))


def parse_cseq(text: str) -> CSeq:
    """Read a CSeq; the number is below 2**32 (RFC 4475 §3.1.2.4). Raises MalformedMessage."""
    match = _CSEQ.fullmatch(text)
    if match is None or (number := int(match[1])) >= 2**32:
        raise MalformedMessage("bad CSeq", text)
    return CSeq(number, match[2])


def parse_number(text: str) -> int | None:
    """Read Expires, Max-Forwards and the like; None where it is no number below 2**32."""
    digits = text.split(";", 1)[0].strip(" \t")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
        return None
    number = int(digits)
    return number if number < 2**32 else None


def readable(text: str) -> str:
    """Return header text as screens, logs and databases can take it.

    Octets that are no UTF-8 are read as GB18030; control characters are left out.
    """
    if text.isascii() and text.isprintable():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "surrogateescape").decode("gb18030", "replace")
    return _UNSHOWABLE.sub("", text)

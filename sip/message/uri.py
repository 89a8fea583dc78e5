"""SIP URIs and the addresses that carry them (RFC 3261 §19.1, §20.10, §25).

Other schemes are kept whole in `SipUri.opaque`: the parser accepts them, the roles refuse them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from sip.errors import MalformedMessage
from sip.message.headers import split_values

Params = Mapping[str, str | None]

_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_PLAIN_ADDRESS = re.compile(
    r"<(sips?):(?:([A-Za-z0-9\-_.+]+)@)?([A-Za-z0-9\-._]+)(?::([0-9]{1,4}))?>"
    r"(?:;([a-z]+)=([A-Za-z0-9\-_.]+))?"
)
"""What nearly every device sends; read in one go."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+\-.]*")
_HOST = re.compile(r"[A-Za-z0-9\-._]+|\[[0-9A-Fa-f:.]+\]")
_BARE_VALUE = re.compile(r"[A-Za-z0-9\-.!%*_+`'~\[\]:]+")
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f<>\"]")
_USER_SAFE = "-_.!~*'()&=+$,;?/"
_PARAM_SAFE = "-_.!~*'()[]/:&+$"


@dataclass(frozen=True, slots=True)
class SipUri:
    """One URI; parts are unescaped, `str()` escapes them again."""

    host: str
    user: str | None = None
    port: int | None = None
    params: Params = field(default_factory=dict)
    """Names in lower case; None for a parameter without a value."""
    scheme: str = "sip"
    """`sip` and `sips` in lower case, others as written."""
    password: str | None = None
    headers: str = ""
    """What follows `?`, still escaped: never turned into real headers (RFC 4475 §3.1.2.11)."""
    opaque: str = ""
    """Everything after the colon of a scheme other than sip and sips."""

    @property
    def is_sip(self) -> bool:
        """Whether the scheme is one we serve; else 416."""
        return self.scheme in ("sip", "sips")

    def __str__(self) -> str:
        if not self.is_sip:
            return f"{self.scheme}:{self.opaque}"
        text = [self.scheme, ":"]
        if self.user is not None:
            text.append(_escape(self.user, _USER_SAFE))
            if self.password is not None:
                text += ":", _escape(self.password, "-_.!~*'()&=+$,")
            text.append("@")
        text.append(self.host)
        if self.port is not None:
            text.append(f":{self.port}")
        for name, value in self.params.items():
            text += ";", _escape(name, _PARAM_SAFE)
            if value is not None:
                text += "=", _escape(value, _PARAM_SAFE)
        if self.headers:
            text += "?", self.headers
        return "".join(text)


@dataclass(frozen=True, slots=True)
class NameAddr:
    """The value of From, To, Contact, Route: a URI with display name and header parameters."""

    uri: SipUri
    display: str = ""
    params: Params = field(default_factory=dict)

    @property
    def tag(self) -> str | None:
        """The tag parameter of From and To."""
        return self.params.get("tag")

    def with_tag(self, tag: str) -> "NameAddr":
        """Return the same address carrying `tag`."""
        return NameAddr(self.uri, self.display, {**self.params, "tag": tag})

    def __str__(self) -> str:
        text = f"<{self.uri}>"
        if self.display:
            shown = self.display.replace("\\", "\\\\").replace('"', '\\"')
            text = f'"{shown}" {text}'
        return text + build_params(self.params)


def build_params(params: Params) -> str:
    """Write header parameters, quoting a value that is no token."""
    text = []
    for name, value in params.items():
        if value is None:
            text.append(f";{name}")
        elif _BARE_VALUE.fullmatch(value):
            text.append(f";{name}={value}")
        else:
            quoted = value.replace("\\", "\\\\").replace('"', '\\"')
            text.append(f';{name}="{quoted}"')
    return "".join(text)


def parse_params(parts: list[str]) -> dict[str, str | None]:
    """Read header parameters that were split at their semicolons.

    Raises MalformedMessage on an empty or repeated parameter.
    """
    params: dict[str, str | None] = {}
    for part in parts:
        name, has_value, value = part.partition("=")
        name = name.strip(" \t").lower()
        if not _TOKEN.fullmatch(name) or name in params:
            raise MalformedMessage("bad parameter", part)
        params[name] = _unquote_value(value.strip(" \t"), part) if has_value else None
    return params


def _unquote_value(value: str, part: str) -> str:
    if value.startswith('"'):
        if len(value) < 2 or not value.endswith('"'):
            raise MalformedMessage("unbalanced quote or bracket", part)
        return _unquote(value)
    if not value or _FORBIDDEN.search(value):
        raise MalformedMessage("bad parameter", part)
    return value


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.S)


def parse_uri(text: str) -> SipUri:
    """Read one URI (RFC 3261 §19.1); raises MalformedMessage.

    Escapes are undone once; octets that are no UTF-8 become surrogate escapes.
    """
    scheme, colon, rest = text.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme) or _FORBIDDEN.search(text):
        raise MalformedMessage("bad URI", text)
    if scheme.lower() not in ("sip", "sips"):
        if not rest:
            raise MalformedMessage("bad URI", text)
        return SipUri(host="", scheme=scheme, opaque=rest)
    return _parse_sip(scheme.lower(), rest, text)


def _parse_sip(scheme: str, rest: str, text: str) -> SipUri:
    # The first @ ends the user part: it may hold ; and ? as they are, but never an @.
    userinfo, at, hostpart = rest.partition("@")
    if not at:
        userinfo, hostpart = "", rest
    hostpart, _, headers = hostpart.partition("?")
    hostport, *param_parts = hostpart.split(";")
    host, port = parse_host_port(hostport, text)
    user = password = None
    if at:
        raw_user, has_password, raw_password = userinfo.partition(":")
        if not raw_user:
            raise MalformedMessage("bad URI", text)
        user = _unescape(raw_user, text)
        password = _unescape(raw_password, text) if has_password else None
    return SipUri(host, user, port, _uri_params(param_parts, text), scheme, password, headers)


def _uri_params(parts: list[str], text: str) -> dict[str, str | None]:
    params: dict[str, str | None] = {}
    for part in parts:
        name, has_value, value = part.partition("=")
        name = _unescape(name, text).lower()
        if not name or name in params:
            raise MalformedMessage("bad parameter", part)
        params[name] = _unescape(value, text) if has_value else None
    return params


def parse_host_port(text: str, whole: str) -> tuple[str, int | None]:
    """Read `host[:port]`; an IPv6 address stands in brackets. Raises MalformedMessage."""
    host, port = text, ""
    colon = text.rfind(":")
    if colon > text.rfind("]"):
        host, port = text[:colon].rstrip(" \t"), text[colon + 1 :].lstrip(" \t")
        # The length check keeps int() away from digits outside of ASCII and from endless numbers.
        if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
            raise MalformedMessage("bad port", whole)
    if not _HOST.fullmatch(host):
        raise MalformedMessage("bad host", whole)
    return host, int(port) if port else None


def parse_name_addr(text: str) -> NameAddr:
    """Read the value of From, To, Contact or Route; raises MalformedMessage.

    Without angle brackets everything after the first semicolon belongs to the header
    (RFC 3261 §20), and a question mark is refused (RFC 4475 §3.1.2.13).
    """
    plain = _PLAIN_ADDRESS.fullmatch(text)
    if plain is not None:
        scheme, user, host, port, name, value = plain.groups()
        uri = SipUri(host, user, int(port) if port else None, {}, scheme)
        return NameAddr(uri, "", {name: value} if name else {})
    parts = split_values(text, ";")
    address, params = parts[0], parse_params(parts[1:])
    if not address.endswith(">"):
        if "?" in address or "," in address:
            raise MalformedMessage("URI needs angle brackets", text)
        return NameAddr(parse_uri(address), "", params)
    opening = _bracket(address)
    display = address[:opening].strip(" \t")
    if display.startswith('"'):
        if len(display) < 2 or not display.endswith('"'):
            raise MalformedMessage("unbalanced quote or bracket", text)
        display = _unquote(display)
    elif any(c in display for c in ',"<>@:'):
        raise MalformedMessage("bad display name", text)
    return NameAddr(parse_uri(address[opening + 1 : -1].strip(" \t")), display, params)


def _bracket(address: str) -> int:
    """Return where the `<` outside of quotes stands."""
    place = 0
    if address.startswith('"'):
        ending = re.match(r'"(?:[^"\\]|\\.)*"', address, re.S)
        if ending is None:
            raise MalformedMessage("unbalanced quote or bracket", address)
        place = ending.end()
    place = address.find("<", place)
    if place < 0:
        raise MalformedMessage("unbalanced quote or bracket", address)
    return place


def parse_name_addrs(lines: Sequence[str]) -> tuple[NameAddr, ...]:
    """Read all values of a header that may repeat (Contact, Route, Record-Route)."""
    if len(lines) == 1 and "," not in lines[0]:
        return (parse_name_addr(lines[0]),)
    return tuple(parse_name_addr(value) for line in lines for value in split_values(line))


def _escape(text: str, safe: str) -> str:
    return quote(text, safe, errors="surrogateescape")


def _unescape(text: str, whole: str) -> str:
    if "%" not in text:
        return text
    if _PERCENT.search(text):
        raise MalformedMessage("bad escape", whole)
    return unquote(text, errors="surrogateescape")

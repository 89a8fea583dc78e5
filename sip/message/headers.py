"""Header fields of one message: order and spelling kept, found without regard to case.

Knows the compact forms (RFC 3261 §20) and how several values share a line (§7.3.1); what the
values mean is read in `uri` and `fields`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from sip.errors import LocalProtocolError, MalformedMessage

T = TypeVar("T")

COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
}
"""Compact header names (RFC 3261 §20, RFC 6665 §8.2.3, RFC 3515 and others)."""

MAX_VALUES = 256
"""Values in one line and parameters of one value; RFC 4475 has 34, a flood has thousands."""

_SPLITTERS = {
    separator: re.compile(rf'"(?:[^"\\]|\\.)*"|<[^>]*>|["<{separator}]', re.S)
    for separator in (",", ";")
}

_SPELLINGS = (
    "Accept Accept-Contact Allow Authorization Call-ID Contact Content-Encoding Content-Length "
    "Content-Type CSeq Date Event Expires From Max-Forwards Min-Expires Proxy-Authorization "
    "Proxy-Authenticate Record-Route Require Retry-After Route Server Subject "
    "Subscription-State Supported Timestamp To Unsupported User-Agent Via WWW-Authenticate "
    "X-GB-Ver"
).split()

_KEYS = {spelling: spelling.lower() for spelling in _SPELLINGS}
_KEYS |= {key: key for key in _KEYS.values()}
_KEYS |= COMPACT | {short.upper(): key for short, key in COMPACT.items()}

known_key: Callable[[str], str | None] = _KEYS.get
"""Key of a name in one of its usual spellings, else None; the fast half of `header_key`."""


def header_key(name: str) -> str:
    """Return the key under which a header is found: lower case, compact forms expanded."""
    key = _KEYS.get(name)
    if key is None:
        lower = name.lower()
        key = COMPACT.get(lower, lower)
    return key


class Headers:
    """Ordered multimap of header fields.

    Values are `str` whose undecodable octets are surrogate escapes, so that GBK bytes survive.
    Parsed forms are remembered per header and forgotten when that header changes.
    """

    __slots__ = ("_fields", "_index", "_typed")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: list[tuple[str, str, str]] = []
        self._index: dict[str, list[str]] = {}
        self._typed: dict[str, object] = {}
        for name, value in items:
            self.add(name, value)

    @classmethod
    def from_fields(cls, fields: list[tuple[str, str, str]]) -> "Headers":
        """Take over (key, name, value) triples that a parser has made; keys as of `header_key`."""
        headers = cls.__new__(cls)
        headers._fields = fields
        index: dict[str, list[str]] = {}
        for key, _, value in fields:
            if key in index:
                index[key].append(value)
            else:
                index[key] = [value]
        headers._index = index
        headers._typed = {}
        return headers

    def get(self, name: str) -> str | None:
        """Return the first value of a header, None without one."""
        values = self._index.get(header_key(name))
        return values[0] if values else None

    def get_all(self, name: str) -> list[str]:
        """Return the header's values line by line (commas not split, see `split_values`)."""
        return list(self._index.get(header_key(name), ()))

    def lines(self, key: str) -> Sequence[str]:
        """Return the lines of a header by its key (lower case, long form); to be read only."""
        return self._index.get(key, ())

    def add(self, name: str, value: str) -> None:
        """Append one header line."""
        _check_line(name, value)
        key = header_key(name)
        self._fields.append((key, name, value))
        self._index.setdefault(key, []).append(value)
        self._forget(key)

    def insert_first(self, name: str, value: str) -> None:
        """Put one header line before all others, as a new top Via needs it."""
        _check_line(name, value)
        key = header_key(name)
        self._fields.insert(0, (key, name, value))
        self._index.setdefault(key, []).insert(0, value)
        self._forget(key)

    def set(self, name: str, value: str) -> None:
        """Replace all lines of a header by one, at the place of the first."""
        _check_line(name, value)
        key = header_key(name)
        if key not in self._index:
            self.add(name, value)
            return
        place = next(i for i, field in enumerate(self._fields) if field[0] == key)
        kept = [f for f in self._fields[place + 1 :] if f[0] != key]
        self._fields[place:] = [(key, name, value), *kept]
        self._index[key] = [value]
        self._forget(key)

    def replace_first(self, name: str, value: str) -> None:
        """Replace the first line of a header and leave its others."""
        _check_line(name, value)
        key = header_key(name)
        for place, field in enumerate(self._fields):
            if field[0] == key:
                self._fields[place] = (key, field[1], value)
                self._index[key][0] = value
                self._forget(key)
                return
        self.add(name, value)

    def remove(self, name: str) -> None:
        """Remove all lines of a header; none is fine."""
        key = header_key(name)
        if self._index.pop(key, None) is not None:
            self._fields = [field for field in self._fields if field[0] != key]
            self._forget(key)

    @property
    def fields(self) -> list[tuple[str, str, str]]:
        """All lines as (key, name as written, value); to be read only."""
        return self._fields

    def items(self) -> Iterator[tuple[str, str]]:
        """Iterate over (name as written, value) in order."""
        return ((name, value) for _, name, value in self._fields)

    def copy(self) -> "Headers":
        """Return an independent copy."""
        return Headers.from_fields(list(self._fields))

    def typed(self, key: str, parse: Callable[[str], T]) -> T:
        """Return the parsed first value of a mandatory header, remembered until it changes.

        Raises MalformedMessage where the header is missing or `parse` refuses it.
        """
        try:
            return self._typed[key]  # type: ignore[return-value]  # each key has one parser
        except KeyError:
            values = self._index.get(key)
            if not values:
                raise MalformedMessage("missing header", key) from None
            parsed = parse(values[0])
            self._typed[key] = parsed
            return parsed

    def typed_all(self, key: str, parse: Callable[[Sequence[str]], T]) -> T:
        """Return what `parse` makes of all lines of a header, remembered until it changes."""
        slot = key + "*"
        try:
            return self._typed[slot]  # type: ignore[return-value]  # each key has one parser
        except KeyError:
            parsed = parse(self._index.get(key, ()))
            self._typed[slot] = parsed
            return parsed

    def _forget(self, key: str) -> None:
        self._typed.pop(key, None)
        self._typed.pop(key + "*", None)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and header_key(name) in self._index

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        mine = [(key, value) for key, _, value in self._fields]
        return mine == [(key, value) for key, _, value in other._fields]

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"Headers({list(self.items())!r})"


def _check_line(name: str, value: str) -> None:
    """Refuse what would break out of its line when written."""
    if not name or "\n" in value or "\r" in value or "\n" in name or "\r" in name:
        raise LocalProtocolError("header with a line break or without a name")


def split_values(text: str, separator: str = ",") -> list[str]:
    """Split at commas or semicolons outside of quotes and angle brackets; parts are stripped.

    Raises MalformedMessage on an unbalanced quote or bracket and on more than 256 parts.
    """
    if '"' not in text and "<" not in text:
        parts = [part.strip(" \t") for part in text.split(separator, MAX_VALUES)]
    else:
        parts, start = [], 0
        for match in _SPLITTERS[separator].finditer(text):
            found = match[0]
            if found == separator:
                parts.append(text[start : match.start()].strip(" \t"))
                start = match.end()
            elif len(found) == 1:
                raise MalformedMessage("unbalanced quote or bracket", text)
        parts.append(text[start:].strip(" \t"))
    if len(parts) > MAX_VALUES:
        raise MalformedMessage("too many values", text)
    return parts

"""XML of hostile or careless peers: bytes to a small tree, within bounds.

Decodes first, takes the prolog away, then parses, because no Python parser reads GB2312 with the
characters that devices put in it. Refuses document types and entities, bounds size, depth and
count, and mends raw `&` and `<`. Knows nothing of MANSCDP.
"""

import re
from collections.abc import Generator
from dataclasses import dataclass, field
from xml.parsers import expat

from sip.errors import MalformedMessage

LONGEST_BYTES = 8 * 1024 * 1024
"""Ten thousand catalog items, the most that annex M allows in one message."""

DEEPEST = 16
MOST_ELEMENTS = 300_000
LONGEST_TEXT = 65_536
LONGEST_RUN = 200
"""Children of a long list that are handed out together."""

SHARE = 32_768
"""Characters that are parsed in one go; takes some 5 ms."""

_PROLOG = re.compile(r"\s*<\?xml[^>]{0,200}\?>", re.IGNORECASE)
_ENCODING = re.compile(rb"<\?xml[^>]{0,100}?encoding\s*=\s*[\"']\s*([A-Za-z0-9_.-]{1,20})", re.I)
# Characters that XML 1.0 forbids even as references, and surrogates.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_RAW_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);|#(?:[0-9]{1,7}|x[0-9A-Fa-f]{1,6});)")
_REFERENCE = re.compile(r"&#(?:([0-9]{1,7})|x([0-9A-Fa-f]{1,6}));")
_RAW_LESS = re.compile(r"<(?![A-Za-z_/?!\u0080-\uffff])")
_FREE_TEXT = ("Name", "Address", "Manufacturer", "Model", "Owner", "Block", "AlarmDescription")
_LONGEST_LEAF = 1024


class MalformedXml(MalformedMessage):
    """The body cannot be read, or must not be."""


@dataclass(slots=True, eq=False)
class Element:
    """One element; names are compared without case (devices and OCR copies of 2022 vary them)."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Element"] = field(default_factory=list)
    text: str = ""

    def child(self, name: str) -> "Element | None":
        """Return the first child of that name."""
        wanted = name.lower()
        return next((c for c in self.children if c.name.lower() == wanted), None)

    def value(self, name: str, default: str = "") -> str:
        """Return the trimmed text of the first child of that name."""
        found = self.child(name)
        return default if found is None else found.text

    def texts(self) -> dict[str, str]:
        """Return the texts of the children by their names in lower case.

        Some devices write attributes for elements: these count where no child has the name.
        """
        found = {name.lower(): text.strip() for name, text in self.attributes.items()}
        found.update((child.name.lower(), child.text) for child in self.children)
        return found


def items_of(element: Element | None, *names: str) -> list[Element]:
    """Return the children of a list by any of the names, `Item` unless given; none without it."""
    wanted = {name.lower() for name in names or ("Item",)}
    return [] if element is None else [c for c in element.children if c.name.lower() in wanted]


def decode_text(data: bytes) -> str:
    """Decode a body of GB2312, GBK, GB18030 or UTF-8, whatever its prolog claims.

    Undecodable bytes become U+FFFD: one bad byte never loses a message (2.5 of the profile).
    """
    data = data.removeprefix(b"\xef\xbb\xbf")
    found = _ENCODING.search(data[:200])
    declared = found[1].lower().replace(b"-", b"").replace(b"_", b"") if found else b""
    claims_utf8 = declared in (b"", b"utf8", b"usascii", b"ascii")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_damaged(data, claims_utf8=claims_utf8 and found is not None)
    # GBK pairs that happen to be valid UTF-8 give letters below U+0800; Chinese lies above.
    if claims_utf8 or text.isascii() or any(char >= "\u0800" for char in text):
        return text
    return data.decode("gb18030", "replace")


def _decode_damaged(data: bytes, *, claims_utf8: bool) -> str:
    chinese = data.decode("gb18030", "replace")
    if not claims_utf8 and "\ufffd" not in chinese:
        return chinese
    unicode = data.decode("utf-8", "replace")
    lost_chinese, lost_unicode = chinese.count("\ufffd"), unicode.count("\ufffd")
    if lost_unicode == lost_chinese:
        return unicode if claims_utf8 else chinese
    return unicode if lost_unicode < lost_chinese else chinese


def parse_xml(data: bytes) -> Element:
    """Read a body into a tree; raise MalformedXml when neither it nor its mended form is XML."""
    shares = read_in_shares(data)
    while True:
        try:
            next(shares)
        except StopIteration as done:
            tree: Element = done.value
            return tree


def read_in_shares(data: bytes, cut: str = "") -> Generator[Element | None, None, Element]:
    """Do what `parse_xml` does, with a pause after each share; a catalog may have megabytes.

    The children of the list named `cut` below the root are handed out as they come, some hundred
    at a time, in copies of the root; the tree at the end holds the rest. (The whole tree of 10,000
    items is a quarter of a million objects, which hold up the garbage collector.) A body that must
    be mended is begun anew: its first items come twice.
    """
    if len(data) > LONGEST_BYTES:
        raise MalformedXml("XML body too large", data, status_hint=413)
    text = _FORBIDDEN.sub("", decode_text(data))
    prolog = _PROLOG.match(text)
    text = text[prolog.end() if prolog else 0 :].strip()
    if not text.startswith("<"):
        raise MalformedXml("no XML element", data)
    for mend in (None, _mend, _mend_leaves):
        if mend is not None:
            text = mend(text)
        try:
            return (yield from _build(text, cut.lower()))
        except expat.ExpatError:
            continue
    raise MalformedXml("XML not well formed", data)


def _mend(text: str) -> str:
    text = _REFERENCE.sub(_keep_allowed, text)
    return _RAW_LESS.sub("&lt;", _RAW_AMPERSAND.sub("&amp;", text))


def _mend_leaves(text: str) -> str:
    """Escape `<` inside the elements that carry free text (`<Name>A<B</Name>`)."""
    for name in _FREE_TEXT:
        text = _mend_leaf(text, f"<{name}>", f"</{name}>")
    return text


def _mend_leaf(text: str, opening: str, closing: str) -> str:
    pieces: list[str] = []
    done = 0
    while (start := text.find(opening, done)) >= 0:
        start += len(opening)
        end = text.find(closing, start, start + _LONGEST_LEAF)
        pieces.append(text[done:start])
        if end >= 0:
            pieces.append(text[start:end].replace("<", "&lt;"))
        done = max(start, end)
    return "".join(pieces) + text[done:]


def _keep_allowed(found: re.Match[str]) -> str:
    code = int(found[1]) if found[1] else int(found[2], 16)
    allowed = code < 0x110000 and not _FORBIDDEN.match(chr(code))
    return found[0] if allowed and code else ""


def _build(text: str, cut: str) -> Generator[Element | None, None, Element]:
    builder = _Builder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = builder.refuse
    parser.EntityDeclHandler = builder.refuse
    for start in range(0, len(text), SHARE):
        if start:
            yield builder.take(cut) if cut else None
        parser.Parse(text[start : start + SHARE], False)
    parser.Parse("", True)
    return builder.root


class _Builder:
    """Grows the tree and watches the bounds."""

    def __init__(self) -> None:
        self.root = Element("")
        self._open: list[Element] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= DEEPEST:
            raise MalformedXml("XML too deep", name, status_hint=413)
        if self._count > MOST_ELEMENTS:
            raise MalformedXml("too many XML elements", name, status_hint=413)
        element = Element(name.rpartition(":")[2], attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, name: str) -> None:
        element = self._open.pop()
        element.text = element.text.strip()

    def data(self, text: str) -> None:
        element = self._open[-1]
        if len(element.text) < LONGEST_TEXT:
            element.text += text[:LONGEST_TEXT]

    def take(self, name: str) -> Element | None:
        """Cut off what is whole of a long list; None while it is short or the head is missing."""
        if len(self._open) < 2 or self._open[1].name.lower() != name:
            return None
        listed = self._open[1]
        count = len(listed.children) - (len(self._open) > 2)
        if count < LONGEST_RUN or self.root.child("CmdType") is None:
            return None
        part = Element(listed.name, listed.attributes, listed.children[:count])
        del listed.children[:count]
        return Element(self.root.name, self.root.attributes, [*self.root.children[:-1], part])

    def refuse(self, *_: object) -> None:
        raise MalformedXml("document type declaration", status_hint=400)

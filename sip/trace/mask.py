"""Signalling as it may be shown: the same message without what would let somebody in.

Works on octets and never parses, because what nobody can read is shown too. Left out are digest
answers, credentials of every other kind, passwords and tokens in bodies, keys of SDP, and
everything behind the host of a URL, where upload addresses carry theirs. Of a nonce a short
fingerprint remains: one can see whether an answer belongs to its challenge, and do nothing with it.
Rather too much is left out than too little.
"""

import re
from hashlib import sha256

MASK = b"***"
FINGERPRINT_CHARS = 6

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_SECRET = (
    rb"(?:passw|pwd|token|secret|signature|vkek|(?:access|api|crypt|private|secret|session)_?key)"
)

# Every repetition before a fixed word is bounded: what a stranger sends must not cost its square.
_HEADER = re.compile(
    rb"(?i)(?:(?<=[\r\n])|\A)((?:[!-9;-~]{0,48}(?:auth|token|passw|secret|signature|cookie|identity)"
    rb"[!-9;-~]{0,48}|note)[ \t]{0,8}:)((?:[^\r\n]|\r?\n[ \t])*)"
)
_SCHEME = re.compile(
    rb"(?i)\s*(digest|basic|bearer|capability|unidirection|bidirection|asymmetric)(?=\s|\Z)"
)
_PARAMETER = re.compile(rb'([A-Za-z0-9_-]{1,32})\s*=\s*("(?:[^"\\]|\\.)*"?|[^\s,"]*)', re.S)
_SHOWN = frozenset(
    {b"realm", b"username", b"algorithm", b"uri", b"qop", b"nc", b"stale", b"domain", b"charset"}
)
_NONCES = frozenset({b"nonce", b"nextnonce"})
_HIDDEN = frozenset({b"response", b"cnonce", b"rspauth", b"opaque", b"sign1", b"sign2"})

_ASSIGNED = re.compile(
    rb"(?i)(?<![a-z0-9])([\w-]{0,32}" + _SECRET + rb"[\w-]{0,32}|cnonce|response|rspauth|sign[12]?)"
    rb"""(["']?[ \t]{0,8}[:=][ \t]{0,8})("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;&<>"'}]+)""",
    re.S,
)
_ELEMENT = re.compile(
    rb"(?is)<((?:[\w.-]{1,32}:)?[\w.-]{0,32}" + _SECRET + rb"[\w.-]{0,32})(?:\s[^>]*?)?"
    rb"(?:/>|>(.*?)(?=</\1\s*>|\Z)|\Z)"
)
_URL = re.compile(rb"(?i)([a-z][a-z0-9+.-]{0,15}://)([^\s<>\"'\]]*(?:\][^\s<>\"'\]]*)?)")
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]*\]|[\w.-]*)(?::[0-9]{0,5})?")
_SIP_PASSWORD = re.compile(rb"(?i)(sips?:[^\s:@;<>\"]{0,128}):[^\s@<>]{1,256}(@|\Z)")
_SDP_KEY = re.compile(rb"(?i)((?:(?<=[\r\n])|\A)(?:k=|a=(?:crypto|key-mgmt|ice-pwd)[: ]))[^\r\n]*")
_LENGTH = re.compile(rb"(?i)((?:(?<=[\r\n])|\A)(?:content-length|l)[ \t]*:[ \t]*)([0-9]{1,9})")


def mask(data: bytes) -> bytes:
    """Return a message without its secrets; Content-Length is as right or wrong as it was."""
    end = _HEAD_END.search(data)
    if end is None:
        return _mask_words(_mask_headers(data))
    head = _mask_words(_mask_headers(data[: end.start()]))
    body = data[end.end() :]
    shown = _mask_words(body)
    grown = len(shown) - len(body)
    if grown:
        head = _LENGTH.sub(
            lambda length: length[1] + b"%d" % max(int(length[2]) + grown, 0),
            head,
        )
    return head + end[0] + shown


def _mask_headers(head: bytes) -> bytes:
    return _HEADER.sub(lambda header: header[1] + _mask_credentials(header[2]), head)


def _mask_credentials(value: bytes) -> bytes:
    """Build the value anew out of what is known to be harmless."""
    scheme = _SCHEME.match(value)
    words = [scheme[1]] if scheme is not None else []
    rest = value[scheme.end() :] if scheme is not None else value
    shown = [_mask_parameter(name, given) for name, given in _PARAMETER.findall(rest)]
    left = _PARAMETER.sub(b"", rest).strip(b", \t\r\n")
    if left or None in shown:
        shown.append(MASK)
    return b" " + b" ".join([*words, b", ".join(each for each in shown if each is not None)])


def _mask_parameter(name: bytes, given: bytes) -> bytes | None:
    """One parameter as it may be shown; None where even the name may be a secret."""
    key = name.lower()
    if key in _SHOWN:
        return name + b"=" + given
    if key in _NONCES:
        return name + b'="' + fingerprint(given.strip(b'"')) + b'"'
    return name + b'="' + MASK + b'"' if key in _HIDDEN else None


def fingerprint(nonce: bytes) -> bytes:
    """Return a few characters by which two nonces can be told apart, empty for an empty one."""
    if not nonce:
        return b""
    return b"~" + sha256(nonce).hexdigest()[:FINGERPRINT_CHARS].encode()


def _mask_words(text: bytes) -> bytes:
    """Mask what stands anywhere: elements and values named like secrets, URLs, keys."""
    text = _SIP_PASSWORD.sub(rb"\1:***\2", text)
    text = _ELEMENT.sub(_mask_element, text)
    text = _URL.sub(_mask_url, text)
    text = _ASSIGNED.sub(_mask_assigned, text)
    return _SDP_KEY.sub(rb"\1***", text)


def _mask_element(element: re.Match[bytes]) -> bytes:
    content = element[2]
    if content is None:  # empty, or broken off within its attributes
        return b"<" + element[1] + b"/>"
    return b"<" + element[1] + b">" + (MASK if content.strip() else content)


def _mask_assigned(assigned: re.Match[bytes]) -> bytes:
    quote = assigned[3][:1] if assigned[3][:1] in (b'"', b"'") else b""
    return assigned[1] + assigned[2] + quote + MASK + quote


def _mask_url(url: re.Match[bytes]) -> bytes:
    host, slash, _ = re.sub(rb"[?#]", b"/", url[2].rpartition(b"@")[2]).partition(b"/")
    if not _HOST.fullmatch(host):  # a user and the beginning of a password, for one
        host = MASK
    return url[1] + host + (b"/" + MASK if slash else b"")
